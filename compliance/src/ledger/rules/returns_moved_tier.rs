//! OP-14 `returns-moved-tier`.
//!
//! Evidence: the measure before returns and its tier, the measure net of them and its tier; the first sale of the
//! settlement.
//!
//! At risk: what the higher tier would have paid too much on what was kept; nothing where the program needs its lines in
//! order.
//!
//! ## What it finds
//! A settlement that would reach a higher tier if its returns were left out of the measure.
//!
//! ## Why it matters
//! A partner that buys up to a tier and sends goods back keeps the rate, unless the measure is net.
//!
//! ## Example
//! 1,020 units sold, 30 came back: 1,020 would reach 4 %, 990 net reach 2 %.
//!
//! ## Late, corrected, out of order
//! Both sums are taken from what stands, whatever came first. A late sale that lifts the net sum into the tier withdraws the
//! finding, and so does a return that is taken back. It is told of open and of frozen periods.
//!
//! ## Returns
//! They are what the rule is about: a return in the period and one that is linked to a sale of it count alike, as often as
//! they come.

use contract::{Code, Micros, Program};

use super::Booked;
use crate::ledger::account::Account;
use crate::ledger::findings::{Found, shown};
use crate::ledger::tally::Tally;
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, Sums, benefit, line_benefit, looks_back, measured, needs_lines, tiers};

/// OP-14: counted before returns, the measure would reach another tier.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let (tally, tiers) = (account.tally(), tiers(&program.mechanism));
    let (gross, net) = (measured(program, tally.net - tally.returned), measured(program, tally.net));
    let (polluted, clean) = (tier_reached(tiers, gross), tier_reached(tiers, net));
    if polluted <= clean {
        return None;
    }
    let (too_high, right) = (tiers[polluted - 1].rate, clean.checked_sub(1).map_or(Micros::ZERO, |i| tiers[i].rate));
    let message =
        format!("{} before returns would reach the tier of {too_high}; {} net reach {right}", shown(gross), shown(net));
    Some(Found::new(Code::BasisPolluted, over_tier(program, account), message))
}

/// What the tier alone would have paid too much on the net sums.
fn over_tier(program: &Program, account: &Account) -> Exact {
    let Tally { net, returned, .. } = account.tally();
    let gross = net - returned;
    if looks_back(&program.mechanism) {
        let net_when = |reached: Sums| line_benefit(program, Sums::default(), net, reached);
        return net_when(gross) - net_when(net);
    }
    if needs_lines(program) { Exact::ZERO } else { benefit(program, gross) - benefit(program, net) }
}
