//! What readers see of a data directory: views in order, and state that is only looked at.

use crate::overlay::Overlay;
use crate::store::{Column, Cursor, Store};
use crate::{Entry, PartitionState, StorageError};

/// State of one partition for readers. What is written to it goes nowhere.
pub type StateReader<'a> = PartitionState<'a, Overlay>;

/// Bytes of the topic in front of a view's key.
const TOPIC: usize = 1;

/// Bytes that a reader keeps in its cache.
const CACHE_BYTES: usize = 16 << 20;

pub(crate) fn state_reader(store: &dyn Store, stage: u8, partition: u16) -> StateReader<'_> {
    PartitionState::new(store, Overlay::new(stage, partition, 0, CACHE_BYTES))
}

/// Records of one view in key order.
///
/// Ends behind the last record or behind the first error, which is its last item; so a reader that drops errors
/// reads too little. Collect into a `Result`.
pub struct Views<'a> {
    cursor: Box<dyn Cursor + 'a>,
    /// Topic, then the start of the keys.
    prefix: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Within,
    End,
}

impl<'a> Views<'a> {
    pub(crate) fn under(store: &'a dyn Store, topic: u8, prefix: &[u8]) -> Views<'a> {
        Views { cursor: store.cursor(Column::Views), prefix: [&[topic], prefix].concat(), place: Place::Start }
    }

    fn step(&mut self) -> Result<Option<Entry>, StorageError> {
        match self.place {
            Place::Start => self.cursor.seek(&self.prefix)?,
            Place::Within => self.cursor.next()?,
            Place::End => return Ok(None),
        }
        self.place = Place::Within;
        let Some((key, value)) = self.cursor.entry() else {
            return Ok(None);
        };
        Ok(key.starts_with(&self.prefix).then(|| (key[TOPIC..].to_vec(), value.to_vec())))
    }
}

impl Iterator for Views<'_> {
    type Item = Result<Entry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.place = Place::End;
        }
        step
    }
}
