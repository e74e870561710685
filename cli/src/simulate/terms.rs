//! Terms of programs in words, so that two versions of them can stand side by side.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    AccountingClass, Accrue, Base, BelowDue, BelowMinimum, Benefit, BudgetOf, Cadence, Caps, Choice, ClaimTerms,
    Conditions, Conversion, CoopFund, CostBasis, Eligibility, Figure, FreeGoods, Growth, Headroom, Late, LateClaim,
    Measure, Mechanism, Micros, OnUnusual, Paid, PaidOn, Per, Points, Program, Proration, Resale, Review, Rounding,
    RoundingMode, Selector, SellIn, SellInEstimate, Split, Stack, Steps, Text, Tier, Ties, Unreviewed,
};

use super::difference::Sides;

/// Baselines and scores that are named one by one; longer lists go by their number and digest.
const FIGURES_SHOWN: usize = 12;

/// A program version that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub program: Text,
    pub version: u32,
    /// `None` where the version is not there.
    pub versions: Sides<Option<Program>>,
}

/// A key of a program file with what it says on each side; empty where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub key: &'static str,
    pub says: Sides<String>,
}

/// All versions that are new, gone or say something else, in order of program and version.
pub fn changed(before: &[Program], after: &[Program]) -> Vec<Changed> {
    let of = |programs: &[Program]| -> BTreeMap<(Text, u32), Program> {
        programs.iter().map(|program| ((program.id.clone(), program.version), program.clone())).collect()
    };
    let (mut before, mut after) = (of(before), of(after));
    let keys: BTreeSet<(Text, u32)> = before.keys().chain(after.keys()).cloned().collect();
    let changed = keys.into_iter().map(|key| {
        let versions = Sides { before: before.remove(&key), after: after.remove(&key) };
        Changed { program: key.0, version: key.1, versions }
    });
    changed.filter(|changed| changed.versions.differ()).collect()
}

/// What happens to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    New,
    TakenOut,
    /// It says something else under the same number.
    Terms,
}

impl Changed {
    pub fn kind(&self) -> Change {
        match (&self.versions.before, &self.versions.after) {
            (None, _) => Change::New,
            (_, None) => Change::TakenOut,
            _ => Change::Terms,
        }
    }

    /// The change in words: `new`, `taken out`, or the keys that say something else.
    pub fn what(&self) -> String {
        match self.kind() {
            Change::New => "new".to_owned(),
            Change::TakenOut => "taken out".to_owned(),
            Change::Terms => {
                let keys = self.terms().into_iter().filter(|term| term.says.differ()).map(|term| term.key);
                format!("other terms: {}", keys.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Every key that says something on either side, in the order in which program files have them.
    pub fn terms(&self) -> Vec<Term> {
        let says = self.versions.map(|version| version.as_ref().map_or_else(Vec::new, describe));
        let of = |said: &[(&str, String)], key: &str| {
            said.iter().find(|(other, _)| *other == key).map_or_else(String::new, |(_, text)| text.clone())
        };
        let term = |key: &&'static str| Term { key, says: says.map(|said| of(said, key)) };
        let terms = KEYS.iter().map(term);
        terms.filter(|term| !(term.says.before.is_empty() && term.says.after.is_empty())).collect()
    }
}

const KEYS: [&str; 33] = [
    "name",
    "from",
    "to",
    "select",
    "eligible",
    "conditions",
    "earn",
    "estimate-at-sell-in",
    "accrue",
    "threshold",
    "period",
    "interim",
    "currency",
    "fx",
    "caps",
    "group",
    "priority",
    "choose",
    "stack",
    "rounding",
    "rounding-mode",
    "headroom",
    "ties",
    "pay-tier",
    "class",
    "grace-days",
    "close-days",
    "auto-authorise",
    "paid",
    "minimum-payout",
    "unusual",
    "bonus",
    "prorate",
];

/// Each key with what it says; what is left empty says nothing.
fn describe(program: &Program) -> Vec<(&'static str, String)> {
    let shown = |value: Option<String>| value.unwrap_or_default();
    let says = [
        program.name.clone(),
        program.from.to_string(),
        program.to.to_string(),
        selector(&program.selector),
        shown(program.eligible.as_ref().map(Eligibility::to_string)),
        conditions(&program.conditions),
        mechanism(&program.mechanism),
        shown(program.estimate.map(estimated)),
        shown((program.accrue == Accrue::Expected).then(|| "expected".to_owned())),
        shown(program.threshold.map(|threshold| threshold.to_string())),
        cadence(program.period).to_owned(),
        shown(program.interim.map(|interim| cadence(interim).to_owned())),
        shown(program.currency.map(|currency| currency.to_string())),
        conversion(program.conversion),
        caps(&program.caps, program.budget_of),
        shown(program.group.as_ref().map(Text::to_string)),
        program.priority.to_string(),
        choice(program.choose).to_owned(),
        shown(program.stack.as_ref().map(stack)),
        rounding(program.rounding).to_owned(),
        rounding_mode(program.rounding_mode).to_owned(),
        headroom(program.headroom).to_owned(),
        ties(program.ties).to_owned(),
        shown(program.pay_tier.map(|kind| kind.as_str().to_owned())),
        class(program.class).to_owned(),
        program.grace_days.to_string(),
        program.close_days.to_string(),
        if program.auto_authorise { "yes" } else { "no" }.to_owned(),
        paid(program.paid),
        shown(program.minimum_payout.map(|minimum| minimum_payout(minimum, program.below_minimum))),
        unusual(program.unusual).to_owned(),
        bands(&program.bonus, Benefit::Percent, |from| from.to_string()),
        prorate(program.prorate),
    ];
    KEYS.into_iter().zip(says).collect()
}

fn minimum_payout(minimum: Micros, below: BelowMinimum) -> String {
    match below {
        BelowMinimum::Forfeit => minimum.to_string(),
        BelowMinimum::Carry => format!("{minimum}, below: carry"),
    }
}

fn unusual(unusual: OnUnusual) -> &'static str {
    match unusual {
        OnUnusual::Tell => "tell",
        OnUnusual::Hold => "hold",
    }
}

fn paid(paid: Paid) -> String {
    let Paid::Claim(ClaimTerms { days, late, review_above, override_limit, appeal_days, tolerance, review: held }) =
        paid
    else {
        return "auto".to_owned();
    };
    let late = match late {
        LateClaim::Reject => "reject",
        LateClaim::Roll => "roll",
    };
    let amount = |key: &str, amount: Option<Micros>| amount.map_or_else(String::new, |a| format!(", {key} {a}"));
    let (review, limit) = (amount("review-above", review_above), amount("override-limit", override_limit));
    let (allowed, share) = (amount("tolerance", tolerance.amount), amount("tolerance-share", tolerance.share));
    let below = if tolerance.below == BelowDue::Calculated { ", below calculated" } else { "" };
    let held = held.map_or_else(String::new, |Review { days, unreviewed }| {
        let then = if unreviewed == Unreviewed::Roll { "roll" } else { "reject" };
        format!(", review-days {days}, unreviewed {then}")
    });
    format!("claim, days {days}, late {late}{review}{limit}, appeal-days {appeal_days}{allowed}{share}{below}{held}")
}

fn selector(selector: &Selector) -> String {
    let kinds: Vec<Text> = selector.partner_kinds.iter().map(|kind| kind.as_str().into()).collect();
    let currencies: Vec<Text> = selector.currencies.iter().map(|currency| currency.as_str().into()).collect();
    let lists = [
        ("sources", &selector.sources),
        ("categories", &selector.categories),
        ("products", &selector.products),
        ("excluded products", &selector.excluded_products),
        ("partners", &selector.partners),
        ("partners under", &selector.partners_under),
        ("partner kinds", &kinds),
        ("partner tiers", &selector.partner_tiers),
        ("regions", &selector.regions),
        ("customers", &selector.customers),
        ("customer segments", &selector.customer_segments),
        ("customer regions", &selector.customer_regions),
        ("currencies", &currencies),
        ("promotions", &selector.promotions),
    ];
    let attributes = selector.attributes.iter().map(|(name, values)| format!("{name}: {}", values.join(", ")));
    let named = lists.iter().filter(|(_, list)| !list.is_empty());
    let parts = named.map(|(name, list)| format!("{name}: {}", list.join(", "))).chain(attributes);
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join("; ") }
}

/// Nothing for what is usual.
fn conversion(conversion: Conversion) -> String {
    match conversion {
        Conversion::SaleDate => String::new(),
        Conversion::Fixed(rate) => rate.to_string(),
        Conversion::MonthAverage => "month-average".to_owned(),
        Conversion::PeriodEnd => "period-end".to_owned(),
    }
}

fn conditions(conditions: &Conditions) -> String {
    let only = [
        ("members only", conditions.members_only),
        ("paid goods only", conditions.free_goods_excluded),
        ("end users only", conditions.end_users),
        ("direct purchase only", conditions.direct_purchase),
        ("registered persons only", conditions.registered_persons),
        ("no consumer rebate", conditions.no_consumer_rebate),
        ("stock sales only", conditions.stock_sales),
        ("paid invoices only", conditions.paid_invoices),
    ];
    let proof = conditions.proof.iter().map(|proof| proof.as_str().into()).collect();
    let lists = [("customers", &conditions.customers), ("territory", &conditions.territory), ("proof", &proof)];
    let lists = lists.iter().filter(|(_, list)| !list.is_empty());
    let only = only.iter().filter(|(_, asked)| *asked).map(|(name, _)| (*name).to_owned());
    let parts: Vec<String> = only.chain(lists.map(|(name, list)| format!("{name}: {}", list.join(", ")))).collect();
    parts.join("; ")
}

fn mechanism(mechanism: &Mechanism) -> String {
    let tiered = |kind: &str, by: Measure, pays: Benefit, tiers: &[Tier]| {
        format!("{kind} on {}: {}", measure(by), bands(tiers, pays, |from| from.to_string()))
    };
    match mechanism {
        Mechanism::PerUnit { rate: value } => format!("per-unit: {}", rate(Benefit::PerUnit, *value)),
        Mechanism::Percent { rate: value } => format!("percent: {}", rate(Benefit::Percent, *value)),
        Mechanism::Spiff { benefit, rate: value, split, late } => {
            let late = late.map_or_else(String::new, |late| format!("; {}", reported_late(&late)));
            format!("spiff: {}{}{late}", rate(*benefit, *value), divided(split))
        }
        Mechanism::VolumeMarginal { measure, benefit, tiers } => tiered("volume-marginal", *measure, *benefit, tiers),
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            tiered("volume-retroactive", *measure, *benefit, tiers)
        }
        Mechanism::VolumeRolling { measure, benefit, tiers } => tiered("volume-rolling", *measure, *benefit, tiers),
        Mechanism::VolumeTotal { measure, benefit, tiers } => tiered("volume-total", *measure, *benefit, tiers),
        Mechanism::VolumeExcess { measure, benefit, above, tiers } => {
            format!("{}, above {above}", tiered("volume-excess", *measure, *benefit, tiers))
        }
        Mechanism::Fixed { measure: by, amount } => format!("fixed: {amount}, counted by {}", measure(*by)),
        Mechanism::ShipAndDebit { resale, cost } => {
            let by = match cost {
                CostBasis::Book => "",
                CostBasis::Layers => ", by cost layers",
            };
            format!("ship-and-debit: {}{by}", above(*resale))
        }
        Mechanism::PassThrough { resale } => format!("pass-through: {}", above(*resale)),
        Mechanism::FreeGoods(FreeGoods { every, free, value, per }) => {
            let over = match per {
                Per::Sale => "of a sale",
                Per::Period => "of the period",
            };
            format!("free-goods: {free} for each {every} {over}, worth {value} each")
        }
        Mechanism::Points(Points { measure: by, every, points, per, value, breakage }) => {
            let over = match per {
                Per::Sale => "of a sale",
                Per::Period => "of the period",
            };
            format!(
                "points: {points} for each {every} {over}, counted by {}, worth {value} each, {} not redeemed",
                measure(*by),
                percent(*breakage)
            )
        }
        Mechanism::CoopFund(CoopFund { rate, share }) => {
            format!("coop-fund: {}, pays {} of an activity", percent(*rate), percent(*share))
        }
        Mechanism::PriceProtection { look_back_days } => {
            format!("price-protection: what was bought within {look_back_days} days")
        }
        Mechanism::SellIn(SellIn { benefit, rate: of, not_with }) => {
            let except =
                if not_with.is_empty() { String::new() } else { format!(", not with {}", not_with.join(", ")) };
            format!("sell-in: {} of what is bought{except}", rate(*benefit, *of))
        }
        Mechanism::Growth(growth) => grown(growth),
        Mechanism::Score(score) => {
            let bands = bands(&score.tiers, score.benefit, |from| from.to_string());
            format!("score: {bands}; scores {}", figures(&score.scores))
        }
    }
}

fn estimated(estimate: SellInEstimate) -> String {
    let SellInEstimate { benefit, rate: value, lapses_after_days } = estimate;
    let of = if benefit == Benefit::Percent { " of the book cost" } else { "" };
    format!("{}{of}, lapses after {lapses_after_days} days", rate(benefit, value))
}

fn above(resale: Resale) -> &'static str {
    match resale {
        Resale::Strict => "nothing above the authorised resale price",
        Resale::Partial => "what was passed on above the authorised resale price",
    }
}

fn divided(split: &Split) -> String {
    match split {
        Split::Whole => String::new(),
        Split::Equal => ", in equal parts".to_owned(),
        Split::Shares(shares) => {
            let shares: Vec<String> = shares.iter().map(u8::to_string).collect();
            format!(", divided {}", shares.join(" to "))
        }
    }
}

fn reported_late(late: &Late) -> String {
    let Late { free_days, step_days, lost, steps, nothing_after_days } = late;
    let steps = match steps {
        Steps::Started => "started",
        Steps::Completed => "completed",
    };
    let nothing = nothing_after_days.map_or_else(String::new, |days| format!(", nothing after {days}"));
    format!("{free_days} days to report it, then {} less for each {step_days} days {steps}{nothing}", percent(*lost))
}

fn grown(growth: &Growth) -> String {
    let paid_on = match growth.paid_on {
        PaidOn::Growth => "growth",
        PaidOn::Excess => "the excess",
        PaidOn::All => "all",
    };
    let bands = bands(&growth.tiers, growth.benefit, |from| percent(*from));
    let baselines = figures(&growth.baselines);
    format!("growth of {}, paid on {paid_on}: {bands}; baseline {baselines}", measure(growth.measure))
}

fn figures(figures: &[Figure]) -> String {
    if figures.len() > FIGURES_SHOWN {
        let bytes = postcard::to_stdvec(figures).expect("figures are encodable");
        let digest = blake3::hash(&bytes).to_hex();
        return format!("of {} partners and periods, digest {}", figures.len(), &digest[..16]);
    }
    let one = |figure: &Figure| match figure.period.as_str() {
        "" => format!("{} {}", figure.partner, figure.value),
        period => format!("{} {period} {}", figure.partner, figure.value),
    };
    figures.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn bands(tiers: &[Tier], benefit: Benefit, from: impl Fn(&Micros) -> String) -> String {
    let band = |tier: &Tier| format!("from {} {}", from(&tier.from), rate(benefit, tier.rate));
    tiers.iter().map(band).collect::<Vec<_>>().join(", ")
}

fn rate(benefit: Benefit, rate: Micros) -> String {
    match benefit {
        Benefit::PerUnit => format!("{rate} a unit"),
        Benefit::Percent => percent(rate),
    }
}

/// A share as a percentage: 0.02 is `2 %`.
fn percent(share: Micros) -> String {
    format!("{} %", share.times(Micros::units(100)))
}

fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Quantity => "quantity",
        Measure::Amount => "amount",
    }
}

fn cadence(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Month => "month",
        Cadence::Quarter => "quarter",
        Cadence::Year => "year",
    }
}

fn caps(caps: &Caps, budget_of: BudgetOf) -> String {
    let Caps { measure, per_unit, per_transaction, partner_period, partner_year, budget } = *caps;
    let named = [
        ("measure", measure),
        ("per-unit", per_unit),
        ("per-transaction", per_transaction),
        ("partner-period", partner_period),
        ("partner-year", partner_year),
        (if budget_of == BudgetOf::Program { "budget of the program" } else { "budget" }, budget),
    ];
    let parts = named.iter().filter_map(|(name, cap)| Some(format!("{name} {}", (*cap)?)));
    parts.collect::<Vec<_>>().join(", ")
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Priority => "",
        Choice::BestForPartner => "best-for-partner",
        Choice::BestForVendor => "best-for-vendor",
    }
}

fn stack(stack: &Stack) -> String {
    let Stack { name, base, reduces, at_most } = stack;
    let base = match base {
        Base::Gross => "gross",
        Base::Net => "net",
    };
    let at_most =
        at_most.map_or_else(String::new, |share| format!(", {} together at most", rate(Benefit::Percent, share)));
    format!("{name}, on {base}{}{at_most}", if *reduces { "" } else { ", reduces no other" })
}

fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Total => "",
        Rounding::Sale => "sale",
    }
}

fn rounding_mode(mode: RoundingMode) -> &'static str {
    match mode {
        RoundingMode::HalfUp => "",
        RoundingMode::HalfEven => "half-even",
    }
}

fn headroom(headroom: Headroom) -> &'static str {
    match headroom {
        Headroom::Kept => "",
        Headroom::GivenBack => "given-back",
    }
}

fn ties(ties: Ties) -> &'static str {
    match ties {
        Ties::BySale => "",
        Ties::ProRata => "pro-rata",
    }
}

fn class(class: AccountingClass) -> &'static str {
    match class {
        AccountingClass::ContraRevenue => "contra-revenue",
        AccountingClass::MarketingExpense => "marketing-expense",
        AccountingClass::SpiffExpense => "spiff-expense",
        AccountingClass::Points => "points",
        AccountingClass::PriceProtection => "price-protection",
        AccountingClass::ShipAndDebit => "ship-and-debit",
        AccountingClass::PassThrough => "pass-through",
    }
}

fn prorate(prorate: Proration) -> String {
    let Proration { amount, thresholds, caps } = prorate;
    let named = [("amount", amount), ("thresholds", thresholds), ("caps", caps)];
    let parts: Vec<&str> = named.iter().filter(|(_, shrinks)| *shrinks).map(|(name, _)| *name).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}
