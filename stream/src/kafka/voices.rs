//! What stands under a key of a view, where several tasks may have spoken of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kafka::{Label, TaskId};

/// What each writer of a view said last under one key.
///
/// Of one writer the highest number counts, however often and in which order records were sent again. Where several
/// have spoken of the key, it is there as long as one of them says so; of those the last in the line is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Voices(BTreeMap<TaskId, Said>);

/// A writer's last record: its number, its value.
type Said = (u64, Option<Vec<u8>>);

impl Voices {
    pub fn hear(&mut self, label: &Label, value: Option<&[u8]>) {
        let said = self.0.entry(label.origin.task).or_default();
        if label.number > said.0 {
            *said = (label.number, value.map(<[u8]>::to_vec));
        }
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.0.values().rev().find_map(|(_, value)| value.as_deref())
    }
}
