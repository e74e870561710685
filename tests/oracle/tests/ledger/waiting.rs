//! Tables of a history by which what is due waits: what partners have deducted, where they are paid, who is restricted, and
//! who stands in the master twice.

use contract::{Currency, Day, Deduction, Micros, PayeeAccount, Person, Program, Reference, Restricted, Text};

use crate::history::{Dice, PARTNERS, dollar, first_day};

/// Drawn aside, so that all else of a seed stays as it was. In most histories there is little of it.
pub struct Waiting {
    dice: Dice,
    deducts: bool,
    deductions: Vec<Deduction>,
    /// Accounts of partners and of persons, lists, and who is called as another.
    payees: Vec<PayeeAccount>,
    persons: Vec<Person>,
    restricted: Vec<Restricted>,
    namesake: bool,
}

impl Waiting {
    pub fn new(mut dice: Dice, programs: &[Program]) -> Waiting {
        let (deducts, namesake) = (dice.one_in(2), dice.one_in(6));
        let (deductions, payees, persons, restricted) = Default::default();
        let mut waiting = Waiting { dice, deducts, deductions, payees, persons, restricted, namesake };
        waiting.restate(first_day(), programs);
        waiting
    }

    pub fn stated(&self, mut reference: Reference) -> Reference {
        reference.deductions.clone_from(&self.deductions);
        reference.payees.clone_from(&self.payees);
        reference.persons.clone_from(&self.persons);
        reference.restricted.clone_from(&self.restricted);
        reference.deductions.sort();
        reference.payees.sort();
        reference.persons.sort();
        reference.restricted.sort();
        if self.namesake {
            reference.partners[1].name = reference.partners[0].name.clone();
        }
        reference
    }

    /// Nothing is in the way of anything any longer: no deduction is open, nobody is restricted or called as another, no account
    /// is new.
    pub fn lift(&mut self) {
        self.deductions.retain(|deduction| !deduction.accepted_by.is_empty());
        self.restricted.clear();
        self.payees.clear();
        self.namesake = false;
    }

    /// Some rows are new, some are gone, some say something else; of an accepted deduction rarely.
    pub fn restate(&mut self, today: Day, programs: &[Program]) {
        let dice = &mut self.dice;
        for _ in 0..if self.deducts { dice.below(8) } else { 0 } {
            let new = deduction(dice, today, programs);
            let is_its = |other: &Deduction| {
                (&other.program, &other.partner, &other.number) == (&new.program, &new.partner, &new.number)
            };
            self.deductions.retain(|other| !is_its(other));
            self.deductions.push(new);
        }
        let is_gone = |dice: &mut Dice, accepted: bool| dice.one_in(if accepted { 30 } else { 4 });
        self.deductions.retain(|deduction| !is_gone(dice, !deduction.accepted_by.is_empty()));
        for deduction in &mut self.deductions {
            if deduction.accepted_by.is_empty() && dice.one_in(3) {
                deduction.accepted_by = "finance".into();
            }
        }
        if dice.one_in(4) {
            let partner = PARTNERS[dice.below(3) as usize];
            let holder = ["", "", "Partner, A", "somebody else"][dice.below(4) as usize];
            let from = today.plus(dice.below(30) as i32 - 15);
            let account = ["one", "one", "two", "three"][dice.below(4) as usize].into();
            self.payees.retain(|other| (&*other.partner, other.from) != (partner, from));
            self.payees.push(PayeeAccount { partner: partner.into(), from, account, holder: holder.into() });
        }
        if dice.one_in(6) {
            let (partner, name) = (PARTNERS[dice.below(3) as usize], ["Ann", "ANN", "Bo"][dice.below(3) as usize]);
            let from = today.plus(dice.below(30) as i32 - 15);
            let payee = ["", "one", "two"][dice.below(3) as usize].into();
            self.persons.retain(|other| (&*other.partner, &*other.name, other.from) != (partner, name, from));
            self.persons.push(Person { partner: partner.into(), name: name.into(), from, to: None, payee });
        }
        match dice.below(10) {
            0 => {
                let name = ["B. Partner", "c partner", "CY"][dice.below(3) as usize];
                self.restricted.push(Restricted { name: name.into(), list: "list".into() });
            }
            1..5 => self.restricted.clear(),
            _ => {}
        }
    }
}

/// Of some period that has passed or is to come; amounts are no finer than their currency.
fn deduction(dice: &mut Dice, today: Day, programs: &[Program]) -> Deduction {
    let program = &programs[dice.below(programs.len() as u64) as usize];
    let currency = program.currency.unwrap_or_else(|| match dice.below(3) {
        0 => Currency::parse("EUR").expect("a currency"),
        _ => dollar(),
    });
    let period = program.period.label(today.plus(dice.below(80) as i32 - 60)).into();
    let accepted_by = if dice.one_in(3) { Text::from("finance") } else { Text::default() };
    Deduction {
        program: program.id.clone(),
        partner: PARTNERS[dice.below(3) as usize].into(),
        number: format!("D{}", dice.below(6)).into(),
        invoice: "88".into(),
        period,
        amount: Micros::units(1 + dice.below(20) as i64),
        currency,
        accepted_by,
    }
}
