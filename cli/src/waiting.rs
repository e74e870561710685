//! What waits, and for whom.

use anyhow::Result;
use contract::{Authorization, AuthorizationStatus, Claim, ClaimQueue, ClaimState, Code, Day, Decision, Topic};

use crate::in_vain::in_vain;
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
    say(
        &mut lines,
        unread_files,
        "file waits|files wait",
        "for a feed definition or for totals that agree: who configures",
    );
    say(&mut lines, refused_files, "file was|files were", "refused: the sender");
    say(&mut lines, parked, "line waits|lines wait", "for a product or a correction to be named: a steward");
    let (mut held, mut early, mut early_sum) = (0, 0, Amounts::new());
    let rulings = reader.rulings()?;
    reader.each_finding(&mut |finding| {
        let said = rulings.get(&finding.id);
        let holds = finding.code.decision() == Decision::Hold && finding.explained_by.is_none();
        held += u64::from(holds && said.is_none());
        if finding.code == Code::PaidUnauthorised {
            early += 1;
            finding.at_risk.iter().for_each(|paid| *early_sum.entry(paid.currency).or_default() += paid.amount);
        }
    })?;
    say(&mut lines, held, "finding holds|findings hold", "a benefit: compliance");
    let proposed = rulings.values().filter(|said| !said.state.is_decided()).count();
    say(&mut lines, proposed as u64, "finding waits|findings wait", "for a second person to decide: compliance");
    claims(reader, &mut lines)?;
    let what = format!("for an authorization to be issued, {}: finance", shown(&early_sum));
    say(&mut lines, early, "payment or write-off waits|payments or write-offs wait", &what);
    let (mut unpaid, mut sum) = (0, Amounts::new());
    reader.each(Topic::Authorizations, &mut |authorization: Authorization| {
        if authorization.status == AuthorizationStatus::Authorised {
            unpaid += 1;
            *sum.entry(authorization.currency).or_default() += authorization.amount - authorization.paid;
        }
    })?;
    let what = format!("to be paid, {}: finance", shown(&sum));
    say(&mut lines, unpaid, "authorization waits|authorizations wait", &what);
    let clawback = open_clawback(reader)?;
    if !clawback.is_empty() {
        lines.push(format!("  {} to be claimed back or set off: finance", shown(&clawback)));
    }
    let unheard: Vec<_> = in_vain(reader, 0)?.into_iter().filter(|decision| decision.is_open).collect();
    if let Some(first) = unheard.first() {
        let what = format!(
            "about a claim or a finding that nobody knows, first {}:{}: who decided",
            first.said.file, first.said.line_no
        );
        say(&mut lines, unheard.len() as u64, "decision is|decisions are", &what);
    }
    if lines.is_empty() {
        return Ok("Nothing waits.\n".to_owned());
    }
    Ok(format!("What waits, and for whom:\n{}\n", lines.join("\n")))
}

/// Claim lines that wait for a person, or for what they claim to come about, with what they claim.
fn claims(reader: &Reader, lines: &mut Vec<String>) -> Result<()> {
    type Waits = fn(&Claim) -> bool;
    const LINES: &str = "claim line waits|claim lines wait";
    const REVIEWER: &str = "who reviews claims";
    fn is_held(claim: &Claim, of_sale: bool) -> bool {
        claim.queue.is_some_and(|queue| (queue == ClaimQueue::HeldSale) == of_sale)
    }
    let waits: [(Waits, &str, &str, &str); 4] = [
        (|claim| is_held(claim, false), LINES, "for a person to release, adjust or reject", REVIEWER),
        (
            |claim| is_held(claim, true),
            LINES,
            "for a decision about what holds its sales",
            "who decides about findings",
        ),
        (
            |claim| claim.state == ClaimState::InDispute,
            "appeal waits|appeals wait",
            "for a person to uphold, overturn or settle",
            REVIEWER,
        ),
        (|claim| claim.state == ClaimState::Deferred, LINES, "for sales to come in", "the partner"),
    ];
    let mut found = waits.map(|_| (0, Amounts::new(), None::<Day>));
    reader.each(Topic::Claims, &mut |claim: Claim| {
        if let Some(nth) = waits.iter().position(|(waits, ..)| waits(&claim)) {
            let (count, sum, first) = &mut found[nth];
            *count += 1;
            *first = (*first).into_iter().chain(claim.decide_by).min();
            *sum.entry(claim.currency).or_default() += claim.claimed;
        }
    })?;
    for ((_, words, what, whom), (count, sum, first)) in waits.iter().zip(&found) {
        let until = first.map_or_else(String::new, |day| format!(", the first by {day}"));
        say(lines, *count, words, &format!("{what}, {}{until}: {whom}", shown(sum)));
    }
    Ok(())
}

/// `words` are for one and for many.
fn say(lines: &mut Vec<String>, count: u64, words: &str, what: &str) {
    let (one, many) = words.split_once('|').expect("words for one and for many");
    if count > 0 {
        lines.push(format!("  {:>11}  {} {what}", grouped(count), if count == 1 { one } else { many }));
    }
}

fn shown(amounts: &Amounts) -> String {
    amounts.iter().map(|(currency, amount)| money(*currency, *amount)).collect::<Vec<_>>().join(", ")
}
