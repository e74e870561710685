//! What programs ask of the sales that they select.

use contract::{Code, Conditions, Program, Sale};

use super::facts::LetGo;
use super::told::Told;
use crate::references::Known;
use crate::rules::{Check, RULES, Rule, Unmet};

/// A condition that a sale breaches, under one or more programs.
pub struct Breached<'a> {
    pub code: Code,
    /// As of the first program.
    pub message: String,
    pub programs: Vec<&'a Program>,
}

/// What says whether a sale meets what a program asks.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// When the sale was read.
    pub known: &'a Known,
    /// What is told since.
    pub told: &'a Known,
    /// What says what the program gives for the sale: [`Told::under`].
    pub under: &'a Known,
}

impl<'a> Tables<'a> {
    pub fn of(told: Told<'a>, program: &Program) -> Tables<'a> {
        Tables { known: told.known, told: told.now, under: told.under(program) }
    }
}

/// Whether a sale meets what a program asks, by what was known when it was read and what is told since, or persons let go what
/// it does not. A return is asked the same, so that it takes back what was earned.
pub fn meets(sale: &Sale, program: &Program, tables: Tables<'_>, let_go: &[LetGo]) -> bool {
    let Tables { known, told, .. } = tables;
    let meets = |rule: &Rule| match unmet(rule, sale, program, tables) {
        Some(Unmet::Breach(_)) => let_go.iter().any(|let_go| let_go.code == rule.codes[0]),
        Some(Unmet::Elsewhere) => false,
        None => true,
    };
    !asks(program, known, told) || RULES.iter().all(meets)
}

/// Whether anything is asked under a program: most need no second look. What was sold is gone from a stock, whatever it was;
/// what earned at resale was asked there.
pub fn asks(program: &Program, known: &Known, told: &Known) -> bool {
    !program.mechanism.keeps_stock()
        && (program.pays_person()
            || program.mechanism.resale().is_some()
            || !program.conditions.is_empty()
            || known.market().asks_of_all()
            || told.market().asks_of_all())
}

/// Whether a program asks something that tables say which come late. What is asked under all programs goes without saying.
pub fn hears(program: &Program) -> bool {
    let Conditions {
        members_only,
        registered_persons,
        no_consumer_rebate,
        stock_sales,
        paid_invoices,
        direct_purchase,
        ..
    } = program.conditions;
    let asked = [members_only, registered_persons, no_consumer_rebate, stock_sales, paid_invoices, direct_purchase]
        .contains(&true);
    !program.mechanism.keeps_stock() && (program.pays_person() || asked)
}

/// The first of what a program asks that a sale does not meet and persons did not let go, said for people; `None` where it
/// meets all.
pub fn first_unmet(sale: &Sale, program: &Program, tables: Tables<'_>, let_go: &[Code]) -> Option<String> {
    let Tables { known, told, .. } = tables;
    if !asks(program, known, told) {
        return None;
    }
    RULES.iter().find_map(|rule| match unmet(rule, sale, program, tables)? {
        Unmet::Breach(_) if let_go.contains(&rule.codes[0]) => None,
        Unmet::Breach(message) => Some(format!("{}: {message}", rule.codes[0])),
        Unmet::Elsewhere => Some(format!("{}: it is for others, and the row does not name it", rule.codes[0])),
    })
}

/// What a sale breaches of the programs that select it, in order of precedence. A return breaches nothing.
pub fn breaches<'a>(sale: &Sale, selected: &[&'a Program], told: Told<'_>) -> Vec<Breached<'a>> {
    let mut all: Vec<Breached<'a>> = Vec::new();
    if sale.is_return() {
        return all;
    }
    for rule in RULES {
        let code = rule.codes[0];
        for program in selected.iter().copied().filter(|program| asks(program, told.known, told.now)) {
            let Some(Unmet::Breach(message)) = unmet(rule, sale, program, Tables::of(told, program)) else { continue };
            match all.last_mut().filter(|breached| breached.code == code) {
                Some(same) => same.programs.push(program),
                None => all.push(Breached { code, message, programs: vec![program] }),
            }
        }
    }
    all
}

fn unmet(rule: &Rule, sale: &Sale, program: &Program, Tables { known, told, under }: Tables<'_>) -> Option<Unmet> {
    match rule.check {
        Check::Condition(check) => check(sale, program, known),
        Check::Told(check) => check(sale, program, known, told),
        Check::Priced(check) => check(sale, program, known, under),
        _ => None,
    }
}
