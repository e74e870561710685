//! What persons said about findings, worked out anew from their audit chains.

use std::collections::BTreeMap;

use accrual_sink::verify::Check;
use anyhow::Result;
use contract::{AuditRecord, Code, Finding, Id, Ruling, RulingState, Text, Topic, same_person};

use super::{named, note};
use crate::reader::Reader;

/// What a chain comes to.
#[derive(PartialEq)]
struct Said {
    state: RulingState,
    by: Vec<Text>,
    reason: String,
}

/// What stands said is about findings that stand, and is what their audit chains say; what lets a sale earn two persons said.
pub(super) fn check(reader: &Reader) -> Result<[Check; 2]> {
    let mut persons = named("a finding that is released, or rejected for another sale, has two persons");
    let mut chains = named("what stands said about a finding is what its audit chain says");
    let said = rebuilt(reader)?;
    let mut found: BTreeMap<Id, Finding> = BTreeMap::new();
    reader.each_finding(&mut |finding| {
        found.insert(finding.id, finding);
    })?;
    reader.each(Topic::Rulings, &mut |ruling: Ruling| {
        let finding = found.get(&ruling.finding);
        let code = finding.map(|finding| finding.code);
        let what = || format!("finding {} is {} by {}", ruling.finding, ruling.state.as_str(), ruling.by.join(", "));
        note(&mut persons, has_persons(&ruling, code), what);
        let ids = [Some(ruling.finding), finding.and_then(turned)];
        let mut of_chains = ids.into_iter().flatten().filter_map(|id| said.get(&chain(id, &ruling.product)));
        let is_it = |said: &Said| (said.state, &said.by, &said.reason) == (ruling.state, &ruling.by, &ruling.reason);
        note(&mut chains, of_chains.any(is_it), what);
    })?;
    Ok([persons, chains])
}

fn has_persons(ruling: &Ruling, code: Option<Code>) -> bool {
    let is_shared = ruling.state == RulingState::Released || code.is_some_and(Code::frees_another);
    let wanted = if ruling.state.is_decided() && is_shared { 2 } else { 1 };
    let is_again = |(at, person): (usize, &Text)| ruling.by[..at].iter().any(|other| same_person(other, person));
    let distinct = !ruling.by.iter().enumerate().any(is_again);
    let no_partner = ruling.by.iter().all(|person| !person.to_lowercase().starts_with("partner/"));
    code.is_some() && distinct && ruling.by.len() == wanted && no_partner
}

/// A release goes on where another of two sales turns out to be the copy: it stands in the chain of the finding the other way round.
fn turned(finding: &Finding) -> Option<Id> {
    let other = finding.related.as_ref()?;
    let is_copy = matches!(finding.code, Code::NearDuplicateDocument | Code::PackAndPieces);
    is_copy.then(|| Finding::id_of(finding.code, other, Some(&finding.at)))
}

fn chain(finding: Id, product: &str) -> Text {
    match product {
        "" => format!("finding/{finding}").into(),
        product => format!("finding/{finding}/{product}").into(),
    }
}

/// By chain, what was said last and not taken back. Views come by chain and number.
fn rebuilt(reader: &Reader) -> Result<BTreeMap<Text, Said>> {
    let mut said: BTreeMap<Text, Said> = BTreeMap::new();
    reader.each(Topic::Audit, &mut |link: AuditRecord| {
        if !link.chain.starts_with("finding/") || link.action == "finding.refused" {
            return;
        }
        let before = said.remove(&link.chain);
        let is_decided = link.action == "finding.decided";
        let state = match (link.object.split(' ').next(), is_decided) {
            (Some("release"), true) => RulingState::Released,
            (Some("release"), false) => RulingState::ReleaseProposed,
            (Some("reject"), true) => RulingState::Rejected,
            (Some("reject"), false) => RulingState::RejectProposed,
            _ => return,
        };
        let proposed = match state {
            RulingState::Released => Some(RulingState::ReleaseProposed),
            RulingState::Rejected => Some(RulingState::RejectProposed),
            _ => None,
        };
        let mut by = before.filter(|before| Some(before.state) == proposed).map_or_else(Vec::new, |before| before.by);
        by.push(link.actor);
        said.insert(link.chain, Said { state, by, reason: link.reason });
    })?;
    Ok(said)
}
