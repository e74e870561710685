//! What each person was authorised and paid in a calendar year, held against the sum from which a country wants to be told.
//!
//! Payments count in the year of their date, authorizations in that of theirs, at what may be paid under them by now. A payee
//! of `persons.csv` that stands behind several names is one person to the country: the sum of all of them is held against the
//! threshold of `tax_thresholds.csv`, which is reached by the sum itself (domain notes §4.8).

use std::collections::BTreeMap;

use anyhow::Result;
use compliance::units::same_words;
use contract::{Authorization, Currency, Day, Micros, Payment, Person, Reference, TaxThreshold, Text, Topic};

use super::row::{Cells, Rows};
use crate::reader::Reader;

pub(super) const COLUMNS: [&str; 11] = [
    "beneficiary",
    "partner",
    "year",
    "currency",
    "authorised",
    "paid",
    "payee",
    "payee_paid",
    "country",
    "threshold",
    "reportable",
];

/// Beneficiary, year and currency.
type Of = (Text, i16, Currency);

#[derive(Default)]
struct Totals {
    authorised: Micros,
    paid: Micros,
}

/// By beneficiary, year and currency.
pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let reference = reader.last_reference()?.unwrap_or_default();
    let totals = totals(reader)?;
    let country_of = |beneficiary: &str| country(parts(beneficiary).0, &reference);
    let mut of_payees: BTreeMap<(&str, &str, i16, Currency), Micros> = BTreeMap::new();
    for ((beneficiary, year, currency), total) in &totals {
        if let Some(payee) = payee(beneficiary, *year, &reference) {
            *of_payees.entry((payee, country_of(beneficiary), *year, *currency)).or_default() += total.paid;
        }
    }
    let mut cells = Cells::default();
    for ((beneficiary, year, currency), total) in &totals {
        let (country, payee) = (country_of(beneficiary), payee(beneficiary, *year, &reference));
        let paid = payee.map_or(total.paid, |payee| of_payees[&(payee, country, *year, *currency)]);
        let threshold = threshold(country, *currency, *year, &reference);
        let reportable = threshold.map(|threshold| if paid >= threshold { "yes" } else { "no" });
        cells.clear().add(beneficiary).add(parts(beneficiary).0).add(year).add(currency);
        cells.add(total.authorised).add(total.paid).add_some(payee).add(paid);
        cells.add(country).add_some(threshold).add_some(reportable);
        rows.row(&cells)?;
    }
    Ok(())
}

fn totals(reader: &Reader) -> Result<BTreeMap<Of, Totals>> {
    let mut totals: BTreeMap<Of, Totals> = BTreeMap::new();
    reader.each(Topic::Authorizations, &mut |authorization: Authorization| {
        let Authorization { beneficiary, date, currency, amount, .. } = authorization;
        if is_person(&beneficiary) {
            totals.entry((beneficiary, date.date().year(), currency)).or_default().authorised += amount;
        }
    })?;
    reader.each(Topic::Payments, &mut |payment: Payment| {
        let Payment { beneficiary, date, currency, amount, .. } = payment;
        if is_person(&beneficiary) {
            totals.entry((beneficiary, date.date().year(), currency)).or_default().paid += amount;
        }
    })?;
    Ok(totals)
}

fn is_person(beneficiary: &str) -> bool {
    beneficiary.starts_with("person:")
}

/// Partner and name of `person:PARTNER/name`.
fn parts(beneficiary: &str) -> (&str, &str) {
    beneficiary.strip_prefix("person:").and_then(|rest| rest.split_once('/')).unwrap_or_default()
}

fn country<'r>(partner: &str, reference: &'r Reference) -> &'r str {
    reference.partners.iter().find(|known| known.id == partner).map_or("", |known| &known.country)
}

/// Who stands behind a person by the end of a year: by the last entry of the register that has begun by then, as what was earned
/// may be paid when its person has left.
fn payee<'r>(beneficiary: &str, year: i16, reference: &'r Reference) -> Option<&'r str> {
    let (partner, name) = parts(beneficiary);
    let end = Day::new(year, 12, 31)?;
    let is_it = |person: &&Person| person.from <= end && !person.payee.is_empty() && same_words(&person.name, name);
    let from = reference.persons.partition_point(|person| person.partner.as_str() < partner);
    let of_partner = reference.persons[from..].iter().take_while(|person| person.partner == partner);
    let person = of_partner.filter(is_it).max_by_key(|person| person.from)?;
    Some(&person.payee)
}

/// The last one that is in force at the end of the year.
fn threshold(country: &str, currency: Currency, year: i16, reference: &Reference) -> Option<Micros> {
    let end = Day::new(year, 12, 31)?;
    let is_it = |it: &&TaxThreshold| it.country == country && it.currency == currency && it.from <= end;
    reference.tax_thresholds.iter().filter(is_it).max_by_key(|it| it.from).map(|it| it.amount)
}
