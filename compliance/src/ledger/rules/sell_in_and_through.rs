//! DD-26 `sell-in-and-through`.
//!
//! Evidence: the units, what they cost, and the programs for their resale.
//!
//! At risk: what the program for purchases would have paid for them.
//!
//! ## What it finds
//! Units that were bought under a program for purchases and sold on under another one that it excludes (`not-with`). They
//! earn at resale; what is left of the purchases earns at purchase. Of a partner, product and period, what was bought first
//! counts as sold first.
//!
//! ## Why it matters
//! The same units would earn when they come in and again when they go out.
//!
//! ## Example
//! 1,000 bought at 1 %, 800 of them sold at 1.5 %: 800 earn 1.5 % and 200 earn 1 %.
//!
//! ## Late, corrected, out of order
//! What earns where follows from the purchases and sales that stand, in whatever order they came. A late sale, a correction
//! of the table of purchases or a sale that is taken back moves units from one program to the other, in a frozen period as
//! an adjustment; what was authorised at purchase above what is due is OP-24.
//!
//! ## Returns
//! A unit that comes back is unsold again, in the period of its sale, and earns at purchase. A return of no known sale
//! counts in its own period.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, money, shown};

/// Another program pays for the resale of these units.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>, winner: &str) -> Option<Found> {
    let tally = account.tally();
    if tally.lines == 0 || program.mechanism.sell_in().is_none() {
        return None;
    }
    let units = shown(tally.net.quantity);
    let message = format!("{units} units for {} earn at resale under {winner}", money(tally.net.amount, account));
    Some(Found::new(Code::SellInAndThrough, due.wanted(account, program), message))
}
