//! The JSON Schema of a program file, for editors: made of the key lists and words that the parser itself reads by.
//!
//! It knows shapes, not what only several keys together say; `paidonce check` has the last word.

use serde_json::{Value, json};

use super::earn::{
    BENEFITS, COSTS, EARN_KEYS, EARNINGS, Earning, LATE_KEYS, MEASURES, PAID_ON, PERS, RESALES, STEPS, TIER_KEYS,
};
use super::master::KINDS;
use super::program_tests::{EXPECT_KEYS, SALE_KEYS, TEST_KEYS};
use super::programs::{
    ACCRUALS, BASES, BELOW_DUE, BELOW_MINIMUM, BUDGET_KEYS, BUDGETS_OF, CADENCES, CAP_KEYS, CHOICES, CLAIM_KEYS,
    CLASSES, CONDITION_KEYS, CONVERSIONS, ESTIMATE_KEYS, HEADROOMS, INTERIMS, KEYS, LATE_CLAIMS, MINIMUM_KEYS, MODES,
    ON_UNUSUAL, PAID, PROOFS, PRORATED, ROUNDINGS, SELECT_KEYS, STACK_KEYS, TIES, UNREVIEWED, VERSION_KEYS,
};

/// The schema as a text.
pub fn program_schema() -> String {
    let mut schema = object("program", KEYS, &["program", "versions"]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("paidonce program");
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

fn object(within: &str, keys: &[&str], required: &[&str]) -> Value {
    let properties = keys.iter().map(|key| ((*key).to_owned(), property(within, key)));
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties.collect::<serde_json::Map<_, _>>(),
    })
}

fn property(within: &str, key: &str) -> Value {
    let (mut shape, about) = described(within, key);
    shape["description"] = json!(about);
    shape
}

/// Shape and meaning of a key; every key of the parser's lists has an arm.
fn described(within: &str, key: &str) -> (Value, &'static str) {
    match (within, key) {
        ("program", "program") => (text(), "Its id, the same for all versions."),
        ("program", "name") => (text(), "For people; the id where left out."),
        ("program", "versions") => (
            list(object("version", VERSION_KEYS, &["from", "to", "earn", "period"])),
            "Terms with their dates. A change is a new version.",
        ),
        ("program", "tests") => {
            (list(object("test", TEST_KEYS, TEST_KEYS)), "Sales with what is due for them: `paidonce test`.")
        }
        ("version", "from") => (day(), "First sale date."),
        ("version", "to") => (day(), "Last sale date."),
        ("version", "select") => {
            (object("select", SELECT_KEYS, &[]), "Which sales may earn; an empty list admits all.")
        }
        ("version", "eligible") => (
            json!({ "type": "string" }),
            "What a selected sale must further be: fields, =, !=, <, <=, >, >=, in, and, or, not.",
        ),
        ("version", "conditions") => {
            (object("conditions", CONDITION_KEYS, &[]), "What a selected sale must meet to earn; a breach is told.")
        }
        ("version", "earn") => (earn(), "How the benefit follows from what was sold."),
        ("version", "estimate-at-sell-in") => (
            object("estimate", ESTIMATE_KEYS, &["lapses-after-days"]),
            "What is accrued for units in purchases.csv until they are sold through: `per-unit` or `percent`.",
        ),
        ("version", "accrue") => (
            words(ACCRUALS),
            "By which tier an open period is accrued: the one that sales have reached, as left out, or the one that expectations.csv leads to.",
        ),
        ("estimate", "per-unit") => (number(), "Money for a unit that is bought."),
        ("estimate", "percent") => (number(), "Share of the book cost on the day of the purchase."),
        ("estimate", "lapses-after-days") => {
            (whole(), "Days from the purchase after which units that were not seen sold are let go.")
        }
        ("version", "period") => (words(CADENCES), "How long sales are gathered before they settle."),
        ("version", "interim") => (
            words(INTERIMS),
            "At each end of which inside the period, and its grace, what is due by then is authorised; at the freeze alone where left out.",
        ),
        ("version", "currency") => (
            currency(),
            "ISO 4217 code: sales in another one are not the program's. Left out: every term in money or measure holds again in each currency.",
        ),
        ("sale" | "expect", "currency") => (currency(), "ISO 4217 code."),
        ("version", "fx") => (
            json!({ "oneOf": [words(CONVERSIONS), rate()] }),
            "Which rate turns the benefit into the books' currency: that of each sale's date, the mean of its month, that of the period's end, or this one.",
        ),
        ("version", "caps") => (
            object("caps", CAP_KEYS, &[]),
            "Upper bounds of the benefit, in the order in which they bind; without `currency` each holds again in each currency.",
        ),
        ("version", "threshold") => (
            number(),
            "Below this measure of the period nothing is due; dollar-one from there on. For each version and currency by itself.",
        ),
        ("version", "group") => (text(), "At most one program of a group pays for a sale."),
        ("version", "priority") => (whole(), "Lower goes first within the group."),
        ("version", "choose") => {
            (words(CHOICES), "Which program of the group pays for a sale; the same for all of them.")
        }
        ("version", "stack") => {
            (object("stack", STACK_KEYS, &["name", "base"]), "Programs that pay one after the other on one sale.")
        }
        ("version", "rounding") => {
            (words(ROUNDINGS), "Where benefits are rounded: once for a period, or for each sale.")
        }
        ("version", "rounding-mode") => (
            words(MODES),
            "Where a half of the minor unit goes: away from zero, as left out, or to the even neighbour.",
        ),
        ("version", "headroom") => (
            words(HEADROOMS),
            "What comes back, behind the freeze, of a budget or of the cap of a year: it stays used up, as left out, or others have it.",
        ),
        ("version", "ties") => (
            words(TIES),
            "Who has what is left of the budget on the day on which it ends: its sales one after the other, as left out, or all that \
             earned on it, in proportion.",
        ),
        ("stack", "name") => (text(), "The same for all programs of the stack."),
        ("stack", "base") => (words(BASES), "The amount of the sale, or what earlier programs leave of it."),
        ("stack", "reduces") => {
            (json!({ "type": "boolean" }), "Whether what it gives lowers the base of later ones; yes where left out.")
        }
        ("stack", "at-most") => (number(), "The share of a sale that all programs of the stack give together at most."),
        ("version", "pay-tier") => (words(KINDS), "Who earns where distributor and reseller report the same units."),
        ("version", "class") => (words(CLASSES), "Which accounts the benefit is booked on."),
        ("version", "grace-days") => (whole(), "Days after the period in which late sales still count in place."),
        ("version", "close-days") => (whole(), "Days from the freeze of a period to its close."),
        ("version", "auto-authorise") => (yes_no(), "Authorise without a claim when the period freezes."),
        ("version", "paid") => (
            words(PAID),
            "What is due is paid by itself, or as far as the partner claims it; by itself where left out.",
        ),
        ("version", "claim") => (object("claim", CLAIM_KEYS, &CLAIM_KEYS[..2]), "What holds for claims."),
        ("claim", "days") => (whole(), "Days after the period's end within which a claim may come in."),
        ("claim", "late") => (
            words(LATE_CLAIMS),
            "A later claim is rejected, or counts with the next period until that one's days are over.",
        ),
        ("claim", "review-above") => (number(), "A line of more than this waits for a person."),
        ("claim", "override-limit") => (number(), "A rejected line of more than this is overridden by two persons."),
        ("claim", "appeal-days") => {
            (whole(), "Days after a decision within which it may be appealed; 30 where left out.")
        }
        ("claim", "tolerance") => {
            (number(), "What is claimed may differ from what is due by so much before that is told (OP-44).")
        }
        ("claim", "tolerance-share") => {
            (number(), "The same as a share of what is due, `1%`; the larger of both holds.")
        }
        ("claim", "below") => (
            words(BELOW_DUE),
            "What is paid where less is claimed than is due, within the tolerance; as claimed where left out.",
        ),
        ("claim", "review-days") => {
            (whole(), "Days for which a line may be on hold; until somebody decides where left out.")
        }
        ("claim", "unreviewed") => (
            words(UNREVIEWED),
            "A line that nobody has decided about by then is rejected, the usual, or counts with the next period.",
        ),
        ("version", "minimum-payout") => (
            json!({ "oneOf": [number(), object("minimum", MINIMUM_KEYS, &MINIMUM_KEYS[..1])] }),
            "Less than this is not authorised: it waits, and is let go when the period closes, unless it is carried over.",
        ),
        ("minimum", "amount") => (number(), "Less than this is not authorised."),
        ("minimum", "below") => (
            words(BELOW_MINIMUM),
            "Less is let go when its period closes, as left out, or gathers over the periods of the program.",
        ),
        ("version", "unusual") => (
            words(ON_UNUSUAL),
            "What becomes of a period far above what is usual for the partner (OP-36); told where left out.",
        ),
        ("version", "bonus") => (
            list(object("tier", TIER_KEYS, TIER_KEYS)),
            "Bands of the benefit of a period; the one reached adds its share to all of it.",
        ),
        ("version", "prorate") => (
            some(words(PRORATED)),
            "What shrinks with the days of a period in which the version is in force; a fixed amount where left out.",
        ),
        ("select", "sources") => (texts(), "Catalogues that products come from."),
        ("select", "categories") => (texts(), "Product categories."),
        ("select", "products" | "excluded-products") => (texts(), "Products, as source/code."),
        ("select", "attributes") => (
            json!({ "type": "object", "additionalProperties": texts() }),
            "Attributes of products in product_attributes.csv, each with the values that it may have.",
        ),
        ("select", "partners") => (texts(), "Reporting partners."),
        ("select", "partners-under") => (texts(), "Partners, each with all that buy through it."),
        ("select", "partner-kinds") => (some(words(KINDS)), "Kinds of reporting partners."),
        ("select", "partner-tiers") => (texts(), "Tiers of reporting partners in partner_tiers.csv on the sale date."),
        ("select", "regions") => (texts(), "Countries or regions of reporting partners."),
        ("select", "customers") => (texts(), "Who bought: outlets as source/id, or names as the feeds write them."),
        ("select", "customer-segments") => (texts(), "Segments of the outlets that bought."),
        ("select", "customer-regions") => (texts(), "Countries or regions of the outlets that bought."),
        ("select", "currencies") => (some(currency()), "Currencies of sales."),
        ("select", "promotions") => (texts(), "What the row names: a promotion, project or deal."),
        ("conditions", "members-only") => (yes_no(), "Only partners in memberships.csv on the sale date (OP-08)."),
        ("conditions", "customers") => (texts(), "Outlets that must have bought, as source/id (OP-10)."),
        ("conditions", "territory") => (texts(), "Countries or regions that the goods must go to (OP-11)."),
        ("conditions", "paid-goods-only") => (yes_no(), "Nothing for what the row says costs nothing (OP-33)."),
        ("conditions", "end-users-only") => (yes_no(), "Nothing for what another partner buys (OP-34)."),
        ("conditions", "direct-purchase-only") => {
            (yes_no(), "Nothing for a product that was never shipped in to the partner (OP-21).")
        }
        ("conditions", "registered-persons-only") => {
            (yes_no(), "Only persons in persons.csv on the sale date (OP-43).")
        }
        ("conditions", "proof") => (some(words(PROOFS)), "What the row must say (OP-37)."),
        ("conditions", "no-consumer-rebate") => (yes_no(), "Nothing for units in consumer_rebates.csv (DD-22)."),
        ("conditions", "stock-sales-only") => (yes_no(), "Nothing for orders in drop_shipments.csv (DD-27)."),
        ("conditions", "paid-invoices-only") => {
            (yes_no(), "Nothing for a document until customer_payments.csv says that it is paid (OP-32).")
        }
        ("caps", "measure") => (
            number(),
            "Of what a beneficiary sells in a period, in the unit of the measure: what is above counts for nothing.",
        ),
        ("caps", "per-unit") => (number(), "For each unit of a sale."),
        ("caps", "per-transaction") => (number(), "For a sale with the returns that belong to it."),
        ("caps", "partner-period") => (number(), "For a beneficiary in a period."),
        ("caps", "partner-year") => (number(), "For a beneficiary in a calendar year, over all its periods."),
        ("caps", "budget") => (
            json!({ "oneOf": [number(), object("budget", BUDGET_KEYS, &BUDGET_KEYS[..1])] }),
            "For all beneficiaries and periods of the version, or of the program, in each currency by itself.",
        ),
        ("budget", "amount") => (number(), "What all of them may get."),
        ("budget", "of") => (
            words(BUDGETS_OF),
            "One for the version, as left out, or one for all versions of the program that say so; the newest one says how large it is.",
        ),
        ("earn", "rate") | ("tier", "rate") => (number(), "Money for a unit, or a share: 2% or 0.02."),
        ("earn", "amount") => (number(), "Paid once in a period."),
        ("earn", "measure") => (words(MEASURES), "What is counted: the unit of thresholds and tiers."),
        ("earn", "benefit") => (words(BENEFITS), "What a rate is multiplied with: units or the amount."),
        ("earn", "above") => (number(), "Only what lies above this measure is paid."),
        ("earn", "paid-on") => (words(PAID_ON), "On what lies above the baseline, above each target, or on all."),
        ("earn", "baseline") => {
            (figures(number()), "What each partner sold before, or a table partner,period,baseline beside this file.")
        }
        ("earn", "score") => {
            let parts = json!({ "type": "object", "additionalProperties": number() });
            let value = json!({ "oneOf": [number(), parts] });
            (figures(value), "Each partner's score or its parts, or a table partner,period,… beside this file.")
        }
        ("earn", "weights") => (
            json!({ "type": "object", "additionalProperties": number() }),
            "Parts that a score is made of, with their weights; they come to 100 %.",
        ),
        ("earn", "tiers") => {
            (list(object("tier", TIER_KEYS, TIER_KEYS)), "Bands of the measure, each up to the next one.")
        }
        ("earn", "split") => {
            (split(), "Several persons of a sale share it, as it says or as listed; one person where left out.")
        }
        ("earn", "late") => (object("late", LATE_KEYS, &LATE_KEYS[..4]), "What a sale loses that is reported late."),
        ("earn", "every") => (number(), "Units, or money, for which free units or points are given."),
        ("earn", "free") => (number(), "Units given for them."),
        ("earn", "points") => (number(), "Points given for them."),
        ("earn", "value") => (number(), "What a free unit, or a point, is worth."),
        ("earn", "breakage") => (number(), "Share of the points that nobody is expected to redeem: 12%."),
        ("earn", "share") => (number(), "Share of what an activity cost that the fund pays: 50%."),
        ("earn", "look-back-days") => {
            (whole(), "Units are protected that were bought within so many days before the cut.")
        }
        ("earn", "not-with") => {
            (texts(), "Programs for sales: units that earn under one of them earn nothing at purchase.")
        }
        ("earn", "per") => (words(PERS), "Whether multiples are counted in each sale or over the period, as left out."),
        ("earn", "resale") => {
            (words(RESALES), "Nothing for a unit sold above its authorised price, or what was passed on of it.")
        }
        ("earn", "cost") => {
            (words(COSTS), "What a unit cost: by price_book.csv, as left out, or by its layer in purchases.csv.")
        }
        ("late", "free-days") => (whole(), "Days from the sale within which nothing is lost."),
        ("late", "step-days") => (whole(), "Days behind them for which a share is lost."),
        ("late", "lose") => (number(), "The share that each step takes: 10%."),
        ("late", "steps") => (words(STEPS), "Whether a step counts when it starts or when it is over."),
        ("late", "nothing-after-days") => (whole(), "Days from the sale after which nothing is paid."),
        ("tier", "from") => (number(), "Where the band starts; of growth as a share of the baseline: 110%."),
        ("test", "name") => (text(), "What the test shows."),
        ("test", "sales") => {
            (list(object("sale", SALE_KEYS, &["partner", "date"])), "Sales, and returns with a negative quantity.")
        }
        ("test", "expect") => {
            (list(object("expect", EXPECT_KEYS, &["partner", "amount"])), "All that is due for them.")
        }
        ("sale", "name") => (text(), "For `of`; its number in the list where left out."),
        ("sale" | "expect", "partner") => (text(), "The reporting partner."),
        ("sale", "date") => (day(), "The sale date."),
        ("sale", "quantity") => (number(), "Units; one where left out."),
        ("sale", "price") => (number(), "Of one unit, instead of the amount."),
        ("sale", "amount") => (number(), "Of all units."),
        ("sale", "product") => (text(), "As source/code; the sale counts as selected where left out."),
        ("sale", "customer") => (text(), "Who buys, as special_prices.csv has it."),
        ("sale", "promotion") => (text(), "The authorisation or program that the row names."),
        ("sale" | "expect", "rep") => (text(), "The person who sold, for a SPIFF."),
        ("sale", "of") => (text(), "The sale that this return takes back."),
        ("expect", "period") => (text(), "As 2013-Q1; all periods together where left out."),
        ("expect", "amount") => (json!({ "type": ["number", "string"] }), "What is due, rounded as it is paid."),
        _ => unreachable!("`{key}` of {within} is described nowhere"),
    }
}

/// One shape for each type of program.
fn earn() -> Value {
    let of_type = |(word, earning): &(&str, Earning)| {
        let (required, optional) = earning.keys();
        let is_used = |key: &&str| required.contains(key) || optional.contains(key);
        let keys: Vec<&str> = EARN_KEYS.iter().copied().filter(is_used).collect();
        let mut shape = object("earn", &keys, &[&["type"], required].concat());
        shape["properties"]["type"] = json!({ "const": word });
        shape
    };
    json!({ "oneOf": EARNINGS.iter().map(of_type).collect::<Vec<_>>() })
}

/// Values by partner, or by partner and period.
fn figures(value: Value) -> Value {
    let of_periods = json!({ "type": "object", "additionalProperties": value });
    let of_partners = json!({ "type": "object", "additionalProperties": { "anyOf": [value, of_periods] } });
    json!({ "oneOf": [{ "type": "string", "pattern": "^[^/]+\\.csv$" }, of_partners] })
}

fn split() -> Value {
    let shares = list(json!({ "type": "string", "pattern": "^[0-9]+\\s?%$" }));
    json!({ "oneOf": [{ "const": "equal" }, shares] })
}

fn words<T>(words: &[(&str, T)]) -> Value {
    json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

/// A decimal or a share; a quoted one is read as well.
fn number() -> Value {
    json!({ "type": ["number", "string"], "pattern": "^[0-9]*\\.?[0-9]*\\s?%?$" })
}

/// A decimal that is no share.
fn rate() -> Value {
    json!({ "type": ["number", "string"], "pattern": "^[0-9]*\\.?[0-9]*$" })
}

fn yes_no() -> Value {
    json!({ "type": "boolean" })
}

fn whole() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn text() -> Value {
    json!({ "type": ["string", "number"] })
}

fn day() -> Value {
    json!({ "type": "string", "format": "date" })
}

fn currency() -> Value {
    json!({ "type": "string", "pattern": "^[A-Z]{3}$" })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// One value or several.
fn some(one: Value) -> Value {
    let several = json!({ "type": "array", "items": one, "minItems": 1 });
    json!({ "oneOf": [one, several] })
}

fn texts() -> Value {
    some(text())
}
