//! The heads of the sets of a file, for whoever answers it.

use std::io::Read;
use std::sync::Arc;

use super::segment::{Segment, SegmentReader, Separators};
use crate::formats::{Limits, Stop};

/// What stands above the records of one transaction set. A segment is its elements, the id being element 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetHead {
    pub separators: Separators,
    /// ISA, without the blanks that fill its elements.
    pub interchange: Arc<[String]>,
    /// GS; empty where a set stands outside of a group.
    pub group: Arc<[String]>,
    /// Number of ST among the file's segments, as rows count them.
    pub segment: u32,
    /// The segment behind ST, which names the report or claim; empty where there is none.
    pub begin: Vec<String>,
}

/// The heads of all sets of a file, in order.
///
/// # Errors
/// The bytes cannot be had or are no X12.
pub fn heads<'a>(input: Box<dyn Read + Send + 'a>, limits: &Limits) -> Result<Vec<SetHead>, Stop> {
    let mut segments = SegmentReader::new(input, limits.record_bytes_max);
    let (mut interchange, mut group): (Arc<[String]>, Arc<[String]>) = (Arc::new([]), Arc::new([]));
    let mut heads: Vec<SetHead> = Vec::new();
    while let Some(segment) = segments.next()? {
        match segment.id() {
            b"ISA" => (interchange, group) = (elements(&segment).into(), Arc::new([])),
            b"GS" => group = elements(&segment).into(),
            b"ST" => heads.push(SetHead {
                separators: segment.separators,
                interchange: Arc::clone(&interchange),
                group: Arc::clone(&group),
                segment: segment.number,
                begin: Vec::new(),
            }),
            _ => {
                if let Some(head) = heads.last_mut().filter(|head| head.segment + 1 == segment.number) {
                    head.begin = elements(&segment);
                }
            }
        }
    }
    Ok(heads)
}

fn elements(segment: &Segment<'_>) -> Vec<String> {
    (0..segment.elements()).map(|at| segment.text(at).into_owned()).collect()
}
