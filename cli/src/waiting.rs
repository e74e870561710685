//! What waits, and for whom.

use anyhow::Result;
use contract::{Authorization, AuthorizationStatus, Decision, Finding, Topic};

use crate::overview::{Amounts, grouped, money, open_clawback};
use crate::reader::Reader;

/// One line for each kind of waiting, or that nothing waits.
pub fn list(reader: &Reader) -> Result<String> {
    let mut lines = Vec::new();
    let (mut unread_files, mut refused_files, mut parked) = (0, 0, 0);
    reader.each_receipt(&mut |receipt| match receipt.status.as_str() {
        "parked" => unread_files += 1,
        "refused" => refused_files += 1,
        _ => parked += u64::from(receipt.parked),
    })?;
    say(&mut lines, unread_files, "files wait for a feed definition or for totals that agree: who configures");
    say(&mut lines, refused_files, "files were refused: their senders");
    say(&mut lines, parked, "lines wait for a product or a correction to be named: a steward");
    let mut held = 0;
    reader.each(Topic::Findings, &mut |finding: Finding| {
        held += u64::from(finding.code.decision() == Decision::Hold && finding.explained_by.is_none());
    })?;
    say(&mut lines, held, "findings hold a benefit: compliance");
    let (mut unpaid, mut sum) = (0, Amounts::new());
    reader.each(Topic::Authorizations, &mut |authorization: Authorization| {
        if authorization.status == AuthorizationStatus::Authorised {
            unpaid += 1;
            *sum.entry(authorization.currency).or_default() += authorization.amount - authorization.paid;
        }
    })?;
    say(&mut lines, unpaid, &format!("authorizations wait to be paid, {}: finance", shown(&sum)));
    let clawback = open_clawback(reader)?;
    if !clawback.is_empty() {
        lines.push(format!("  {} to be claimed back or set off: finance", shown(&clawback)));
    }
    if lines.is_empty() {
        return Ok("Nothing waits.\n".to_owned());
    }
    Ok(format!("What waits, and for whom:\n{}\n", lines.join("\n")))
}

fn say(lines: &mut Vec<String>, count: u64, what: &str) {
    if count > 0 {
        lines.push(format!("  {:>11}  {what}", grouped(count)));
    }
}

fn shown(amounts: &Amounts) -> String {
    amounts.iter().map(|(currency, amount)| money(*currency, *amount)).collect::<Vec<_>>().join(", ")
}
