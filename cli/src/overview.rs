//! What came of everything so far, for a person who answers for the money.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Result;
use contract::{
    AccrualMovement, Authorization, AuthorizationStatus, Code, Currency, Day, Decision, JournalEntry, Micros, Payment,
    Receipt, RecordRef, Reject, Ruling, RulingState, Side, Text, Topic,
};

use crate::exports::settled;
use crate::reader::Reader;

/// An amount for each currency.
pub type Amounts = BTreeMap<Currency, Micros>;

/// Sums over a whole data directory.
#[derive(Debug, Default)]
pub struct Overview {
    /// Day of the last tick.
    pub as_of: Option<Day>,
    pub files: Intake,
    pub rejects: BTreeMap<Code, u64>,
    pub findings: BTreeMap<Code, Found>,
    pub accrued: Amounts,
    pub authorised: Amounts,
    pub paid: Amounts,
    /// Paid above what is due, not yet set off.
    pub clawback: Amounts,
    /// Over the records with a blocking or holding finding that no other explains and that persons did not release: the
    /// largest amount at risk of each; of a claim line no more than was claimed and not paid. What the programs would have paid, by
    /// their own terms, had nobody looked.
    pub prevented: Amounts,
}

/// Where files and records went.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    pub files: u64,
    /// Files by status.
    pub statuses: BTreeMap<Text, u64>,
    pub records: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub superseded: u64,
    pub parked: u64,
}

/// Findings of one code.
#[derive(Debug, Default)]
pub struct Found {
    pub count: u64,
    /// Explained by another finding on the same records; not in `at_risk`.
    pub explained: u64,
    /// Persons let it earn; not in `at_risk`.
    pub released: u64,
    pub at_risk: Amounts,
}

impl Intake {
    fn add(&mut self, receipt: &Receipt) {
        self.files += 1;
        *self.statuses.entry(receipt.status.clone()).or_default() += 1;
        self.records += u64::from(receipt.records);
        self.accepted += u64::from(receipt.accepted);
        self.rejected += u64::from(receipt.rejected);
        self.duplicate += u64::from(receipt.duplicate);
        self.superseded += u64::from(receipt.superseded);
        self.parked += u64::from(receipt.parked);
    }
}

impl Overview {
    pub fn of(reader: &Reader) -> Result<Overview> {
        let mut overview = Overview { as_of: reader.as_of()?, ..Overview::default() };
        reader.each_receipt(&mut |receipt| overview.files.add(&receipt))?;
        overview.count_rejects(reader)?;
        overview.count_findings(reader)?;
        overview.sum_money(reader)?;
        Ok(overview)
    }

    /// Counts each record once, under the first code that it was refused for.
    fn count_rejects(&mut self, reader: &Reader) -> Result<()> {
        let mut last = None;
        reader.each(Topic::Rejects, &mut |reject: Reject| {
            let is_of_record = reject.at.record_no > 0;
            if is_of_record && last.as_ref() != Some(&reject.at) {
                *self.rejects.entry(reject.code).or_default() += 1;
                last = Some(reject.at);
            }
        })
    }

    fn count_findings(&mut self, reader: &Reader) -> Result<()> {
        let mut largest: BTreeMap<(RecordRef, Currency), Micros> = BTreeMap::new();
        let rulings = reader.rulings()?;
        let is_released = |ruling: &Ruling| ruling.state == RulingState::Released;
        reader.each_finding(&mut |finding| {
            let found = self.findings.entry(finding.code).or_default();
            found.count += 1;
            if finding.explained_by.is_some() {
                found.explained += 1;
                return;
            }
            if rulings.get(&finding.id).is_some_and(is_released) {
                found.released += 1;
                return;
            }
            let Some(risk) = finding.at_risk else { return };
            *found.at_risk.entry(risk.currency).or_default() += risk.amount;
            if matches!(finding.code.decision(), Decision::Block | Decision::Hold) {
                let amount = largest.entry((finding.at, risk.currency)).or_default();
                *amount = risk.amount.max(*amount);
            }
        })?;
        let unpaid = unpaid_claims(reader)?;
        for ((at, currency), amount) in largest {
            let most = unpaid.get(&at).copied().unwrap_or(amount);
            *self.prevented.entry(currency).or_default() += amount.min(most);
        }
        Ok(())
    }

    fn sum_money(&mut self, reader: &Reader) -> Result<()> {
        reader.each(Topic::Movements, &mut |movement: AccrualMovement| {
            *self.accrued.entry(movement.settlement.currency).or_default() += movement.amount;
        })?;
        reader.each(Topic::Authorizations, &mut |authorization: Authorization| {
            if authorization.status != AuthorizationStatus::Void {
                *self.authorised.entry(authorization.currency).or_default() += authorization.amount;
            }
        })?;
        reader.each(Topic::Payments, &mut |payment: Payment| {
            *self.paid.entry(payment.currency).or_default() += payment.amount;
        })?;
        self.clawback = open_clawback(reader)?;
        Ok(())
    }
}

/// What was claimed and not paid, by the record of the claim: of lines of which something was paid.
fn unpaid_claims(reader: &Reader) -> Result<BTreeMap<RecordRef, Micros>> {
    let mut unpaid = BTreeMap::new();
    for settled in settled(reader)?.into_iter().filter(|settled| !settled.is_auto() && !settled.paid().is_zero()) {
        let left = (settled.claim.claimed - settled.paid()).max(Micros::ZERO);
        unpaid.insert(settled.claim.at.clone(), left);
    }
    Ok(unpaid)
}

/// Balance of the clawback receivable.
pub fn open_clawback(reader: &Reader) -> Result<Amounts> {
    let mut open = Amounts::new();
    reader.each(Topic::Journal, &mut |entry: JournalEntry| {
        for posting in entry.postings.iter().filter(|p| p.symbol == "RC-CLAW") {
            let amount = if posting.side == Side::Debit { posting.amount } else { -posting.amount };
            *open.entry(posting.currency).or_default() += amount;
        }
    })?;
    open.retain(|_, amount| !amount.is_zero());
    Ok(open)
}

/// Where each partner's records went.
pub fn partners(reader: &Reader) -> Result<String> {
    let mut by_partner: BTreeMap<Text, Intake> = BTreeMap::new();
    reader.each_receipt(&mut |receipt| {
        by_partner.entry(receipt.at.partner.clone()).or_default().add(&receipt);
    })?;
    let width = by_partner.keys().map(|p| p.chars().count()).max().unwrap_or(0).max(7);
    let heads = ["files", "records", "accepted", "rejected", "duplicate", "superseded", "parked"];
    let mut text = format!("{:<width$}", "partner");
    heads.iter().for_each(|head| text += &format!(" {head:>10}"));
    for (partner, i) in by_partner {
        text += &format!("\n{partner:<width$}");
        for count in [i.files, i.records, i.accepted, i.rejected, i.duplicate, i.superseded, i.parked] {
            text += &format!(" {:>10}", grouped(count));
        }
    }
    text.push('\n');
    Ok(text)
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show_intake(f)?;
        if !self.findings.is_empty() {
            self.show_findings(f)?;
        }
        self.show_money(f)
    }
}

impl Overview {
    fn show_intake(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Intake { files, records, .. } = self.files;
        writeln!(f, "Lines in: {} in {} files. Where each one went:", grouped(records), grouped(files))?;
        let reason = |(code, n): (&Code, &u64)| format!("{} {code} {}", grouped(*n), code.meaning());
        let reasons: Vec<_> = self.rejects.iter().map(reason).collect();
        for (count, word, note) in [
            (self.files.accepted, "accepted", String::new()),
            (self.files.rejected, "rejected", reasons.join(", ")),
            (self.files.duplicate, "duplicate", "sent before, counted once".to_owned()),
            (self.files.superseded, "superseded", "replaced by a correction".to_owned()),
            (self.files.parked, "parked", "wait for a decision or a configuration".to_owned()),
        ] {
            let note = if count == 0 { "" } else { &note };
            writeln!(f, "{}", format!("  {:>11}  {word:<11} {note}", grouped(count)).trim_end())?;
        }
        let statuses: Vec<_> =
            self.files.statuses.iter().map(|(s, count)| format!("{} {s}", grouped(*count))).collect();
        if self.files.statuses.keys().all(|status| status == "accepted") {
            return Ok(());
        }
        writeln!(f, "  Of the files: {}", statuses.join(", "))
    }

    fn show_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut findings: Vec<(&Code, &Found)> = self.findings.iter().collect();
        findings.sort_by_key(|(code, _)| code.as_str());
        let width = findings.iter().map(|(code, _)| code.meaning().len()).max().unwrap_or(0);
        writeln!(f, "\n{:<width$} money at risk", "Findings", width = width + 28)?;
        for (code, found) in findings {
            let (decision, meaning) = (code.decision().as_str(), code.meaning());
            let risk: Vec<_> = found.at_risk.iter().map(|(currency, amount)| money(*currency, *amount)).collect();
            let aside = [(found.explained, "explained by another"), (found.released, "released")];
            let aside = aside.iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!(" ({} {why})", grouped(*n)));
            let aside: String = aside.collect();
            let count = grouped(found.count);
            let line = format!("  {code}  {count:>7}  {decision:<8}  {meaning:<width$} {}{aside}", risk.join(", "));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn show_money(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("accrued", &self.accrued),
            ("authorised", &self.authorised),
            ("paid", &self.paid),
            ("to be claimed back", &self.clawback),
            ("overpayment prevented", &self.prevented),
        ];
        let currencies: BTreeSet<Currency> = rows.iter().flat_map(|(_, amounts)| amounts.keys().copied()).collect();
        let as_of = self.as_of.map_or_else(|| "no period has moved".to_owned(), |day| format!("as of {day}"));
        write!(f, "\n{:<24}", format!("Money, {as_of}"))?;
        currencies.iter().try_for_each(|currency| write!(f, " {:>16}", currency.to_string()))?;
        for (word, amounts) in rows {
            write!(f, "\n  {word:<22}")?;
            for currency in &currencies {
                let amount = amounts.get(currency).copied().unwrap_or_default();
                write!(f, " {:>16}", plain_money(*currency, amount))?;
            }
        }
        writeln!(f)
    }
}

/// `USD 1,234.50`, for people.
pub fn money(currency: Currency, amount: Micros) -> String {
    format!("{currency} {}", plain_money(currency, amount))
}

/// The same without the currency's name.
pub(crate) fn plain_money(currency: Currency, amount: Micros) -> String {
    let digits = currency.minor_digits() as usize;
    let rounded = amount.round(currency.minor_digits());
    let sign = if rounded < Micros::ZERO { "-" } else { "" };
    let value = rounded.0.unsigned_abs();
    let whole = grouped(value / 1_000_000);
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{:06}", value % 1_000_000);
    format!("{sign}{whole}.{}", &fraction[..digits])
}

/// A count with commas between groups of three digits.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_their_minor_unit() {
        let shown = |code: &str, text: &str| money(Currency::parse(code).unwrap(), Micros::parse(text).unwrap());
        assert_eq!(shown("USD", "1234567.5"), "USD 1,234,567.50");
        assert_eq!(shown("USD", "-0.375"), "USD -0.38");
        assert_eq!(shown("JPY", "1000.4"), "JPY 1,000");
        assert_eq!(shown("KWD", "0.0005"), "KWD 0.001");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
    }
}
