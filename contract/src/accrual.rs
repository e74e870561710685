//! `pos.accruals` and `pos.authorizations`: what is due, and what may be paid.

use serde::{Deserialize, Serialize};

use crate::{AccountingClass, Currency, Day, Id, Micros, Text};

/// Why an accrual moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccrualKind {
    /// First amount of a settlement group's month (GL2).
    Earned,
    /// A later change inside an open period (GL4).
    TrueUp,
    /// A return or a withdrawn sale before anything was authorised (GL10).
    Reversal,
    /// A change to a frozen or closed period, booked in the current one (GL25).
    PriorPeriod,
    /// Due fell below what was paid (GL11).
    Clawback,
}

impl AccrualKind {
    pub fn as_str(self) -> &'static str {
        match self {
            AccrualKind::Earned => "earned",
            AccrualKind::TrueUp => "true-up",
            AccrualKind::Reversal => "reversal",
            AccrualKind::PriorPeriod => "prior-period",
            AccrualKind::Clawback => "clawback",
        }
    }
}

/// What money is settled over: one program for one beneficiary in one period and one currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Settlement {
    pub program: Text,
    pub version: u32,
    /// `partner:ID`, or `person:PARTNER/text as reported`.
    pub beneficiary: Text,
    /// The program's period, `2013-Q1`.
    pub period: Text,
    pub currency: Currency,
}

impl Settlement {
    /// The id that all movements of this settlement derive theirs from.
    pub fn id(&self) -> Id {
        let version = self.version.to_string();
        Id::of("settlement", &[&self.program, &version, &self.beneficiary, &self.period, self.currency.as_str()])
    }
}

/// By how much one batch changes what is due for one settlement and accounting month.
///
/// A batch is everything between two ticks. Until its tick the movement may come again under the same id, with the
/// batch's amount so far; nothing is left of it where that is zero in both currencies. One of no amount carries what others
/// before it are worth, whose sales had no rate until now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccrualMovement {
    /// H(settlement, month, batch).
    pub id: Id,
    pub settlement: Settlement,
    pub class: AccountingClass,
    pub kind: AccrualKind,
    /// Last day of the accounting month that the sales behind it fall in; the posting date.
    pub date: Day,
    /// The batch's delta so far, rounded to the currency's minor unit.
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    /// The same in the functional currency by the sale dates' rates; `None` without a rate (DQ-08).
    #[serde(with = "crate::wire::decimal_option")]
    pub functional: Option<Micros>,
    /// Number of the tick that closes it, counted from 1.
    #[serde(with = "crate::wire::count")]
    pub batch: u64,
}

impl AccrualMovement {
    /// Whether it moves nothing in either currency: it withdraws what came under its id before.
    pub fn is_nothing(&self) -> bool {
        self.amount.is_zero() && self.functional.is_none_or(Micros::is_zero)
    }
}

/// What becomes of an estimate: at sell-in ([`crate::SellInEstimate`]), or by the tier that is expected ([`crate::Accrue`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EstimateKind {
    /// Units were bought (GL1); below zero: they went back to the vendor.
    Estimated,
    /// They were sold through (GL3); below zero: they came back.
    Relieved,
    /// They were not seen sold in time (GL6); below zero: they were, it was reported later.
    Lapsed,
    /// More is expected of an open period than its sales have reached (GL4); below zero: less than before, or they have.
    Expected,
}

impl EstimateKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EstimateKind::Estimated => "estimated",
            EstimateKind::Relieved => "relieved",
            EstimateKind::Lapsed => "lapsed",
            EstimateKind::Expected => "expected",
        }
    }

    /// Whether an amount of this kind adds to what is open.
    pub fn opens(self, amount: Micros) -> bool {
        self.adds() == (amount > Micros::ZERO)
    }

    /// Whether what is above zero adds to what is open.
    pub fn adds(self) -> bool {
        matches!(self, EstimateKind::Estimated | EstimateKind::Expected)
    }
}

/// By how much a tick changes what is estimated for one settlement, of one kind and accounting month. It is no debt to the
/// beneficiary: nothing of it is due, and nothing is authorised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstimateMovement {
    /// H(settlement, kind, month, posting date, batch).
    pub id: Id,
    /// Its period is the one that the purchases fall in, or the open one.
    pub settlement: Settlement,
    pub class: AccountingClass,
    pub kind: EstimateKind,
    /// Posting date: the last day of the month in which units were bought, sold or let go, or something else was expected; of the
    /// current month where the period of that one has frozen.
    pub date: Day,
    /// The program's period that a month belongs to which had frozen; else empty (GL25).
    pub origin_period: Text,
    /// Rounded to the currency's minor unit, never zero.
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    /// The same in the functional currency by the rates of the days of purchase, or of the sales so far; `None` without a rate.
    #[serde(with = "crate::wire::decimal_option")]
    pub functional: Option<Micros>,
    /// Number of the tick that books it, counted from 1.
    #[serde(with = "crate::wire::count")]
    pub batch: u64,
}

/// `pos.accruals`, keyed by settlement (beneficiary).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccrualEvent {
    Moved(Box<AccrualMovement>),
    /// The period froze: the amount may be paid. A later prior-period adjustment upwards has an order of its own.
    Authorised(Box<AuthorizationOrder>),
    /// The period closed: what was accrued and not authorised is released (GL6). Also of one that froze below zero: it is owed
    /// back (GL11).
    Closed {
        settlement: Settlement,
        class: AccountingClass,
        date: Day,
        #[serde(with = "crate::wire::count")]
        batch: u64,
    },
    /// What is estimated has changed. Of one settlement and tick, what adds to it comes first.
    Estimated(Box<EstimateMovement>),
    /// The beneficiary keeps what it has deducted from an invoice (GL9).
    Deducted(Box<AcceptedDeduction>),
}

impl AccrualEvent {
    pub fn settlement(&self) -> &Settlement {
        match self {
            AccrualEvent::Moved(movement) => &movement.settlement,
            AccrualEvent::Authorised(order) => &order.settlement,
            AccrualEvent::Closed { settlement, .. } => settlement,
            AccrualEvent::Estimated(movement) => &movement.settlement,
            AccrualEvent::Deducted(deduction) => &deduction.order.settlement,
        }
    }
}

/// The ledger's word that an amount may be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationOrder {
    /// H("authorization", settlement id), with the number of the order from the second one on. The authorization that
    /// readers outside see has an id made from it.
    pub id: Id,
    pub settlement: Settlement,
    /// The claim line that is paid by it ([`crate::Claim::id`]).
    pub claim: Id,
    pub class: AccountingClass,
    pub amount: Micros,
    /// Functional amount of the same; `None` without a rate.
    pub functional: Option<Micros>,
    pub date: Day,
    /// Number of the tick that closes it, counted from 1.
    #[serde(with = "crate::wire::count")]
    pub batch: u64,
}

/// A deduction that finance has accepted: it is a payment in kind, under an order of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedDeduction {
    /// What is authorised with it: as much of it as is due and was not authorised before, which may be nothing.
    pub order: AuthorizationOrder,
    /// What the beneficiary keeps.
    pub kept: Micros,
    /// Of the deduction.
    pub number: Text,
    /// That it was taken from.
    pub invoice: Text,
    pub accepted_by: Text,
}
