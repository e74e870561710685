//! Histories drawn from a seed: what happened, one act after the other, so that any act may be left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    AccountingClass, Asked, BelowMinimum, Benefit, BookCost, BudgetOf, Cadence, Caps, Choice, ClaimLine, Control,
    CoopFund, CostBasis, Credit, Currency, Day, Debit, Denial, Draw, Entitlement, EntitlementEvent, Figure, FreeGoods,
    Growth, Headroom, Id, Late, Measure, Mechanism, Micros, OnUnusual, PaidOn, Partner, PartnerKind, Per, Points,
    Program, Proration, Purchase, RecordRef, Reference, Resale, Rounding, RoundingMode, Score, Selector, SellIn,
    SellInEstimate, SpecialPrice, Split, Steps, Text, Tier, Ties, UnitCost,
};
use oracle::claim_id;
use serde::{Deserialize, Serialize};

use crate::amending::Amending;
use crate::claims::{Ask, Claiming, Decision, Refusal};
use crate::exchange::Exchange;
use crate::expecting::Expecting;
use crate::waiting::Waiting;

pub const PARTNERS: [&str; 3] = ["A", "B", "C"];
/// Units of a sale that is far above others; it comes back whole or not at all.
const RUSH: i64 = 240;
const PEOPLE: [&str; 5] = ["Ann", "Bo", "Cy", "Bo; Ann", "Cy; Ann; Bo"];
/// Special prices of each partner under each program, with the units that they are for.
const SPECIAL: [(&str, Option<i64>); 3] = [("X", Some(70)), ("Y", None), ("Z", Some(40))];
const CURRENCIES: [&str; 4] = ["USD", "USD", "EUR", "JPY"];
/// Programs, of which the first three compete for each sale.
const PROGRAMS: usize = 7;
const COMPETING: usize = 3;
/// The program behind them, which protects stocks.
const PROTECTING: usize = PROGRAMS;
/// The one that pays for purchases, and not for what some of those that compete pay for.
const BUYING: usize = PROGRAMS + 1;
const PAYING_AT_RESALE: [usize; 2] = [0, 1];
const PRODUCT: &str = "s/p";
/// Turns a seed into one for what units cost that were bought.
const LAYERS: u64 = 0x1a4e_55c0;
/// The same for what is estimated.
const ESTIMATES: u64 = 0x5e11_1e57;
/// The same for exchange rates.
const RATES: u64 = 0x0e8c_4a9e;
/// The same for caps on the measure.
const MEASURES: u64 = 0x6ea5_04e5;
/// The same for what is held as unusual.
const UNUSUAL: u64 = 0x0e7e_4e1d;
/// The same for what is given up.
const WRITE_OFFS: u64 = 0x0b4d_deb7;
/// The same for tables by which amounts wait.
const WAITING: u64 = 0x0a17_1264;
/// The same for claims.
const CLAIMS: u64 = 0x0c1a_1235;
/// The same for what is said of sales that earn nothing.
const DENIALS: u64 = 0x0de4_1a15;
/// The same for what is changed about programs late, and approved.
const AMENDMENTS: u64 = 0x0a3e_4d5e;
/// And which programs pay before a period is over.
const INTERIMS: u64 = 0x01a7_e415;
/// And which round a half to the even neighbour.
const HALVES: u64 = 0x0ba1_4e50;
const HEADROOMS: u64 = 0x4ead_2008;
/// The same for what is expected of periods.
const EXPECTATIONS: u64 = 0x0e89_ec7e;
const TIES: u64 = 0x7135_4a7e;
const BUDGETS: u64 = 0x0b4d_6e75;
const CARRIED: u64 = 0x0ca4_41ed;

/// Numbers that look random and are the same every time (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub fn micros(&mut self, low: i64, high: i64) -> Micros {
        Micros(low + self.below((high - low) as u64) as i64)
    }

    pub fn some<T>(&mut self, of: u64, value: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        self.one_in(of).then(|| value(self))
    }
}

/// The same for partners that turn out to be one.
const IDENTITIES: u64 = 0x1de7_7177;
/// The same for special prices behind the first one of a sale.
const FURTHER: u64 = 0x0f04_7e42;

/// What a sale or return says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    pub partner: Text,
    rep: Text,
    /// Which of the special prices it is under, what a unit is given, and what of it is lost.
    special: usize,
    credit: Micros,
    short: Micros,
    /// The same of special prices that are next, once the units of those before them are gone.
    #[serde(default)]
    pub further: Vec<(usize, Micros, Micros)>,
    pub date: Day,
    pub quantity: i64,
    amount: Micros,
    pub currency: Currency,
    /// A linked return's sale, by number.
    pub of: Option<u32>,
    /// Which of the competing programs may pay, in order.
    competing: Vec<usize>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    Configure(Box<Reference>),
    /// A line comes in, or comes again with other content.
    Report(u32, Deal),
    Withdraw(u32),
    Settle,
    Tick(Day),
    /// Of what is open under one of the authorizations, so many percent are paid.
    Pay(usize, i64),
    /// Of what is owed back by the settlement of one of the authorizations, so many percent are given up.
    GiveUp(usize, i64),
    /// A claim line comes in, or comes again.
    Claim(u32, Ask),
    /// Its sender takes it back.
    Unclaim(u32),
    /// A person says something about it.
    Decide(u32, Decision),
    /// Of a sale it is said, by number, that it earns nothing under a program.
    Deny(u32, Refusal),
    /// That is over.
    Clear(u32),
}

/// What the ledger is told of it.
#[derive(Clone, Debug)]
pub enum Told {
    Event(EntitlementEvent),
    Configure(Box<Reference>),
    Control(Control),
    Paid { place: usize, percent: i64, date: Day },
    GivenUp { place: usize, percent: i64, date: Day },
}

/// Lines as they stand while acts are told.
#[derive(Default)]
pub struct History {
    control: u64,
    programs: Vec<Program>,
    today: Option<Day>,
    known: Reference,
    deals: BTreeMap<u32, (Deal, Vec<Entitlement>)>,
    /// The newest version of each claim line, and whether it stands.
    claims: BTreeMap<u32, (ClaimLine, bool)>,
    denied: BTreeMap<u32, Denial>,
}

impl History {
    /// `due` says what is due for what a claim line claims.
    pub fn told(&mut self, act: &Act, due: &dyn Fn(&ClaimLine) -> Micros) -> Vec<Told> {
        match act {
            Act::Configure(reference) => {
                self.control += 1;
                self.programs = reference.programs.clone();
                self.known = (**reference).clone();
                vec![Told::Configure(reference.clone())]
            }
            // Nothing comes in front of the first configuration.
            _ if self.control == 0 => Vec::new(),
            Act::Report(number, deal) => {
                let mut told = self.withdraw(*number);
                let entitlements = self.entitlements(*number, deal);
                told.extend(entitlements.iter().map(|e| Told::Event(EntitlementEvent::Grant(Box::new(e.clone())))));
                self.deals.insert(*number, (deal.clone(), entitlements));
                told
            }
            Act::Withdraw(number) => self.withdraw(*number),
            Act::Settle => self.control(Control::Settle),
            Act::Tick(as_of) => {
                self.today = self.today.max(Some(*as_of));
                self.control(Control::Tick { as_of: *as_of })
            }
            Act::Pay(place, percent) => {
                self.today.map(|date| Told::Paid { place: *place, percent: *percent, date }).into_iter().collect()
            }
            Act::GiveUp(place, percent) => {
                self.today.map(|date| Told::GivenUp { place: *place, percent: *percent, date }).into_iter().collect()
            }
            Act::Claim(number, ask) => {
                let mut told = self.unclaim(*number);
                let version = self.claims.get(number).map_or(1, |(before, _)| before.version + 1);
                let line = ask.line(*number, version, self.control, due);
                if claim_id(&line, &self.known).is_some() {
                    told.push(Told::Event(EntitlementEvent::Claim(Box::new(line.clone()))));
                    self.claims.insert(*number, (line, true));
                }
                told
            }
            Act::Unclaim(number) => self.unclaim(*number),
            Act::Deny(number, refusal) => {
                let mut told = self.clear(*number);
                let denial = refusal.denial(*number, self.control);
                if self.programs.iter().any(|program| program.id == denial.program) {
                    told.push(Told::Event(EntitlementEvent::Deny(Box::new(denial.clone()))));
                    self.denied.insert(*number, denial);
                }
                told
            }
            Act::Clear(number) => self.clear(*number),
            Act::Decide(number, decision) => {
                let line = self.claims.get(number).map(|(line, _)| line.clone());
                let known = line.and_then(|line| Some((claim_id(&line, &self.known)?, line)));
                let told = known.map(|(claim, line)| Control::Command(Box::new(decision.command(claim, &line))));
                told.map_or_else(Vec::new, |control| self.control(control))
            }
        }
    }

    fn clear(&mut self, number: u32) -> Vec<Told> {
        let over = self.denied.remove(&number);
        over.map(|denial| Told::Event(EntitlementEvent::Clear(Box::new(denial)))).into_iter().collect()
    }

    fn unclaim(&mut self, number: u32) -> Vec<Told> {
        let stood = self.claims.get_mut(&number).filter(|(_, stands)| *stands);
        let gone = stood.map(|(line, stands)| {
            *stands = false;
            Told::Event(EntitlementEvent::Unclaim(Box::new(line.clone())))
        });
        gone.into_iter().collect()
    }

    fn control(&mut self, control: Control) -> Vec<Told> {
        self.control += 1;
        vec![Told::Control(control)]
    }

    fn withdraw(&mut self, number: u32) -> Vec<Told> {
        let (_, entitlements) = self.deals.remove(&number).unwrap_or_default();
        entitlements.into_iter().map(|e| Told::Event(EntitlementEvent::Revoke(Box::new(e)))).collect()
    }

    /// One for the programs that compete, one for each that stands alone, as far as somebody knows them.
    fn entitlements(&self, number: u32, deal: &Deal) -> Vec<Entitlement> {
        let origin = deal.of.and_then(|of| Some((id_of(of), self.deals.get(&of)?.0.date)));
        let sold = origin.map_or(deal.date, |(_, sold)| sold);
        let like = |key: Text, programs: Vec<Text>| Entitlement {
            ledger_key: key,
            sale: id_of(number),
            at: RecordRef { partner: deal.partner.clone(), file_no: 1, record_no: number },
            stamp: self.control,
            programs,
            date: deal.date,
            quantity: Micros::units(deal.quantity),
            amount: deal.amount,
            currency: deal.currency,
            rep: deal.rep.clone(),
            origin,
            debits: Vec::new(),
            product: product_of(deal.of.unwrap_or(number)).into(),
        };
        let debited = |entitlement: Entitlement| {
            let debits = |program: &Text| {
                let debit = |(special, credit, short): (usize, Micros, Micros)| Debit {
                    program: program.clone(),
                    special_price: special_price(program, &deal.partner, special).key(),
                    credit,
                    short,
                };
                let further = deal.further.iter().copied().filter(|_| self.goes_by_book(program, sold));
                let all: Vec<Debit> =
                    [(deal.special, deal.credit, deal.short)].into_iter().chain(further).map(debit).collect();
                all
            };
            Entitlement { debits: entitlement.programs.iter().flat_map(debits).collect(), ..entitlement }
        };
        let alone = (COMPETING..PROGRAMS).map(|place| like(name(place), vec![name(place)]));
        let is_known = |id: &Text| self.programs.iter().any(|program| program.id == *id);
        let competing: Vec<Text> = deal.competing.iter().map(|place| name(*place)).filter(is_known).collect();
        let together = (!competing.is_empty()).then(|| like("group".into(), competing));
        let taken = |place: usize| {
            let stock = Id::of("stock", &[&name(place), &deal.partner, PRODUCT]);
            let (credit, short) = (Micros::ZERO, Micros::ZERO);
            let taken = Debit { program: name(place), special_price: stock, credit, short };
            Entitlement { debits: vec![taken], product: PRODUCT.into(), ..like(name(place), vec![name(place)]) }
        };
        let is_resold = deal.competing.first().is_some_and(|first| PAYING_AT_RESALE.contains(first));
        let taken = [PROTECTING, BUYING].into_iter().filter(|place| *place != BUYING || is_resold).map(taken);
        let uses_layers =
            |program: &&Program| program.mechanism.goes_by_layers() && program.from <= sold && sold <= program.to;
        let used = self.programs.iter().filter(uses_layers).map(|program| {
            let stock = Id::of("stock", &[&program.id, &deal.partner, PRODUCT]);
            let special_price = Id::of("cost layers", &[&stock.to_string()]);
            let (credit, short) = (Micros::ZERO, Micros::ZERO);
            let used = Debit { program: program.id.clone(), special_price, credit, short };
            let used =
                Entitlement { debits: vec![used], ..like(program.ledger_key().clone(), vec![program.id.clone()]) };
            Entitlement { product: PRODUCT.into(), ..used }
        });
        let all = together.into_iter().chain(alone).map(debited).chain(taken).chain(used);
        all.filter(|entitlement| entitlement.programs.iter().all(is_known)).collect()
    }
}

impl History {
    /// Of a program that goes by what units cost a sale has one special price.
    fn goes_by_book(&self, program: &str, day: Day) -> bool {
        let holds = |version: &&Program| version.id == program && version.from <= day && day <= version.to;
        !self.programs.iter().filter(holds).any(|version| version.mechanism.goes_by_layers())
    }
}

impl Default for Deal {
    fn default() -> Deal {
        let (quantity, amount, competing) = (0, Micros::ZERO, Vec::new());
        let (special, credit, short) = (0, Micros::ONE, Micros::ZERO);
        Deal {
            partner: "A".into(),
            rep: "Ann".into(),
            special,
            credit,
            short,
            further: Vec::new(),
            date: Day(0),
            quantity,
            amount,
            currency: dollar(),
            of: None,
            competing,
        }
    }
}

/// What is sold by a sale, by number.
pub fn product_of(sale: u32) -> &'static str {
    if sale.is_multiple_of(3) { "s/q" } else { PRODUCT }
}

pub fn id_of(number: u32) -> Id {
    Id::of("sale", &[&number.to_string()])
}

fn special_price(program: &str, partner: &str, which: usize) -> SpecialPrice {
    let (id, quantity) = SPECIAL[which];
    SpecialPrice {
        program: program.into(),
        partner: partner.into(),
        product: PRODUCT.into(),
        id: id.into(),
        customer: Text::default(),
        from: first_day(),
        to: first_day(),
        quantity: quantity.map(Micros::units),
        credit: Credit::AboveCost(Micros::units(4)),
        resale: None,
        currency: dollar(),
    }
}

pub fn dollar() -> Currency {
    Currency::parse("USD").expect("a currency")
}

pub fn name(place: usize) -> Text {
    format!("P{place}").into()
}

pub fn first_day() -> Day {
    Day::new(2013, 1, 1).expect("a day")
}

/// A history of about so many lines, corrections and returns.
pub fn drawn(seed: u64, events: usize) -> Vec<Act> {
    let mut dice = Dice(seed);
    let (mut programs, mut stocks) = (programs(&mut dice), stocks(&mut dice));
    estimate(&mut Dice(seed ^ ESTIMATES), &mut programs);
    let mut layering = Dice(seed ^ LAYERS);
    go_by_layers(&mut layering, &mut programs);
    invoice(&mut layering, &mut stocks.0);
    let mut measuring = Dice(seed ^ MEASURES);
    cap_measures(&mut measuring, &mut programs);
    hold_what_is_unusual(&mut Dice(seed ^ UNUSUAL), &mut programs);
    let mut exchange = Exchange::new(Dice(seed ^ RATES), &mut programs);
    let mut giving = Dice(seed ^ WRITE_OFFS);
    let mut claiming = Claiming::new(Dice(seed ^ CLAIMS), Dice(seed ^ DENIALS), &mut programs);
    pay_between(&mut Dice(seed ^ INTERIMS), &mut programs);
    round_to_even(&mut Dice(seed ^ HALVES), &mut programs);
    free_again(&mut Dice(seed ^ HEADROOMS), &mut programs);
    share_pro_rata(&mut Dice(seed ^ TIES), &mut programs);
    share_over_versions(&mut Dice(seed ^ BUDGETS), &mut programs);
    carry_over(&mut Dice(seed ^ CARRIED), &mut programs);
    let mut waiting = Waiting::new(Dice(seed ^ WAITING), &programs);
    let mut amending = Amending::new(Dice(seed ^ AMENDMENTS), &mut programs);
    let mut expecting = Expecting::new(Dice(seed ^ EXPECTATIONS), &mut programs);
    let stated = |exchange: &Exchange,
                  waiting: &Waiting,
                  amending: &Amending,
                  expecting: &Expecting,
                  programs: &[Program],
                  stocks: &Stocks| {
        let reference = exchange.stated(reference(&amending.known(programs), stocks));
        Act::Configure(Box::new(expecting.stated(amending.stated(waiting.stated(reference)))))
    };
    let mut acts = vec![stated(&exchange, &waiting, &amending, &expecting, &programs, &stocks)];
    let (mut deals, mut today) = (Vec::<(u32, Deal)>::new(), first_day());
    let controls = 6 + dice.below(18) as usize;
    let mut ranking = Dice(seed ^ FURTHER);
    let mut identities = Identities { dice: Dice(seed ^ IDENTITIES), merged: None };
    for number in 1..=events as u32 {
        acts.push(act(&mut dice, number, &mut deals, today));
        if let (Some(Act::Report(reported, deal)), Some((of, known))) = (acts.last_mut(), deals.last_mut())
            && (*reported, *of, deal.quantity > 0) == (number, number, true)
        {
            deal.further = further(&mut ranking, deal.special);
            known.further.clone_from(&deal.further);
        }
        if let Some(Act::Report(number, deal)) = acts.last_mut()
            && identities.read(deal)
            && let Some((_, known)) = deals.iter_mut().find(|(of, _)| of == number)
        {
            known.partner.clone_from(&deal.partner);
        }
        acts.extend(claiming.acts(&deals, &programs));
        acts.extend(claiming.denials(&deals, &programs));
        if dice.one_in((events / controls).max(1) as u64) {
            today = today.plus(dice.below(45) as i32);
            if identities.merge() {
                let renamed =
                    deals.iter_mut().filter_map(|(number, deal)| identities.read(deal).then_some((*number, deal)));
                acts.extend(renamed.map(|(number, deal)| Act::Report(number, deal.clone())));
            }
            acts.push(match dice.below(6) {
                0 => {
                    match dice.below(3) {
                        0 => {
                            change_terms(&mut dice, &mut programs);
                            change_measure(&mut measuring, &mut programs);
                            go_by_layers(&mut layering, &mut programs);
                            end_otherwise(&mut layering, &mut programs);
                            claiming.change_terms(&mut programs);
                        }
                        1 => {
                            stocks.0 = purchases(&mut dice);
                            invoice(&mut layering, &mut stocks.0);
                        }
                        _ => stocks.1 = price_book(&mut dice),
                    }
                    exchange.restate(today, &mut programs);
                    waiting.restate(today, &programs);
                    amending.restate(&mut programs);
                    expecting.restate(today, &mut programs);
                    stated(&exchange, &waiting, &amending, &expecting, &programs, &stocks)
                }
                1 | 2 => Act::Settle,
                _ => Act::Tick(today),
            });
            acts.extend(payments(&mut dice));
            acts.extend(write_offs(&mut giving));
            acts.extend(claiming.decisions());
        }
    }
    acts.push(Act::Tick(today.plus(dice.below(400) as i32)));
    acts.extend(payments(&mut dice));
    acts.extend(claiming.decisions());
    // What outlasts its close as something stands in its way does so no longer.
    waiting.lift();
    amending.lift(&programs);
    acts.push(stated(&exchange, &waiting, &amending, &expecting, &programs, &stocks));
    acts.push(Act::Tick(today.plus(1_200)));
    // Behind the last day for claims: what came until then is judged.
    acts.push(Act::Tick(today.plus(1_201)));
    // Behind the end of all programs: what was carried over is let go.
    acts.push(Act::Tick(first_day().plus(2_500)));
    acts
}

/// What comes first, what is sold with the days on which it is told, and what each partner is due in the end.
pub type OfUnits = (Vec<Act>, Vec<(Day, Act)>, BTreeMap<Text, Micros>);

/// What is sold, and what comes back of no known sale, in half a year, with days on which it is told: 1.00 a unit by each of the
/// programs that stand alone, and nothing else. Gives what each partner is due in the end.
pub fn of_units(seed: u64) -> OfUnits {
    let mut dice = Dice(seed);
    let (standing_alone, mut programs) = (COMPETING..PROGRAMS, programs(&mut Dice(seed)));
    programs.retain(|program| program.version == 1);
    for (place, program) in programs.iter_mut().enumerate() {
        (program.from, program.to) = (first_day().plus(-400), first_day().plus(1_500));
        (program.period, program.currency) = (Cadence::Month, Some(dollar()));
        (program.grace_days, program.close_days) = (5 + dice.below(20) as u32, dice.below(60) as u32);
        (program.auto_authorise, program.minimum_payout, program.threshold) = (true, None, None);
        (program.caps, program.bonus, program.prorate) = (Caps::default(), Vec::new(), Proration::default());
        (program.conversion, program.estimate, program.accrue) = Default::default();
        if standing_alone.contains(&place) {
            program.mechanism = Mechanism::PerUnit { rate: Micros::ONE };
        }
    }
    let acts = vec![Act::Configure(Box::new(reference(&programs, &Stocks::default())))];
    let (mut sold, mut due) = (Vec::new(), BTreeMap::<Text, Micros>::new());
    for number in 1..=120 {
        let partner = Text::from(PARTNERS[dice.below(3) as usize]);
        let (date, quantity) = (first_day().plus(dice.below(180) as i32), dice.below(20) as i64 - 9);
        let came = date.plus(dice.below(90) as i32);
        *due.entry(partner.clone()).or_default() += Micros::units(quantity * standing_alone.len() as i64);
        let deal = Deal { partner, date, quantity, amount: Micros::units(5 * quantity), ..Deal::default() };
        sold.push((came, Act::Report(number, deal)));
    }
    sold.sort_by_key(|(came, _)| *came);
    (acts, sold, due)
}

/// Mostly what is open, now and then a part of it or more.
fn payments(dice: &mut Dice) -> Vec<Act> {
    let payment =
        |dice: &mut Dice| Act::Pay(dice.below(1_000) as usize, [100, 100, 100, 50, 120][dice.below(5) as usize]);
    (0..dice.below(6)).map(|_| payment(dice)).collect()
}

/// All that is owed back, or half of it; most have nothing to give up.
fn write_offs(dice: &mut Dice) -> Vec<Act> {
    let write_off = |dice: &mut Dice| Act::GiveUp(dice.below(1_000) as usize, [100, 50][dice.below(2) as usize]);
    (0..dice.below(12)).map(|_| write_off(dice)).collect()
}

fn act(dice: &mut Dice, number: u32, deals: &mut Vec<(u32, Deal)>, today: Day) -> Act {
    let known = (!deals.is_empty()).then(|| dice.below(deals.len() as u64) as usize);
    match (dice.below(20), known) {
        (0, Some(place)) => Act::Withdraw(deals.swap_remove(place).0),
        (1 | 2, Some(place)) => {
            let (number, deal) = &mut deals[place];
            *deal = corrected(dice, deal);
            Act::Report(*number, deal.clone())
        }
        (3..6, Some(place)) => {
            let (of, sold) = deals[place].clone();
            let back = give_back(dice, of, &sold);
            deals.push((number, back.clone()));
            Act::Report(number, back)
        }
        _ => {
            let deal = sale(dice, today);
            deals.push((number, deal.clone()));
            Act::Report(number, deal)
        }
    }
}

fn sale(dice: &mut Dice, today: Day) -> Deal {
    // Now and then what is sold otherwise in a period.
    let quantity = if dice.one_in(100) { RUSH } else { 1 + dice.below(12) as i64 };
    // Few prices and days, so that there are ties.
    let price = [1_990_000, 5_000_000, 7_333_333, 12_000_000, 250_000_000][dice.below(5) as usize];
    let late = if dice.one_in(5) { dice.below(150) } else { dice.below(12) } as i32;
    let mut competing: Vec<usize> = (0..COMPETING).filter(|_| !dice.one_in(3)).collect();
    competing.sort_unstable();
    Deal {
        // One of them sells enough to be known by what is usual.
        partner: PARTNERS[[0, 0, 1, 2][dice.below(4) as usize]].into(),
        rep: PEOPLE[dice.below(5) as usize].into(),
        special: dice.below(2) as usize,
        further: Vec::new(),
        credit: dice.micros(500_000, 9_000_000),
        short: dice.some(3, |dice| dice.micros(100_000, 500_000)).unwrap_or_default(),
        date: today.plus(20 - late),
        quantity,
        amount: Micros(price * quantity),
        currency: Currency::parse(CURRENCIES[dice.below(4) as usize]).expect("a currency of the list"),
        of: None,
        competing,
    }
}

/// Two partners of which a steward says that they are one: what the one sold is the other's from then on. Drawn aside, so that all
/// else of a seed stays as it was.
struct Identities {
    dice: Dice,
    merged: Option<[&'static str; 2]>,
}

impl Identities {
    /// Whether two turn out to be one now.
    fn merge(&mut self) -> bool {
        let is_now = self.dice.one_in(25) && self.merged.is_none();
        if is_now {
            let from = self.dice.below(PARTNERS.len() as u64) as usize;
            let to = (from + 1 + self.dice.below(2) as usize) % PARTNERS.len();
            self.merged = Some([PARTNERS[from], PARTNERS[to]]);
        }
        is_now
    }

    /// Says whether a line is another one's than it says.
    fn read(&self, deal: &mut Deal) -> bool {
        let Some([_, to]) = self.merged.filter(|[from, _]| deal.partner == *from) else { return false };
        deal.partner = to.into();
        true
    }
}

/// Of one sale in two the others of its partner's special prices, or one of them, in some order.
fn further(dice: &mut Dice, first: usize) -> Vec<(usize, Micros, Micros)> {
    let mut others: Vec<usize> = (0..SPECIAL.len()).filter(|which| *which != first).collect();
    if dice.one_in(2) {
        others.reverse();
    }
    others.truncate(dice.below(3) as usize);
    let given = |dice: &mut Dice| (dice.micros(500_000, 9_000_000), dice.some(3, |dice| dice.micros(100_000, 500_000)));
    let at = |which: usize| {
        let (credit, short) = given(dice);
        (which, credit, short.unwrap_or_default())
    };
    others.into_iter().map(at).collect()
}

/// Other units, money, day, seller or reporting partner.
fn corrected(dice: &mut Dice, deal: &Deal) -> Deal {
    let other = sale(dice, deal.date);
    let sign = if deal.quantity < 0 { -1 } else { 1 };
    let mut deal = deal.clone();
    match dice.below(5) {
        0 => (deal.quantity, deal.amount) = (sign * other.quantity, Micros(sign * other.amount.0)),
        // At another price of the few: odd ones would make fractions that no number of the oracle holds.
        1 => deal.amount = Micros(other.amount.0 / other.quantity * deal.quantity),
        2 => deal.date = other.date,
        3 => deal.rep = other.rep,
        // Two identities turn out to be one.
        _ => deal.partner = other.partner,
    }
    deal
}

/// A part of a sale, or all of it; linked to it or not; now and then dated in front of it.
fn give_back(dice: &mut Dice, of: u32, sold: &Deal) -> Deal {
    let units = sold.quantity.unsigned_abs().max(1);
    let back = if units == RUSH.unsigned_abs() { RUSH } else { 1 + dice.below(units) as i64 };
    let amount = Micros(sold.amount.0.abs() / units as i64 * back);
    let date = sold.date.plus(dice.below(60) as i32 - 5);
    Deal { date, quantity: -back, amount: Micros(-amount.0), of: (!dice.one_in(3)).then_some(of), ..sold.clone() }
}

/// What partners bought, and what it costs.
type Stocks = (Vec<Purchase>, Vec<BookCost>);

fn stocks(dice: &mut Dice) -> Stocks {
    (purchases(dice), price_book(dice))
}

fn any_day(dice: &mut Dice) -> Day {
    first_day().plus(dice.below(240) as i32 - 40)
}

/// Enough to have something left for a while; now and then some of it goes back.
fn purchases(dice: &mut Dice) -> Vec<Purchase> {
    let mut all = BTreeMap::new();
    for partner in PARTNERS {
        for _ in 0..dice.below(6) {
            let units = 40 + dice.below(400) as i64;
            let units = Micros::units(if dice.one_in(6) { -units / 4 } else { units });
            let (product, document) = (PRODUCT.into(), Text::default());
            let bought =
                Purchase { partner: partner.into(), product, date: any_day(dice), document, units, cost: None };
            all.insert((partner, bought.date), bought);
        }
    }
    all.into_values().collect()
}

/// Costs from below what is authorised up to far above it.
fn price_book(dice: &mut Dice) -> Vec<BookCost> {
    let costs = (0..1 + dice.below(5)).map(|_| (any_day(dice), Micros::units(3 + dice.below(10) as i64)));
    let costs: BTreeMap<Day, Micros> = costs.collect();
    let cost = |(from, cost)| BookCost { product: PRODUCT.into(), currency: dollar(), from, cost };
    costs.into_iter().map(cost).collect()
}

/// Each by itself.
fn partners() -> Vec<Partner> {
    let partner = |id: &str| Partner {
        id: id.into(),
        name: format!("partner {id}"),
        kind: PartnerKind::Reseller,
        source: "s".into(),
        parent: Text::default(),
        country: Text::default(),
        region: Text::default(),
        currency: None,
    };
    PARTNERS.into_iter().map(partner).collect()
}

fn reference(programs: &[Program], (purchases, book_costs): &Stocks) -> Reference {
    let mut programs = programs.to_vec();
    programs.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
    let mut special_prices = Vec::new();
    for place in 0..PROGRAMS {
        for partner in PARTNERS {
            special_prices.extend((0..SPECIAL.len()).map(|which| special_price(&name(place), partner, which)));
        }
    }
    special_prices.sort();
    let draws = draws(&programs);
    Reference {
        programs,
        special_prices,
        draws,
        partners: partners(),
        purchases: purchases.clone(),
        book_costs: book_costs.clone(),
        ..Reference::default()
    }
}

/// Six draws of each partner under each program that is drawn on, some of them for more than there ever is.
fn draws(programs: &[Program]) -> Vec<Draw> {
    let mut all = Vec::new();
    let mut last: BTreeMap<&Text, (usize, &Program)> = BTreeMap::new();
    for (place, program) in programs.iter().enumerate().filter(|(_, program)| program.mechanism.is_drawn_on()) {
        last.insert(&program.id, (place, program));
    }
    for (place, program) in last.into_values() {
        for (partner, number) in PARTNERS.into_iter().flat_map(|partner| (1..7).map(move |number| (partner, number))) {
            let units = Micros::units(number * (2 + place as i64));
            let asked = match program.mechanism {
                Mechanism::Points(_) => Asked::Points(units),
                // The sixth names the proof of the fourth, the fifth has none.
                _ => Asked::Activity {
                    approved: Micros::units(9),
                    spent: Micros(units.0 + 333_333),
                    proof: if number == 5 {
                        Text::default()
                    } else {
                        format!("{}{partner}{}", program.id, number.min(4)).into()
                    },
                    // The third shows the document of the second, under another name.
                    document: if matches!(number, 2 | 3) {
                        format!("{}{partner}", program.id).into()
                    } else {
                        Text::default()
                    },
                },
            };
            let (id, date) = (number.to_string().into(), first_day().plus(50 * number as i32));
            all.push(Draw { program: program.id.clone(), partner: partner.into(), id, date, asked });
        }
    }
    all.sort();
    all
}

fn programs(dice: &mut Dice) -> Vec<Program> {
    let mut programs = Vec::new();
    for place in 0..=BUYING {
        let first = program(dice, place);
        if dice.one_in(3) {
            let change = first_day().plus(40 + dice.below(200) as i32);
            let second = Program { version: 2, from: change, ..program(dice, place) };
            let second = Program { period: first.period, ..second };
            programs.push(Program { to: change.plus(-1), ..first });
            programs.push(second);
        } else {
            programs.push(first);
        }
    }
    programs
}

fn program(dice: &mut Dice, place: usize) -> Program {
    let from = if dice.one_in(4) { first_day().plus(dice.below(50) as i32) } else { first_day().plus(-400) };
    let mut program = Program {
        id: name(place),
        version: 1,
        name: format!("program {place}"),
        from,
        to: first_day().plus(if dice.one_in(5) { 150 + dice.below(300) as i32 } else { 1_500 }),
        selector: Selector::default(),
        eligible: None,
        conditions: Default::default(),
        mechanism: mechanism(dice),
        period: [Cadence::Month, Cadence::Quarter, Cadence::Year][dice.below(3) as usize],
        interim: None,
        currency: dice.some(4, |_| Currency::parse("USD").expect("a currency")),
        conversion: Default::default(),
        caps: Caps {
            measure: None,
            per_unit: dice.some(4, |dice| dice.micros(100_000, 2_000_000)),
            per_transaction: dice.some(4, |dice| dice.micros(500_000, 9_000_000)),
            partner_period: dice.some(4, |dice| dice.micros(1_000_000, 60_000_000)),
            partner_year: dice.some(6, |dice| dice.micros(2_000_000, 90_000_000)),
            budget: dice.some(3, |dice| dice.micros(5_000_000, 200_000_000)),
        },
        threshold: dice.some(5, |dice| dice.micros(1_000_000, 60_000_000)),
        group: (place < COMPETING).then(|| "group".into()),
        priority: place as u32,
        choose: Choice::default(),
        stack: None,
        rounding: if dice.one_in(5) { Rounding::Sale } else { Rounding::Total },
        rounding_mode: RoundingMode::HalfUp,
        headroom: Headroom::Kept,
        budget_of: BudgetOf::Version,
        ties: Ties::BySale,
        below_minimum: BelowMinimum::Forfeit,
        pay_tier: None,
        class: {
            use AccountingClass::{ContraRevenue, MarketingExpense, PriceProtection, SpiffExpense};
            [ContraRevenue, MarketingExpense, SpiffExpense, PriceProtection][dice.below(4) as usize]
        },
        grace_days: dice.below(40) as u32,
        close_days: dice.below(90) as u32,
        auto_authorise: !dice.one_in(5),
        paid: Default::default(),
        minimum_payout: dice.some(4, |dice| dice.micros(500_000, 40_000_000)),
        bonus: dice.some(5, bonus).unwrap_or_default(),
        prorate: Proration { amount: dice.one_in(2), thresholds: dice.one_in(2), caps: dice.one_in(2) },
        unusual: Default::default(),
        estimate: None,
        accrue: Default::default(),
    };
    if place == PROTECTING || place == BUYING {
        program.mechanism = if place == PROTECTING { protection(dice) } else { sell_in(dice) };
        program.currency = Some(dollar());
    }
    if is_points(&program.mechanism) {
        program.class = AccountingClass::Points;
    }
    fit_draws(&mut program);
    program
}

/// Some programs hold what is unusual; persons are not looked at.
fn hold_what_is_unusual(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs {
        if dice.one_in(2) && !program.pays_person() {
            program.unusual = OnUnusual::Hold;
        }
    }
}

/// Programs with a currency may estimate what partners buy. They are drawn aside, so that all else of a seed stays as it was.
fn estimate(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs.iter_mut().filter(|program| program.currency.is_some()) {
        let fits = !program.mechanism.keeps_stock() && !program.mechanism.is_drawn_on();
        let per_unit = dice.one_in(2);
        let (benefit, rate) = match per_unit {
            true => (Benefit::PerUnit, dice.micros(10_000, 3_000_000)),
            false => (Benefit::Percent, dice.micros(1_000, 200_000)),
        };
        let lapses_after_days = dice.below(150) as u32;
        program.estimate = Some(SellInEstimate { benefit, rate, lapses_after_days }).filter(|_| fits);
    }
}

/// What pays by itself may pay before its period is over; that is drawn aside too.
fn pay_between(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs {
        let interim = if dice.one_in(3) { Cadence::Quarter } else { Cadence::Month };
        let fits = program.auto_authorise
            && program.paid.claims().is_none()
            && !program.mechanism.is_drawn_on()
            && program.mechanism.resale().is_none()
            && program.unusual == OnUnusual::Tell
            && interim.divides(program.period);
        program.interim = Some(interim).filter(|_| fits && dice.one_in(2));
    }
}

/// Some programs round a half to the even neighbour, and earn halves of a cent by each unit; that is drawn aside too.
fn round_to_even(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs.iter_mut().filter(|program| !is_points(&program.mechanism)) {
        if dice.one_in(3) {
            program.rounding_mode = RoundingMode::HalfEven;
            if let Mechanism::PerUnit { rate } | Mechanism::Spiff { rate, .. } = &mut program.mechanism {
                *rate = Micros(rate.0 / 10_000 * 10_000 + 5_000);
            }
        }
    }
}

/// Half of the programs give headroom back; that is drawn aside too.
fn free_again(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs {
        program.headroom = if dice.one_in(2) { Headroom::GivenBack } else { Headroom::Kept };
    }
}

/// What is too little under half of the programs that pay by themselves is carried over; that is drawn aside too.
fn carry_over(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs {
        let carries = dice.one_in(2) && program.auto_authorise && program.paid.claims().is_none();
        program.below_minimum = if carries { BelowMinimum::Carry } else { BelowMinimum::Forfeit };
    }
}

/// Half of the programs have one budget for all versions; that is drawn aside too.
fn share_over_versions(dice: &mut Dice, programs: &mut [Program]) {
    for of_program in programs.chunk_by_mut(|a, b| a.id == b.id) {
        let budget_of = if dice.one_in(2) { BudgetOf::Program } else { BudgetOf::Version };
        of_program.iter_mut().for_each(|program| program.budget_of = budget_of);
    }
}

/// Of half of the programs the day on which their budget ends is shared pro rata; that is drawn aside too. Persons of one year have no part
/// in that.
fn share_pro_rata(dice: &mut Dice, programs: &mut [Program]) {
    let with_years = programs.iter().filter(|program| program.caps.partner_year.is_some());
    let with_years: Vec<Text> = with_years.map(|program| program.id.clone()).collect();
    for program in programs {
        let fits = !program.pays_person() || !with_years.contains(&program.id);
        program.ties = if dice.one_in(2) && fits { Ties::ProRata } else { Ties::BySale };
    }
}

/// Special prices go by the price book or by what units cost; that is drawn aside too.
fn go_by_layers(dice: &mut Dice, programs: &mut [Program]) {
    for program in programs {
        let by_layers = dice.one_in(2);
        if let Mechanism::ShipAndDebit { resale, cost } = &mut program.mechanism {
            *resale = if dice.one_in(2) { Resale::Strict } else { Resale::Partial };
            *cost = if by_layers { CostBasis::Layers } else { CostBasis::Book };
        }
    }
}

/// What goes by special prices comes to end sooner or later than it did, before the next version.
fn end_otherwise(dice: &mut Dice, programs: &mut [Program]) {
    for at in 0..programs.len() {
        let next = programs.get(at + 1).filter(|next| next.id == programs[at].id).map(|next| next.from.plus(-1));
        let program = &mut programs[at];
        if program.mechanism.resale().is_some() && dice.one_in(3) {
            let end = first_day().plus(if dice.one_in(3) { 1_500 } else { 20 + dice.below(200) as i32 });
            program.to = next.map_or(end, |last| end.min(last)).max(program.from);
        }
    }
}

/// More than one row of a day: another invoice, or what goes back to the vendor on the day of one.
fn invoice(dice: &mut Dice, purchases: &mut Vec<Purchase>) {
    for at in 0..purchases.len() {
        for document in ["10", "9", "R"] {
            if dice.one_in(4) {
                let units = Micros::units(10 + dice.below(150) as i64);
                let units = if document == "R" { -units } else { units };
                purchases.push(Purchase { document: document.into(), units, ..purchases[at].clone() });
            }
        }
    }
    purchases.sort();
    price(dice, purchases);
}

/// What was bought for, from below what is authorised up to far above it; now and then in another currency, or nobody says.
fn price(dice: &mut Dice, purchases: &mut [Purchase]) {
    for bought in purchases {
        let (amount, currency) = (Micros::units(3 + dice.below(10) as i64), CURRENCIES[dice.below(4) as usize]);
        let currency = if dice.one_in(3) { Currency::parse(currency).expect("a currency") } else { dollar() };
        let is_said = !dice.one_in(6) && bought.units > Micros::ZERO;
        bought.cost = Some(UnitCost { amount, currency }).filter(|_| is_said);
    }
}

/// So do caps on the measure.
fn cap_measures(dice: &mut Dice, programs: &mut [Program]) {
    programs.iter_mut().for_each(|program| program.caps.measure = measure_cap(dice, program));
}

/// Whole units of the measure, so that fractions fit: mostly some of what is sold in a period lies above them.
fn measure_cap(dice: &mut Dice, program: &Program) -> Option<Micros> {
    let units = match program.mechanism.measure() {
        Measure::Quantity => 5 + dice.below(150) as i64,
        Measure::Amount => 50 + dice.below(6_000) as i64,
    };
    dice.some(4, |_| Micros::units(units)).filter(|_| program.mechanism.grows_with_measure())
}

/// One program has another cap on its measure, or none; whose benefit does not grow any more has none.
fn change_measure(dice: &mut Dice, programs: &mut [Program]) {
    let place = dice.below(programs.len() as u64) as usize;
    programs[place].caps.measure = measure_cap(dice, &programs[place]);
    for program in programs.iter_mut().filter(|program| !program.mechanism.grows_with_measure()) {
        program.caps.measure = None;
    }
}

fn protection(dice: &mut Dice) -> Mechanism {
    Mechanism::PriceProtection { look_back_days: 10 + dice.below(200) as u32 }
}

fn sell_in(dice: &mut Dice) -> Mechanism {
    let benefit = if dice.one_in(2) { Benefit::PerUnit } else { Benefit::Percent };
    let (rate, not_with) = (dice.micros(1_000, 90_000), PAYING_AT_RESALE.map(name).to_vec());
    Mechanism::SellIn(SellIn { benefit, rate, not_with })
}

/// What is drawn on a program is in its currency; points are under no cap.
fn fit_draws(program: &mut Program) {
    if program.mechanism.is_drawn_on() {
        (program.currency, program.auto_authorise, program.minimum_payout) = (Currency::parse("USD"), true, None);
    }
    if is_points(&program.mechanism) {
        (program.caps, program.bonus, program.rounding) = (Caps::default(), Vec::new(), Rounding::Total);
    }
}

fn is_points(mechanism: &Mechanism) -> bool {
    matches!(mechanism, Mechanism::Points(_))
}

fn late(dice: &mut Dice) -> Late {
    Late {
        free_days: dice.below(40) as u32,
        step_days: 1 + dice.below(30) as u32,
        lost: Micros(50_000 * (1 + dice.below(5) as i64)),
        steps: if dice.one_in(2) { Steps::Started } else { Steps::Completed },
        nothing_after_days: dice.some(2, |dice| 40 + dice.below(100) as u32),
    }
}

/// One band or two.
fn bonus(dice: &mut Dice) -> Vec<Tier> {
    let from = dice.micros(500_000, 20_000_000);
    let mut bands = vec![Tier { from, rate: Micros(50_000 * (1 + dice.below(4) as i64)) }];
    if dice.one_in(2) {
        bands.push(Tier { from: from + dice.micros(1, 30_000_000), rate: Micros(50_000 * (1 + dice.below(6) as i64)) });
    }
    bands
}

fn mechanism(dice: &mut Dice) -> Mechanism {
    let measure = if dice.one_in(2) { Measure::Quantity } else { Measure::Amount };
    let benefit = if dice.one_in(2) { Benefit::PerUnit } else { Benefit::Percent };
    let rate = dice.micros(1_000, 90_000);
    let width = match measure {
        Measure::Quantity => 30,
        Measure::Amount => 900,
    };
    let start = if dice.one_in(4) { Micros::units(dice.below(width) as i64) } else { Micros::ZERO };
    let mut tiers = vec![Tier { from: start, rate }];
    for place in 1..=dice.below(4) as i64 {
        let from = tiers[place as usize - 1].from + Micros::units(dice.below(width) as i64 + 1);
        // Mostly rising rates, now and then a fall.
        let rate = if dice.one_in(6) { Micros(rate.0 / 2) } else { Micros(rate.0 * (place + 1)) };
        tiers.push(Tier { from, rate });
    }
    match dice.below(15) {
        0 => Mechanism::PerUnit { rate },
        1 => Mechanism::Percent { rate },
        2 => {
            let split = [Split::Whole, Split::Equal, Split::Shares(vec![60, 40])][dice.below(3) as usize].clone();
            Mechanism::Spiff { benefit, rate, split, late: dice.some(2, late) }
        }
        3 => Mechanism::VolumeMarginal { measure, benefit, tiers },
        4 => Mechanism::VolumeRolling { measure, benefit, tiers },
        5 => Mechanism::VolumeTotal { measure, benefit, tiers },
        6 => {
            let above = Micros::units(dice.below(width * 2) as i64);
            Mechanism::VolumeExcess { measure, benefit, above, tiers }
        }
        7 => Mechanism::Fixed { measure, amount: Micros(rate.0 * 900) },
        8 => Mechanism::Growth(growth(dice, measure, benefit, tiers)),
        9 => Mechanism::Score(Score { benefit, tiers, scores: figures(dice) }),
        12 => Mechanism::Points(Points {
            measure,
            every: Micros::units(1 + dice.below(9) as i64),
            points: Micros(500_000 * (1 + dice.below(4) as i64)),
            per: if dice.one_in(2) { Per::Sale } else { Per::Period },
            value: rate,
            breakage: dice.micros(0, 900_000),
        }),
        13 => Mechanism::CoopFund(CoopFund { rate, share: Micros(300_000) }),
        11 => Mechanism::ShipAndDebit { resale: Resale::Partial, cost: CostBasis::Book },
        10 => Mechanism::FreeGoods(FreeGoods {
            every: Micros::units(1 + dice.below(9) as i64),
            free: Micros(500_000 * (1 + dice.below(4) as i64)),
            value: Micros(rate.0 * 20),
            per: if dice.one_in(2) { Per::Sale } else { Per::Period },
        }),
        _ => Mechanism::VolumeRetroactive { measure, benefit, tiers },
    }
}

/// One partner has a baseline, or a score, for every period, one for a single quarter, one none.
fn growth(dice: &mut Dice, measure: Measure, benefit: Benefit, mut tiers: Vec<Tier>) -> Growth {
    for (place, tier) in (0..).zip(&mut tiers) {
        tier.from = Micros(900_000 + 250_000 * place);
    }
    let baselines = figures(dice);
    let paid_on = [PaidOn::Growth, PaidOn::Excess, PaidOn::All][dice.below(3) as usize];
    Growth { measure, benefit, paid_on, tiers, baselines }
}

pub fn figures(dice: &mut Dice) -> Arc<[Figure]> {
    let mut figure = |partner: &str, period: &str| Figure {
        partner: partner.into(),
        period: period.into(),
        value: dice.micros(1_000_000, 400_000_000),
    };
    [figure("A", ""), figure("B", "2013-Q1")].into()
}

/// A budget, a cap, the grace or the way of earning of one program is another from here on.
fn change_terms(dice: &mut Dice, programs: &mut [Program]) {
    let place = dice.below(programs.len() as u64) as usize;
    let program = &mut programs[place];
    match dice.below(5) {
        4 => {
            if let Mechanism::Points(points) = &mut program.mechanism {
                points.breakage = dice.micros(0, 900_000);
            }
        }
        0 => program.caps.budget = dice.some(2, |dice| dice.micros(5_000_000, 300_000_000)),
        1 => program.caps.partner_period = dice.some(2, |dice| dice.micros(1_000_000, 90_000_000)),
        2 => program.grace_days = dice.below(50) as u32,
        _ if program.mechanism.protects_stock() => program.mechanism = protection(dice),
        _ if program.mechanism.sell_in().is_some() => program.mechanism = sell_in(dice),
        _ => {
            // Points are booked on accounts of their own: nothing turns into them.
            let other = mechanism(dice);
            if is_points(&other) == is_points(&program.mechanism) {
                program.mechanism = other;
            }
        }
    }
    fit_draws(program);
}
