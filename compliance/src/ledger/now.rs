//! What a control looks at settlements with.

use std::sync::Arc;

use contract::Day;

use crate::references::{Known, References};

/// The control under way. A frozen settlement keeps its terms; what people enter about it later is looked up as of here.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub control: u64,
    /// The latest day that a tick has named, this control's included.
    pub today: Option<Day>,
    pub references: &'a References,
}

impl<'a> Now<'a> {
    /// The reference data in force.
    pub fn known(&self) -> &'a Arc<Known> {
        self.references.as_of(self.control)
    }

    /// Those that were in force before this control.
    pub fn known_before(&self) -> &'a Arc<Known> {
        self.references.as_of(self.control.saturating_sub(1))
    }
}
