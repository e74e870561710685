//! DD-13 `strung-on-gross`.
//!
//! Evidence: what all lines for the same claim together, and what is due on the net amount; the claim line and the sale that
//! it names.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! Claims on the gross amount, under a percentage that pays on what earlier programs of its stack leave. What is
//! claimed, divided by the rate, is the amount that the partner reckons with. Where the earlier programs of the stack
//! leave of that amount just the one on which the benefit is due, the partner has left them out. This is told only
//! where they pay for all of the sales, and no cap or threshold takes more; else it is OP-44. What is due is paid
//! either way.
//!
//! ## Why it matters
//! Said so, the partner can put its claims right; above what is due there are many reasons.
//!
//! ## Example
//! 10 % and then 20 % of the rest on 1,000.00: 180.00 is due. Who claims 200.00 claims on the gross amount.
//!
//! ## Late, corrected, out of order
//! Lines and sales may come in any order; by two lines it is the same as by one. A late or corrected sale changes what is
//! due, so that the sum may fit no longer: then it is OP-44, or nothing. A line that is corrected to the net amount
//! withdraws the finding.
//!
//! ## Returns
//! What comes back takes its part of the net amount with it: what was claimed on gross fits no more, and the finding gives
//! way to OP-44, to OP-04 where nothing is due, and to OP-24 for what was authorised.

use contract::{Currency, Mechanism, Micros, Program};

use crate::ledger::account::Account;
use crate::programs::selection::selects_partner;
use crate::programs::stacking::net_of;
use crate::references::Known;

/// Whether lines that ask for `claimed` in all ask for a percentage of the gross amount of `quantity` units, of which `due` is
/// due on net, both to the minor unit.
pub(in crate::ledger::claims) fn is_on_gross(
    account: &Account,
    program: &Program,
    known: &Known,
    (claimed, due, quantity): (Micros, Micros, i128),
) -> bool {
    let Mechanism::Percent { rate } = program.mechanism else { return false };
    let Ok(quantity) = i64::try_from(quantity) else { return false };
    if program.stack.is_none() || rate <= Micros::ZERO || claimed <= due {
        return false;
    }
    let sold = claimed.share(Micros::ONE, rate);
    let stack = stack_of(account, program, known);
    let net = net_of(program, &stack, sold, Micros(quantity));
    net.is_some_and(|net| net < sold && (net.times(rate) - due).abs() <= minor_unit(account.settlement.currency))
}

/// What is said of such a line.
pub(in crate::ledger::claims) fn reason(asked: Micros, due: Micros) -> String {
    format!(
        "{asked} claimed is on the gross amount: what earlier programs of the stack give comes off first, which leaves {due}"
    )
}

/// The program with the others of its stack that its partner may earn under on the last day of the period.
fn stack_of<'a>(account: &Account, program: &'a Program, known: &'a Known) -> Vec<&'a Program> {
    let day = account.last_day.min(program.to);
    let is_other = |other: &&Program| {
        let [theirs, ours] = [*other, program].map(|program| program.stack.as_ref().map(|stack| &stack.name));
        other.id != program.id && theirs == ours && other.from <= day && day <= other.to
    };
    let others = known.reference.programs.iter().filter(is_other).filter(|other| may_pay(other, account, known));
    others.chain([program]).collect()
}

fn may_pay(program: &Program, account: &Account, known: &Known) -> bool {
    let partner = known.partner(&account.partner).zip(known.market().member(&account.partner));
    partner.is_none_or(|(partner, member)| selects_partner(&program.selector, partner, &member.above))
}

fn minor_unit(currency: Currency) -> Micros {
    Micros(10_i64.pow(6 - currency.minor_digits()))
}
