//! Reference data: what the manufacturer knows before the first sale comes in.
//!
//! A version of it travels as one blob, named by its hash in a [`crate::Control::Configure`].

use serde::{Deserialize, Serialize};

use crate::{Currency, Day, Id, Micros, PartnerKind, Program, Text};

/// One version of everything the stages look up.
///
/// Invariant: every list is sorted by its key and has no key twice, so that equal content has equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    pub tenant: String,
    /// Currency of the books.
    pub functional_currency: Option<Currency>,
    /// Days from an authorization after which what is not paid of it is told (UP-04); `None`: nobody waits for payments.
    pub paid_within_days: Option<u32>,
    pub partners: Vec<Partner>,
    pub outlets: Vec<Outlet>,
    pub products: Vec<Product>,
    pub product_attributes: Vec<ProductAttribute>,
    /// Partner code → golden product.
    pub cross_references: Vec<CrossReference>,
    pub shipments: Vec<Shipment>,
    pub inventory: Vec<StockCount>,
    pub purchases: Vec<Purchase>,
    pub programs: Vec<Program>,
    pub rates: Vec<Rate>,
    pub special_prices: Vec<SpecialPrice>,
    pub book_costs: Vec<BookCost>,
    pub draws: Vec<Draw>,
    pub memberships: Vec<Membership>,
    pub persons: Vec<Person>,
    pub restricted: Vec<Restricted>,
    pub serial_ranges: Vec<SerialRange>,
    pub consumer_rebates: Vec<ConsumerRebate>,
    pub drop_shipments: Vec<DropShipment>,
    pub customer_payments: Vec<CustomerPayment>,
    pub taxes: Vec<Tax>,
    pub tax_thresholds: Vec<TaxThreshold>,
    pub deductions: Vec<Deduction>,
    pub payees: Vec<PayeeAccount>,
    pub amendments: Vec<Amendment>,
    pub expectations: Vec<Expectation>,
    /// Where it is empty nobody has a limit.
    pub approvers: Vec<Approver>,
    pub partner_tiers: Vec<PartnerTier>,
    pub feeds: Vec<FeedRule>,
    /// Account symbol of the journal templates (`LI-ACC`) → account of the tenant's ledger.
    pub accounts: Vec<(Text, Text)>,
    pub journal_style: JournalStyle,
}

/// How an authorization is booked (domain notes §5.3, GL5 and GL5'). Both end with the same balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalStyle {
    /// What was accrued becomes payable.
    #[default]
    Reclass,
    /// What was accrued is taken back, and what is payable is booked as cost.
    ReverseAndBook,
}

/// What normalization must know of a feed definition; reading the file is the edge's work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRule {
    pub name: Text,
    pub partner: Text,
    /// How a product code as written becomes a code of the catalogue.
    pub code_rule: CodeRule,
}

/// How a partner writes product codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRule {
    /// Which numbers the column holds.
    pub scheme: CodeScheme,
    /// Text in front of each code (`ADV/`), taken off first.
    pub prefix: Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeScheme {
    /// The maker's numbers; letter case, dashes and spaces do not count.
    #[default]
    Maker,
    /// The partner's own numbers, known by the cross-reference only.
    Own,
    /// GTINs with check digit, known by the cross-reference or the catalogue.
    Gtin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    pub id: Text,
    pub name: String,
    pub kind: PartnerKind,
    /// Catalogue the partner sells from.
    pub source: Text,
    /// The distributor it buys through; empty where none.
    pub parent: Text,
    pub country: Text,
    pub region: Text,
    pub currency: Option<Currency>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlet {
    /// `source/id`.
    pub id: Text,
    pub name: String,
    pub city: String,
    pub region: String,
    pub country: String,
    /// Such as education; empty where unknown.
    pub segment: Text,
    /// The partner whose own site it is; empty where it is another's.
    pub operated_by: Text,
}

/// A party that no master knows, as sales keep it: its name in small letters, one blank between words, behind a `?`; empty
/// where there is no name.
pub fn unknown_party(name: &str) -> Text {
    let mut kept = Text::default();
    for word in name.split_whitespace() {
        kept.push(if kept.is_empty() { '?' } else { ' ' });
        kept.extend(word.chars().flat_map(char::to_lowercase));
    }
    kept
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `source/code`.
    pub id: Text,
    pub name: String,
    /// Names in other languages or spellings.
    pub other_names: Vec<String>,
    pub category: Text,
    pub list_price: Option<Micros>,
    /// Empty where unknown.
    pub gtin: Text,
    /// Units of a pack, where the product is sold in packs too.
    pub pack: Option<Micros>,
}

/// What the product master says of a product beside its category: family, brand, size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProductAttribute {
    /// `source/code`.
    pub product: Text,
    pub name: Text,
    /// One for each name.
    pub value: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CrossReference {
    pub partner: Text,
    pub code: Text,
    /// `source/code`.
    pub product: Text,
}

/// Units that a partner had on hand at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StockCount {
    pub partner: Text,
    pub product: Text,
    pub day: Day,
    /// Below zero where the partner's own books say so.
    pub units: Micros,
}

/// Units shipped in to a partner in a calendar year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shipment {
    pub partner: Text,
    pub product: Text,
    pub year: i16,
    pub units: Micros,
}

/// Units of a product that a partner bought; below zero for what it gave back to the vendor. Where they say what a unit cost they
/// are a cost layer (domain notes §4.6). Its key are partner, product, date and document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Purchase {
    pub partner: Text,
    /// `source/code`.
    pub product: Text,
    pub date: Day,
    /// The vendor's invoice; empty where nobody says.
    pub document: Text,
    pub units: Micros,
    /// `None` where nobody says.
    pub cost: Option<UnitCost>,
}

/// What one unit cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitCost {
    pub amount: Micros,
    pub currency: Currency,
}

/// Days on which a partner takes part in a program for members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    pub program: Text,
    pub partner: Text,
    pub from: Day,
    /// The last day; `None` without an end.
    pub to: Option<Day>,
}

/// Days on which a partner stands in a tier of the partner program, such as gold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartnerTier {
    pub partner: Text,
    pub tier: Text,
    pub from: Day,
    /// The last day; `None` without an end.
    pub to: Option<Day>,
}

impl PartnerTier {
    /// Whether the partner stands in it on some day from `first` to `last`.
    pub fn holds(&self, first: Day, last: Day) -> bool {
        self.from <= last && self.to.is_none_or(|to| first <= to)
    }
}

/// Days on which a person may be paid for what a partner sells: employed there, trained, certified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    pub partner: Text,
    pub name: Text,
    pub from: Day,
    /// The last day; `None` without an end.
    pub to: Option<Day>,
    /// What tells who is really paid, such as a hash of the account; empty where unknown.
    pub payee: Text,
}

/// A party that nobody may be paid for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Restricted {
    pub name: Text,
    /// The list that it stands on, with its version.
    pub list: Text,
}

/// Serial numbers issued for a product, in their normal form: upper case, letters and digits alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SerialRange {
    /// `source/code`.
    pub product: Text,
    pub first: Text,
    /// As long as the first, and not before it.
    pub last: Text,
    /// To whom these units were shipped; empty where nobody says.
    pub partner: Text,
}

impl SerialRange {
    /// Whether a serial number in its normal form lies in the range.
    pub fn holds(&self, serial: &str) -> bool {
        serial.len() == self.first.len() && self.first.as_str() <= serial && serial <= self.last.as_str()
    }
}

/// A unit for which the end customer was paid a rebate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConsumerRebate {
    /// `source/code`.
    pub product: Text,
    /// In its normal form: upper case, letters and digits alone.
    pub serial: Text,
    pub paid: Day,
}

/// An order of a partner that the manufacturer delivered to the end customer itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DropShipment {
    pub partner: Text,
    /// `source/code`.
    pub product: Text,
    /// As the partner numbers its documents.
    pub order: Text,
}

/// What is known from a day on of a partner's document: whether its customer has paid it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CustomerPayment {
    pub partner: Text,
    /// As the partner numbers its documents.
    pub document: Text,
    /// Of several rows on one document the latest holds.
    pub date: Day,
    pub status: InvoiceStatus,
}

/// Where a document stands with its customer; of two on one day the later one here holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InvoiceStatus {
    Paid,
    Unpaid,
    Cancelled,
}

/// An amount that a partner has kept back from an invoice for what a program owes it, and that it still has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deduction {
    pub program: Text,
    pub partner: Text,
    pub number: Text,
    pub invoice: Text,
    /// The program's period, `2013-Q1`.
    pub period: Text,
    pub amount: Micros,
    pub currency: Currency,
    /// Who of finance lets the partner keep it; empty: nobody has yet.
    pub accepted_by: Text,
}

/// What a person may let go of at most by one finding (OP-40).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Approver {
    pub person: Text,
    pub currency: Currency,
    pub limit: Micros,
}

/// A program version that may pay for periods that had frozen when it came, or was extended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amendment {
    pub program: Text,
    pub version: u32,
    /// Who answers for it, for people to read.
    pub approved_by: Text,
    /// The last sale date that is approved; `None`: whatever the version comes to pay for.
    pub to: Option<Day>,
}

/// What a partner is expected to sell in all of a period, in the unit of the program's measure, as it is known from a day on: a
/// judgement of the supplier, made anew at each reporting date (ASC 606-10-32-14). Only for programs that accrue by it
/// ([`crate::Accrue::Expected`]). Its key are program, partner, period and day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expectation {
    pub program: Text,
    pub partner: Text,
    /// The program's period, `2013-Q1`.
    pub period: Text,
    /// Holds until the day of the next one.
    pub from: Day,
    pub measure: Micros,
}

/// The account that a partner is paid to, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PayeeAccount {
    pub partner: Text,
    pub from: Day,
    /// What tells the account, such as a hash of its number.
    pub account: Text,
    /// In whose name it is kept; empty where unknown.
    pub holder: Text,
}

/// Sales tax of a country, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tax {
    pub country: Text,
    pub from: Day,
    /// Share of the net price: 0.19 is nineteen percent.
    pub rate: Micros,
}

/// What a payee of a country may be paid in a calendar year before the payer must report it, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaxThreshold {
    pub country: Text,
    pub currency: Currency,
    pub from: Day,
    /// From this sum on.
    pub amount: Micros,
}

/// Functional units for one unit of a currency on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    pub currency: Currency,
    pub day: Day,
    pub rate: Micros,
}

/// A product that a partner may sell at a special price, and what it is given for that: one line of a price
/// authorisation (domain notes §4.6, §4.7). Its key are program, partner, product and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpecialPrice {
    pub program: Text,
    pub partner: Text,
    pub product: Text,
    /// Number of the authorisation.
    pub id: Text,
    /// Golden outlet or customer; else the text as cleaned, with a `?` in front; empty: whoever buys.
    pub customer: Text,
    /// First and last sale date.
    pub from: Day,
    pub to: Day,
    /// Units; `None`: as many as are sold.
    pub quantity: Option<Micros>,
    pub credit: Credit,
    /// The most that a unit may be sold for.
    pub resale: Option<Micros>,
    /// Of all its amounts; sales in another one are not under it.
    pub currency: Currency,
}

impl SpecialPrice {
    /// What its balance is kept under.
    pub fn key(&self) -> Id {
        Id::of("special price", &[&self.program, &self.partner, &self.product, &self.id])
    }
}

/// What is given for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Credit {
    /// The cost of a unit above this one, by the price book or as it was bought ([`crate::CostBasis`]).
    AboveCost(Micros),
    Amount(Micros),
}

/// What a unit costs by the price book, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BookCost {
    pub product: Text,
    pub currency: Currency,
    pub from: Day,
    pub cost: Micros,
}

/// What a partner takes out of what it has earned under a program that is drawn on. Its key are program, partner and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Draw {
    pub program: Text,
    pub partner: Text,
    /// Number of the order or activity.
    pub id: Text,
    pub date: Day,
    pub asked: Asked,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Asked {
    /// Points to be redeemed, all of them or none.
    Points(Micros),
    /// A share of what an activity cost.
    Activity {
        /// The most that the fund pays.
        approved: Micros,
        spent: Micros,
        /// Supplier and number of the invoice; empty: none is there yet (OP-37).
        proof: Text,
        /// SHA-256 of the document that proves it, in lowercase hex; empty where nobody says (DD-24).
        document: Text,
    },
}

/// The part of a golden key in front of the first `/`.
pub fn source_of(golden: &str) -> &str {
    golden.split_once('/').map_or("", |(source, _)| source)
}

/// The part of a golden key behind the first `/`.
pub fn code_of(golden: &str) -> &str {
    golden.split_once('/').map_or(golden, |(_, code)| code)
}
