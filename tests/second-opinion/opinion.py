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
            if version["earn"]["type"] == "growth":
                found[-1]["baselines"] = baselines(version["earn"]["baseline"], os.path.dirname(path))
    return found


def baselines(written, folder):
    """What each partner sold before, by (partner, period); the period is empty where it is for each."""
    if isinstance(written, str):
        rows = table(os.path.join(folder, written))
        return {(row["partner"], row.get("period") or ""): number(row["baseline"]) for row in rows}
    found = {}
    for partner, value in written.items():
        for period, amount in (value.items() if isinstance(value, dict) else [("", value)]):
            found[partner, period] = number(amount)
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
    if "caps" in words and "partner-period" in caps:
        caps["partner-period"] = number(caps["partner-period"]) * share
    return changed


def round_half_away(value, currency):
    unit = 10 ** DIGITS.get(currency, 2)
    scaled = abs(value) * unit
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole, unit) * (1 if value >= 0 else -1)


def selects(program, sale, product, partner):
    select = program.get("select") or {}
    if not day(program["from"]) <= sale["day"] <= day(program["to"]):
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
    return sale["product"] not in (select.get("excluded-products") or [])


def chosen(all_programs, sale, product, partner):
    """Versions that pay for a sale: every one that selects it, of a group the one with the lowest priority."""
    groups, free = defaultdict(list), []
    for program in all_programs:
        if program["earn"]["type"] == "spiff" and not sale["rep"]:
            continue
        if selects(program, sale, product, partner):
            (groups[program["group"]] if program.get("group") else free).append(program)
    best = [min(group, key=lambda p: (int(p.get("priority", 100)), p["id"])) for group in groups.values()]
    return {(program["id"], str(program["version"])) for program in free + best}


def bands(earn):
    tiers = [(number(tier["from"]), number(tier["rate"])) for tier in earn["tiers"]]
    return tiers, [start for start, _ in tiers[1:]] + [None]


def is_by_quantity(earn):
    """Whether the program counts units; else it counts the net amount."""
    kind = earn["type"]
    if "measure" in earn:
        return earn["measure"] == "quantity"
    return kind == "per-unit" or (kind == "spiff" and earn.get("benefit", "per-unit") == "per-unit")


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
    if "per-unit" in caps or "per-transaction" in caps:
        if has_tiers(earn) or any(line["measure"] < 0 for line in lines):
            return None
        value = sum(line_benefit(program, line["measure"], line["quantity"]) for line in lines)
    elif not base_is_measure(earn):
        return None
    elif measure < 0 and has_tiers(earn):
        return None
    elif earn["type"] == "growth":
        value = growth(program, measure, beneficiary, period, currency)
    else:
        value = benefit(earn, measure)
    if "threshold" in program and measure < number(program["threshold"]):
        value = Fraction(0)
    if "partner-period" in caps:
        value = min(value, number(caps["partner-period"]))
    return round_half_away(value, currency)


def book(checks, postings, settlements, let_go):
    balance, expenses, earned = defaultdict(Fraction), defaultdict(Fraction), defaultdict(Fraction)
    for row in postings:
        signed = Fraction(row["amount"]) * (1 if row["side"] == "debit" else -1)
        balance[row["entry_id"], row["currency"]] += signed
        if row["symbol"].startswith(("CR-", "EX-")):
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
ABOUT_MONEY = {"DQ-08", "OP-12", "OP-13", "OP-14", "OP-15", "OP-16", "OP-17", "OP-24"}


def main(config, exports):
    rows = {name: table(os.path.join(exports, name + ".csv"))
            for name in ("sales", "findings", "accruals", "authorizations", "journal")}
    everything = programs(config)
    by_version = {(p["id"], str(p["version"])): p for p in everything}
    products = {row["product"]: row for row in table(os.path.join(config, "products.csv"))}
    partners = {row["partner"]: {**row, "partner_id": row["partner"]} for row in table(os.path.join(config, "partners.csv"))}
    checks = Checks()

    sales = {}
    for row in rows["sales"]:
        row["day"] = day(row["date"])
        sales[row["file"], row["record_no"]] = row
    touched = set()
    for row in rows["findings"]:
        if row["code"] not in ABOUT_MONEY:
            touched.add((row["file"], row["record_no"]))
            touched.add((row["related_file"], row["related_record_no"]))
    paid_by = defaultdict(set)
    settlements = defaultdict(list)
    for row in rows["accruals"]:
        at = row["file"], row["record_no"]
        paid_by[at].add((row["program"], row["version"]))
        key = row["program"], row["version"], row["beneficiary"], row["period"], row["currency"]
        settlements[key].append({"measure": Fraction(row["measure_delta"]), "amount": Fraction(row["amount"]),
                                 "quantity": Fraction(sales[at]["quantity"]), "at": at})

    for at, sale in sales.items():
        plain = sale["status"] == "accepted" and Fraction(sale["quantity"]) > 0 and at not in touched
        if plain and sale["partner"] in partners and sale["product"] in products:
            expected = chosen(everything, sale, products[sale["product"]], partners[sale["partner"]])
            checks.equal("programs that pay a plain sale", "#".join(at), expected, paid_by[at])

    authorised = defaultdict(Fraction)
    for row in rows["authorizations"]:
        key = row["program"], row["version"], row["beneficiary"], row["period"], row["currency"]
        authorised[key] += Fraction(row["amount"])
    wanted, given, kinds = defaultdict(Fraction), defaultdict(Fraction), defaultdict(int)
    let_go = defaultdict(Fraction)
    for key, lines in settlements.items():
        program = by_version[key[0], key[1]]
        total = sum(line["amount"] for line in lines)
        for line in lines:
            sale = sales[line["at"]]
            if line["measure"] > 0:
                checks.equal("period of a line", "#".join(line["at"]), period_of(program["period"], sale["day"]), key[3])
                counted = sale["quantity"] if is_by_quantity(program["earn"]) else sale["amount"]
                checks.equal("measure of a line", "#".join(line["at"]), Fraction(counted), line["measure"])
        ours = due(program, lines, *key[2:])
        if ours is None:
            continue
        kinds[program["earn"]["type"]] += 1
        if "budget" in (program.get("caps") or {}):
            wanted[key[0], key[1], key[4]] += max(ours, Fraction(0))
            given[key[0], key[1], key[4]] += total
        else:
            checks.equal("due of a settlement", " ".join(key), ours, total)
            if program.get("auto-authorise", "true") != "false" and ours > 0:
                paid = ours if ours >= number(program.get("minimum-payout", "0")) else Fraction(0)
                checks.equal("authorised of a settlement", " ".join(key), paid, authorised[key])
                let_go[key[0], key[2], key[4]] += ours - paid
    book(checks, rows["journal"], settlements, let_go)
    for key, demand in wanted.items():
        budget = number(by_version[key[0], key[1]]["caps"]["budget"])
        checks.equal("what a budget pays", " ".join(key), min(budget, demand), given[key])
    print("settlements reckoned:", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    return checks.report()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
