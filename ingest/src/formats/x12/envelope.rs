//! ISA/IEA, GS/GE and ST/SE: pairs, counts and control numbers.

use contract::Text;

use super::segment::{Segment, text_of};
use crate::definition::FileDoubt;
use crate::formats::Facts;

/// More faults than this are counted, not listed.
const FAULTS_MAX: usize = 20;

/// What envelope and declared totals have against a file.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<Fault>,
    /// Faults beyond those listed.
    more: u32,
    is_broken: bool,
}

#[derive(Debug)]
struct Fault {
    field: &'static str,
    value: String,
    message: String,
    /// A total or a pair disagrees: what arrived may not be what was sent.
    is_broken: bool,
}

impl Faults {
    /// A total or a pair that disagrees.
    pub(crate) fn broken(&mut self, field: &'static str, value: &[u8], message: String) {
        self.is_broken = true;
        self.note(Fault { field, value: text_of(value).into_owned(), message, is_broken: true });
    }

    /// Something odd that loses nothing.
    pub(crate) fn remark(&mut self, field: &'static str, value: &[u8], message: String) {
        self.note(Fault { field, value: text_of(value).into_owned(), message, is_broken: false });
    }

    fn note(&mut self, fault: Fault) {
        if self.listed.len() < FAULTS_MAX {
            self.listed.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Writes them down as the definition wants control totals to be treated; remarks never park a file.
    pub(crate) fn tell(&self, rule: FileDoubt, facts: &mut Facts) {
        for fault in &self.listed {
            let rule = if fault.is_broken || rule == FileDoubt::Ignore { rule } else { FileDoubt::Finding };
            facts.disagree(rule, fault.field, &fault.value, fault.message.clone());
        }
        if self.more > 0 {
            let rule = if self.is_broken || rule == FileDoubt::Ignore { rule } else { FileDoubt::Finding };
            facts.disagree(rule, "envelope", &self.more.to_string(), format!("{} more faults like these", self.more));
        }
    }
}

/// An envelope that is open: its control number and what it has counted.
#[derive(Debug, Default)]
struct Open {
    control: Text,
    counted: u32,
}

/// Follows the three nested envelopes through a file.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    interchange: Option<Open>,
    group: Option<Open>,
    set: Option<Open>,
    interchanges: Vec<Text>,
}

/// Where a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// ISA, GS, GE, IEA or a segment outside of any set.
    Outside,
    /// ST: a set begins.
    Begin,
    /// Between ST and SE.
    Inside,
    /// SE: the set ends.
    End,
}

impl Envelope {
    /// Takes a segment, reports what does not fit, and says where the segment stands.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, faults: &mut Faults) -> Place {
        if let Some(set) = &mut self.set {
            set.counted += 1;
        }
        if segment.is_cut && segment.id() != b"IEA" {
            faults.broken("end", segment.bytes(), "the file ends inside a segment; send it again whole".into());
        }
        match segment.id() {
            b"ISA" => self.begin_interchange(segment, faults),
            b"GS" => self.begin_group(segment, faults),
            b"ST" => {
                self.begin_set(segment, faults);
                return Place::Begin;
            }
            b"SE" => return self.end_set(segment, faults),
            b"GE" => self.end_group(segment, faults),
            b"IEA" => self.end_interchange(segment, faults),
            id if !is_segment_id(id) => {
                let message = format!(
                    "segment {} has no segment id; a separator inside a text, or something that is not X12",
                    segment.number
                );
                faults.broken("segment", segment.bytes(), message);
                return if self.set.is_some() { Place::Inside } else { Place::Outside };
            }
            _ if self.set.is_some() => return Place::Inside,
            _ => {
                let message = format!("segment {} stands outside of a transaction set", segment.number);
                faults.broken("segment", segment.id(), message);
            }
        }
        Place::Outside
    }

    /// What is still open when the file ends was cut off.
    pub(crate) fn finish(&mut self, faults: &mut Faults) {
        self.drop_open("ISA", faults);
    }

    fn begin_interchange(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("ISA", faults);
        let control = Text::from(segment.text(13));
        if self.interchanges.contains(&control) {
            let message = format!("interchange control number {control} comes twice in this file; send it once");
            faults.broken("ISA13", control.as_bytes(), message);
        } else if self.interchanges.len() < 1000 {
            self.interchanges.push(control.clone());
        }
        self.interchange = Some(Open { control, counted: 0 });
    }

    fn begin_group(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("GS", faults);
        match &mut self.interchange {
            Some(interchange) => interchange.counted += 1,
            None => faults.broken("GS", segment.element(6), "group outside of an interchange".into()),
        }
        self.group = Some(Open { control: Text::from(segment.text(6)), counted: 0 });
    }

    fn begin_set(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("ST", faults);
        match &mut self.group {
            Some(group) => group.counted += 1,
            None => faults.broken("ST", segment.element(2), "transaction set outside of a group".into()),
        }
        self.set = Some(Open { control: Text::from(segment.text(2)), counted: 1 });
    }

    fn end_set(&mut self, segment: &Segment<'_>, faults: &mut Faults) -> Place {
        let Some(open) = self.set.take() else {
            faults.broken("SE", segment.element(2), format!("segment {}: SE without ST", segment.number));
            return Place::Outside;
        };
        compare(["SE", "SE01", "SE02"], "segments", &open, segment, faults);
        Place::End
    }

    fn end_group(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("ST", faults);
        match self.group.take() {
            Some(open) => compare(["GE", "GE01", "GE02"], "transaction sets", &open, segment, faults),
            None => faults.broken("GE", segment.element(2), format!("segment {}: GE without GS", segment.number)),
        }
    }

    fn end_interchange(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("GS", faults);
        match self.interchange.take() {
            Some(open) => compare(["IEA", "IEA01", "IEA02"], "groups", &open, segment, faults),
            None => faults.broken("IEA", segment.element(2), format!("segment {}: IEA without ISA", segment.number)),
        }
    }

    /// Reports what `from` and the levels below it have left open.
    fn drop_open(&mut self, from: &str, faults: &mut Faults) {
        let levels =
            [("ST", "SE", &mut self.set), ("GS", "GE", &mut self.group), ("ISA", "IEA", &mut self.interchange)];
        let depth = levels.iter().position(|(begin, ..)| *begin == from).map_or(0, |at| at + 1);
        for (begin, end, level) in levels.into_iter().take(depth) {
            if let Some(open) = level.take() {
                let message = format!("{begin} {} has no {end}; a part of the file is missing", open.control);
                faults.broken(end, open.control.as_bytes(), message);
            }
        }
    }
}

/// Compares count (element 1) and control number (element 2) of a trailer with what was seen.
fn compare(
    [trailer, count, control]: [&'static str; 3],
    what: &str,
    open: &Open,
    segment: &Segment<'_>,
    faults: &mut Faults,
) {
    let declared = segment.element(1);
    if number(declared) != Some(u64::from(open.counted)) {
        let message = format!(
            "{count} declares {} {what}, {} were read; a part of the file is missing or was added",
            segment.text(1),
            open.counted
        );
        faults.broken(count, declared, message);
    }
    if !same_control(segment.element(2), open.control.as_bytes()) {
        let message = format!("{control} is {}, the header of {trailer} says {}", segment.text(2), open.control);
        faults.broken(control, segment.element(2), message);
    }
}

/// Control numbers are compared as numbers, since senders pad one end only.
fn same_control(a: &[u8], b: &[u8]) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// An unsigned whole number of up to 18 digits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
}

fn is_segment_id(id: &[u8]) -> bool {
    let is_name = id.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (2..=3).contains(&id.len()) && is_name && id[0].is_ascii_uppercase()
}
