//! What programs ask of the sales that they select.

use contract::{Code, Program, Sale};

use crate::references::Known;
use crate::rules::{Check, RULES, Unmet};

/// A condition that a sale breaches, under one or more programs.
pub struct Breached<'a> {
    pub code: Code,
    /// As of the first program.
    pub message: String,
    pub programs: Vec<&'a Program>,
}

/// Whether a sale meets what a program asks. A return is asked the same, so that it takes back what was earned.
pub fn meets(sale: &Sale, program: &Program, known: &Known) -> bool {
    !asks(program, known) || conditions().all(|(_, check)| check(sale, program, known).is_none())
}

/// Whether anything is asked under a program: most need no second look. What was sold is gone from a stock, whatever it was;
/// what earned at resale was asked there.
pub fn asks(program: &Program, known: &Known) -> bool {
    !program.mechanism.keeps_stock()
        && (program.pays_person() || !program.conditions.is_empty() || known.market().asks_of_all())
}

/// What a sale breaches of the programs that select it, in order of precedence. A return breaches nothing.
pub fn breaches<'a>(sale: &Sale, selected: &[&'a Program], known: &Known) -> Vec<Breached<'a>> {
    let mut all: Vec<Breached<'a>> = Vec::new();
    if sale.is_return() {
        return all;
    }
    for (code, check) in conditions() {
        for program in selected.iter().copied().filter(|program| asks(program, known)) {
            let Some(Unmet::Breach(message)) = check(sale, program, known) else { continue };
            match all.last_mut().filter(|breached| breached.code == code) {
                Some(same) => same.programs.push(program),
                None => all.push(Breached { code, message, programs: vec![program] }),
            }
        }
    }
    all
}

type Condition = fn(&Sale, &Program, &Known) -> Option<Unmet>;

fn conditions() -> impl Iterator<Item = (Code, Condition)> {
    RULES.iter().filter_map(|rule| match rule.check {
        Check::Condition(check) => Some((rule.codes[0], check)),
        _ => None,
    })
}
