//! The checks on units, one file each: what would pay a unit twice, or pay for one that was never sold.
//!
//! A rule is a plain function over facts. The verdict on a sale follows from the set of facts alone, so the order in
//! which they come in does not matter. To add a rule: write its file, list it in [`RULES`], give it a case file of the
//! same name below `cases/rules`. `stack_over_cap` looks at what all programs give for a sale, and is asked when that is known.

use contract::{Code, Day, Id, Micros, Money, Program, Reference, Sale, Text, normal_signs};

use crate::references::Known;
use crate::units::facts::{Heard, SaleKey};
use crate::units::told::Told;

pub(crate) mod amount_missing;
pub(crate) mod authorisation_reused;
pub(crate) mod circular_sale;
pub(crate) mod company_as_person;
pub(crate) mod consumer_rebate_paid;
pub(crate) mod customer_split;
pub(crate) mod dated_ahead;
pub(crate) mod drop_ship_counted;
pub(crate) mod end_customer_wrong;
pub(crate) mod free_goods;
pub(crate) mod inventory_exceeded;
pub(crate) mod movement_as_sale;
pub(crate) mod near_duplicate_document;
pub(crate) mod one_person_twice;
pub(crate) mod outside_period;
pub(crate) mod outside_territory;
pub(crate) mod overlapping_feeds;
pub(crate) mod pack_and_pieces;
pub(crate) mod partner_ineligible;
pub(crate) mod person_ineligible;
pub(crate) mod price_with_tax;
pub(crate) mod product_ineligible;
pub(crate) mod proof_missing;
pub(crate) mod restricted_party;
pub(crate) mod return_above_sold;
pub(crate) mod return_and_resell;
pub(crate) mod sale_in_two_periods;
pub(crate) mod sale_to_partner;
pub(crate) mod sale_unpaid;
pub(crate) mod serial_never_issued;
pub(crate) mod serial_sold_twice;
pub(crate) mod sign_wrong;
pub(crate) mod special_price_unfit;
pub(crate) mod split_unclear;
pub(crate) mod stack_over_cap;
pub(crate) mod two_tiers_report;
pub(crate) mod unauthorised_source;
pub(crate) mod unit_of_measure;

/// One check with its place in the catalogue.
pub struct Rule {
    /// The file it is written in, below `compliance/src/rules`, and that of its cases.
    pub name: &'static str,
    pub codes: &'static [Code],
    pub(crate) check: Check,
}

/// What a check looks at.
pub(crate) enum Check {
    /// One line by itself, and what tables say of it: it is no sale at all.
    NoSale(fn(&Sale, &Heard) -> Option<String>),
    /// One line and the day that the last tick named: does it lie too far ahead?
    Ahead(fn(&Sale, Day) -> bool),
    /// One line and the program it names.
    Named(fn(&Sale, &Told<'_>) -> Option<Breach>),
    /// One line and a program that selects it: what in its terms keeps it from paying, by the tables that count for it?
    Terms(fn(&Sale, &Program, &Known) -> Option<Unfit>),
    /// One line and a program that selects it: what of the program's conditions does it not meet?
    Condition(fn(&Sale, &Program, &Known) -> Option<Unmet>),
    /// The same by a table that comes late: what was known when the line was read, then what is known since.
    Told(fn(&Sale, &Program, &Known, &Known) -> Option<Unmet>),
    /// The same by the special prices that count for it: what was known when the line was read, then what they are looked up in.
    Priced(fn(&Sale, &Program, &Known, &Known) -> Option<Unmet>),
    /// One line under a program for paid documents only, and what is known of payments now: why does it wait?
    Payment(fn(&Sale, &Known) -> Option<sale_unpaid::Unpaid>),
    /// One line by itself: do programs count another amount than its own?
    Base(fn(&Sale, &Reference) -> Option<Based>),
    /// Two lines of one product: does the first repeat the second?
    Double(fn(&Sale, &Sale, &Known) -> bool),
    /// A reseller's line and a distributor's of one product and quantity: can they be the same units?
    Tiers(fn(&two_tiers_report::Report<'_>, &two_tiers_report::Report<'_>) -> Option<two_tiers_report::Nearness>),
    /// The life of one serial number.
    Serial(fn(&[serial_sold_twice::Move]) -> serial_sold_twice::Life),
    /// Units that came back through another partner than sold them.
    Undone(fn(&[serial_sold_twice::Move]) -> return_and_resell::Undone),
    /// A sale and an earlier one the other way, between two partners: do the goods come back?
    Circle(fn(SaleKey, SaleKey) -> bool),
    /// One partner, product and year against what was shipped in: how many of the largest lines are too much?
    Year(fn(i128, &[Micros]) -> usize),
    /// What is left of a document's lines, and the units of a return: what is above that?
    Returns(fn(Micros, Micros) -> Micros),
}

/// A breach of the terms of one program.
pub(crate) struct Breach {
    pub program: Text,
    /// X12 element 901.
    pub reason: &'static str,
    pub message: String,
    pub at_risk: Option<Money>,
}

/// What in the terms of a program keeps it from paying for a line.
pub(crate) struct Unfit {
    pub code: Code,
    /// X12 element 901.
    pub reason: &'static str,
    pub message: String,
}

impl Unfit {
    /// For the usual reason.
    pub fn new(code: Code, message: String) -> Unfit {
        Unfit { code, reason: code.reason_901(), message }
    }
}

/// The amount that programs count a line with, the price that goes with it, and why.
pub(crate) struct Based {
    pub amount: Micros,
    pub unit_price: Micros,
    pub message: String,
}

/// Why a line earns nothing under a program that selects it.
pub(crate) enum Unmet {
    /// The program is not for it, and nobody said that it was: no finding.
    Elsewhere,
    /// A breach, said for people.
    Breach(String),
}

/// Every rule on units, in order of precedence: among findings on one pair of records the earlier explains the later.
pub const RULES: &[Rule] = &[
    movement_as_sale::RULE,
    sign_wrong::RULE,
    overlapping_feeds::RULE,
    two_tiers_report::RULE,
    near_duplicate_document::RULE,
    serial_sold_twice::RULE,
    return_and_resell::RULE,
    sale_in_two_periods::RULE,
    pack_and_pieces::RULE,
    split_unclear::RULE,
    authorisation_reused::RULE,
    customer_split::RULE,
    special_price_unfit::RULE,
    amount_missing::RULE,
    circular_sale::RULE,
    dated_ahead::RULE,
    outside_period::RULE,
    product_ineligible::RULE,
    restricted_party::RULE,
    serial_never_issued::RULE,
    partner_ineligible::RULE,
    end_customer_wrong::RULE,
    outside_territory::RULE,
    sale_to_partner::RULE,
    free_goods::RULE,
    company_as_person::RULE,
    person_ineligible::RULE,
    one_person_twice::RULE,
    unauthorised_source::RULE,
    consumer_rebate_paid::RULE,
    drop_ship_counted::RULE,
    proof_missing::RULE,
    sale_unpaid::RULE,
    unit_of_measure::RULE,
    price_with_tax::RULE,
    inventory_exceeded::RULE,
    return_above_sold::RULE,
];

/// Days that documents of one number may lie apart and still be the same document.
pub(crate) const DOCUMENT_DAYS: i32 = 45;

/// Same product, quantity, amount and currency, and no serial numbers that say they are different units.
pub(crate) fn same_goods(sale: &Sale, other: &Sale) -> bool {
    sale.product == other.product
        && sale.quantity == other.quantity
        && sale.amount == other.amount
        && sale.currency == other.currency
        && !sale.quantity.is_zero()
        && !different_units(sale, other)
}

/// The same buyer; where nobody is named, the same outlet that sold.
pub(crate) fn same_party(sale: &Sale, other: &Sale) -> bool {
    sale.customer == other.customer && (!sale.customer.is_empty() || sale.outlet == other.outlet)
}

/// Both name serial numbers, and none is the same.
pub(crate) fn different_units(sale: &Sale, other: &Sale) -> bool {
    !sale.serials.is_empty()
        && !other.serials.is_empty()
        && !sale.serials.iter().any(|serial| other.serials.contains(serial))
}

/// Normal form of a document number, also without zeros that fill up digits behind a letter: INV-00123 is INV123.
pub(crate) fn skeleton(document: &str) -> Text {
    let mut follows_letter = false;
    let counts = |sign: &char| {
        let fills = *sign == '0' && follows_letter;
        follows_letter = fills || sign.is_alphabetic();
        !fills
    };
    normal_signs(document).filter(counts).collect()
}

pub(crate) fn days_apart(a: Day, b: Day) -> i32 {
    (a.0 - b.0).abs()
}

/// Later by (event time, sale id).
pub(crate) fn is_later(sale: &Sale, other: &Sale) -> bool {
    let key = |s: &Sale| -> (Day, Id) { (s.date, s.id) };
    key(sale) > key(other)
}
