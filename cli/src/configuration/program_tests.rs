//! The key `tests` of a program file: sales in, amounts expected. [`crate::trial`] runs them.

use contract::{Currency, Day, Micros, Text};

use super::fields::{Fields, Placed, currency, day, number, scalar, text, unread};
use super::problem::{Origin, Report};
use super::programs::Selected;
use super::special_prices::customer;
use super::yaml::{Kind, Node};

/// Some sales with what the program pays for them.
#[derive(Clone, Debug)]
pub struct ProgramTest {
    pub name: Text,
    pub program: Text,
    pub sales: Vec<TestSale>,
    pub expected: Vec<Expected>,
    pub(crate) origin: Origin,
}

/// A sale, or a return with a negative quantity.
#[derive(Clone, Debug)]
pub struct TestSale {
    /// Its place in the list where it has no name.
    pub name: Text,
    pub partner: Text,
    pub date: Day,
    pub quantity: Micros,
    pub amount: Micros,
    /// The program's own selection decides where it is named; else the sale counts as selected.
    pub product: Option<Text>,
    /// Golden outlet or customer, or a name as sales keep it that nobody knows; empty where nobody is named.
    pub customer: Text,
    /// A program or authorisation that the row names.
    pub promotion: Text,
    /// `None`: the program's, else the partner's.
    pub currency: Option<Currency>,
    pub rep: Text,
    /// The sale that a return takes back, by its place in the list.
    pub of: Option<usize>,
}

/// What a beneficiary is due.
#[derive(Clone, Debug)]
pub struct Expected {
    pub partner: Text,
    /// Empty: the partner itself.
    pub rep: Text,
    /// `None`: all periods together.
    pub period: Option<Text>,
    /// `None`: as for a sale.
    pub currency: Option<Currency>,
    pub amount: Micros,
    pub(crate) origin: Origin,
}

pub(crate) const TEST_KEYS: &[&str] = &["name", "sales", "expect"];
pub(crate) const SALE_KEYS: &[&str] = &[
    "name",
    "partner",
    "date",
    "quantity",
    "price",
    "amount",
    "product",
    "customer",
    "promotion",
    "currency",
    "rep",
    "of",
];
pub(crate) const EXPECT_KEYS: &[&str] = &["partner", "rep", "period", "currency", "amount"];

/// The tests of one file, and the names that they use.
pub(crate) fn tests(node: &Node, program: &Text, report: &mut Report<'_>) -> (Vec<ProgramTest>, Vec<Selected>) {
    let mut used = Vec::new();
    let nodes = list(node, "start each with `- name: …`", report);
    let tests = nodes.iter().filter_map(|node| test(node, program, &mut used, report)).collect();
    (tests, used)
}

fn test(node: &Node, program: &Text, used: &mut Vec<Selected>, report: &mut Report<'_>) -> Option<ProgramTest> {
    let fields = Fields::of(node, TEST_KEYS, report)?;
    let name = fields.require("name", text, report);
    let sales = fields.require_node("sales", report);
    let expected = fields.require_node("expect", report);
    let mut read: Vec<TestSale> = Vec::new();
    let hint = "write each as `- { partner: …, date: 2013-01-31, amount: 1000 }`";
    for node in list(sales?, hint, report) {
        let sale = sale(node, &read, used, report)?;
        read.push(sale);
    }
    let hint = "write each as `- { partner: …, amount: 20 }`";
    let expected: Option<_> = list(expected?, hint, report).iter().map(|node| expect(node, used, report)).collect();
    let origin = report.origin(node.place);
    Some(ProgramTest { name: name?.value, program: program.clone(), sales: read, expected: expected?, origin })
}

fn sale(node: &Node, before: &[TestSale], used: &mut Vec<Selected>, report: &mut Report<'_>) -> Option<TestSale> {
    let fields = Fields::of(node, SALE_KEYS, report)?;
    let partner = named("partner", "partners", &fields, used, report);
    let date = fields.require("date", day, report);
    let product = fields.node("product").and_then(|_| named("product", "products", &fields, used, report));
    let (quantity, amount) = worth(&fields, report)?;
    let place_of = |name: &str| match before.iter().position(|sale| sale.name == name) {
        Some(place) => Ok(place),
        None => unread(format!("no sale before this one is called `{name}`"), "a sale without a name has its number"),
    };
    let name = fields.get("name", text, report).map(|name| name.value);
    Some(TestSale {
        name: name.unwrap_or_else(|| (before.len() + 1).to_string().into()),
        partner: partner?,
        date: date?.value,
        quantity,
        amount,
        product,
        customer: fields.get("customer", text, report).map(|name| customer(&name.value)).unwrap_or_default(),
        promotion: fields.get("promotion", text, report).map(|name| name.value).unwrap_or_default(),
        currency: fields.get("currency", currency, report).map(|currency| currency.value),
        rep: fields.get("rep", text, report).map(|rep| rep.value).unwrap_or_default(),
        of: fields.get("of", place_of, report).map(|of| of.value),
    })
}

/// Quantity and amount: the amount itself or quantity times price; one unit where no quantity is named.
fn worth(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<(Micros, Micros)> {
    let quantity = fields.get("quantity", number, report).map(|quantity| quantity.value);
    match (fields.get("amount", number, report), fields.get("price", number, report)) {
        (Some(amount), None) => {
            let one = if amount.value < Micros::ZERO { -Micros::ONE } else { Micros::ONE };
            Some((quantity.unwrap_or(one), amount.value))
        }
        (None, Some(price)) => {
            let quantity = quantity.unwrap_or(Micros::ONE);
            Some((quantity, quantity.times(price.value)))
        }
        _ => {
            report.add(fields.place, "a sale has either an `amount` or a `price`", "the price is that of one unit");
            None
        }
    }
}

fn expect(node: &Node, used: &mut Vec<Selected>, report: &mut Report<'_>) -> Option<Expected> {
    let fields = Fields::of(node, EXPECT_KEYS, report)?;
    let partner = named("partner", "partners", &fields, used, report);
    let amount = fields.require("amount", number, report);
    Some(Expected {
        partner: partner?,
        rep: fields.get("rep", text, report).map(|rep| rep.value).unwrap_or_default(),
        period: fields.get("period", text, report).map(|period| period.value),
        currency: fields.get("currency", currency, report).map(|currency| currency.value),
        amount: amount?.value,
        origin: report.origin(node.place),
    })
}

/// A name that must be known, see [`super::check`].
fn named(
    key: &str,
    list: &'static str,
    fields: &Fields<'_>,
    used: &mut Vec<Selected>,
    report: &mut Report<'_>,
) -> Option<Text> {
    let Placed { value: name, place } = scalar(fields.require_node(key, report)?, text, report)?;
    used.push(Selected { list, name: name.clone(), place });
    Some(name)
}

fn list<'n>(node: &'n Node, hint: &str, report: &mut Report<'_>) -> &'n [Node] {
    let Kind::List(nodes) = &node.kind else {
        report.add(node.place, "expected a list", hint);
        return &[];
    };
    nodes
}
