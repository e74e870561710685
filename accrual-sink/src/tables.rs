//! The state of the stage.

use contract::{Authorization, Command, Currency, Day, Id, JournalStyle, Reference, Text};
use serde::{Deserialize, Serialize};
use stream::Table;

use crate::book::Book;
use crate::estimate::Estimate;
use crate::rules::authorised_unpaid::Job;

/// Settlement id → its balances.
pub const BOOKS: Table<([u8; 16],), Book> = Table::new(1, "books");

/// Beneficiary → the end of its audit chain.
pub const PAYEES: Table<String, Payee> = Table::new(2, "payees");

/// Authorization id → settlement id.
pub(crate) const GRANTS: Table<([u8; 16],), [u8; 16]> = Table::new(3, "grants");

/// Open clawback: beneficiary, currency, batch in which it began, settlement id.
pub(crate) const CLAWBACKS: Table<(String, String, u64, [u8; 16]), ()> = Table::new(4, "clawbacks");

/// What is payable: beneficiary, currency, batch in which it became so last, settlement id.
pub(crate) const PAYABLES: Table<(String, String, u64, [u8; 16]), ()> = Table::new(12, "payables");

/// Id of a payment or write-off, so that the same one has an effect once.
pub(crate) const PAYMENTS: Table<([u8; 16],), ()> = Table::new(5, "payments");

/// What the controls said last; one row.
pub(crate) const SETTINGS: Table<u8, Settings> = Table::new(6, "settings");

/// Payments and write-offs whose authorization has not been issued yet: its id, the day, their own id → the command.
pub(crate) const WAITING: Table<([u8; 16], i32, [u8; 16]), Command> = Table::new(7, "waiting");

/// Authorizations of which something is payable and nobody was told so: the day, its id → as it was published last.
pub(crate) const UNPAID: Table<(i32, [u8; 16]), Authorization> = Table::new(9, "unpaid");

/// Those that were told as unpaid (UP-04), in the same way.
pub(crate) const OVERDUE: Table<([u8; 16],), Authorization> = Table::new(10, "overdue");

/// What the control under way has still to do; one row, gone once it is done.
pub(crate) const JOB: Table<u8, Job> = Table::new(11, "job");

/// Settlement id → what is estimated for it at sell-in.
pub const ESTIMATES: Table<([u8; 16],), Estimate> = Table::new(8, "estimates");

/// Rows that are read at once.
pub(crate) const PAGE: usize = 1024;

/// The next key behind `id`.
pub(crate) fn after(id: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(id).saturating_add(1).to_be_bytes()
}

/// The end of a beneficiary's audit chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    pub(crate) audit_seq: u64,
    pub(crate) audit_hash: [u8; 32],
}

/// What the stage must know of the configuration and of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Day of the last tick.
    pub today: Option<Day>,
    /// Ticks so far.
    ticks: u64,
    pub functional: Option<Currency>,
    pub paid_within_days: Option<u32>,
    /// Account symbol → the tenant's account, sorted by symbol.
    accounts: Vec<(Text, Text)>,
    pub journal_style: JournalStyle,
}

impl Settings {
    /// Says whether accounts have other names now.
    pub(crate) fn configure(&mut self, reference: &Reference) -> bool {
        self.functional = reference.functional_currency;
        self.paid_within_days = reference.paid_within_days;
        self.journal_style = reference.journal_style;
        let before = std::mem::replace(&mut self.accounts, reference.accounts.clone());
        before != self.accounts
    }

    pub(crate) fn tick(&mut self, as_of: Day) {
        self.today = Some(as_of);
        self.ticks += 1;
    }

    /// The number of the open batch: everything up to the next tick, counted from 1.
    pub(crate) fn batch(&self) -> u64 {
        self.ticks + 1
    }

    /// The tenant's account; the symbol itself where it has none.
    pub(crate) fn account(&self, symbol: &str) -> Text {
        let found = self.accounts.binary_search_by(|(known, _)| known.as_str().cmp(symbol));
        found.map_or_else(|_| symbol.into(), |at| self.accounts[at].1.clone())
    }

    /// Decimals that functional amounts are rounded to.
    pub(crate) fn digits(&self) -> u32 {
        self.functional.map_or(2, Currency::minor_digits)
    }
}

/// An authorization's id: the beneficiary's route, then the first half of the order's id.
///
/// So every id, also one that nobody issued, belongs to exactly one partition, however many there are.
pub(crate) fn authorization_id(beneficiary: &str, order: Id) -> Id {
    let mut bytes = order.0;
    bytes.copy_within(..8, 8);
    bytes[..8].copy_from_slice(&stream::outbox::route(beneficiary).to_be_bytes());
    Id(bytes)
}

/// The route that an authorization's id starts with.
pub(crate) fn route_of(authorization: Id) -> u64 {
    u64::from_be_bytes(authorization.0[..8].try_into().expect("an id has 16 bytes"))
}
