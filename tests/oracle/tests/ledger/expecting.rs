//! What partners are expected to sell in a period: programs that accrue by it, and a table that is written anew.

use contract::{Accrue, Currency, Day, Expectation, Mechanism, Micros, Program, Reference, Text};

use crate::history::{Dice, PARTNERS};

/// Drawn aside, so that all else of a seed stays as it was.
pub struct Expecting {
    dice: Dice,
    expectations: Vec<Expectation>,
}

impl Expecting {
    /// Half of the programs with a rate on everything sold accrue by what is expected.
    pub fn new(mut dice: Dice, programs: &mut [Program]) -> Expecting {
        for program in programs.iter_mut().filter(|program| looks_at_all(&program.mechanism)) {
            program.accrue = if dice.one_in(2) { Accrue::Expected } else { Accrue::Earned };
        }
        fit(programs);
        let mut expecting = Expecting { dice, expectations: Vec::new() };
        expecting.restate(crate::history::first_day(), programs);
        expecting
    }

    pub fn stated(&self, reference: Reference) -> Reference {
        Reference { expectations: self.expectations.clone(), ..reference }
    }

    /// Some rows go, others come: of days gone by, and of some to come.
    pub fn restate(&mut self, today: Day, programs: &mut [Program]) {
        fit(programs);
        let dice = &mut self.dice;
        self.expectations.retain(|_| !dice.one_in(5));
        for program in programs.iter().filter(|program| program.accrue == Accrue::Expected) {
            for _ in 0..dice.below(8) {
                let partner = PARTNERS[dice.below(PARTNERS.len() as u64) as usize];
                let day = today.plus(dice.below(120) as i32 - 60);
                let from = day.plus(dice.below(90) as i32 - 60);
                let period = Text::from(program.period.label(day));
                let most = if dice.one_in(3) { 4_000 } else { 300 };
                let measure = Micros::units(dice.below(most) as i64);
                let key = (program.id.clone(), Text::from(partner), period, from);
                self.expectations.retain(|row| key_of(row) != key);
                let (program, partner, period, from) = key;
                self.expectations.push(Expectation { program, partner, period, from, measure });
            }
        }
        self.expectations.sort();
    }
}

fn key_of(row: &Expectation) -> (Text, Text, Text, Day) {
    (row.program.clone(), row.partner.clone(), row.period.clone(), row.from)
}

fn looks_at_all(mechanism: &Mechanism) -> bool {
    matches!(mechanism, Mechanism::VolumeRetroactive { .. } | Mechanism::VolumeTotal { .. })
}

/// What a configuration lets a program say beside it.
fn fit(programs: &mut [Program]) {
    for program in programs.iter_mut().filter(|program| program.accrue == Accrue::Expected) {
        if !looks_at_all(&program.mechanism) {
            program.accrue = Accrue::Earned;
            continue;
        }
        (program.currency, program.estimate) = (Currency::parse("USD"), None);
        (program.caps.measure, program.caps.budget, program.caps.partner_year) = (None, None, None);
    }
}
