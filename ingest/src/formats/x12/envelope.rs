//! ISA/IEA, GS/GE and ST/SE: pairs, counts and control numbers.

use contract::{Code, FieldProblem, Text};

use super::segment::{Segment, text_of};

/// More faults than this are counted, not listed.
const FAULTS_MAX: usize = 20;

/// What the envelope and the declared totals of a file say.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<FieldProblem>,
    /// Control faults beyond those listed.
    more: u32,
    /// A total or a pair disagrees: what arrived may not be what was sent.
    pub(crate) is_broken: bool,
}

impl Faults {
    /// A total or a pair that disagrees.
    pub(crate) fn broken(&mut self, field: &str, value: &[u8], message: String) {
        self.is_broken = true;
        self.remark(field, value, message);
    }

    /// Something odd that loses nothing.
    pub(crate) fn remark(&mut self, field: &str, value: &[u8], message: String) {
        if self.listed.len() == FAULTS_MAX {
            self.more += 1;
            return;
        }
        let value = text_of(&value[..value.len().min(80)]).into_owned();
        self.listed.push(FieldProblem { code: Code::ControlTotalWrong, field: Text::from(field), value, message });
    }

    pub(crate) fn into_problems(mut self) -> Vec<FieldProblem> {
        if self.more > 0 {
            let message = format!("{} more faults of this kind", self.more);
            let value = self.more.to_string();
            self.listed.push(FieldProblem { code: Code::ControlTotalWrong, field: Text::from("envelope"), value, message });
        }
        self.listed
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
            let message = format!("interchange control number {control} comes twice in this file");
            faults.remark("ISA13", control.as_bytes(), message);
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
        compare("SE", "segments", &open, segment, faults);
        Place::End
    }

    fn end_group(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("ST", faults);
        match self.group.take() {
            Some(open) => compare("GE", "transaction sets", &open, segment, faults),
            None => faults.broken("GE", segment.element(2), format!("segment {}: GE without GS", segment.number)),
        }
    }

    fn end_interchange(&mut self, segment: &Segment<'_>, faults: &mut Faults) {
        self.drop_open("GS", faults);
        match self.interchange.take() {
            Some(open) => compare("IEA", "groups", &open, segment, faults),
            None => faults.broken("IEA", segment.element(2), format!("segment {}: IEA without ISA", segment.number)),
        }
    }

    /// Reports what `from` and the levels below it have left open.
    fn drop_open(&mut self, from: &str, faults: &mut Faults) {
        let mut levels = vec![("ST", "SE", &mut self.set)];
        if from != "ST" {
            levels.push(("GS", "GE", &mut self.group));
        }
        if from == "ISA" {
            levels.push(("ISA", "IEA", &mut self.interchange));
        }
        for (begin, end, level) in levels {
            if let Some(open) = level.take() {
                let message = format!("{begin} {} has no {end}; a part of the file is missing", open.control);
                faults.broken(end, open.control.as_bytes(), message);
            }
        }
    }
}

/// Compares count (element 1) and control number (element 2) of a trailer with what was seen.
fn compare(trailer: &str, what: &str, open: &Open, segment: &Segment<'_>, faults: &mut Faults) {
    let declared = segment.element(1);
    if number(declared) != Some(u64::from(open.counted)) {
        let message = format!(
            "{trailer}01 declares {} {what}, {} were read; a part of the file is missing or was added",
            segment.text(1),
            open.counted
        );
        faults.broken(&format!("{trailer}01"), declared, message);
    }
    if !same_control(segment.element(2), open.control.as_bytes()) {
        let message = format!("{trailer}02 is {}, its header says {}", segment.text(2), open.control);
        faults.broken(&format!("{trailer}02"), segment.element(2), message);
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
