//! What a partner has of a product, as one program counts it.

use contract::{Id, Text};

/// The units of a product that a partner bought and has not sold, under one program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock {
    pub program: Text,
    pub partner: Text,
    pub product: Text,
}

impl Stock {
    /// What its sales are added up under.
    pub fn id(&self) -> Id {
        stock_id(&self.program, &self.partner, &self.product)
    }
}

/// [`Stock::id`].
pub fn stock_id(program: &str, partner: &str, product: &str) -> Id {
    Id::of("stock", &[program, partner, product])
}
