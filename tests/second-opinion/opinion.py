#!/usr/bin/env python3
"""A second opinion on what is due: written from the rules in words, in another language, on exact fractions.

Reads a configuration folder and the CSV exports of a data directory (sales, findings, accruals, authorizations, journal)
and recomputes with nothing else:

1. which program pays for which sale: an accepted sale that no finding holds, chosen by the selectors, one program of
   an exclusivity group;
2. what is due for each settlement (program version, beneficiary, period, currency) by the program's mechanism, its
   thresholds, caps and budget, rounded once;
3. what is authorised of it when every period has frozen;
4. what the journal says about it: each entry balances, and expenses net come to what is due.

Prints each check with the number of its evaluations; exit code 1 where one differs.

    opinion.py CONFIG EXPORTS
"""

import csv
import glob
import os
import re
import sys
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

import yaml

DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}


class Loader(yaml.SafeLoader):
    """Numbers stay text, so that no amount passes through a float."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":float", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def number(text):
    text = str(text).strip()
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def programs(folder):
    """Every version of every program, with its id and number."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "programs", "*.y*ml"))):
        with open(path, encoding="utf-8") as file:
            whole = yaml.load(file, Loader)
        versions = sorted(whole["versions"], key=lambda version: version["from"])
        for count, version in enumerate(versions, 1):
            found.append({**version, "id": whole["program"], "version": count})
            earn = version["earn"]
            if earn["type"] == "growth":
                found[-1]["baselines"] = figures(earn["baseline"], "baseline", {}, os.path.dirname(path))
            elif earn["type"] == "score":
                weights = {part: number(weight) for part, weight in earn.get("weights", {}).items()}
                found[-1]["scores"] = figures(earn["score"], "score", weights, os.path.dirname(path))
    return found


def figures(written, column, weights, folder):
    """What is known of each partner, by (partner, period); the period is empty where it is for each."""
    def value(of):
        return sum(weights[part] * number(of[part]) for part in weights) if weights else number(of)

    if isinstance(written, str):
        rows = table(os.path.join(folder, written))
        return {(row["partner"], row.get("period") or ""): value(row if weights else row[column]) for row in rows}
    found = {}
    for partner, of in written.items():
        by_period = isinstance(of, dict) and not (of.keys() & weights.keys())
        for period, one in (of.items() if by_period else [("", of)]):
            found[partner, period] = value(one)
    return found


def day(text):
    return date.fromisoformat(text)


def period_of(cadence, when):
    if cadence == "month":
        return f"{when.year}-{when.month:02}"
    if cadence == "quarter":
        return f"{when.year}-Q{(when.month + 2) // 3}"
    if cadence == "half-year":
        return f"{when.year}-H{(when.month + 5) // 6}"
    assert cadence == "year", cadence
    return str(when.year)


def last_day_of(cadence, period):
    """The last day of a period, by its name."""
    year, months = int(period[:4]), {"month": 1, "quarter": 3, "half-year": 6, "year": 12}[cadence]
    place = 1 if cadence == "year" else int(period[5:].lstrip("QH"))
    following = year * 12 + place * months
    return date(following // 12, following % 12 + 1, 1) - timedelta(days=1), months


def part_in_force(program, period):
    """The share of the period's days on which the version is in force."""
    last, months = last_day_of(program["period"], period)
    before = last.year * 12 + last.month - months
    first = date(before // 12, before % 12 + 1, 1)
    inside = min(last, day(program["to"])) - max(first, day(program["from"]))
    return Fraction(max(inside.days + 1, 0), (last - first).days + 1)


def prorated(program, period):
    """The version as it holds for a period of which it covers only a part."""
    share, words = part_in_force(program, period), program.get("prorate", ["amount"])
    if share == 1:
        return program
    earn, caps = dict(program["earn"]), dict(program.get("caps") or {})
    changed = {**program, "earn": earn, "caps": caps}
    if "amount" in words and "amount" in earn:
        earn["amount"] = number(earn["amount"]) * share
    if "thresholds" in words:
        for place in (changed, earn):
            for key in {"threshold", "above"} & place.keys():
                place[key] = number(place[key]) * share
        if "baselines" in program:
            changed["baselines"] = {key: value * share for key, value in program["baselines"].items()}
        elif "tiers" in earn:
            earn["tiers"] = [{**tier, "from": number(tier["from"]) * share} for tier in earn["tiers"]]
    if "caps" in words:
        for key in {"measure", "partner-period"} & caps.keys():
            caps[key] = number(caps[key]) * share
    return changed


def round_half_away(value, currency):
    unit = 10 ** DIGITS.get(currency, 2)
    scaled = abs(value) * unit
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole, unit) * (1 if value >= 0 else -1)


def persons(earn, named):
    """The weights of those who made a sale, by name; `None` where nobody says who gets what."""
    if "split" not in earn:
        return {named: 1} if named else None
    said = []
    for name in filter(None, (name.strip() for name in named.split(";"))):
        match = re.fullmatch(r"(.*?)\s*([0-9]+)\s*%", name)
        said.append((match[1], int(match[2])) if match and match[1] else (name, None))
    percents = [percent for _, percent in said if percent is not None]
    if not percents and len(said) == 1:
        weights = [100]
    elif not percents:
        weights = [1] * len(said) if earn["split"] == "equal" else [int(number(share) * 100) for share in earn["split"]]
    else:
        weights = percents if sum(percents) == 100 else []
    if not said or len(weights) != len(said):
        return None
    shares = defaultdict(int)
    for (name, _), weight in zip(said, weights):
        shares[name] += weight
    return dict(shares)


def part(whole, shares, mine):
    """One person's part of whole pieces: what is left over goes to the largest remainders, then by name."""
    pieces, total = abs(int(whole)), sum(shares.values())
    rest = {name: pieces * weight % total for name, weight in shares.items()}
    left = pieces - sum(pieces * weight // total for weight in shares.values())
    luckiest = sorted(shares, key=lambda name: (-rest[name], name.encode()))[:left]
    own = pieces * shares[mine] // total + (1 if mine in luckiest else 0)
    return own if whole >= 0 else -own


SPECIAL = {"ship-and-debit", "pass-through"}
DRAWN = {"points", "coop-fund"}
PROTECTION = "price-protection"


class SpecialPrices:
    """Price authorisations and the price book."""

    def __init__(self, folder):
        def optional(name):
            path = os.path.join(folder, name)
            return table(path) if os.path.exists(path) else []

        self.rows = optional("special_prices.csv")
        self.book = optional("price_book.csv")

    def of(self, program, sale):
        """The authorisation that a sale is under first; `None` where there is none or it gives nothing."""
        return next(iter(self.all_of(program, sale)), None)

    def all_of(self, program, sale):
        """The authorisations that a sale is under, each once the quantities of those before it are gone."""
        def fits(row):
            return (row["program"] == program["id"] and row["partner"] == sale["partner"]
                    and row["product"] == sale["product"] and row["currency"] == sale["currency"]
                    and day(row["from"]) <= sale["day"] <= day(row["to"])
                    and row["customer"] in ("", sale["customer"]))

        rows = sorted(filter(fits, self.rows), key=lambda row: (not row["customer"], row["from"], row["authorisation"]))
        if not rows or self.credit(rows[0], sale) is None:
            return []
        further = [row for row in rows[1:] if self.credit(row, sale) is not None]
        return rows[:1] + (further if program["earn"].get("cost") != "layers" else [])

    def credit(self, row, sale):
        if row["amount"]:
            return number(row["amount"])
        costs = [(cost["from"], number(cost["cost"])) for cost in self.book
                 if cost["product"] == sale["product"] and cost["currency"] == sale["currency"]
                 and day(cost["from"]) <= sale["day"]]
        above = max(costs)[1] - number(row["cost"]) if costs else 0
        return above if above > 0 else None

    def given(self, program, row, sale):
        """What a unit is given, the resale price looked at."""
        credit = self.credit(row, sale)
        over = max(Fraction(sale["unit_price"]) - number(row["resale"]), 0) if row["resale"] else 0
        if over and program["earn"]["resale"] == "strict":
            return Fraction(0)
        return max(credit - over, Fraction(0))

    def dues(self, program, lines):
        """What each settlement is given, by its key; balances go to whoever sold first. `None` with returns."""
        if any(line["measure"] < 0 for _, line in lines):
            return None
        left, dues = {}, defaultdict(Fraction)
        for key, line in sorted(lines, key=lambda entry: (entry[1]["sale"]["day"], entry[1]["sale"]["sale_id"])):
            sale, units = line["sale"], line["measure"]
            dues[key] += 0
            for row in self.all_of(program, sale):
                name, covered = (row["authorisation"], row["partner"], row["product"]), units
                if row["quantity"]:
                    covered = min(units, left.setdefault(name, number(row["quantity"])))
                    left[name] -= covered
                units -= covered
                dues[key] += self.given(program, row, sale) * covered
        return {key: round_half_away(value, key[4]) for key, value in dues.items()}


def shared_benefit(program, line, currency):
    """What a person gets of a sale that is priced whole and divided to the cent."""
    shares = persons(program["earn"], line["named"])
    value = line_benefit(program, line["whole"], line["quantity"])
    if len(shares) == 1:
        return value
    unit = 10 ** DIGITS.get(currency, 2)
    return Fraction(part(round_half_away(value, currency) * unit, shares, line["person"]), unit)


def masters(config, products, partners):
    """Adds what tables beside the masters say: attributes of products, tiers of partners and whom they buy through."""
    for row in products.values():
        row["attributes"] = {}
    for row in optional(config, "product_attributes.csv"):
        products[row["product"]]["attributes"][row["attribute"]] = row["value"]
    for name, row in partners.items():
        row["tiers"], row["above"] = [], []
        while name in partners and name not in row["above"]:
            row["above"].append(name)
            name = partners[name].get("parent")
    for row in optional(config, "partner_tiers.csv"):
        partners[row["partner"]]["tiers"].append(row)


def optional(config, name):
    path = os.path.join(config, name)
    return table(path) if os.path.exists(path) else []


def tiers_on(partner, when):
    return {row["tier"] for row in partner["tiers"] if day(row["from"]) <= when and (not row["to"] or when <= day(row["to"]))}


def listed(values):
    return [values] if isinstance(values, str) else values


def is_eligible(expression, sale, product, partner):
    """Reckons an expression from the left, one token after the other."""
    buyer = sale["buyer"]
    facts = {
        "product": sale["product"], "category": product["category"], "source": sale["product"].split("/")[0],
        "partner": partner["partner_id"], "partner.kind": partner["kind"], "partner.country": partner["country"],
        "partner.region": partner["region"], "customer": sale["customer"], "customer.country": buyer.get("country", ""),
        "customer.region": buyer.get("region", ""), "customer.segment": buyer.get("segment", ""), "outlet": sale["outlet"],
        "currency": sale["currency"], "rep": sale["rep"], "date": sale["day"], "quantity": abs(Fraction(sale["quantity"])),
        "unit-price": abs(Fraction(sale["unit_price"] or 0)), "amount": abs(Fraction(sale["amount"] or 0)),
    }
    tokens = re.findall(r"'(?:[^']|'')*'|\d{4}-\d\d-\d\d|[\d.]+|[A-Za-z][\w.-]*|!=|<=|>=|[=<>()\[\],]", expression)

    def value(token):
        if token[0] == "'":
            return token[1:-1].replace("''", "'")
        return day(token) if token.count("-") == 2 else Fraction(token)

    def field(name):
        if name.startswith("product."):
            return [product["attributes"].get(name[len("product."):], "")]
        return (sorted(tiers_on(partner, sale["day"])) or [""]) if name == "partner.tier" else [facts[name]]

    def test():
        token = tokens.pop(0)
        if token == "not":
            return not test()
        if token == "(":
            found = either()
            tokens.pop(0)
            return found
        ours, sign = field(token), tokens.pop(0)
        if sign in ("in", "not"):
            wanted = []
            if sign == "not":
                tokens.pop(0)
            while tokens.pop(0) != "]":
                wanted.append(value(tokens.pop(0)))
            return bool(set(ours) & set(wanted)) == (sign == "in")
        theirs = value(tokens.pop(0))
        if sign in ("=", "!="):
            return (theirs in ours) == (sign == "=")
        mine = ours[0]
        return {"<": mine < theirs, "<=": mine <= theirs, ">": mine > theirs, ">=": mine >= theirs}[sign]

    def both():
        found = test()
        while tokens and tokens[0] == "and":
            tokens.pop(0)
            found = test() and found
        return found

    def either():
        found = both()
        while tokens and tokens[0] == "or":
            tokens.pop(0)
            found = both() or found
        return found

    return either()


# Units of a stock count in any currency, and a special price says its own.
IN_ANY_CURRENCY = ("price-protection", "sell-in", "ship-and-debit", "pass-through")


def selects(program, sale, product, partner):
    select = program.get("select") or {}
    if not day(program["from"]) <= sale["day"] <= day(program["to"]):
        return False
    if program["earn"]["type"] not in IN_ANY_CURRENCY and program.get("currency", sale["currency"]) != sale["currency"]:
        return False
    facts = {
        "sources": sale["product"].split("/")[0],
        "categories": product["category"],
        "products": sale["product"],
        "partners": partner["partner_id"],
        "partner-kinds": partner["kind"],
    }
    for key, value in facts.items():
        if select.get(key) and value not in select[key]:
            return False
    if select.get("regions") and not {partner["region"], partner["country"]} & set(select["regions"]):
        return False
    if not all(product["attributes"].get(name) in listed(values) for name, values in select.get("attributes", {}).items()):
        return False
    if select.get("partners-under") and not set(partner["above"]) & set(listed(select["partners-under"])):
        return False
    if select.get("partner-tiers") and not tiers_on(partner, sale["day"]) & set(listed(select["partner-tiers"])):
        return False
    if select.get("customers") and sale["customer"] not in listed(select["customers"]):
        return False
    buyer = sale["buyer"]
    if select.get("customer-segments") and buyer.get("segment") not in listed(select["customer-segments"]):
        return False
    if select.get("customer-regions") and not {buyer.get("region"), buyer.get("country")} & set(listed(select["customer-regions"])):
        return False
    if select.get("currencies") and sale["currency"] not in listed(select["currencies"]):
        return False
    if "eligible" in program and not is_eligible(program["eligible"], sale, product, partner):
        return False
    return sale["product"] not in (select.get("excluded-products") or [])


def chosen(all_programs, sale, product, partner, specials):
    """Versions that pay for a sale: every one that selects it, of a group the one with the lowest priority."""
    groups, free = defaultdict(list), []
    for program in all_programs:
        if program["earn"]["type"] == PROTECTION:
            continue
        if program["earn"]["type"] == "spiff" and persons(program["earn"], sale["rep"]) is None:
            continue
        if program["earn"]["type"] in SPECIAL and specials.of(program, sale) is None:
            continue
        if selects(program, sale, product, partner):
            (groups[program["group"]] if program.get("group") else free).append(program)
    best = [min(group, key=lambda p: (by_worth(p, sale), int(p.get("priority", 100)), p["id"])) for group in groups.values()]
    return {(program["id"], str(program["version"])) for program in free + best}


def by_worth(program, sale):
    """Where a program stands in a group that chooses by what it gives."""
    if program.get("choose", "priority") == "priority":
        return 0
    counted = sale["quantity"] if is_by_quantity(program["earn"]) else sale["amount"]
    worth = abs(number(program["earn"]["rate"]) * Fraction(counted))
    return -worth if program["choose"] == "best-for-partner" else worth


def net_amount(program, paying, sale):
    """The amount that a program's rate is on: what earlier programs of its stack leave."""
    amount = Fraction(sale["amount"])
    if program.get("stack", {}).get("base") == "net":
        amount = left_by_earlier(program, paying, sale)
    if "at-most" not in program.get("stack", {}):
        return amount
    ours, rate = (int(program.get("priority", 100)), program["id"]), number(program["earn"]["rate"])
    before = [other for other in paying if other.get("stack", {}).get("name") == program["stack"]["name"]
              and (int(other.get("priority", 100)), other["id"]) < ours]
    given = sum(to_millionth(number(other["earn"]["rate"]) * net_amount(other, paying, sale)) for other in before)
    room = to_millionth(number(program["stack"]["at-most"]) * Fraction(sale["amount"])) - given
    return amount if to_millionth(rate * amount) <= room else to_millionth(max(room, 0) / rate)


def left_by_earlier(program, paying, sale):
    amount = Fraction(sale["amount"])
    for other in paying:
        stack = other.get("stack", {})
        before = (int(other.get("priority", 100)), other["id"]) < (int(program.get("priority", 100)), program["id"])
        if stack.get("name") == program["stack"]["name"] and stack.get("reduces", True) and before:
            base = Fraction(sale["quantity"]) if is_by_quantity(other["earn"]) else net_amount(other, paying, sale)
            amount -= to_millionth(number(other["earn"]["rate"]) * base)
    return amount


def to_millionth(value):
    whole = abs(value) * 10**6
    return Fraction((2 * whole.numerator + whole.denominator) // (2 * whole.denominator), 10**6) * (1 if value >= 0 else -1)


def bands(earn):
    tiers = [(number(tier["from"]), number(tier["rate"])) for tier in earn["tiers"]]
    return tiers, [start for start, _ in tiers[1:]] + [None]


def is_by_quantity(earn):
    """Whether the program counts units; else it counts the net amount."""
    kind = earn["type"]
    if "measure" in earn:
        return earn["measure"] == "quantity"
    if kind == "score":
        return earn.get("benefit", "percent") == "per-unit"
    return kind in SPECIAL | {"per-unit", "free-goods"} or (kind == "spiff" and earn.get("benefit", "per-unit") == "per-unit")


def has_tiers(earn):
    return "tiers" in earn


def base_is_measure(earn):
    if not has_tiers(earn):
        return True
    return (earn.get("benefit", "percent") == "per-unit") == is_by_quantity(earn)


def benefit(earn, measure):
    """What a cumulative net measure earns, unrounded and uncapped."""
    kind = earn["type"]
    if kind in ("per-unit", "percent", "spiff"):
        return number(earn["rate"]) * measure
    if kind == "free-goods":
        return max(measure, 0) // number(earn["every"]) * number(earn["free"]) * number(earn["value"])
    if kind == "points":
        worth = number(earn["value"]) * (1 - number(earn.get("breakage", "0")))
        return max(measure, 0) // number(earn["every"]) * number(earn["points"]) * worth
    if kind == "coop-fund":
        return number(earn["rate"]) * measure
    if kind == "fixed":
        return number(earn["amount"]) if measure > 0 else Fraction(0)
    tiers, ends = bands(earn)
    reached = [(rate, start, end) for (start, rate), end in zip(tiers, ends) if measure >= start]
    if kind == "volume-total":
        return sum((rate * measure for rate, _, _ in reached), Fraction(0))
    if kind == "volume-rolling":
        return sum((rate * (measure if end is None else min(measure, end)) for rate, _, end in reached), Fraction(0))
    top = reached[-1][0] if reached else Fraction(0)
    if kind == "volume-retroactive":
        return top * measure
    if kind == "volume-excess":
        return top * max(measure - number(earn["above"]), Fraction(0))
    assert kind == "volume-marginal", kind
    return sum((rate * ((measure if end is None else min(measure, end)) - start) for rate, start, end in reached), Fraction(0))


def growth(program, measure, beneficiary, period, currency):
    """What growth over the beneficiary's baseline earns; nothing where there is none in this currency."""
    earn = program["earn"]
    partner = beneficiary.removeprefix("partner:")
    baseline = program["baselines"].get((partner, period), program["baselines"].get((partner, "")))
    if baseline is None or program.get("currency", currency) != currency:
        return Fraction(0)
    targets = [(number(tier["from"]) * baseline, number(tier["rate"])) for tier in earn["tiers"]]
    reached = [(target, rate) for target, rate in targets if measure >= target]
    if not reached:
        return Fraction(0)
    if earn["paid-on"] == "all":
        return reached[-1][1] * measure
    if earn["paid-on"] == "growth":
        return reached[-1][1] * (measure - baseline)
    tops = [target for target, _ in reached[1:]] + [measure]
    return sum(rate * (top - target) for (target, rate), top in zip(reached, tops))


def scored(program, measure, beneficiary, period):
    """What the band of the beneficiary's score earns; nothing where there is no score."""
    partner = beneficiary.removeprefix("partner:")
    score = program["scores"].get((partner, period), program["scores"].get((partner, "")))
    rates = [number(tier["rate"]) for tier in program["earn"]["tiers"] if score is not None and score >= number(tier["from"])]
    return rates[-1] * measure if rates else Fraction(0)


def line_benefit(program, measure, quantity):
    """A line under its own caps, for programs without tiers."""
    caps = program.get("caps") or {}
    value = benefit(program["earn"], measure)
    if "per-unit" in caps:
        value = min(value, number(caps["per-unit"]) * quantity)
    if "per-transaction" in caps:
        value = min(value, number(caps["per-transaction"]))
    return value


def due(program, lines, beneficiary, period, currency):
    """What is due for the lines of a settlement, before the budget; `None` where these exports cannot tell."""
    program = prorated(program, period)
    earn, caps = program["earn"], program.get("caps") or {}
    measure = sum(line["measure"] for line in lines)
    if "measure" in caps:
        # Where single lines must be looked at, their order says which of them count.
        lines_count = {"per-unit", "per-transaction"} & caps.keys() or "split" in earn or earn.get("per") == "sale"
        if lines_count or program.get("rounding") == "sale":
            return None
        measure = min(measure, number(caps["measure"]))
    if "split" in earn:
        if any(line["measure"] < 0 for line in lines):
            return None
        value = sum(shared_benefit(program, line, currency) for line in lines)
    elif "per-unit" in caps or "per-transaction" in caps:
        if has_tiers(earn) or any(line["measure"] < 0 for line in lines):
            return None
        value = sum(line_benefit(program, line["measure"], line["quantity"]) for line in lines)
    elif program.get("rounding") == "sale":
        if any(line["measure"] < 0 for line in lines) or has_tiers(earn):
            return None
        value = sum(round_half_away(benefit(earn, line["measure"]), currency) for line in lines)
    elif earn.get("per") == "sale":
        if measure < 0 or any(line["measure"] < 0 for line in lines):
            return None
        value = sum(benefit(earn, line["measure"]) for line in lines)
    elif not base_is_measure(earn):
        return None
    elif earn["type"] == "score":
        value = scored(program, measure, beneficiary, period)
    elif measure < 0 and has_tiers(earn):
        return None
    elif earn["type"] == "growth":
        value = growth(program, measure, beneficiary, period, currency)
    else:
        value = benefit(earn, measure)
    shares = [number(band["rate"]) for band in program.get("bonus", []) if value >= number(band["from"])]
    value += value * (shares[-1] if shares else 0)
    if "threshold" in program and measure < number(program["threshold"]):
        value = Fraction(0)
    if "partner-period" in caps:
        value = min(value, number(caps["partner-period"]))
    return round_half_away(value, currency)


class Draws:
    """Points that are redeemed, and activities that a fund pays. Every period has frozen, and one tick decides."""

    def __init__(self, folder):
        def optional(name):
            path = os.path.join(folder, name)
            return table(path) if os.path.exists(path) else []

        self.orders = optional("redemptions.csv")
        self.activities = optional("activities.csv")
        self.proofs = defaultdict(int)
        self.documents = defaultdict(int)
        for row in self.activities:
            self.proofs[self.proof(row)] += 1
            self.documents[row.get("document", "").lower()] += 1

    @staticmethod
    def proof(row):
        return re.sub(r"[^0-9A-Z]", "", row["proof"].upper())

    def of(self, program, beneficiary):
        """What is asked for: day, id, how much, and whether a part of it will do."""
        def mine(row):
            return row["program"] == program["id"] and f"partner:{row['partner']}" == beneficiary

        asked = [(day(row["date"]), row["order"], number(row["points"]), False) for row in filter(mine, self.orders)]
        for row in filter(mine, self.activities):
            document = row.get("document", "").lower()
            is_alone = self.proofs[self.proof(row)] == 1 and (not document or self.documents[document] == 1)
            if row["proof"] and is_alone:
                share = number(row["spent"]) * number(program["earn"]["share"])
                asked.append((day(row["date"]), row["activity"], min(number(row["approved"]), share), True))
        return sorted(asked)

    def dues(self, by_version, settlements):
        """Due and paid of each settlement, by its key; nothing for a beneficiary with one that cannot be told."""
        purses, found = defaultdict(list), {}
        for key, lines in settlements.items():
            program = by_version[key[0], key[1]]
            if program["earn"]["type"] in DRAWN:
                opens = last_day_of(program["period"], key[3])[0] + timedelta(days=int(program.get("grace-days", 15)) + 1)
                expires = opens + timedelta(days=int(program["close-days"]))
                counted = {**program["earn"], "value": "1", "breakage": "0"}
                earned = due({**program, "earn": counted}, lines, *key[2:])
                expected = due(program, lines, *key[2:])
                purses[key[0], key[2], key[4]].append([expires, key, opens, earned, expected])
        for (_, beneficiary, currency), own in purses.items():
            if any(earned is None for *_, earned, _ in own):
                continue
            own.sort()
            program = by_version[own[-1][1][0], own[-1][1][1]]
            left = {key: max(earned, Fraction(0)) for _, key, _, earned, _ in own}
            drawn = defaultdict(Fraction)
            for when, _, asked, divisible in self.of(program, beneficiary):
                usable = [key for expires, key, opens, _, _ in own if opens <= when < expires]
                there = sum((left[key] for key in usable), Fraction(0))
                given = min(asked, there) if divisible else asked if asked <= there else Fraction(0)
                given = Fraction(given * 100 // 1, 100) if divisible else given
                for key in usable:
                    part = min(left[key], given)
                    left[key], drawn[key], given = left[key] - part, drawn[key] + part, given - part
            for _, key, _, _, expected in own:
                value = by_version[key[0], key[1]]["earn"].get("value", "1")
                worth = round_half_away(drawn[key] * number(value), currency)
                found[key] = max(expected, worth) if worth else expected, worth
        return found


# What a finding about a line with one of these codes says is no sale, or one that was told before.
NO_SALE = {"DD-04", "DD-05", "DD-23", "DD-28", "OP-48"}


class Stocks:
    """What is protected when a book cost falls: units bought before that day and not sold before it."""

    def __init__(self, folder, sales, findings):
        found = defaultdict(set)
        for row in findings:
            found[row["file"], row["record_no"]].add(row["code"])
        self.book, self.bought = optional(folder, "price_book.csv"), defaultdict(list)
        for row in optional(folder, "purchases.csv"):
            self.bought[row["partner"], row["product"]].append((day(row["date"]), number(row["units"])))
        self.sold, self.unclear = defaultdict(list), set()
        for at, sale in sales.items():
            stock = sale["partner"], sale["product"]
            if "DQ-06" in found[at]:
                self.unclear.add(stock)
            if sale["status"] == "accepted" and not NO_SALE & found[at]:
                self.sold[stock].append((sale["day"], Fraction(sale["quantity"])))

    def cuts(self, product, currency):
        costs = sorted((day(row["from"]), number(row["cost"])) for row in self.book
                       if row["product"] == product and row["currency"] == currency)
        return [(when, old - new) for (_, old), (when, new) in zip(costs, costs[1:]) if new < old]

    def dues(self, program):
        """Due for each settlement, by its key; `None` where the exports cannot tell."""
        first, last = day(program["from"]), day(program["to"])
        found = defaultdict(Fraction)
        for (partner, product), bought in self.bought.items():
            for when, drop in self.cuts(product, program["currency"]):
                def moved(rows, since):
                    return sum((units for moved_on, units in rows if max(first, since) <= moved_on < when), Fraction(0))

                since = when - timedelta(days=int(program["earn"]["look-back-days"]))
                on_hand = moved(bought, first) - moved(self.sold[partner, product], first)
                units = max(min(on_hand, moved(bought, since)), 0)
                key = (program["id"], str(program["version"]), f"partner:{partner}",
                       period_of(program["period"], when), program["currency"])
                if (partner, product) in self.unclear:
                    found[key] = None
                elif units and first <= when <= last and found[key] is not None:
                    found[key] += units * drop
        return {key: due if due is None else round_half_away(due, key[4]) for key, due in found.items() if due != 0}


def book(checks, postings, settlements, let_go):
    balance, expenses, earned = defaultdict(Fraction), defaultdict(Fraction), defaultdict(Fraction)
    for row in postings:
        signed = Fraction(row["amount"]) * (1 if row["side"] == "debit" else -1)
        balance[row["entry_id"], row["currency"]] += signed
        if row["symbol"].startswith(("CR-", "EX-", "BRK")):
            expenses[row["program"], row["beneficiary"], row["currency"]] += signed
    for (program, _, beneficiary, _, currency), lines in settlements.items():
        earned[program, beneficiary, currency] += sum(line["amount"] for line in lines)
    for key, left in balance.items():
        checks.equal("balance of an entry", " ".join(key), Fraction(0), left)
    for key in sorted(earned.keys() | expenses.keys()):
        checks.equal("expense of a beneficiary", " ".join(key), earned[key] - let_go[key], expenses[key])


class Checks:
    def __init__(self):
        self.evaluated, self.broken = defaultdict(int), defaultdict(list)

    def equal(self, name, what, ours, theirs):
        self.evaluated[name] += 1
        if ours != theirs:
            self.broken[name].append(f"{what}: expected {show(ours)}, found {show(theirs)}")

    def report(self):
        for name, count in self.evaluated.items():
            broken = self.broken[name]
            print(f"{name:<34} {count:>8} evaluations, {len(broken)} differ")
            for line in broken[:10]:
                print("   ", line)
        return 1 if any(self.broken.values()) or not all(self.evaluated.values()) else 0


def show(value):
    return f"{float(value):.6f}" if isinstance(value, Fraction) else str(sorted(value)) if isinstance(value, set) else value


# Findings about money and rates; they hold no sale.
ABOUT_MONEY = {"DD-12", "DQ-08", "OP-05", "OP-07", "OP-18", "OP-12", "OP-13", "OP-14", "OP-15", "OP-16", "OP-17", "OP-24"}


def main(config, exports):
    rows = {name: table(os.path.join(exports, name + ".csv"))
            for name in ("sales", "findings", "accruals", "authorizations", "journal")}
    everything = programs(config)
    by_version = {(p["id"], str(p["version"])): p for p in everything}
    products = {row["product"]: row for row in table(os.path.join(config, "products.csv"))}
    partners = {row["partner"]: {**row, "partner_id": row["partner"]} for row in table(os.path.join(config, "partners.csv"))}
    masters(config, products, partners)
    buyers = {row["outlet"]: row for row in optional(config, "outlets.csv")}
    specials = SpecialPrices(config)
    checks = Checks()

    sales = {}
    for row in rows["sales"]:
        row["day"] = day(row["date"])
        row["buyer"] = buyers.get(row["customer"], {})
        sales[row["file"], row["record_no"]] = row
    touched = set()
    for row in rows["findings"]:
        if row["code"] not in ABOUT_MONEY:
            touched.add((row["file"], row["record_no"]))
            touched.add((row["related_file"], row["related_record_no"]))
    paid_by = defaultdict(set)
    settlements = defaultdict(list)
    protected = defaultdict(list)
    for row in rows["accruals"]:
        at = row["file"], row["record_no"]
        if by_version[row["program"], row["version"]]["earn"]["type"] == PROTECTION:
            key = row["program"], row["version"], row["beneficiary"], row["period"], row["currency"]
            protected[key].append({"amount": Fraction(row["amount"])})
            continue
        paid_by[at].add((row["program"], row["version"]))
        key = row["program"], row["version"], row["beneficiary"], row["period"], row["currency"]
        by = "quantity" if is_by_quantity(by_version[key[0], key[1]]["earn"]) else "amount"
        settlements[key].append({"measure": Fraction(row["measure_delta"]), "amount": Fraction(row["amount"]),
                                 "quantity": Fraction(sales[at]["quantity"]), "sale": sales[at], "whole": Fraction(sales[at][by]), "at": at,
                                 "named": sales[at]["rep"], "person": row["beneficiary"].partition("/")[2]})

    for at, sale in sales.items():
        plain = sale["status"] == "accepted" and Fraction(sale["quantity"]) > 0 and at not in touched
        if plain and sale["partner"] in partners and sale["product"] in products:
            expected = chosen(everything, sale, products[sale["product"]], partners[sale["partner"]], specials)
            checks.equal("programs that pay a plain sale", "#".join(at), expected, paid_by[at])

    authorised = defaultdict(Fraction)
    for row in rows["authorizations"]:
        key = row["program"], row["version"], row["beneficiary"], row["period"], row["currency"]
        authorised[key] += Fraction(row["amount"])
    wanted, given, kinds = defaultdict(Fraction), defaultdict(Fraction), defaultdict(int)
    of_special = defaultdict(list)
    for key, lines in settlements.items():
        if by_version[key[0], key[1]]["earn"]["type"] in SPECIAL:
            of_special[key[0]] += [(key, line) for line in lines]
    special_dues = {name: specials.dues(by_version[name, "1"], lines) for name, lines in of_special.items()}
    drawn_dues = Draws(config).dues(by_version, settlements)
    let_go, wanted_in_year, given_in_year = defaultdict(Fraction), defaultdict(Fraction), defaultdict(Fraction)
    for key, lines in settlements.items():
        program = by_version[key[0], key[1]]
        total = sum(line["amount"] for line in lines)
        for line in lines:
            sale = sales[line["at"]]
            if line["measure"] > 0:
                checks.equal("period of a line", "#".join(line["at"]), period_of(program["period"], sale["day"]), key[3])
                counted = line["whole"]
                if program.get("stack") and not is_by_quantity(program["earn"]):
                    counted = net_amount(program, [by_version[paid] for paid in paid_by[line["at"]]], sale)
                if "split" in program["earn"]:
                    shares = persons(program["earn"], line["named"])
                    counted = Fraction(part(counted * 10**6, shares, line["person"]), 10**6)
                checks.equal("measure of a line", "#".join(line["at"]), counted, line["measure"])
        if program["earn"]["type"] in SPECIAL:
            ours = special_dues[key[0]].get(key) if special_dues[key[0]] else None
        elif program["earn"]["type"] in DRAWN:
            ours, drawn = drawn_dues.get(key, (None, None))
        else:
            ours = due(program, lines, *key[2:])
        if ours is None:
            continue
        kinds[program["earn"]["type"]] += 1
        if any("split" in program["earn"] and ";" in line["named"] for line in lines):
            kinds["divided"] += 1
        if "partner-year" in (program.get("caps") or {}):
            assert "budget" not in program["caps"], "two limits are not reckoned together"
            year = key[0], key[2], key[3][:4], key[4]
            wanted_in_year[year] += max(ours, Fraction(0))
            given_in_year[year] += total
        elif "budget" in (program.get("caps") or {}):
            wanted[key[0], key[1], key[4]] += max(ours, Fraction(0))
            given[key[0], key[1], key[4]] += total
        else:
            checks.equal("due of a settlement", " ".join(key), ours, total)
            if program["earn"]["type"] in DRAWN:
                kinds["drawn"] += 1 if drawn else 0
                checks.equal("authorised of a settlement", " ".join(key), drawn, authorised[key])
                let_go[key[0], key[2], key[4]] += ours - drawn
            elif program.get("auto-authorise", "true") != "false" and ours > 0:
                paid = ours if ours >= number(program.get("minimum-payout", "0")) else Fraction(0)
                checks.equal("authorised of a settlement", " ".join(key), paid, authorised[key])
                let_go[key[0], key[2], key[4]] += ours - paid
    stocks = Stocks(config, sales, rows["findings"])
    for program in (version for version in everything if version["earn"]["type"] == PROTECTION):
        dues = stocks.dues(program)
        theirs = {key for key in protected if key[:2] == (program["id"], str(program["version"]))}
        for key in sorted(dues.keys() | theirs):
            ours = dues.get(key, Fraction(0))
            if ours is not None:
                kinds[PROTECTION] += 1
                checks.equal("due of a settlement", " ".join(key), ours, sum(line["amount"] for line in protected[key]))
                checks.equal("authorised of a settlement", " ".join(key), ours, authorised[key])
    book(checks, rows["journal"], settlements | protected, let_go)
    for key, demand in wanted_in_year.items():
        last = max((p for p in everything if p["id"] == key[0] and p["from"][:4] <= key[2]), key=lambda p: p["version"])
        checks.equal("what a year pays", " ".join(key), min(number(last["caps"]["partner-year"]), demand), given_in_year[key])
    for key, demand in wanted.items():
        budget = number(by_version[key[0], key[1]]["caps"]["budget"])
        checks.equal("what a budget pays", " ".join(key), min(budget, demand), given[key])
    print("settlements reckoned:", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    return checks.report()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
