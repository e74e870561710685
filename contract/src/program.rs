//! Incentive programs as data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Cadence, Conditions, Currency, Day, Eligibility, Micros, Paid, Text};

/// One effective-dated version of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub id: Text,
    /// From 1, in order of `from`.
    pub version: u32,
    pub name: String,
    /// First and last sale date of this version.
    pub from: Day,
    pub to: Day,
    pub selector: Selector,
    /// What a sale must further be to be selected.
    pub eligible: Option<Eligibility>,
    /// What a selected sale must meet to earn.
    pub conditions: Conditions,
    pub mechanism: Mechanism,
    /// What is accrued when a partner buys units, ahead of what they earn when they are sold through. None: nothing.
    pub estimate: Option<SellInEstimate>,
    pub accrue: Accrue,
    pub period: Cadence,
    /// At each end of which inside the period, past its grace, what is due by then is authorised. `None`: at the freeze alone.
    pub interim: Option<Cadence>,
    /// The only currency whose sales are the program's; a special price says its own beside it. `None`: each sale's own, and all terms
    /// hold again in each.
    pub currency: Option<Currency>,
    pub conversion: Conversion,
    pub caps: Caps,
    /// Nothing is due below this measure of the period (`measure`'s unit); dollar-one from there on.
    pub threshold: Option<Micros>,
    /// At most one program of a group pays for a unit.
    pub group: Option<Text>,
    /// Lower goes first.
    pub priority: u32,
    /// Which program of the group pays for a sale; the same for all of them.
    pub choose: Choice,
    /// Programs that pay one after the other on one sale.
    pub stack: Option<Stack>,
    pub rounding: Rounding,
    pub rounding_mode: RoundingMode,
    pub headroom: Headroom,
    pub budget_of: BudgetOf,
    pub ties: Ties,
    /// Which tier earns where distributor and reseller report the same units (DD-08).
    pub pay_tier: Option<PartnerKind>,
    pub class: AccountingClass,
    /// Days after the period's end in which late sales still count in place.
    pub grace_days: u32,
    /// Days after the freeze until the period is closed.
    pub close_days: u32,
    /// Authorise without a claim when the period freezes.
    pub auto_authorise: bool,
    /// Whether what is due must be claimed; then nothing is authorised by itself.
    pub paid: Paid,
    /// An authorization below it waits.
    pub minimum_payout: Option<Micros>,
    pub below_minimum: BelowMinimum,
    pub unusual: OnUnusual,
    /// Bands of a settlement's benefit under its line caps, each with the share of it that is added; the band reached adds
    /// to all of it. None: no bonus.
    pub bonus: Vec<Tier>,
    pub prorate: Proration,
}

impl Program {
    /// Whether its `currency` admits this one.
    pub fn is_in(&self, currency: Currency) -> bool {
        self.currency.is_none_or(|own| own == currency)
    }

    /// The first version of a program on everything sold in these days, month by month: it pays by this mechanism, by itself,
    /// when a month is over.
    pub fn new(id: &str, [from, to]: [Day; 2], mechanism: Mechanism) -> Program {
        Program {
            id: id.into(),
            version: 1,
            name: id.to_owned(),
            from,
            to,
            selector: Selector::default(),
            eligible: None,
            conditions: Conditions::default(),
            mechanism,
            estimate: None,
            accrue: Accrue::default(),
            period: Cadence::Month,
            interim: None,
            currency: None,
            conversion: Conversion::default(),
            caps: Caps::default(),
            threshold: None,
            group: None,
            priority: 1,
            choose: Choice::default(),
            stack: None,
            rounding: Rounding::default(),
            rounding_mode: RoundingMode::default(),
            headroom: Headroom::default(),
            budget_of: BudgetOf::default(),
            ties: Ties::default(),
            pay_tier: None,
            class: AccountingClass::default(),
            grace_days: 0,
            close_days: 0,
            auto_authorise: true,
            paid: Paid::default(),
            minimum_payout: None,
            below_minimum: BelowMinimum::default(),
            unusual: OnUnusual::default(),
            bonus: Vec::new(),
            prorate: Proration::default(),
        }
    }

    /// Whether its budget is that of the program, which it shares with other versions.
    pub fn has_budget_of_program(&self) -> bool {
        self.caps.budget.is_some() && self.budget_of == BudgetOf::Program
    }

    /// Programs that compete for a sale share one key, so that one partition decides between them.
    pub fn ledger_key(&self) -> &Text {
        self.group.as_ref().unwrap_or(&self.id)
    }

    /// Whether the benefit goes to the person who sold.
    pub fn pays_person(&self) -> bool {
        matches!(self.mechanism, Mechanism::Spiff { .. })
    }
}

/// By which tier an open period is accrued where its rate is that of everything sold (domain notes §4.2-j; ASC 606-10-32-8, -14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accrue {
    /// By the one that sales have reached.
    #[default]
    Earned,
    /// By the one that the whole period is expected to reach ([`crate::Expectation`]), where that is a higher one. What it comes to
    /// above what is due is an estimate: nobody is owed it.
    Expected,
}

/// What becomes of what is due and too little to be paid (OP-35).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BelowMinimum {
    /// It is let go when its period closes.
    #[default]
    Forfeit,
    /// It gathers over all periods of the program, and is let go when that is over.
    Carry,
}

/// What becomes of what is due for a period that is far above what is usual for its beneficiary (OP-36).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnUnusual {
    /// It is told, and paid.
    #[default]
    Tell,
    /// It waits for two persons (OP-52).
    Hold,
}

/// Which sales may earn. An empty list admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Product source (catalogue).
    pub sources: Vec<Text>,
    pub categories: Vec<Text>,
    /// Golden products, `source/code`.
    pub products: Vec<Text>,
    pub excluded_products: Vec<Text>,
    /// Attributes of the product ([`crate::Reference::product_attributes`]), each with the values that it may have. By name.
    pub attributes: Vec<(Text, Vec<Text>)>,
    pub partners: Vec<Text>,
    /// Partners, each with all that buy through it, at any depth.
    pub partners_under: Vec<Text>,
    pub partner_kinds: Vec<PartnerKind>,
    /// Tier of the reporting partner on the sale date ([`crate::Reference::partner_tiers`]).
    pub partner_tiers: Vec<Text>,
    /// Country or region of the reporting partner.
    pub regions: Vec<Text>,
    /// Who bought, as sales keep it: a golden outlet, or a name behind a `?`.
    pub customers: Vec<Text>,
    /// Segment of the golden outlet that bought.
    pub customer_segments: Vec<Text>,
    /// Country or region of the golden outlet that bought.
    pub customer_regions: Vec<Text>,
    /// Currency of the sale.
    pub currencies: Vec<Currency>,
    /// What the row names: a promotion, project or deal.
    pub promotions: Vec<Text>,
}

/// How a benefit follows from the cumulative net measure of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// Money per unit sold.
    PerUnit { rate: Micros },
    /// Share of the net amount: 0.02 is two percent.
    Percent { rate: Micros },
    /// Each band pays its own slice, in (event time, sale key) order.
    VolumeMarginal { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// The highest band reached pays on everything.
    VolumeRetroactive { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// Per unit or per cent to the persons named on the sale; no name, no benefit.
    Spiff { benefit: Benefit, rate: Micros, split: Split, late: Option<Late> },
    /// Every band reached pays, each up to where the next one starts.
    VolumeRolling { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// Every band reached pays on everything.
    VolumeTotal { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// The highest band reached pays on what lies above `above`, in (event time, sale key) order.
    VolumeExcess { measure: Measure, benefit: Benefit, above: Micros, tiers: Vec<Tier> },
    /// One amount for the period once anything is sold in it, net; the threshold says how much it must be.
    Fixed { measure: Measure, amount: Micros },
    /// Volume tiers that start at shares of what the beneficiary sold before.
    Growth(Growth),
    /// The band of the beneficiary's score pays on everything.
    Score(Score),
    /// For each unit sold at a special price: what it cost above the authorised cost ([`crate::SpecialPrice`]).
    ShipAndDebit { resale: Resale, cost: CostBasis },
    /// For each unit sold at a special price: what the seller was to pass on ([`crate::SpecialPrice`]).
    PassThrough { resale: Resale },
    /// Units for each multiple that is bought.
    FreeGoods(FreeGoods),
    /// Points for each multiple that is bought. What is due is what they will cost ([`crate::Draw`] redeems them).
    Points(Points),
    /// A share of the amount sold, kept for the partner until its proven activities draw on it ([`crate::Draw`]).
    CoopFund(CoopFund),
    /// For each unit on hand when its book cost falls: what it falls by ([`crate::BookCost`], [`crate::Purchase`]).
    PriceProtection {
        /// Units count that were bought within so many days before the cut.
        look_back_days: u32,
    },
    /// Per unit, or a share of the book cost on that day, for what partners buy ([`crate::Purchase`]).
    SellIn(SellIn),
}

impl Mechanism {
    /// What becomes of units above the authorised resale price; `None` for a program that knows no special prices.
    pub fn resale(&self) -> Option<Resale> {
        match self {
            Mechanism::ShipAndDebit { resale, .. } | Mechanism::PassThrough { resale } => Some(*resale),
            _ => None,
        }
    }

    /// Whether a unit is given what it cost its partner above the authorised cost, so that all that the partner sells of a product
    /// uses its cost layers up.
    pub fn goes_by_layers(&self) -> bool {
        matches!(self, Mechanism::ShipAndDebit { cost: CostBasis::Layers, .. })
    }

    /// Within how many days before a cut of the price units must have been bought; `None` for a program that protects none.
    pub fn look_back_days(&self) -> Option<u32> {
        match self {
            Mechanism::PriceProtection { look_back_days } => Some(*look_back_days),
            _ => None,
        }
    }

    /// Whether it pays for what is left of a stock; then sales earn nothing, and take from it.
    pub fn protects_stock(&self) -> bool {
        self.look_back_days().is_some()
    }

    /// What it pays for purchases; `None` for a program that pays for anything else. Then sales earn nothing here.
    pub fn sell_in(&self) -> Option<&SellIn> {
        match self {
            Mechanism::SellIn(terms) => Some(terms),
            _ => None,
        }
    }

    /// Whether it pays for what partners buy or have, so that sales earn nothing and only count against it.
    pub fn keeps_stock(&self) -> bool {
        self.protects_stock() || self.sell_in().is_some()
    }

    /// Whether what a unit earns stands in its line.
    pub fn is_credited(&self) -> bool {
        self.resale().is_some() || self.protects_stock()
    }

    /// Whether what is due is kept until it is drawn, and expires when the period closes.
    pub fn is_drawn_on(&self) -> bool {
        matches!(self, Mechanism::Points(_) | Mechanism::CoopFund(_))
    }

    /// Whether what is due grows with what is sold of the period, so that the measure may have a cap. A fixed amount does not,
    /// points are under no cap, and what single units are credited with has a balance of its own.
    pub fn grows_with_measure(&self) -> bool {
        !self.is_credited() && !matches!(self, Mechanism::Fixed { .. } | Mechanism::Points(_))
    }

    /// What its rates are multiplied with; `None` where it has none, or where they follow from single units.
    pub fn benefit(&self) -> Option<Benefit> {
        match self {
            Mechanism::PerUnit { .. } => Some(Benefit::PerUnit),
            Mechanism::Percent { .. } | Mechanism::CoopFund(_) => Some(Benefit::Percent),
            Mechanism::VolumeMarginal { benefit, .. }
            | Mechanism::VolumeRetroactive { benefit, .. }
            | Mechanism::VolumeRolling { benefit, .. }
            | Mechanism::VolumeTotal { benefit, .. }
            | Mechanism::VolumeExcess { benefit, .. }
            | Mechanism::Growth(Growth { benefit, .. })
            | Mechanism::Spiff { benefit, .. }
            | Mechanism::Score(Score { benefit, .. })
            | Mechanism::SellIn(SellIn { benefit, .. }) => Some(*benefit),
            Mechanism::Fixed { .. }
            | Mechanism::ShipAndDebit { .. }
            | Mechanism::PassThrough { .. }
            | Mechanism::FreeGoods(_)
            | Mechanism::Points(_)
            | Mechanism::PriceProtection { .. } => None,
        }
    }

    /// What it knows of single partners, with its name: baselines or scores. Later versions of the reference data may have others
    /// (OP-47); `None` where it goes by none.
    pub fn figures(&self) -> Option<(&'static str, &Arc<[Figure]>)> {
        match self {
            Mechanism::Growth(Growth { baselines, .. }) => Some(("baseline", baselines)),
            Mechanism::Score(Score { scores, .. }) => Some(("score", scores)),
            _ => None,
        }
    }

    /// The same to be replaced.
    pub fn figures_mut(&mut self) -> Option<&mut Arc<[Figure]>> {
        match self {
            Mechanism::Growth(Growth { baselines, .. }) => Some(baselines),
            Mechanism::Score(Score { scores, .. }) => Some(scores),
            _ => None,
        }
    }

    /// What is counted: the unit of thresholds and tiers.
    pub fn measure(&self) -> Measure {
        match self {
            Mechanism::PerUnit { .. }
            | Mechanism::ShipAndDebit { .. }
            | Mechanism::PassThrough { .. }
            | Mechanism::PriceProtection { .. }
            | Mechanism::FreeGoods(_) => Measure::Quantity,
            Mechanism::Percent { .. } | Mechanism::CoopFund(_) => Measure::Amount,
            Mechanism::VolumeMarginal { measure, .. }
            | Mechanism::VolumeRetroactive { measure, .. }
            | Mechanism::VolumeRolling { measure, .. }
            | Mechanism::VolumeTotal { measure, .. }
            | Mechanism::VolumeExcess { measure, .. }
            | Mechanism::Fixed { measure, .. }
            | Mechanism::Growth(Growth { measure, .. })
            | Mechanism::Points(Points { measure, .. }) => *measure,
            Mechanism::Spiff { benefit: Benefit::PerUnit, .. }
            | Mechanism::SellIn(SellIn { benefit: Benefit::PerUnit, .. })
            | Mechanism::Score(Score { benefit: Benefit::PerUnit, .. }) => Measure::Quantity,
            Mechanism::Spiff { benefit: Benefit::Percent, .. }
            | Mechanism::SellIn(SellIn { benefit: Benefit::Percent, .. })
            | Mechanism::Score(Score { benefit: Benefit::Percent, .. }) => Measure::Amount,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    Quantity,
    Amount,
}

/// What a rate is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Benefit {
    PerUnit,
    Percent,
}

/// What is estimated for each unit that a partner buys, until it is sold through (domain notes §5.1, GL1 and GL3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellInEstimate {
    /// Percent is of the book cost on the day of the purchase ([`crate::BookCost`]).
    pub benefit: Benefit,
    pub rate: Micros,
    /// Days from the purchase after which units that were not seen sold are let go.
    pub lapses_after_days: u32,
}

/// How a sale is divided among the persons that it names (domain notes §4.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// What the sale says is one person, as reported.
    #[default]
    Whole,
    /// Names stand between semicolons; each gets the same, or the percentage behind the name.
    Equal,
    /// Percentages of the first named, the second and so on, where the sale says none. They add up to 100.
    Shares(Vec<u8>),
}

/// What is lost of a sale that is reported late (OP-07, domain notes §4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// Days from the sale within which nothing is lost.
    pub free_days: u32,
    /// Days behind them for which `lost` is lost once.
    pub step_days: u32,
    /// Share of the benefit that each step takes: 0.1 is ten percent.
    pub lost: Micros,
    pub steps: Steps,
    /// Days from the sale after which nothing is paid.
    pub nothing_after_days: Option<u32>,
}

/// Which steps count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Steps {
    Started,
    Completed,
}

/// A band `[from, next band's from)` of the measure with its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub from: Micros,
    pub rate: Micros,
}

/// Growth over a baseline that is frozen with the period (domain notes §4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    pub measure: Measure,
    pub benefit: Benefit,
    pub paid_on: PaidOn,
    /// `from` is a share of the baseline: 1.1 is 110 %.
    pub tiers: Vec<Tier>,
    /// What each partner's measure is compared with. In order of partner and period.
    pub baselines: Arc<[Figure]>,
}

/// A rate by bands of a score that is frozen with the period (domain notes §4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    pub benefit: Benefit,
    /// `from` is a score.
    pub tiers: Vec<Tier>,
    /// In order of partner and period.
    pub scores: Arc<[Figure]>,
}

/// Goods given for goods bought: `free` units for each whole `every`, booked at what one is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeGoods {
    pub every: Micros,
    pub free: Micros,
    /// Of one free unit.
    pub value: Micros,
    pub per: Per,
}

/// Points for goods bought: `points` for each whole `every` of the measure (domain notes §4.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    pub measure: Measure,
    pub every: Micros,
    pub points: Micros,
    pub per: Per,
    /// What one point buys.
    pub value: Micros,
    /// Share of the points that nobody is expected to redeem: 0.12 is twelve percent, always below one.
    pub breakage: Micros,
}

/// A co-op or market development fund (domain notes §5.3, GL19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoopFund {
    /// Share of the amount sold that goes into the fund.
    pub rate: Micros,
    /// Share of what an activity cost that the fund pays, up to what was approved (OP-42).
    pub share: Micros,
}

/// What is paid for units when a partner buys them, and for which of them nothing (DD-26).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellIn {
    pub benefit: Benefit,
    /// Money per unit, or a share of what the price book says that the units cost.
    pub rate: Micros,
    /// Programs for sales: units that earn under one of them earn nothing here. By id.
    pub not_with: Vec<Text>,
}

/// What multiples are counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    Sale,
    Period,
}

/// What is paid for a unit that was sold above the authorised resale price (OP-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resale {
    /// Nothing.
    Strict,
    /// What was passed on of it.
    Partial,
}

/// What says what a unit cost that was sold at a special price (OP-19, domain notes §4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostBasis {
    /// The price book on the sale date ([`crate::BookCost`]).
    #[default]
    Book,
    /// What the partner paid for it ([`crate::Purchase`]): what it bought first it sells first.
    Layers,
}

/// What growth is paid on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaidOn {
    /// The highest band reached pays on what lies above the baseline.
    Growth,
    /// Each band pays on what lies above its own target.
    Excess,
    /// The highest band reached pays on everything.
    All,
}

/// What the terms know of one partner: what it sold in a base period, in the unit of the program's measure, or its score.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figure {
    pub partner: Text,
    /// The period of the program that it is for (`2013-Q1`); empty for each.
    pub period: Text,
    pub value: Micros,
}

impl Figure {
    /// That of a partner in a period, from a list in order; one for the very period goes before one for each.
    pub fn find(figures: &[Figure], partner: &str, period: &str) -> Option<Micros> {
        let find = |period: &str| {
            let key = |figure: &Figure| (figure.partner.as_str(), figure.period.as_str()).cmp(&(partner, period));
            figures.binary_search_by(key).ok().map(|at| figures[at].value)
        };
        find(period).or_else(|| find(""))
    }
}

/// What shrinks with the days of a period in which the version is in force (domain notes §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proration {
    /// A fixed amount.
    pub amount: bool,
    /// Threshold, bounds of tiers, baseline.
    pub thresholds: bool,
    /// The caps of a beneficiary and period: of its measure, and of its benefit.
    pub caps: bool,
}

impl Default for Proration {
    fn default() -> Proration {
        Proration { amount: true, thresholds: false, caps: false }
    }
}

/// Which of the programs of a group that may pay for a sale does (DD-11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The one with the lowest number.
    #[default]
    Priority,
    /// The one whose rate gives the most for the sale, then by priority.
    BestForPartner,
    /// The one whose rate gives the least.
    BestForVendor,
}

/// A program's place among those that pay for one sale, in order of priority (DD-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub name: Text,
    pub base: Base,
    /// Whether what it gives lowers the base of later programs on net.
    pub reduces: bool,
    /// Share of the sale that all programs of the stack together give at most; the same for all of them (DD-12).
    pub at_most: Option<Micros>,
}

/// What a rate is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// The amount of the sale.
    Gross,
    /// What earlier programs of the stack leave of it.
    Net,
}

/// Whether what came back behind the freeze of a limit that settlements share is there for others (domain notes §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Headroom {
    /// What was authorised once keeps the limit used up.
    #[default]
    Kept,
    /// What came back, and what a close lets go, is free for others up to their own close.
    GivenBack,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetOf {
    /// All periods of the version.
    #[default]
    Version,
    /// Those of all versions of the program that say so; the newest one says how large it is.
    Program,
}

/// How settlements share what a budget leaves of the day on which it ends (domain notes §4.4, OP-17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// The sales of the day have it one after the other, in the order of their ids.
    #[default]
    BySale,
    /// Each settlement has of it in proportion to what it has earned on that day.
    ProRata,
}

/// Where the half of a minor unit goes when a benefit is rounded (domain notes §4.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoundingMode {
    /// Away from zero.
    #[default]
    HalfUp,
    /// To the even neighbour.
    HalfEven,
}

/// Where benefits are rounded to the minor unit (domain notes §4.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Once, for a beneficiary and period.
    #[default]
    Total,
    /// For each sale with its returns.
    Sale,
}

/// Which rate turns a benefit into the currency of the books (domain notes §4.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conversion {
    /// That of each sale's date.
    #[default]
    SaleDate,
    /// This one, for a program with a currency; sales in another one go by their dates.
    Fixed(Micros),
    /// The plain mean of the rates that are known of the calendar month of each sale.
    MonthAverage,
    /// That of the last day of the period, for all of it; the latest before it as long as there is none.
    PeriodEnd,
}

/// Upper bounds of the measure and of the benefit, in the order in which they bind (domain notes §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Of the measure of a beneficiary and period, in its unit: what lies above counts for nothing, neither for thresholds and
    /// tiers nor for the benefit. Only where the benefit grows with the measure ([`Mechanism::grows_with_measure`]).
    pub measure: Option<Micros>,
    pub per_unit: Option<Micros>,
    pub per_transaction: Option<Micros>,
    pub partner_period: Option<Micros>,
    /// Of a beneficiary over all periods of a calendar year, whatever the version: the last day of a period says in
    /// which year it lies.
    pub partner_year: Option<Micros>,
    /// Over all beneficiaries and periods of the program version, or of the program ([`BudgetOf`]).
    pub budget: Option<Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerKind {
    Distributor,
    Reseller,
}

impl PartnerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            PartnerKind::Distributor => "distributor",
            PartnerKind::Reseller => "reseller",
        }
    }
}

/// Which accounts a program's benefits are booked on (domain notes §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountingClass {
    #[default]
    ContraRevenue,
    MarketingExpense,
    SpiffExpense,
    /// Contra-revenue with a liability in points, which breaks when they expire.
    Points,
    /// Contra-revenue that is credited to what the partner owes.
    PriceProtection,
    /// The same for what units were sold below their cost by authorisation.
    ShipAndDebit,
    /// Contra-revenue for what a seller passes on.
    PassThrough,
}
