//! Decisions that came to nothing, of which somebody must be told: about what nobody knew when they were taken in, refused ones,
//! and meanings of codes that no record has.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::{Context, Result};
use contract::{Action, AuditRecord, Command, Control, Id, Text, Topic};

use crate::reader::Reader;
use crate::run::commands::BadCommand;
use crate::run::entry::Entry;
use crate::run::stages;

/// A decision of which nothing came.
pub struct InVain {
    /// Where it stands, and why.
    pub said: BadCommand,
    /// No stage has judged it, nor a later one about the same.
    pub is_open: bool,
}

/// What a decision is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Claim(Id),
    Finding(Id),
    /// Codes and rows of a partner.
    Rows(Text),
}

impl About {
    fn of(command: &Command) -> Option<About> {
        match &command.action {
            Action::Claim { claim, .. } => Some(About::Claim(*claim)),
            Action::Finding { finding, .. } => Some(About::Finding(*finding)),
            Action::Resolve { partner, .. } | Action::Decide { partner, .. } => Some(About::Rows(partner.clone())),
            Action::Pay { .. } | Action::WriteOff { .. } => None,
        }
    }

    /// What the audit chains of it begin with.
    fn chain(&self) -> String {
        match self {
            About::Claim(id) => format!("claim/{id}\0"),
            About::Finding(id) => format!("finding/{id}"),
            About::Rows(partner) => format!("decisions/{partner}\0"),
        }
    }

    fn unheard(&self) -> &'static str {
        match self {
            About::Claim(_) => "names no claim line of a partner that a tick had shown; nothing was decided",
            About::Finding(_) => "names no finding that held anything; nothing was decided",
            About::Rows(_) => "was not judged; nothing was decided",
        }
    }
}

/// The decisions among the log's entries behind `from` of which nothing came, in order.
///
/// Each that is judged leaves a link in the audit chain of what it is about, also where it is refused, once that was shown: a
/// claim from the first tick on that shows it, a finding as long as it stands, and for good once anything was said about it.
/// So those without a link are the first ones.
///
/// # Errors
/// The data directory cannot be read.
pub fn in_vain(reader: &Reader, from: u64) -> Result<Vec<InVain>> {
    let end = reader.directory().committed().position.entry;
    let mut by_subject: BTreeMap<About, Vec<(u64, Command)>> = BTreeMap::new();
    each_decision(reader, from + 1..=end, &mut |number, about, command| {
        by_subject.entry(about).or_default().push((number, command));
    })?;
    if by_subject.is_empty() {
        return Ok(Vec::new());
    }
    let mut earlier: BTreeMap<About, usize> = BTreeMap::new();
    each_decision(reader, 1..=from, &mut |_, about, _| *earlier.entry(about).or_default() += 1)?;
    let mut in_vain = Vec::new();
    for (about, commands) in by_subject {
        let chains = chains(reader, &about)?;
        let earlier = earlier.get(&about).copied().unwrap_or_default();
        let count = earlier + commands.len();
        for (nth, (number, command)) in (earlier..).zip(commands) {
            let link = |chain: &'_ Vec<AuditRecord>| chain.get((nth + chain.len()).checked_sub(count)?).cloned();
            let links: Vec<AuditRecord> = chains.iter().filter_map(link).collect();
            let why = match links.first() {
                None => Some(about.unheard().to_owned()),
                Some(first) if links.iter().all(is_refusal) => Some(format!("nothing was decided: {}", first.object)),
                Some(_) => unread(reader, &command)?,
            };
            let is_open = links.is_empty() && chains.is_empty();
            in_vain.extend(why.map(|why| (number, InVain { said: said(&command, why), is_open })));
        }
    }
    in_vain.sort_by_key(|(number, _)| *number);
    Ok(in_vain.into_iter().map(|(_, in_vain)| in_vain).collect())
}

fn is_refusal(link: &AuditRecord) -> bool {
    matches!(link.action.as_str(), "claim.refused" | "finding.refused" | "record.undecided")
}

/// Why the meaning of a code changed nothing so far, if so.
fn unread(reader: &Reader, command: &Command) -> Result<Option<String>> {
    let Action::Resolve { partner, text, .. } = &command.action else { return Ok(None) };
    for mut state in reader.states(stages::NORMALIZE) {
        if normalize::views::has_reading(&mut state, partner, text.trim())? {
            return Ok(None);
        }
    }
    let why = format!("no record of {partner} is in doubt about this code; it is kept for records to come");
    Ok(Some(why))
}

fn said(command: &Command, message: String) -> BadCommand {
    let (field, value) = match &command.action {
        Action::Claim { claim, .. } => ("claim_id", claim.to_string()),
        Action::Finding { finding, .. } => ("finding_id", finding.to_string()),
        Action::Resolve { text, .. } => ("text", text.clone()),
        Action::Decide { record_no, .. } => ("record_no", record_no.to_string()),
        Action::Pay { authorization, .. } | Action::WriteOff { authorization, .. } => {
            ("authorization_id", authorization.to_string())
        }
    };
    BadCommand { file: command.file.clone(), line_no: command.line_no, field: field.to_owned(), value, message }
}

/// Hands over every decision among these entries of the log.
fn each_decision(
    reader: &Reader,
    numbers: RangeInclusive<u64>,
    visit: &mut dyn FnMut(u64, About, Command),
) -> Result<()> {
    let log = reader.directory().log();
    for number in numbers {
        if let Some(Entry::Control { control: Control::Command(command), .. }) = Entry::read(&log, number)?
            && let Some(about) = About::of(&command)
        {
            visit(number, about, *command);
        }
    }
    Ok(())
}

/// What was said of the decisions about it, in order. A row that was read as another product has a chain of each, and the
/// longest one heard of them first.
fn chains(reader: &Reader, about: &About) -> Result<Vec<Vec<AuditRecord>>> {
    let mut chains: BTreeMap<Text, Vec<AuditRecord>> = BTreeMap::new();
    for link in reader.directory().views_under(Topic::Audit as u8, about.chain().as_bytes()) {
        let (_, value) = link?;
        let link: AuditRecord = postcard::from_bytes(&value).context("a record of the audit trail is damaged")?;
        chains.entry(link.chain.clone()).or_default().push(link);
    }
    Ok(chains.into_values().collect())
}
