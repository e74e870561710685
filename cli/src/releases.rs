//! Persons who let go of what is held by twos, again and again the same (OP-40).
//!
//! A finding is decided in the partition of its product or program, so that nobody but a reader of the whole audit trail knows how
//! often two persons have agreed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use contract::{AuditRecord, RulingState, Text, Topic, person_words};

use crate::overview::grouped;
use crate::reader::Reader;

/// Releases by the same two persons that are told.
const OFTEN: u64 = 5;

/// How often each two persons released together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Releases {
    all: u64,
    /// By the words of both names, with the names as they were first written.
    pairs: BTreeMap<[Vec<String>; 2], ([Text; 2], u64)>,
}

impl Releases {
    /// Counts the links of chains, which come one chain after the other, each in order.
    ///
    /// # Errors
    /// Those of the links.
    fn of(links: impl Iterator<Item = Result<AuditRecord>>) -> Result<Releases> {
        let mut releases = Releases::default();
        let mut proposed: Option<(Text, Text)> = None;
        for link in links {
            let link = link?;
            match link.action.as_str() {
                "finding.proposed" => proposed = Some((link.chain, link.actor)),
                "finding.decided" => {
                    let by = proposed.take().filter(|(chain, _)| *chain == link.chain);
                    if let Some((_, by)) = by.filter(|_| link.object.ends_with(&format!(": {}", released()))) {
                        releases.add([&by, &link.actor]);
                    }
                }
                _ => {}
            }
        }
        Ok(releases)
    }

    fn add(&mut self, mut persons: [&Text; 2]) {
        persons.sort_by_key(|person| person_words(person));
        let names = persons.map(Text::clone);
        self.pairs.entry(persons.map(|person| person_words(person))).or_insert((names, 0)).1 += 1;
        self.all += 1;
    }

    /// Those that are told, the most frequent first.
    fn often(&self) -> Vec<&([Text; 2], u64)> {
        let mut often: Vec<_> = self.pairs.values().filter(|(_, count)| *count >= OFTEN).collect();
        often.sort_by(|(one, a), (other, b)| (b, one).cmp(&(a, other)));
        often
    }
}

fn released() -> &'static str {
    RulingState::Released.as_str()
}

/// A line for each two persons who released together often; nothing where none did.
///
/// # Errors
/// The audit trail cannot be read.
pub fn list(reader: &Reader) -> Result<String> {
    // Keys are chain and number, so that links come in their order.
    let links = reader.directory().views_under(Topic::Audit as u8, b"finding/").map(|link| {
        let (_, value) = link?;
        postcard::from_bytes(&value).context("a record of the audit trail is damaged")
    });
    let releases = Releases::of(links)?;
    let mut said = String::new();
    for ([one, other], count) in releases.often() {
        said.push_str(&format!(
            "  {:>11}  of {} releases by {one} and {other}\n",
            grouped(*count),
            grouped(releases.all)
        ));
    }
    Ok(if said.is_empty() { said } else { format!("\nReleased by the same two persons (OP-40):\n{said}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(chain: u32, seq: u64, actor: &str, action: &str, state: &str) -> AuditRecord {
        let (chain, object) = (format!("finding/{chain}").into(), format!("release of DD-05 {chain}: {state}"));
        AuditRecord { chain, seq, actor: actor.into(), action: action.into(), object, ..AuditRecord::default() }
    }

    fn released(chain: u32, [one, other]: [&str; 2]) -> [AuditRecord; 2] {
        [link(chain, 1, one, "finding.proposed", ""), link(chain, 2, other, "finding.decided", "released")]
    }

    fn counted(links: &[AuditRecord]) -> Releases {
        Releases::of(links.iter().cloned().map(Ok)).expect("nothing is read")
    }

    fn often(links: &[AuditRecord]) -> Vec<String> {
        let releases = counted(links);
        releases.often().iter().map(|([one, other], count)| format!("{count} {one} {other}")).collect()
    }

    #[test]
    fn the_same_two_persons_are_told_from_the_fifth_release_on() {
        let four: Vec<AuditRecord> = (0..4).flat_map(|n| released(n, ["ann", "bo"])).collect();
        assert_eq!(often(&four), [] as [&str; 0]);
        let five = [&four[..], &released(4, ["Bo", "Ann"])].concat();
        assert_eq!(often(&five), ["5 ann bo"], "whoever proposes, in whatever case");
        let others = [&four[..], &released(4, ["ann", "cy"]), &released(5, ["cy", "bo"])].concat();
        assert_eq!(often(&others), [] as [&str; 0]);
    }

    #[test]
    fn only_what_two_persons_released_counts() {
        let mut links: Vec<AuditRecord> = (0..4).flat_map(|n| released(n, ["ann", "bo"])).collect();
        links.push(link(7, 1, "ann", "finding.proposed", ""));
        links.push(link(7, 2, "bo", "finding.decided", "rejected"));
        links.push(link(8, 1, "bo", "finding.decided", "released"));
        links.push(link(9, 1, "ann", "finding.proposed", ""));
        links.push(link(9, 2, "bo", "finding.refused", "released"));
        assert_eq!(often(&links), [] as [&str; 0]);
        assert_eq!(counted(&links).all, 4);
    }
}
