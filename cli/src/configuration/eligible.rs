//! The key `eligible` of a version: an expression over the fields of a sale.
//!
//! ```text
//! expression  tests joined by `and`, `or`, `not` and parentheses; `and` binds closer
//! test        field = value, !=, <, <=, >, >=; field in [value, value]; field not in [value]
//! value       'text', 1250.50 or 2013-01-31, as the field is
//! ```
//!
//! A fault is told at its place, names that nobody knows are too. See docs/decisions/eligible.md.

use contract::{Comparison, Currency, Day, Eligibility, Micros, NumberField, Text, TextField};

use super::fields::{scalar, text};
use super::master::KINDS;
use super::problem::{Place, Report, did_you_mean};
use super::programs::{Selected, attribute_value};
use super::special_prices::customer;
use super::yaml::Node;

/// Parentheses and `not` within each other.
const DEEPEST: usize = 32;

/// Fields that say a text, each with the list of names that it is one of.
const TEXTS: &[(&str, TextField, &str)] = &[
    ("product", TextField::Product, "products"),
    ("category", TextField::Category, "categories"),
    ("source", TextField::Source, "sources"),
    ("partner", TextField::Partner, "partners"),
    ("partner.kind", TextField::PartnerKind, KIND),
    ("partner.tier", TextField::PartnerTier, "partner-tiers"),
    ("partner.country", TextField::PartnerCountry, "regions"),
    ("partner.region", TextField::PartnerRegion, "regions"),
    ("customer", TextField::Customer, CUSTOMERS),
    ("customer.segment", TextField::CustomerSegment, "customer-segments"),
    ("customer.country", TextField::CustomerCountry, "customer-regions"),
    ("customer.region", TextField::CustomerRegion, "customer-regions"),
    ("outlet", TextField::Outlet, CUSTOMERS),
    ("promotion", TextField::Promotion, ANYTHING),
    ("currency", TextField::Currency, CURRENCY),
    ("rep", TextField::Rep, ANYTHING),
];

const NUMBERS: &[(&str, NumberField)] =
    &[("quantity", NumberField::Quantity), ("unit-price", NumberField::UnitPrice), ("amount", NumberField::Amount)];

/// Outlets, or names as sales keep them.
const CUSTOMERS: &str = "customers";
const KIND: &str = "kind";
const CURRENCY: &str = "currency";
const ANYTHING: &str = "";

/// Of a field that is an attribute of the product.
const ATTRIBUTE: &str = "product.";

/// Reads the expression and adds the names that it uses to `used`.
pub(crate) fn eligible(node: &Node, used: &mut Vec<Selected>, report: &mut Report<'_>) -> Option<Eligibility> {
    let written = scalar(node, text, report)?.value;
    let read = tokens(&written).and_then(|tokens| {
        let mut parser = Parser { tokens, at: 0, end: written.chars().count(), names: Vec::new() };
        let test = parser.whole()?;
        Ok((test, parser.names))
    });
    match read {
        Ok((test, names)) => {
            let selected = |Name { list, name, at }| Selected { list, name, place: place(node, &written, at, report) };
            used.extend(names.into_iter().map(selected));
            Some(test)
        }
        Err(Fault { at, message, hint }) => {
            report.add(place(node, &written, at, report), message, hint);
            None
        }
    }
}

/// Where a character of the expression stands; the expression itself where it is written over several lines.
fn place(node: &Node, written: &str, at: usize, report: &Report<'_>) -> Place {
    let line = report.text().lines().nth((node.place.line as usize).saturating_sub(1)).unwrap_or("");
    let from: String = line.chars().skip((node.place.column as usize).saturating_sub(1)).collect();
    let start = from.find(|c: char| !matches!(c, '"' | '\'')).filter(|quotes| *quotes <= 1).unwrap_or(0);
    match from[start..].starts_with(written) {
        true => Place { column: node.place.column + (start + at) as u32, ..node.place },
        false => node.place,
    }
}

/// What is wrong at a character of the expression.
#[derive(Debug)]
struct Fault {
    at: usize,
    message: String,
    hint: String,
}

fn fault<T>(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { at, message: message.into(), hint: hint.into() })
}

/// A name that must be known.
struct Name {
    list: &'static str,
    name: Text,
    at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A field, or one of the words that join.
    Word(String),
    /// In quotes.
    Text(String),
    /// Begins with a digit, a sign or a dot.
    Number(String),
    Sign(&'static str),
}

#[derive(Clone, Debug)]
struct Token {
    at: usize,
    kind: Kind,
}

/// Two characters go before one.
const SIGNS: [&str; 11] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ","];

fn tokens(written: &str) -> Result<Vec<Token>, Fault> {
    let characters: Vec<char> = written.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(c) = characters.get(at).copied() {
        let rest = &characters[at..];
        let (length, kind) = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '\'' | '"' => quoted(rest, at)?,
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => {
                let number: String = rest.iter().take_while(|c| c.is_ascii_digit() || "-+.".contains(**c)).collect();
                (number.len(), Kind::Number(number))
            }
            c if c.is_alphabetic() => {
                let is_part = |c: &&char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
                let word: String = rest.iter().take_while(is_part).collect();
                (word.chars().count(), Kind::Word(word))
            }
            _ => {
                let starts = |sign: &&&str| sign.chars().eq(rest.iter().take(sign.len()).copied());
                match SIGNS.iter().find(starts) {
                    Some(sign) => (sign.len(), Kind::Sign(sign)),
                    None => return fault(at, format!("`{c}` has no meaning here"), "texts stand in quotes: 'US'"),
                }
            }
        };
        tokens.push(Token { at, kind });
        at += length;
    }
    Ok(tokens)
}

/// A text up to the quote that it began with; that quote inside of it stands twice.
fn quoted(rest: &[char], at: usize) -> Result<(usize, Kind), Fault> {
    let (quote, mut text, mut length) = (rest[0], String::new(), 1);
    while let Some(c) = rest.get(length).copied() {
        length += 1;
        if c != quote {
            text.push(c);
        } else if rest.get(length) == Some(&quote) {
            text.push(quote);
            length += 1;
        } else {
            return Ok((length, Kind::Text(text)));
        }
    }
    fault(at, "this text has no end", format!("close it with {quote}"))
}

/// A field of a sale as the expression names it.
enum Field {
    Text(TextField, &'static str),
    Number(NumberField),
    Date,
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Behind the last character.
    end: usize,
    names: Vec<Name>,
}

impl Parser {
    fn whole(&mut self) -> Result<Eligibility, Fault> {
        let test = self.any(0)?;
        match self.tokens.get(self.at) {
            None => Ok(test),
            Some(token) => fault(token.at, "the expression should end here", "join tests by `and` or `or`"),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Eligibility, Fault> {
        let mut tests = vec![self.all(depth)?];
        while self.takes_word("or") {
            tests.push(self.all(depth)?);
        }
        Ok(alone(tests).unwrap_or_else(Eligibility::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Eligibility, Fault> {
        let mut tests = vec![self.one(depth)?];
        while self.takes_word("and") {
            tests.push(self.one(depth)?);
        }
        Ok(alone(tests).unwrap_or_else(Eligibility::All))
    }

    fn one(&mut self, depth: usize) -> Result<Eligibility, Fault> {
        if depth >= DEEPEST {
            return fault(self.here(), format!("more than {DEEPEST} parentheses within each other"), "");
        }
        if self.takes_word("not") {
            return Ok(negated(self.one(depth + 1)?));
        }
        if self.takes_sign("(") {
            let test = self.any(depth + 1)?;
            self.need(")")?;
            return Ok(test);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Eligibility, Fault> {
        let at = self.here();
        let Some(Kind::Word(word)) = self.next() else {
            return fault(at, "a field of the sale is expected here", "such as `amount >= 100`");
        };
        let field = self.field(&word, at)?;
        let sign_at = self.here();
        match self.next() {
            Some(Kind::Sign("=")) => self.equal(&field),
            Some(Kind::Sign("!=")) => Ok(negated(self.equal(&field)?)),
            Some(Kind::Sign(sign)) if ordering(sign).is_some() => {
                let comparison = ordering(sign).expect("it was looked at");
                self.ordered(&field, comparison, &word, sign_at)
            }
            Some(Kind::Word(not)) if not == "not" && self.takes_word("in") => Ok(negated(self.among(&field)?)),
            Some(Kind::Word(among)) if among == "in" => self.among(&field),
            _ => {
                let hint = "write one of =, !=, <, <=, >, >=, in, not in";
                fault(sign_at, format!("`{word}` is compared with nothing"), hint)
            }
        }
    }

    fn field(&mut self, word: &str, at: usize) -> Result<Field, Fault> {
        if word == "date" {
            return Ok(Field::Date);
        }
        if let Some((_, number)) = NUMBERS.iter().find(|(name, _)| *name == word) {
            return Ok(Field::Number(*number));
        }
        if let Some((_, field, list)) = TEXTS.iter().find(|(name, ..)| *name == word) {
            return Ok(Field::Text(field.clone(), list));
        }
        match word.strip_prefix(ATTRIBUTE) {
            Some(name) if !name.is_empty() => {
                self.names.push(Name { list: "attributes", name: name.into(), at });
                Ok(Field::Text(TextField::Attribute(name.into()), "attributes"))
            }
            _ => {
                let known = TEXTS.iter().map(|(name, ..)| *name).chain(NUMBERS.iter().map(|(name, _)| *name));
                let known: Vec<&str> = known.chain(["date"]).collect();
                let meant = did_you_mean(word, known.iter().copied());
                let hint = if meant.is_empty() { format!("known fields: {}", known.join(", ")) } else { meant };
                fault(at, format!("`{word}` is no field of a sale"), hint)
            }
        }
    }

    fn equal(&mut self, field: &Field) -> Result<Eligibility, Fault> {
        Ok(match field {
            Field::Text(field, list) => Eligibility::Text(field.clone(), vec![self.text(field, list)?]),
            Field::Number(field) => Eligibility::Number(*field, Comparison::Equal, self.number()?),
            Field::Date => Eligibility::Date(Comparison::Equal, self.day()?),
        })
    }

    fn ordered(&mut self, field: &Field, by: Comparison, word: &str, at: usize) -> Result<Eligibility, Fault> {
        match field {
            Field::Text(..) => fault(at, format!("`{word}` is a text, which has no order"), "use =, !=, in or not in"),
            Field::Number(field) => Ok(Eligibility::Number(*field, by, self.number()?)),
            Field::Date => Ok(Eligibility::Date(by, self.day()?)),
        }
    }

    /// A list in brackets.
    fn among(&mut self, field: &Field) -> Result<Eligibility, Fault> {
        self.need("[")?;
        let mut tests = vec![self.equal(field)?];
        while self.takes_sign(",") {
            tests.push(self.equal(field)?);
        }
        self.need("]")?;
        let Field::Text(field, _) = field else {
            return Ok(alone(tests).unwrap_or_else(Eligibility::Any));
        };
        let texts = tests.into_iter().flat_map(|test| match test {
            Eligibility::Text(_, among) => among,
            other => unreachable!("{other} is no test of a text"),
        });
        let mut among: Vec<Text> = texts.collect();
        among.sort();
        among.dedup();
        Ok(Eligibility::Text(field.clone(), among))
    }

    fn text(&mut self, field: &TextField, list: &'static str) -> Result<Text, Fault> {
        let at = self.here();
        let Some(Kind::Text(text)) = self.next() else {
            return fault(at, format!("`{field}` is a text"), "write it in quotes: 'US'");
        };
        let name = if list == CUSTOMERS { customer(&text) } else { Text::from(text) };
        match list {
            _ if name.is_empty() => {}
            ANYTHING => {}
            KIND if KINDS.iter().all(|(word, _)| *word != name.as_str()) => {
                let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
                return fault(at, format!("`{name}` is none of {}", words.join(", ")), "");
            }
            CURRENCY if Currency::parse(&name).is_none_or(|currency| currency.as_str() != name.as_str()) => {
                return fault(at, format!("`{name}` is not a currency"), "use the ISO 4217 code, such as USD");
            }
            KIND | CURRENCY => {}
            "attributes" => {
                let TextField::Attribute(attribute) = field else { unreachable!("{field} is no attribute") };
                self.names.push(Name { list, name: attribute_value(attribute, &name), at });
            }
            _ => self.names.push(Name { list, name: name.clone(), at }),
        }
        Ok(name)
    }

    fn number(&mut self) -> Result<Micros, Fault> {
        let at = self.here();
        match self.next() {
            Some(Kind::Number(number)) => match Micros::parse(&number) {
                Ok(number) if number < Micros::ZERO => {
                    fault(at, format!("`{number}` is below zero"), "numbers of returns are taken without their sign")
                }
                Ok(number) => Ok(number),
                Err(error) => fault(at, format!("`{number}`: {error}"), "write plain digits with a dot: 1250.50"),
            },
            _ => fault(at, "a number is expected here", "write plain digits with a dot: 1250.50"),
        }
    }

    fn day(&mut self) -> Result<Day, Fault> {
        let at = self.here();
        let day = match self.next() {
            Some(Kind::Number(day)) => Day::parse(&day),
            _ => None,
        };
        day.map_or_else(|| fault(at, "a date is expected here", "write it as 2013-01-31"), Ok)
    }

    fn here(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |token| token.at)
    }

    fn next(&mut self) -> Option<Kind> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token.kind.clone())
    }

    fn takes(&mut self, is_it: impl Fn(&Kind) -> bool) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| is_it(&token.kind));
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(|kind| matches!(kind, Kind::Word(other) if other == word))
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        self.takes(|kind| matches!(kind, Kind::Sign(other) if *other == sign))
    }

    fn need(&mut self, sign: &str) -> Result<(), Fault> {
        let at = self.here();
        if self.takes_sign(sign) { Ok(()) } else { fault(at, format!("`{sign}` is expected here"), "") }
    }
}

/// The only one of some tests, or all of them.
fn alone(mut tests: Vec<Eligibility>) -> Result<Eligibility, Vec<Eligibility>> {
    if tests.len() == 1 { Ok(tests.remove(0)) } else { Err(tests) }
}

fn negated(test: Eligibility) -> Eligibility {
    Eligibility::Not(Box::new(test))
}

fn ordering(sign: &str) -> Option<Comparison> {
    match sign {
        "<" => Some(Comparison::Below),
        "<=" => Some(Comparison::AtMost),
        ">=" => Some(Comparison::AtLeast),
        ">" => Some(Comparison::Above),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::yaml;

    /// The expression as it is understood, and the names that it uses; or what is wrong with it.
    fn read(expression: &str) -> String {
        let file = format!("eligible: {expression}\n");
        let mut problems = Vec::new();
        let mut report = Report::new("x.yaml", &file, &mut problems);
        let Some(Node { kind: yaml::Kind::Map(entries), .. }) = yaml::parse(&mut report) else { panic!("{file}") };
        let mut used = Vec::new();
        let test = eligible(&entries[0].value, &mut used, &mut report);
        drop(report);
        let hint = |hint: &str| if hint.is_empty() { String::new() } else { format!(" ({hint})") };
        match (test, problems.as_slice()) {
            (Some(test), []) => {
                let names = used.iter().map(|name| format!(" {}:{} {}", name.place.column, name.list, name.name));
                format!("{test} |{}", names.collect::<String>())
            }
            (None, [problem]) => format!("{} {}{}", problem.place.column, problem.message, hint(&problem.hint)),
            other => panic!("{expression}: {other:?}"),
        }
    }

    #[test]
    fn expressions_are_understood() {
        for (written, understood) in [
            ("amount >= 100", "amount >= 100 |"),
            ("quantity=1.5 or unit-price<0.000001", "quantity = 1.5 or unit-price < 0.000001 |"),
            ("date > 2013-01-31 and date != 2013-02-01", "date > 2013-01-31 and not (date = 2013-02-01) |"),
            ("amount > 1 or amount < 2 and not quantity = 3", "amount > 1 or (amount < 2 and not (quantity = 3)) |"),
            ("(amount > 1 or amount < 2) and quantity <= 3", "(amount > 1 or amount < 2) and quantity <= 3 |"),
            ("rep in ['b', \"a\", 'it''s']", "rep in ['a', 'b', 'it''s'] |"),
            ("quantity not in [1, 2]", "not (quantity = 1 or quantity = 2) |"),
            ("'partner.kind = ''reseller'''", "partner.kind = 'reseller' |"),
            ("currency != 'USD' and customer.segment = ''", "not (currency = 'USD') and customer.segment = '' |"),
            ("category = 'Bikes'", "category = 'Bikes' | 22:categories Bikes"),
            ("product.colour in ['red']", "product.colour = 'red' | 11:attributes colour 30:attributes colour: red"),
        ] {
            assert_eq!(read(written), understood, "{written}");
        }
        let read_again = |written: &str| read(read(written).split(" |").next().unwrap());
        assert_eq!(read_again("rep in ['b', 'it''s'] and not (amount > 1 or date = 2013-01-01)"), {
            "rep in ['b', 'it''s'] and not (amount > 1 or date = 2013-01-01) |"
        });
    }

    #[test]
    fn faults_are_told_at_their_place() {
        for (written, told) in [
            ("amont > 1", "11 `amont` is no field of a sale (did you mean `amount`?)"),
            ("amount > 1 and", "25 a field of the sale is expected here (such as `amount >= 100`)"),
            ("amount", "17 `amount` is compared with nothing (write one of =, !=, <, <=, >, >=, in, not in)"),
            ("amount > 'x'", "20 a number is expected here (write plain digits with a dot: 1250.50)"),
            ("amount > 1.0000001", "20 `1.0000001`: more than six decimals (write plain digits with a dot: 1250.50)"),
            ("amount > -1", "20 `-1` is below zero (numbers of returns are taken without their sign)"),
            ("amount > 1 amount < 2", "22 the expression should end here (join tests by `and` or `or`)"),
            ("category > 'A'", "20 `category` is a text, which has no order (use =, !=, in or not in)"),
            ("category = Bikes", "22 `category` is a text (write it in quotes: 'US')"),
            ("category = 'Bikes", "22 this text has no end (close it with ')"),
            ("category in 'Bikes'", "23 `[` is expected here"),
            ("(amount > 1", "22 `)` is expected here"),
            ("date > 2013-02-30", "18 a date is expected here (write it as 2013-01-31)"),
            ("partner.kind = 'shop'", "26 `shop` is none of distributor, reseller"),
            ("currency = 'usd'", "22 `usd` is not a currency (use the ISO 4217 code, such as USD)"),
            ("amount * 2 > 1", "18 `*` has no meaning here (texts stand in quotes: 'US')"),
        ] {
            assert_eq!(read(written), told, "{written}");
        }
        let deep = format!("{}amount > 1{}", "(".repeat(40), ")".repeat(40));
        assert_eq!(read(&format!("'{deep}'")), "44 more than 32 parentheses within each other");
        // Over several lines the beginning of the expression is the place.
        assert_eq!(
            read(">\n  amount > 1 and\n  amont < 2"),
            "3 `amont` is no field of a sale (did you mean `amount`?)"
        );
    }
}
