#!/usr/bin/env python3
"""Makes the example tenant's tables and feeds from the AdventureWorks sample.

    python3 config/example/make_example.py ADVENTUREWORKS_FOLDER

ADVENTUREWORKS_FOLDER holds reseller_sales.csv.gz, resellers.csv, products.csv, promotions.csv, sales_people.csv and
currency_rates.csv.gz. Only the standard library is used; the same input gives the same bytes. The result is part of
the repository, so this is needed only to change the example.

What is real: orders, lines, prices, resellers, sales people, promotions and rates, October 2012 to March 2013.
What is made up: the six partners that report them, the units shipped in to them, the partner's own article numbers,
serial numbers, and the problems that are planted on purpose. `planted.csv` names every one of those.
"""
import csv
import datetime as dt
import gzip
import json
import os
import sys
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.dirname(HERE)
FIRST, LAST = "2012-10-01", "2013-03-31"
SOURCE = "adventureworks"
# id, name, kind, parent, country, region, currency, (country, states) whose resellers it reports for
PARTNERS = [
    ("albion", "Albion Cycles plc", "reseller", "", "United Kingdom", "Europe", "GBP", "United Kingdom", None),
    ("cascade", "Cascade Cycle Distribution", "distributor", "", "United States", "North America", "USD",
     "United States", ("Washington", "Oregon", "Idaho")),
    ("golden-gate", "Golden Gate Bike Group", "reseller", "cascade", "United States", "North America", "USD",
     "United States", ("California",)),
    ("maple", "Maple Leaf Bicycles Ltd", "reseller", "", "Canada", "North America", "CAD", "Canada", ("Ontario",)),
    ("rhein-rad", "Rhein Rad Handels GmbH", "reseller", "", "Germany", "Europe", "EUR", "Germany", None),
    ("southern-cross", "Southern Cross Cycles Pty Ltd", "reseller", "", "Australia", "Pacific", "AUD", "Australia",
     None),
]
PROMOTION_PROGRAMS = {"13": "TOURING-LAUNCH", "14": "TOURING-LAUNCH"}
SERIALISED = "Touring Bikes"


def table(folder, name):
    path = os.path.join(folder, name)
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if name.endswith(".gz") else open(
        path, encoding="utf-8", newline="")
    with opened as f:
        return list(csv.DictReader(f))


def write_csv(path, header, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(header)
        w.writerows(rows)


def cents(text):
    whole, _, fraction = text.partition(".")
    fraction = (fraction + "000")[:3]
    return int(whole) * 100 + int(fraction[:2]) + (fraction[2] >= "5")


def money(c):
    return "%s%d.%02d" % ("-" if c < 0 else "", abs(c) // 100, abs(c) % 100)


def shift(day, days):
    return (dt.date.fromisoformat(day) + dt.timedelta(days)).isoformat()


class Line:
    """One reported line: `no` is its place in the file once it is written."""

    def __init__(self, **fields):
        self.serials, self.original, self.kind, self.promotion = [], "", "sale", ""
        self.code_text = self.date_text = self.amount_text = None
        self.__dict__.update(fields)

    def copy(self, **changes):
        return Line(**{**self.__dict__, "serials": list(self.serials), **changes})


# ---- input ---------------------------------------------------------------------------------------------------------

def read(folder):
    resellers = {r["reseller_id"]: r for r in table(folder, "resellers.csv")}
    people = {r["sales_person_id"]: r["first_name"] + " " + r["last_name"] for r in table(folder, "sales_people.csv")}
    products = {}
    for r in table(folder, "products.csv"):
        if r["category"] and (r["sku"] not in products or r["status"] == "Current"):
            products[r["sku"]] = r
    lines = defaultdict(list)
    serial = 0
    for r in table(folder, "reseller_sales.csv.gz"):
        if not FIRST <= r["order_date"] <= LAST or r["sku"] not in products:
            continue
        shop = resellers[r["reseller_id"]]
        for p in PARTNERS:
            if shop["country"] != p[7] or (p[8] and shop["state"] not in p[8]):
                continue
            quantity, amount = int(r["quantity"]), cents(r["sales_amount"])
            line = Line(partner=p[0], document=r["order_number"], line=r["line_number"], date=r["order_date"],
                        sku=r["sku"], quantity=quantity, price=round(amount / quantity), amount=amount,
                        currency=p[6], shop=shop["reseller_id"], rep=people.get(r["sales_person_id"], ""),
                        promotion=PROMOTION_PROGRAMS.get(r["promotion_id"], ""))
            if products[r["sku"]]["subcategory"] == SERIALISED and p[0] in ("golden-gate", "maple"):
                line.serials = ["T%07d" % (4100000 + serial + n) for n in range(quantity)]
                serial += quantity
            lines[p[0]].append(line)
    return resellers, products, lines


# ---- planted problems ----------------------------------------------------------------------------------------------

class Planted:
    def __init__(self):
        self.rows = []

    def add(self, kind, line, note, related=None, file=None):
        self.rows.append((kind, line, note, related, file))

    def written(self):
        for kind, line, note, related, file in self.rows:
            yield [kind, file or line.file, line.no if line else "", related.file if related else "",
                   related.no if related else "", note]


def eligible(lines, month, least=1):
    """Plain lines of a month, those of one order last to first, so that picks are spread."""
    return [l for l in lines if l.date.startswith(month) and l.quantity >= least and l.kind == "sale"
            and not l.serials and l.code_text is None and not hasattr(l, "planted")]


def pick(lines, month, count, least=1):
    found = eligible(lines, month, least)
    step = max(1, len(found) // (count + 1))
    chosen = found[step::step][:count]
    for l in chosen:
        l.planted = True
    return chosen


def plant(lines, planted):
    gate, cascade, maple = lines["golden-gate"], lines["cascade"], lines["maple"]
    albion, rhein, cross = lines["albion"], lines["rhein-rad"], lines["southern-cross"]
    for n, l in enumerate(pick(gate, "2012-11", 4, 2)):                      # DD-05
        altered = [l.document + "-A", "S0" + l.document[2:], l.document + ".1", l.document[:-1] + "X"][n]
        copy = l.copy(document=altered, date=l.date, planted=True)
        gate.append(copy)
        planted.add("DD-05", copy, "the same sale under an altered invoice number", l)
    for n, l in enumerate(pick(gate, "2012-12", 10, 2) + pick(gate, "2013-01", 12, 2)):    # DD-08
        double = l.copy(partner="cascade", document="CCD-%05d" % (20117 + 13 * n), line="1", date=shift(l.date, -(n % 4)),
                        price=l.price * 88 // 100, amount=l.price * 88 // 100 * l.quantity, rep="", promotion="",
                        planted=True)
        cascade.append(double)
        planted.add("DD-08", l, "distributor and reseller report the same units", double)
    for l, field in zip(pick(maple, "2012-10", 3), ("document", "sku", "quantity")):       # DQ-01
        setattr(l, {"sku": "code_text"}.get(field, field), "")
        planted.add("DQ-01", l, "%s left out" % {"sku": "product code"}.get(field, field))
    l = pick(cross, "2013-02", 1)[0]
    l.date_text = "30-Feb-2013"
    planted.add("DQ-02", l, "a date that the calendar does not have")
    l = pick(albion, "2013-02", 1)[0]
    l.date_text = "2014-02-11T00:00:00Z"
    planted.add("DQ-03", l, "a year too late")
    for l in pick(cross, "2013-01", 2, 3):                                   # DQ-04
        l.amount_text = money(l.amount + 10000)
        planted.add("DQ-04", l, "amount is not quantity times price")
    for l in pick(maple, "2012-11", 3):                                      # DQ-05
        l.code_text = l.sku[:4] + l.sku[5] + l.sku[4] + l.sku[6:]
        planted.add("DQ-05", l, "two characters of the code swapped: %s for %s" % (l.code_text, l.sku))
    l = pick(cross, "2012-12", 1, 2)[0]                                      # DQ-06
    back = l.copy(kind="return", quantity=-(l.quantity + 5), amount=-l.price * (l.quantity + 5), date=shift(l.date, 3),
                  document="R" + l.document, original=l.document, planted=True)
    cross.append(back)
    planted.add("DQ-06", back, "5 more returned than sold", l)
    l = pick(albion, "2012-12", 1, 2)[0]                                     # OP-20
    l.quantity *= 60
    l.amount *= 60
    l.inflated = 59 * l.quantity // 60
    planted.add("OP-20", l, "quantity sixty times what was sold")
    serialised = sorted((l for l in maple + gate if l.serials), key=lambda l: (l.date, l.serials))
    for l in (serialised[-9], serialised[-20]):                              # DD-06, DD-07
        earlier = [e for e in serialised if e.sku == l.sku and e.date < l.date][0]
        planted.add("DD-06" if l.partner == earlier.partner else "DD-07", l, "serial %s was sold before" % earlier.serials[0], earlier)
        l.serials[0] = earlier.serials[0]
    for l in pick(cascade, "2013-01", 2):                                    # DD-28
        l.kind = "internal"
        planted.add("DD-28", l, "a stock movement between branches")
    for l, note in ((pick(gate, "2012-10", 1)[0], "OP-06"), (pick(gate, "2013-01", 1)[0], "OP-09")):
        l.promotion = "TOURING-LAUNCH"
        planted.add(note, l, "names a program that is not for this %s" % ("date" if note == "OP-06" else "product"))
    for l in pick(gate, "2012-11", 3, 2) + pick(albion, "2013-01", 3, 2):     # honest returns
        month_end = {"2012-11": "2012-11-30", "2013-01": "2013-01-31"}[l.date[:7]]
        back = l.copy(kind="return", quantity=-1, amount=-l.price, date=min(shift(l.date, 9), month_end),
                      document="R" + l.document, original=l.document, planted=True)
        lines[l.partner].append(back)
        planted.add("return", back, "one unit honestly returned", l)


# ---- writers -------------------------------------------------------------------------------------------------------

class Feeds:
    def __init__(self, resellers, products):
        self.resellers, self.products = resellers, products

    def shop(self, line):
        return self.resellers[line.shop]["name"]

    def write(self, root, path, text, encoding="utf-8"):
        full = os.path.join(root, *path.split("/"))
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding=encoding, newline="") as f:
            f.write(text)

    def number(self, path, lines):
        for n, l in enumerate(lines, 1):
            if not hasattr(l, "file"):
                l.file, l.no = path, n

    def delimited(self, header, rows, delimiter=",", newline="\r\n", quoting=csv.QUOTE_MINIMAL):
        import io
        f = io.StringIO()
        w = csv.writer(f, delimiter=delimiter, lineterminator=newline, quoting=quoting)
        if header:
            w.writerow(header)
        w.writerows(rows)
        return f.getvalue()

    # golden-gate: plain CSV, ISO dates
    def golden_gate(self, root, month, lines, tag=""):
        path = "golden-gate/golden-gate_pos_%s%s.csv" % (month, tag)
        self.number(path, lines)
        header = ["Invoice No", "Line", "Invoice Date", "Mfr Part Number", "Description", "Qty", "Unit Price",
                  "Ext Amount", "Currency", "Store", "Sales Rep", "Promo Code", "Serial Number(s)", "Original Invoice"]
        rows = [[l.document, l.line, l.date, l.sku, self.products[l.sku]["name"], l.quantity, money(l.price),
                 money(l.amount), l.currency, self.shop(l), l.rep, l.promotion, ";".join(l.serials), l.original]
                for l in lines]
        self.write(root, path, "\ufeff" + self.delimited(header, rows))
        return path

    # maple: a printed report as CSV, everything quoted, preamble and total line, codes in lower case
    def maple(self, root, month, lines, tag=""):
        path = "maple/POS Report Maple %s%s.csv" % (month, tag)
        self.number(path, lines)
        last = (dt.date.fromisoformat(shift(month + "-28", 4)[:8] + "01") - dt.timedelta(1)).isoformat()
        head = [["Point of Sale Report"], ["Partner:", "Maple Leaf Bicycles"], ["Period:", month + "-01", last], []]
        columns = ["Document", "Doc. date", "Product code", "Product", "Quantity sold", "Price", "Total", "Cur.",
                   "Branch", "Account manager", "S/N"]
        rows = [[l.document, l.date, (l.sku if l.code_text is None else l.code_text).lower(),
                 self.products[l.sku]["name"], "{:,}".format(l.quantity) if l.quantity else "",
                 "{:,.2f}".format(l.price / 100), "{:,.2f}".format(l.amount / 100), l.currency, self.shop(l), l.rep,
                 ", ".join(l.serials)] for l in lines]
        total = "{:,.2f}".format(sum(l.amount for l in lines) / 100)
        tail = [[], ["TOTAL", "%d lines" % len(lines), "", "", "", "", total]]
        quote = csv.QUOTE_ALL
        text = self.delimited(None, head, quoting=csv.QUOTE_MINIMAL) + self.delimited(columns, rows, quoting=quote)
        self.write(root, path, text + self.delimited(None, tail))
        return path

    # rhein-rad: semicolons, German numbers and dates, own article numbers, Latin-1
    def rhein_rad(self, root, month, lines, tag=""):
        path = "rhein-rad/Abverkauf_%s%s.csv" % (month, tag)
        self.number(path, lines)

        def german(c):
            return "{:,.2f}".format(c / 100).replace(",", "_").replace(".", ",").replace("_", ".")

        header = ["Rechnungsdatum", "Rechnungsnr.", "Artikelnummer", "Bezeichnung", "Menge", "Einzelpreis", "Betrag",
                  "W\u00e4hrung", "Filiale", "Verk\u00e4ufer", "Bezug"]
        rows = [["%s.%s.%s" % (l.date[8:], l.date[5:7], l.date[:4]), l.document, self.article[l.sku],
                 self.products[l.sku]["name"], l.quantity, german(l.price), german(l.amount), l.currency, self.shop(l),
                 l.rep, l.original] for l in lines]
        self.write(root, path, self.delimited(header, rows, ";"), "latin-1")
        return path

    # albion: JSON lines, returns by type
    def albion(self, root, month, lines, tag=""):
        path = "albion/%s/albion-events%s.jsonl" % (month, tag)
        self.number(path, lines)
        out = []
        for l in lines:
            event = {"event": "RETURN" if l.quantity < 0 else "SALE",
                     "doc": {"number": l.document, "line": int(l.line), "issued_at": l.date_text or l.date + "T00:00:00Z"},
                     "item": {"code": "AW/" + l.sku, "title": self.products[l.sku]["name"]},
                     "quantity": abs(l.quantity), "unitPrice": "@%s@" % money(l.price),
                     "lineTotal": "@%s@" % money(abs(l.amount)), "ccy": l.currency,
                     "site": {"id": l.shop, "name": self.shop(l)}, "soldBy": l.rep}
            if l.original:
                event["doc"]["reverses"] = l.original
            text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            out.append(text.replace('"@', "").replace('@"', "") + "\n")       # numbers with two decimals, as written
        self.write(root, path, "".join(out))
        return path

    # southern-cross: tabs, month names, decimal quantities
    def southern_cross(self, root, month, lines, tag=""):
        path = "southern-cross/southern-cross_%s%s.tsv" % (month.replace("-", ""), tag)
        self.number(path, lines)
        names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
        header = ["reseller_name", "inv#", "inv_line", "inv_date", "vendor_sku", "sku_text", "units", "resale_price",
                  "resale_value", "iso_cur", "ship_from", "rep", "orig_inv#"]
        rows = [["Southern Cross Cycles", l.document, l.line,
                 l.date_text or "%s-%s-%s" % (l.date[8:], names[int(l.date[5:7]) - 1], l.date[:4]), l.sku,
                 self.products[l.sku]["name"], "%.2f" % l.quantity, money(l.price), l.amount_text or money(l.amount),
                 l.currency, self.shop(l), l.rep, l.original] for l in lines]
        self.write(root, path, self.delimited(header, rows, "\t", "\n"))
        return path

    # cascade: X12 867, 004010
    def cascade(self, root, month, lines, tag=""):
        control = (int(month[:4]) - 2012) * 12 + int(month[5:])
        path = "cascade/867_cascade_%09d%s.edi" % (control, tag)
        self.number(path, lines)

        def plain(s):
            return s.encode("ascii", "replace").decode().replace("*", " ").replace("~", " ").replace(">", " ")[:60]

        last = (dt.date.fromisoformat(shift(month + "-28", 4)[:8] + "01") - dt.timedelta(1)).isoformat()
        day = shift(last, 4).replace("-", "")
        out = ["ISA*00*          *00*          *ZZ*%s*ZZ*%s*%s*0600*U*00401*%09d*0*P*>"
               % ("CASCADE".ljust(15), "ADVENTUREWORKS".ljust(15), day[2:], control),
               "GS*PT*CASCADE*ADVENTUREWORKS*%s*0600*%d*X*004010" % (day, control)]
        start = len(out)
        out += ["ST*867*%04d" % control, "BPT*00*CASCADE-%s*%s*02" % (month.replace("-", ""), day), "CUR*SE*USD",
                "DTM*090*%s01" % month.replace("-", ""), "DTM*091*%s" % last.replace("-", ""),
                "N1*DS*CASCADE CYCLE DISTRIBUTION*92*CASCADE"]
        before = None
        for l in lines:
            key = (l.document, l.date, l.shop, l.kind)
            if key != before:
                before = key
                out += ["PTD*%s" % {"sale": "SS", "return": "RP", "internal": "IB"}[l.kind],
                        "DTM*003*%s" % l.date.replace("-", ""), "REF*IV*%s" % l.document]
                if l.rep:
                    out.append("REF*SA*%s" % plain(l.rep))
                out.append("N1*BY*%s*92*%s" % (plain(self.shop(l)), l.shop))
            out += ["QTY*%s*%d*EA" % ("76" if l.quantity < 0 else "32", abs(l.quantity)), "LIN**VP*%s" % l.sku,
                    "UIT*EA*%s" % money(l.price), "AMT*1*%s" % money(abs(l.amount)),
                    "PID*F****%s" % plain(self.products[l.sku]["name"].upper())]
            if l.promotion:
                out.append("REF*PD*%s" % l.promotion)
        out += ["CTT*%d" % len(lines), "SE*%d*%04d" % (len(out) - start + 2, control), "GE*1*%d" % control,
                "IEA*1*%09d" % control]
        self.write(root, path, "".join(s + "~\n" for s in out))
        return path


def months(lines):
    by_month = defaultdict(list)
    for l in sorted(lines, key=lambda l: (l.date, l.document, int(l.line))):
        by_month[l.date[:7]].append(l)
    return sorted(by_month.items())


def write_feeds(feeds, lines, planted):
    root = os.path.join(HERE, "feeds")
    writer = {"golden-gate": feeds.golden_gate, "maple": feeds.maple, "rhein-rad": feeds.rhein_rad,
              "albion": feeds.albion, "southern-cross": feeds.southern_cross, "cascade": feeds.cascade}
    carried = []
    for partner, of_partner in sorted(lines.items()):
        for month, body in months(of_partner):
            if partner == "rhein-rad" and carried:                           # DD-02
                for l in carried:
                    repeated = l.copy()
                    del repeated.file, repeated.no
                    body = body + [repeated]
                    planted.add("DD-02", repeated, "sent a month ago already", l)
                carried = []
            path = writer[partner](root, month, body)
            if partner == "rhein-rad" and month == "2013-01":
                carried = body[-12:]
            if partner == "maple" and month == "2013-01":                    # DD-01
                copy = feeds.maple(root, month, body, " resend")
                planted.add("DD-01", None, "the same file again under another name", file=copy)
            if partner == "albion" and month == "2012-11":                   # a correction
                fixed = [l.copy(quantity=l.quantity - 1, amount=l.price * (l.quantity - 1))
                         if n % 40 == 7 and l.quantity > 1 else l for n, l in enumerate(body)]
                path = feeds.albion(root, month, fixed, "_CORR")
                planted.add("correction", None, "replaces the file of the same name", file=path)


def write_late(feeds, lines, planted):
    """April: returns of what was authorised and paid by then."""
    sold = [l for l in lines["golden-gate"] if l.date.startswith("2013-02") and l.quantity >= 10 and not l.serials][3:90:9]
    back = [l.copy(kind="return", quantity=-l.quantity, amount=-l.amount, date="2013-04-%02d" % (2 + n),
                   document="R" + l.document, original=l.document) for n, l in enumerate(sold)]
    for l in back:
        del l.file, l.no
    feeds.golden_gate(os.path.join(HERE, "april"), "2013-04", back)
    for l, original in zip(back, sold):
        planted.add("late return", l, "returned after the quarter was paid", original)


# ---- tables --------------------------------------------------------------------------------------------------------

def write_tables(folder, resellers, products, lines, article):
    write_csv(os.path.join(CONFIG, "partners.csv"),
              ["partner", "name", "kind", "source", "parent", "country", "region", "currency"],
              [[p[0], p[1], p[2], SOURCE, p[3], p[4], p[5], p[6]] for p in PARTNERS])
    rows = []
    for sku, r in sorted(products.items()):
        price = money(cents(r["list_price"])) if r["list_price"] else ""
        rows.append([SOURCE + "/" + sku, r["name"], r["subcategory"], price, r["name_es"], r["name_fr"]])
    write_csv(os.path.join(CONFIG, "products.csv"), ["product", "name", "category", "list_price", "name_2", "name_3"],
              rows)
    shops = sorted({l.shop for of_partner in lines.values() for l in of_partner}, key=int)
    outlets = [resellers[s] for s in shops]
    write_csv(os.path.join(CONFIG, "outlets.csv"), ["outlet", "name", "city", "region", "country"],
              sorted([SOURCE + "/" + r["reseller_id"], r["name"], r["city"], r["state"], r["country"]] for r in outlets))
    known = sorted(article.items(), key=lambda item: item[1])
    write_csv(os.path.join(CONFIG, "sku_xref.csv"), ["partner", "code", "product"],
              [["rhein-rad", code, SOURCE + "/" + sku] for n, (sku, code) in enumerate(known) if n % 25 != 24])
    shipped = defaultdict(int)
    for of_partner in lines.values():
        for l in of_partner:
            if l.kind == "sale" and isinstance(l.quantity, int):
                shipped[(l.partner, SOURCE + "/" + l.sku, l.date[:4])] += l.quantity - getattr(l, "inflated", 0)
    write_csv(os.path.join(CONFIG, "sell_in.csv"), ["partner", "product", "year", "units"],
              [list(key) + [units + units // 10 + 2] for key, units in sorted(shipped.items())])
    currencies = {p[6] for p in PARTNERS} - {"USD"}
    rates = [r for r in table(folder, "currency_rates.csv.gz") if r["currency"] in currencies and r["date"] >= FIRST]
    write_csv(os.path.join(CONFIG, "rates.csv"), ["currency", "date", "rate"],
              sorted([r["currency"], r["date"], "%.6f" % float(r["average_rate_usd"])] for r in rates))


def main():
    folder = sys.argv[1]
    resellers, products, lines = read(folder)
    planted = Planted()
    plant(lines, planted)
    feeds = Feeds(resellers, products)
    skus = sorted({l.sku for l in lines["rhein-rad"]})
    feeds.article = {sku: "RR%05d" % (10417 + 37 * n) for n, sku in enumerate(skus)}
    write_tables(folder, resellers, products, lines, feeds.article)
    write_feeds(feeds, lines, planted)
    write_late(feeds, lines, planted)
    write_csv(os.path.join(HERE, "planted.csv"),
              ["what", "file", "record_no", "related_file", "related_record_no", "note"],
              sorted(planted.written(), key=lambda row: (row[0], row[1], row[2] or 0)))


if __name__ == "__main__":
    main()
