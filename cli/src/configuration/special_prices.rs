//! Special prices and the price book: the tables `special_prices.csv` and `price_book.csv`.
//!
//! They stand beside the programs, not in them: authorisations come all the time, terms of a program stay.

use std::collections::BTreeMap;

use contract::{BookCost, Credit, Currency, Day, Mechanism, Program, Reference, SpecialPrice, Text, unknown_party};

use super::fields::{currency, day, positive, text};
use super::master::{golden, keyed};
use super::problem::{Place, Problem, Report};
use super::table::Row;

pub(crate) const FILE: &str = "special_prices.csv";
pub(crate) const PRICE_BOOK: &str = "price_book.csv";

const COLUMNS: [&str; 12] = [
    "authorisation",
    "program",
    "partner",
    "product",
    "?customer",
    "from",
    "to",
    "?quantity",
    "?cost",
    "?amount",
    "?resale",
    "currency",
];

pub(crate) fn special_prices(report: &mut Report<'_>, reference: &mut Reference) {
    reference.special_prices = keyed(&COLUMNS, report, |row, report| {
        let id = row.require("authorisation", text, report);
        let program = row.require("program", text, report);
        let partner = row.require("partner", text, report);
        let product = row.require("product", golden, report);
        let dates = dates(row, report);
        let quantity = row.get("quantity", positive, report);
        let credit = credit(row, report);
        let resale = row.get("resale", positive, report);
        let currency = row.require("currency", currency, report);
        let (from, to) = dates?;
        let special = SpecialPrice {
            program: program?,
            partner: partner?,
            product: product?,
            id: id?,
            customer: customer(row.cell("customer")),
            from,
            to,
            quantity,
            credit: credit?,
            resale,
            currency: currency?,
        };
        Some((key(&special), special))
    });
}

type Key = (Text, Text, Text, Text);

fn key(special: &SpecialPrice) -> Key {
    let SpecialPrice { program, partner, product, id, .. } = special;
    (program.clone(), partner.clone(), product.clone(), id.clone())
}

fn dates(row: &Row<'_>, report: &mut Report<'_>) -> Option<(Day, Day)> {
    let from = row.require("from", day, report);
    let to = row.require("to", day, report);
    let (from, to) = (from?, to?);
    if to < from {
        row.add("to", format!("the authorisation ends before it starts on {from}"), "swap the two dates", report);
        return None;
    }
    Some((from, to))
}

/// Either the authorised cost or an amount for each unit.
fn credit(row: &Row<'_>, report: &mut Report<'_>) -> Option<Credit> {
    match (row.cell("cost").is_empty(), row.cell("amount").is_empty()) {
        (false, true) => row.get("cost", positive, report).map(Credit::AboveCost),
        (true, false) => row.get("amount", positive, report).map(Credit::Amount),
        _ => {
            let hint = "`cost` is the authorised one for ship and debit, `amount` what a pass-through gives for a unit";
            row.add("authorisation", "a special price has either a `cost` or an `amount`", hint, report);
            None
        }
    }
}

/// A golden key as it is; a name as sales keep it that nobody knows: in small letters behind a `?`. The `?` may be written,
/// as it stands in exports, and must be where a name looks like a key: `?Novo A/S`.
pub(crate) fn customer(written: &str) -> Text {
    let name = written.strip_prefix('?');
    if written.is_empty() || name.is_none() && golden(written).is_ok() {
        return written.into();
    }
    match unknown_party(name.unwrap_or(written)) {
        nobody if nobody.is_empty() => written.into(),
        party => party,
    }
}

pub(crate) fn price_book(report: &mut Report<'_>, reference: &mut Reference) {
    reference.book_costs = keyed(&["product", "currency", "from", "cost"], report, |row, report| {
        let product = row.require("product", golden, report);
        let currency = row.require("currency", currency, report);
        let from = row.require("from", day, report);
        let cost = row.require("cost", positive, report);
        let book = BookCost { product: product?, currency: currency?, from: from?, cost: cost? };
        Some(((book.product.clone(), book.currency, book.from), book))
    });
}

/// What a special price says that its program does not allow for; `None` where nothing.
pub(crate) fn misfit(special: &SpecialPrice, programs: &[&Program]) -> Option<(String, &'static str)> {
    let program = &special.program;
    let mut versions = programs.iter().filter(|version| version.id == *program).peekable();
    if versions.peek().is_none() {
        return Some((format!("no program is called `{program}`"), ""));
    }
    let known = |mechanism: &Mechanism| match special.credit {
        Credit::AboveCost(_) => matches!(mechanism, Mechanism::ShipAndDebit { .. }),
        Credit::Amount(_) => matches!(mechanism, Mechanism::PassThrough { .. }),
    };
    if versions.any(|version| known(&version.mechanism)) {
        return None;
    }
    let (word, hint) = match special.credit {
        Credit::AboveCost(_) => ("ship-and-debit", "a `cost` is for ship and debit, an `amount` for a pass-through"),
        Credit::Amount(_) => ("pass-through", "an `amount` is for a pass-through, a `cost` for ship and debit"),
    };
    Some((format!("program `{program}` is no {word}"), hint))
}

/// A sentence for each special price that is for the same sales as an earlier one on some days: these are under that one first.
/// Cost layers and what has no quantity leave nothing to another.
pub(crate) fn shadowed(special_prices: &[SpecialPrice], goes_by_layers: &dyn Fn(&str) -> bool) -> Vec<String> {
    type Sales<'s> = (&'s Text, &'s Text, &'s Text, &'s Text, Currency);
    let mut by_sales: BTreeMap<Sales<'_>, Vec<&SpecialPrice>> = BTreeMap::new();
    for special in special_prices {
        let SpecialPrice { program, partner, product, customer, currency, .. } = special;
        by_sales.entry((program, partner, product, customer, *currency)).or_default().push(special);
    }
    let mut notes = Vec::new();
    for alike in by_sales.values_mut() {
        alike.sort_by_key(|special| (special.from, &special.id));
        // Of those before it the one that holds longest.
        let mut longest: Option<&SpecialPrice> = None;
        for special in alike {
            notes.extend(longest.filter(|first| special.from <= first.to).map(|first| {
                let is_alone = first.quantity.is_none() || goes_by_layers(&first.program);
                shadow(first, special, is_alone)
            }));
            longest = Some(longest.filter(|first| special.to <= first.to).unwrap_or(special));
        }
    }
    notes
}

fn shadow(first: &SpecialPrice, second: &SpecialPrice, is_alone: bool) -> String {
    let SpecialPrice { id, partner, product, customer, from, .. } = second;
    let to = if customer.is_empty() { String::new() } else { format!(" to {customer}") };
    let how = match is_alone {
        true => "alone, unless that gives them nothing or the row names",
        false => "until its quantity is used up, then, or where the row names it, under",
    };
    format!(
        "{FILE}: {} and {id} are both for {product} by {partner}{to} from {from} to {}: sales of these days are under {} {how} {id}",
        first.id,
        first.to.min(second.to),
        first.id,
    )
}

/// A problem for each special price that was in force and is gone or says something else. Its quantity and its last day
/// may be amended.
pub(crate) fn compare(before: &Reference, now: &Reference, as_of: Option<Day>) -> Vec<Problem> {
    let now: BTreeMap<Key, &SpecialPrice> = now.special_prices.iter().map(|special| (key(special), special)).collect();
    let in_force = before.special_prices.iter().filter(|special| as_of.is_none_or(|day| special.from <= day));
    in_force
        .filter_map(|before| {
            let SpecialPrice { id, product, partner, .. } = before;
            let what = match now.get(&key(before)) {
                None => "is gone".to_owned(),
                Some(now) => format!("says something else: {}", changed(before, now)?),
            };
            Some(Problem {
                file: FILE.to_owned(),
                place: Place::default(),
                message: format!("special price {id} of {partner} for {product} was in force and {what}"),
                excerpt: String::new(),
                hint: "put it back; its quantity and last day may be amended, all else is a new authorisation"
                    .to_owned(),
            })
        })
        .collect()
}

fn changed(before: &SpecialPrice, now: &SpecialPrice) -> Option<String> {
    let same = [
        ("customer", before.customer == now.customer),
        ("from", before.from == now.from),
        ("cost or amount", before.credit == now.credit),
        ("resale", before.resale == now.resale),
        ("currency", before.currency == now.currency),
    ];
    let changed: Vec<&str> = same.into_iter().filter(|(_, same)| !same).map(|(column, _)| column).collect();
    (!changed.is_empty()).then(|| changed.join(", "))
}

#[cfg(test)]
mod tests {
    use contract::Micros;

    use super::*;

    /// Special prices as `ID CUSTOMER FROM TO`, `-` for all customers, and how many of them are in another's shadow.
    #[track_caller]
    fn check(rows: &[&str], expected: &[&str]) {
        let special = |row: &&str| {
            let words: Vec<&str> = row.split(' ').collect();
            SpecialPrice {
                program: "P".into(),
                partner: "shop".into(),
                product: "s/p".into(),
                id: words[0].into(),
                customer: words[1].trim_matches('-').into(),
                from: Day::parse(words[2]).unwrap(),
                to: Day::parse(words[3]).unwrap(),
                quantity: Some(Micros::units(10)),
                credit: Credit::Amount(Micros::ONE),
                resale: None,
                currency: Currency::parse("USD").unwrap(),
            }
        };
        let special_prices: Vec<SpecialPrice> = rows.iter().map(special).collect();
        assert_eq!(shadowed(&special_prices, &|_| false), expected);
        let alone = shadowed(&special_prices, &|_| true);
        assert!(
            alone.iter().all(|told| told.contains("alone, unless that gives them nothing or the row names")),
            "{alone:?}"
        );
    }

    #[test]
    fn two_for_the_same_sales_are_told() {
        let (first, second) = ("S1 - 2013-01-01 2013-06-30", "S2 - 2013-01-02 2013-12-31");
        let told = "special_prices.csv: S1 and S2 are both for s/p by shop from 2013-01-02 to 2013-06-30: sales of these days are \
                    under S1 until its quantity is used up, then, or where the row names it, under S2";
        check(&[first, second], &[told]);
        check(&[second, first], &[told]);
        check(&[first, "S2 - 2013-07-01 2013-12-31"], &[]);
        check(&[first, "S2 ?acme 2013-01-02 2013-12-31"], &[]);
    }
}
