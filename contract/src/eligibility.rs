//! What a selected sale must further be to earn under a program: a test over its fields.
//!
//! Written in a program file as an expression, `amount >= 100 and customer.country != 'US'`. A test has no clock and no
//! arithmetic; numbers are exact.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Day, Micros, Text};

/// A test that a sale passes or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Eligibility {
    All(Vec<Eligibility>),
    Any(Vec<Eligibility>),
    Not(Box<Eligibility>),
    /// The field says one of these, in order. What is unknown is an empty text.
    Text(TextField, Vec<Text>),
    Number(NumberField, Comparison, Micros),
    /// The date of the sale.
    Date(Comparison, Day),
}

impl Eligibility {
    /// Whether a promotion is one of those that it asks for, or not to have.
    pub fn names_promotion(&self, promotion: &str) -> bool {
        match self {
            Eligibility::All(tests) | Eligibility::Any(tests) => {
                tests.iter().any(|test| test.names_promotion(promotion))
            }
            Eligibility::Not(test) => test.names_promotion(promotion),
            Eligibility::Text(TextField::Promotion, texts) => texts.iter().any(|text| text == promotion),
            Eligibility::Text(..) | Eligibility::Number(..) | Eligibility::Date(..) => false,
        }
    }

    /// Whether it looks at what the product master says of a product.
    pub fn classifies(&self) -> bool {
        match self {
            Eligibility::All(tests) | Eligibility::Any(tests) => tests.iter().any(Eligibility::classifies),
            Eligibility::Not(test) => test.classifies(),
            Eligibility::Text(field, _) => matches!(field, TextField::Category | TextField::Attribute(_)),
            Eligibility::Number(..) | Eligibility::Date(..) => false,
        }
    }
}

/// A field that says a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextField {
    Product,
    Category,
    Source,
    /// An attribute of the product ([`crate::Reference::product_attributes`]).
    Attribute(Text),
    Partner,
    PartnerKind,
    /// Any of those that hold on the sale date.
    PartnerTier,
    PartnerCountry,
    PartnerRegion,
    /// A golden outlet, or a name behind a `?`.
    Customer,
    CustomerSegment,
    CustomerCountry,
    CustomerRegion,
    Outlet,
    Promotion,
    Currency,
    Rep,
}

/// A number of the sale, without its sign: what comes back is asked the same as what was sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberField {
    Quantity,
    UnitPrice,
    Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

impl Comparison {
    pub fn holds<T: Ord>(self, left: T, right: T) -> bool {
        match self {
            Comparison::Below => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Equal => left == right,
            Comparison::AtLeast => left >= right,
            Comparison::Above => left > right,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::Below => "<",
            Comparison::AtMost => "<=",
            Comparison::Equal => "=",
            Comparison::AtLeast => ">=",
            Comparison::Above => ">",
        }
    }
}

impl NumberField {
    pub fn as_str(self) -> &'static str {
        match self {
            NumberField::Quantity => "quantity",
            NumberField::UnitPrice => "unit-price",
            NumberField::Amount => "amount",
        }
    }
}

/// As program files write it.
impl fmt::Display for TextField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextField::Product => "product",
            TextField::Category => "category",
            TextField::Source => "source",
            TextField::Attribute(name) => return write!(f, "product.{name}"),
            TextField::Partner => "partner",
            TextField::PartnerKind => "partner.kind",
            TextField::PartnerTier => "partner.tier",
            TextField::PartnerCountry => "partner.country",
            TextField::PartnerRegion => "partner.region",
            TextField::Customer => "customer",
            TextField::CustomerSegment => "customer.segment",
            TextField::CustomerCountry => "customer.country",
            TextField::CustomerRegion => "customer.region",
            TextField::Outlet => "outlet",
            TextField::Promotion => "promotion",
            TextField::Currency => "currency",
            TextField::Rep => "rep",
        })
    }
}

/// An expression that means the same.
impl fmt::Display for Eligibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Eligibility::All(tests) => joined(f, tests, " and "),
            Eligibility::Any(tests) => joined(f, tests, " or "),
            Eligibility::Not(test) => write!(f, "not ({test})"),
            Eligibility::Text(field, among) => {
                let quoted: Vec<String> = among.iter().map(|text| quoted(text)).collect();
                match quoted.as_slice() {
                    [one] => write!(f, "{field} = {one}"),
                    several => write!(f, "{field} in [{}]", several.join(", ")),
                }
            }
            Eligibility::Number(field, comparison, number) => {
                write!(f, "{} {} {number}", field.as_str(), comparison.as_str())
            }
            Eligibility::Date(comparison, day) => write!(f, "date {} {day}", comparison.as_str()),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, tests: &[Eligibility], word: &str) -> fmt::Result {
    let of = |test: &Eligibility| match test {
        Eligibility::All(_) | Eligibility::Any(_) => format!("({test})"),
        _ => test.to_string(),
    };
    f.write_str(&tests.iter().map(of).collect::<Vec<_>>().join(word))
}

/// A quote inside a text stands twice.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
