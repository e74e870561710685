//! Claims of a history: what partners ask for, restate and take back, and what persons decide about it.

use contract::{
    Action, BelowDue, ClaimAction, ClaimLine, ClaimTerms, Code, Command, Currency, Day, Denial, Id, LateClaim,
    Mechanism, Micros, Paid, Program, Reason, RecordRef, Review, Text, Tolerance, Unreviewed,
};
use serde::{Deserialize, Serialize};

use crate::history::{Act, Deal, Dice, first_day, id_of, name, product_of};

/// What a claim line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    program: usize,
    partner: Text,
    date: Day,
    currency: Currency,
    /// Of what is due when it is sent; where nothing is, `amount`.
    percent: i64,
    amount: Micros,
    units: i64,
    /// What is claimed for a unit, of what the amount gives for it; zero: nothing is stated.
    unit_percent: i64,
    /// The sale that it names, by number.
    of: Option<u32>,
    /// The product and the number of a special price that it names.
    #[serde(default)]
    product: Option<Text>,
    #[serde(default)]
    authorisation: Option<Text>,
}

/// Why a sale earns nothing under a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    program: usize,
    partner: Text,
    date: Day,
    currency: Currency,
    /// Places in [`REFUSALS`].
    because: Vec<usize>,
    held: bool,
}

const REFUSALS: [Code; 4] =
    [Code::PartnerIneligible, Code::OutsidePeriod, Code::AmountMismatch, Code::InventoryExceeded];

impl Refusal {
    pub fn denial(&self, sale: u32, stamp: u64) -> Denial {
        let reason = |place: &usize| {
            let code = REFUSALS[*place];
            Reason { code, reason_901: code.reason_901().into() }
        };
        Denial {
            ledger_key: name(self.program),
            program: name(self.program),
            sale: id_of(sale),
            beneficiary: format!("partner:{}", self.partner).into(),
            stamp,
            date: self.date,
            product: product_of(sale).into(),
            currency: self.currency,
            reasons: self.because.iter().map(reason).collect(),
            held: self.held,
        }
    }
}

/// What a person wants of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `partner` is the one that sent the line.
    actor: Text,
    what: What,
    /// Of what the line asks for, where an amount is named.
    percent: i64,
    is_explained: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum What {
    Release,
    Adjust,
    Reject,
    Override,
    Resubmit,
    Appeal,
    Uphold,
    Overturn,
    Settle,
    Withdraw,
}

const PERCENTS: [i64; 10] = [100, 100, 100, 101, 110, 99, 50, 33, 20, 5];

impl Ask {
    /// The line as it comes under a control; `due` says what is due for what it claims.
    pub fn line(&self, number: u32, version: u32, stamp: u64, due: &dyn Fn(&ClaimLine) -> Micros) -> ClaimLine {
        let document = self.of.map_or_else(Text::default, |of| format!("D{of}#1").into());
        let mut line = ClaimLine {
            id: Id::of("claim", &[&number.to_string()]),
            version,
            ledger_key: name(self.program),
            at: RecordRef { partner: self.partner.clone(), file_no: 2, record_no: number },
            stamp,
            claim: format!("C{number}").into(),
            line: "1".into(),
            program: name(self.program),
            beneficiary: format!("partner:{}", self.partner).into(),
            date: self.date,
            quantity: Micros::units(self.units),
            unit: Micros::ZERO,
            amount: self.amount,
            currency: self.currency,
            document,
            sale: self.of.map(id_of),
            product: self.product.clone().unwrap_or_default(),
            authorisation: self.authorisation.clone().unwrap_or_default(),
        };
        let part = due(&line).share(Micros::units(self.percent), Micros::units(100));
        if part > Micros::ZERO {
            line.amount = part;
        }
        if self.units > 0 {
            line.unit = line.amount.share(Micros::units(self.unit_percent), Micros::units(100 * self.units));
        }
        line
    }
}

impl Decision {
    pub fn command(&self, claim: Id, line: &ClaimLine) -> Command {
        let part = line.amount.share(Micros::units(self.percent), Micros::units(100));
        // Now and then finer than money is.
        let amount = if self.percent % 8 == 3 { part } else { part.round(line.currency.minor_digits()) };
        let action = match self.what {
            What::Release => ClaimAction::Release,
            What::Adjust => ClaimAction::Adjust { amount },
            What::Reject => ClaimAction::Reject,
            What::Override => ClaimAction::Override,
            What::Resubmit => ClaimAction::Resubmit { amount },
            What::Appeal => ClaimAction::Appeal,
            What::Uphold => ClaimAction::Uphold,
            What::Overturn => ClaimAction::Overturn,
            What::Settle => ClaimAction::Settle { amount },
            What::Withdraw => ClaimAction::Withdraw,
        };
        let actor = match &*self.actor {
            "partner" => format!("partner/{}", line.at.partner).into(),
            _ => self.actor.clone(),
        };
        let said = if self.is_explained { "said" } else { "" };
        Command {
            actor,
            role: "claims".into(),
            reason: said.into(),
            comment: said.into(),
            file: "commands.csv".into(),
            line_no: 1,
            action: Action::Claim { claim, action },
        }
    }
}

/// Draws them aside, so that all else of a seed stays as it was.
pub struct Claiming {
    dice: Dice,
    lines: Vec<(u32, Ask)>,
    denying: Dice,
}

impl Claiming {
    /// Says which programs are paid by claim, too: all versions of one, each by its own terms.
    pub fn new(mut dice: Dice, denying: Dice, programs: &mut [Program]) -> Claiming {
        let mut before: Option<(Text, bool)> = None;
        for program in programs.iter_mut() {
            let is_paid_so = match &before {
                Some((id, is_paid_so)) if *id == program.id => *is_paid_so,
                _ => dice.one_in(3),
            };
            before = Some((program.id.clone(), is_paid_so));
            let terms = terms(&mut dice);
            if is_paid_so {
                (program.paid, program.auto_authorise) = (Paid::Claim(terms), false);
            }
        }
        fit(programs);
        Claiming { dice, lines: Vec::new(), denying }
    }

    /// Now and then a line comes, comes again or goes.
    pub fn acts(&mut self, deals: &[(u32, Deal)], programs: &[Program]) -> Vec<Act> {
        if deals.is_empty() || !self.dice.one_in(5) {
            return Vec::new();
        }
        let dice = &mut self.dice;
        let known = (!self.lines.is_empty()).then(|| dice.below(self.lines.len() as u64) as usize);
        vec![match (dice.below(12), known) {
            (0, Some(place)) => Act::Unclaim(self.lines[place].0),
            (1..4, Some(place)) => {
                let other = ask(dice, deals, programs);
                let (number, ask) = &mut self.lines[place];
                restate(dice, ask, other);
                Act::Claim(*number, ask.clone())
            }
            _ => {
                let line = (self.lines.len() as u32 + 1, ask(dice, deals, programs));
                self.lines.push(line.clone());
                Act::Claim(line.0, line.1)
            }
        }]
    }

    /// Now and then it is said of a sale that it earns nothing, mostly of one that a line claims; or that is over.
    pub fn denials(&mut self, deals: &[(u32, Deal)], programs: &[Program]) -> Vec<Act> {
        let dice = &mut self.denying;
        if deals.is_empty() || !dice.one_in(6) {
            return Vec::new();
        }
        let (sale, Deal { partner, date, currency, .. }) = &deals[dice.below(deals.len() as u64) as usize];
        let claimed = (!self.lines.is_empty()).then(|| &self.lines[dice.below(self.lines.len() as u64) as usize].1);
        let (number, refused) = match claimed.filter(|_| !dice.one_in(3)) {
            Some(ask) => (ask.of.unwrap_or(*sale), (ask.program, ask.partner.clone(), ask.date, ask.currency)),
            None => (*sale, (dice.below(programs.len() as u64) as usize, partner.clone(), *date, *currency)),
        };
        if dice.one_in(4) {
            return vec![Act::Clear(number)];
        }
        let (program, partner, date, currency) = refused;
        let first = dice.below(REFUSALS.len() as u64) as usize;
        let because = if dice.one_in(3) { vec![first, (first + 1) % REFUSALS.len()] } else { vec![first] };
        vec![Act::Deny(number, Refusal { program, partner, date, currency, because, held: dice.one_in(2) })]
    }

    /// Decisions about a few lines, some of them by two persons or about a dispute that has just begun; most are of no avail.
    pub fn decisions(&mut self) -> Vec<Act> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        (0..self.dice.below(5)).flat_map(|_| self.decide()).collect()
    }

    fn decide(&mut self) -> Vec<Act> {
        use What::{Adjust, Appeal, Override, Overturn, Reject, Release, Resubmit, Settle, Uphold, Withdraw};
        const WHATS: [&[What]; 10] = [
            &[Release],
            &[Adjust],
            &[Reject],
            &[Reject, Resubmit],
            &[Override, Override],
            &[Resubmit],
            &[Appeal, Uphold],
            &[Appeal, Overturn, Overturn],
            &[Appeal, Settle, Settle],
            &[Withdraw],
        ];
        let dice = &mut self.dice;
        let (number, _) = self.lines[dice.below(self.lines.len() as u64) as usize];
        let (whats, percent) = (WHATS[dice.below(10) as usize], PERCENTS[dice.below(10) as usize]);
        let count = if dice.one_in(4) { 1 } else { whats.len() };
        let decide = |what: &What| {
            let is_partners = matches!(what, Resubmit | Appeal | Withdraw);
            let others = ["ann", "bo", "carl"][dice.below(3) as usize];
            let actor = if is_partners != dice.one_in(12) { "partner" } else { others }.into();
            let is_explained = !dice.one_in(8);
            Act::Decide(number, Decision { actor, what: *what, percent, is_explained })
        };
        whats[..count].iter().map(decide).collect()
    }

    /// One program has other terms for claims.
    pub fn change_terms(&mut self, programs: &mut [Program]) {
        let place = self.dice.below(programs.len() as u64) as usize;
        let terms = terms(&mut self.dice);
        if let Paid::Claim(before) = &mut programs[place].paid {
            *before = terms;
        }
        fit(programs);
    }
}

/// What is drawn on a program is not claimed as well, and persons send no claims.
fn fit(programs: &mut [Program]) {
    for program in programs.iter_mut().filter(|program| program.paid.claims().is_some()) {
        if program.mechanism.is_drawn_on() || matches!(program.mechanism, Mechanism::Spiff { .. }) {
            (program.paid, program.auto_authorise) = (Paid::Auto, true);
        } else {
            program.auto_authorise = false;
        }
    }
}

fn terms(dice: &mut Dice) -> ClaimTerms {
    let (amount, share) =
        (dice.some(3, |dice| dice.micros(10_000, 2_000_000)), dice.some(3, |dice| dice.micros(1_000, 100_000)));
    let below = match dice.one_in(2) && (amount.is_some() || share.is_some()) {
        true => BelowDue::Calculated,
        false => BelowDue::Claimed,
    };
    ClaimTerms {
        days: dice.below(150) as u32,
        late: if dice.one_in(2) { LateClaim::Roll } else { LateClaim::Reject },
        review_above: dice.some(2, |dice| dice.micros(500_000, 20_000_000)),
        override_limit: dice.some(2, |dice| dice.micros(500_000, 20_000_000)),
        appeal_days: dice.below(90) as u32,
        tolerance: Tolerance { amount, share, below },
        review: dice.some(2, review),
    }
}

fn review(dice: &mut Dice) -> Review {
    let unreviewed = if dice.one_in(2) { Unreviewed::Roll } else { Unreviewed::Reject };
    Review { days: dice.below(70) as u32, unreviewed }
}

/// Mostly what some sale may have brought, under a program that is paid by claim.
fn ask(dice: &mut Dice, deals: &[(u32, Deal)], programs: &[Program]) -> Ask {
    let (sale, deal) = &deals[dice.below(deals.len() as u64) as usize];
    let by_claim: Vec<&Program> = programs.iter().filter(|program| program.paid.claims().is_some()).collect();
    let all: Vec<&Program> = programs.iter().collect();
    let of = if by_claim.is_empty() || dice.one_in(8) { &all } else { &by_claim };
    let program = of[dice.below(of.len() as u64) as usize];
    let place = program.id.trim_start_matches('P').parse().expect("programs go by their places");
    let currency = program.currency.filter(|_| !dice.one_in(10)).unwrap_or(deal.currency);
    let date = if dice.one_in(4) { deal.date.plus(dice.below(80) as i32 - 40) } else { deal.date };
    let units = if dice.one_in(3) { 1 + dice.below(60) as i64 } else { 0 };
    // Of a stock now and then more than was ever bought.
    let units = if program.mechanism.protects_stock() && units % 2 == 0 { 20 * units } else { units };
    let percent = PERCENTS[dice.below(10) as usize];
    let amount = dice.micros(100_000, 30_000_000);
    let unit_percent = [0, 100, 100, 90, 110][dice.below(5) as usize];
    let of = dice.some(2, |_| *sale);
    // Who names a sale mostly claims all units of it, whatever came back.
    let units = if of.is_some() && (units == 0 || units % 3 > 0) { deal.quantity.max(1) } else { units };
    Ask {
        program: place,
        partner: deal.partner.clone(),
        date: date.max(first_day().plus(-60)),
        currency,
        percent,
        amount,
        units,
        unit_percent,
        of,
        product: dice.some(4, |_| product_of(deal.of.unwrap_or(*sale)).into()),
        authorisation: dice.some(4, |dice| ["X", "Y", "Z", "NONE"][dice.below(4) as usize].into()),
    }
}

/// The same once more, another amount, other units, another day, or another program altogether.
fn restate(dice: &mut Dice, ask: &mut Ask, other: Ask) {
    match dice.below(7) {
        0 | 1 => {}
        5 => (ask.product, ask.authorisation) = (other.product, other.authorisation),
        2 => (ask.percent, ask.amount) = (other.percent, other.amount),
        3 => (ask.units, ask.unit_percent) = (other.units, other.unit_percent),
        4 => ask.date = ask.date.plus(dice.below(20) as i32 - 10),
        _ => *ask = other,
    }
}
