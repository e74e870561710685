//! What persons change about programs when periods may be over, and what they approve of it: versions come late, last longer or
//! shorter, baselines and scores are other ones.

use std::collections::BTreeSet;

use contract::{Amendment, Day, Program, Reference, Text};

use crate::history::{Dice, figures, first_day};

/// Drawn aside, so that all else of a seed stays as it was.
pub struct Amending {
    dice: Dice,
    /// Versions that nobody knows of yet.
    unknown: BTreeSet<(Text, u32)>,
    amendments: Vec<Amendment>,
}

impl Amending {
    /// Some second versions come late, some last versions end soon.
    pub fn new(mut dice: Dice, programs: &mut [Program]) -> Amending {
        let later = programs.iter().filter(|program| program.version > 1);
        let unknown = later.filter(|_| dice.one_in(2)).map(|program| (program.id.clone(), program.version)).collect();
        let mut amending = Amending { dice, unknown, amendments: Vec::new() };
        for at in 0..programs.len() {
            if amending.dice.one_in(3) {
                amending.end_otherwise(programs, at);
            }
        }
        amending
    }

    /// Programs as they are known so far.
    pub fn known(&self, programs: &[Program]) -> Vec<Program> {
        let is_known = |program: &&Program| !self.unknown.contains(&(program.id.clone(), program.version));
        programs.iter().filter(is_known).cloned().collect()
    }

    pub fn stated(&self, reference: Reference) -> Reference {
        Reference { amendments: self.amendments.clone(), ..reference }
    }

    /// Versions come, a program ends on another day, baselines and scores are other ones; some of it is approved, some no longer.
    pub fn restate(&mut self, programs: &mut [Program]) {
        let dice = &mut self.dice;
        self.unknown.retain(|_| !dice.one_in(2));
        let at = dice.below(programs.len() as u64) as usize;
        self.end_otherwise(programs, at);
        let dice = &mut self.dice;
        for program in programs.iter_mut() {
            if let Some(known) = program.mechanism.figures_mut()
                && dice.one_in(2)
            {
                *known = figures(dice);
            }
        }
        self.amendments.retain(|_| !dice.one_in(4));
        for _ in 0..self.dice.below(6) {
            let program = &programs[self.dice.below(programs.len() as u64) as usize];
            let to = self.dice.some(2, |dice| first_day().plus(dice.below(400) as i32 - 50));
            self.approve(program, to);
        }
    }

    /// All is known and approved.
    pub fn lift(&mut self, programs: &[Program]) {
        self.unknown.clear();
        programs.iter().for_each(|program| self.approve(program, None));
    }

    fn approve(&mut self, program: &Program, to: Option<Day>) {
        let is_its = |entry: &Amendment| (&entry.program, entry.version) == (&program.id, program.version);
        self.amendments.retain(|entry| !is_its(entry));
        let (id, version) = (program.id.clone(), program.version);
        self.amendments.push(Amendment { program: id, version, approved_by: "finance".into(), to });
        self.amendments.sort();
    }

    /// The last version of a program ends sooner or later than it did; now and then it does not for long.
    fn end_otherwise(&mut self, programs: &mut [Program], at: usize) {
        let is_last = programs.get(at + 1).is_none_or(|next| next.id != programs[at].id);
        if is_last {
            let days = if self.dice.one_in(4) { 1_500 } else { 20 + self.dice.below(250) as i32 };
            programs[at].to = first_day().plus(days).max(programs[at].from);
            // A cap on the measure that is not whole makes fractions that no number of the oracle holds.
            programs[at].prorate.caps = false;
        }
    }
}
