//! DD-04 `overlapping-feeds`.
//!
//! Evidence: the document and the record in the other feed.
//!
//! At risk: the benefit of the line with the higher sale id.
//!
//! ## What it finds
//! One sale that two partners of a family report: same product, document number (in its normal form), quantity, amount,
//! currency and date. A family is all partners below one top partner, with that partner: branches of one group belong
//! to it too, though neither is the other's parent. Two tiers with documents of their own are DD-08.
//!
//! ## Why it matters
//! A subsidiary's file and the group's roll-up both hold the sale; each would earn.
//!
//! ## Example
//! The branch reports document 4711 over 2 units, the group reports 4711 over 2 units of the same day: the one with the
//! higher sale id gets nothing.
//!
//! ## Late, corrected, out of order
//! A roll-up comes weeks later as a rule. Which of the two earns goes by sale id, not by arrival: where the one with
//! the lower id comes second, the one that earned gives way, in a frozen period as an adjustment. Where one is
//! corrected away the other earns.
//!
//! ## Returns
//! A return that either feed reports takes back from the line that counts, from the partner that earned it; its accrual
//! is on the row of that line where another partner reports the return. A return that both report under one number is
//! itself DD-04 and takes back once; under two numbers the second one is above what was sold (DQ-06). `DOCUMENT#LINE`
//! names the line as the feed of the return numbers it.

use contract::{Code, Sale};

use super::{Check, Rule, is_later, same_goods, skeleton};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "overlapping_feeds", codes: &[Code::OverlappingFeeds], check: Check::Double(check) };

fn check(sale: &Sale, other: &Sale, known: &Known) -> bool {
    let market = known.market();
    sale.at.partner != other.at.partner
        && sale.date == other.date
        && same_goods(sale, other)
        && market.family(&sale.at.partner) == market.family(&other.at.partner)
        && skeleton(&sale.document) == skeleton(&other.document)
        && is_later(sale, other)
}
