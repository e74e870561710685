//! Controls: numbered decisions of people and time, in band, the same for every partition.

use serde::{Deserialize, Serialize};

use crate::{ClaimAction, Currency, Day, Id, Micros, RulingAction, Text};

/// What a control says. Number and place come from the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// From here on the reference data in the blob of this hash hold.
    Configure { reference: Id },
    /// Time has come to this day: periods move, timers fire.
    Tick { as_of: Day },
    /// Nothing more lies ready: what has come in is settled. Moves no time.
    Settle,
    /// A command of a person or a system outside.
    Command(Box<Command>),
}

impl Control {
    /// The bytes that the log holds.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a control is encodable")
    }

    /// `None` for bytes that this build does not understand.
    pub fn decode(bytes: &[u8]) -> Option<Control> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Something that somebody ordered or reported, from a command file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub actor: Text,
    pub role: Text,
    pub reason: String,
    pub comment: String,
    /// Command file and line it came from.
    pub file: String,
    pub line_no: u32,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// An authorization was paid.
    Pay {
        authorization: Id,
        date: Day,
        amount: Micros,
        currency: Currency,
        /// The payer's own number of the payment; may be empty.
        reference: Text,
        /// How many payments equal in all of these stand in the command file up to here, this one included.
        occurrence: u32,
    },
    /// A steward decides what a partner's text means: `kind` is `product` or `outlet`.
    Resolve { kind: Text, partner: Text, text: String, identity: Text },
    /// A steward decides about a row that reports a held line with other content (DD-03). `file` is its path.
    Decide { partner: Text, file: String, record_no: u32, decision: RowDecision },
    /// A person decides about a claim line.
    Claim {
        /// [`crate::Claim::id`].
        claim: Id,
        action: ClaimAction,
    },
    /// A person decides about a finding that holds.
    Finding {
        /// [`crate::Finding::id`].
        finding: Id,
        action: RulingAction,
    },
    /// Two persons give up what is owed back of an authorization's settlement (GL13).
    WriteOff {
        authorization: Id,
        date: Day,
        /// At most so much.
        amount: Micros,
        currency: Currency,
        /// Not the actor.
        approved_by: Text,
    },
}

impl Action {
    /// The id of the payment that is reported; `None` for what is no payment.
    ///
    /// Lines of two files that agree in everything are one payment, told twice; lines of one file are as many payments
    /// as they are.
    pub fn payment(&self) -> Option<Id> {
        let Action::Pay { authorization, date, amount, currency, reference, occurrence } = self else { return None };
        let parts = [authorization.to_string(), date.to_string(), amount.to_string(), occurrence.to_string()];
        let [authorization, date, amount, occurrence] = &parts;
        Some(Id::of("payment", &[authorization, date, amount, currency.as_str(), reference, occurrence]))
    }
}

/// What becomes of a row that waits because another record holds its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowDecision {
    /// It takes the line, as a row of a correction would.
    Take,
    /// It is refused; what holds the line stays.
    Reject,
}
