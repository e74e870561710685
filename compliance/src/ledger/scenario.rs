//! Test bench: a ledger over memory, driven by facts and controls, or by a case file that a business reader can follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use contract::{
    AccrualEvent, AccrualMovement, Accrue, Action, Amendment, Approver, Asked, AuditRecord, Base, BelowDue,
    BelowMinimum, Benefit, BookCost, BudgetOf, Cadence, Claim, ClaimAction, ClaimLine, ClaimTerms, Code, Command,
    Control, Conversion, CoopFund, CostBasis, Credit, Currency, Day, Debit, Deduction, Denial, Draw, Entitlement,
    EntitlementEvent, EstimateKind, Expectation, Figure, Finding, FreeGoods, Growth, Headroom, Id, Late, LateClaim,
    Measure, Mechanism, Micros, OnUnusual, Paid, PaidOn, Partner, PartnerKind, PayeeAccount, Per, Person, Points,
    Product, Program, Proration, Purchase, Rate, Reason, RecordRef, Reference, Resale, Restricted, Review, Rounding,
    RoundingMode, Ruling, RulingAction, Sale, Score, SellIn, SellInEstimate, Settlement, SpecialPrice, Split, Stack,
    Steps, Text, Tier, Ties, Tolerance, Topic, UnitCost, Unreviewed,
};
use stream::{Blobs, Input, MemoryState, Order, Outbox, Progress, Shard, Stage, State, StorageError, View};

use super::laws::Dice;
use super::tables::{LINES, REVIEW};
use super::{
    AccrualRow, EstimateRow, Holding, LedgerStage, Standing as Stands, accrual_rows, estimate_rows, holdings,
    standings, verify, verify_estimates,
};
use crate::programs::correction::correction;
use crate::programs::price_protection::taken_from;
use crate::programs::sell_in::is_resold;
use crate::programs::special_price::{debit, debits};
use crate::programs::stacking::part;
use crate::programs::stock::used_up;
use crate::units::trial::{day, line};
use crate::units::using_layers;

/// The only partition.
const ALONE: Shard = Shard { index: 0, count: 1 };

/// Blobs in memory.
#[derive(Default)]
pub(crate) struct MemoryBlobs(Mutex<BTreeMap<Vec<u8>, Arc<[u8]>>>);

impl Blobs for MemoryBlobs {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        let blobs = self.0.lock().expect("no test panics while it holds the lock");
        blobs.get(hash).cloned().ok_or_else(|| StorageError::new("no such blob"))
    }
}

impl MemoryBlobs {
    /// Puts a blob there and names it.
    pub fn keep(&self, bytes: Vec<u8>) -> Id {
        let hash = Id(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap());
        self.0.lock().unwrap().insert(hash.0.to_vec(), bytes.into());
        hash
    }
}

/// A ledger of one partition with everything it has sent.
pub(crate) struct Bench {
    blobs: Arc<MemoryBlobs>,
    stage: LedgerStage,
    pub state: MemoryState,
    pub control: u64,
    /// Slices that were not the last of their control.
    pub slices: u64,
    slice: Option<usize>,
    pub sent: Vec<AccrualEvent>,
    pub views: Vec<View>,
}

/// Latest value under each key.
pub(crate) type Standing = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a history has come to: the ledger, the tables and the sales that stand, and the day.
pub(crate) struct Lived {
    pub bench: Bench,
    pub reference: Reference,
    pub standing: Vec<Entitlement>,
    pub today: Day,
}

impl Lived {
    /// A history drawn from a seed, up to a last tick: sales come and go, tables change, time passes.
    pub fn new(
        seed: u64,
        events: u32,
        tables: impl Fn(&mut Dice) -> Reference,
        sale: impl Fn(&mut Dice, u32, &Lived) -> Option<Entitlement>,
    ) -> Lived {
        let mut dice = Dice(seed);
        let bench = if seed.is_multiple_of(2) { Bench::new() } else { Bench::in_slices(1) };
        let (reference, today) = (tables(&mut dice), day("2013-01-01"));
        let mut lived = Lived { bench, reference, standing: Vec::new(), today };
        lived.bench.configure(&lived.reference);
        for number in 0..events {
            match dice.below(9) {
                0 => lived.bench.control(&Control::Settle),
                1 => {
                    lived.today = lived.today.plus(dice.below(30) as i32);
                    lived.tick();
                }
                2 => {
                    lived.reference = tables(&mut dice);
                    lived.bench.configure(&lived.reference);
                }
                3 if !lived.standing.is_empty() => {
                    let gone = lived.standing.swap_remove(dice.below(lived.standing.len() as u64) as usize);
                    lived.bench.take(&EntitlementEvent::Revoke(Box::new(gone)));
                }
                _ => {
                    if let Some(sold) = sale(&mut dice, number, &lived) {
                        lived.bench.take(&EntitlementEvent::Grant(Box::new(sold.clone())));
                        lived.standing.push(sold);
                    }
                }
            }
        }
        lived.tick();
        lived
    }

    fn tick(&mut self) {
        self.bench.control(&Control::Tick { as_of: self.today });
        self.bench.verify();
    }
}

impl Bench {
    pub fn new() -> Bench {
        let blobs = Arc::new(MemoryBlobs::default());
        let stage = LedgerStage::new(blobs.clone(), ALONE);
        let (sent, views) = (Vec::new(), Vec::new());
        Bench { blobs, stage, state: MemoryState::default(), control: 0, slices: 0, slice: None, sent, views }
    }

    /// Controls are settled in slices of this size, with a stop and a start after each.
    pub fn in_slices(size: usize) -> Bench {
        let mut bench = Bench::new();
        bench.slice = Some(size);
        bench.restart();
        bench
    }

    fn restart_between_slices(&mut self) {
        if self.slice.is_some() {
            self.restart();
        }
    }

    pub fn configure(&mut self, reference: &Reference) {
        let bytes = postcard::to_stdvec(reference).unwrap();
        let reference = self.blobs.keep(bytes);
        self.control(&Control::Configure { reference });
    }

    pub fn control(&mut self, control: &Control) {
        self.control += 1;
        let mut outbox = Outbox::default();
        self.stage.control(self.control, &control.encode(), &mut self.state, &mut outbox).unwrap();
        while self.stage.slice(self.control, &mut self.state, &mut outbox).unwrap() == Progress::More {
            self.slices += 1;
            self.restart_between_slices();
        }
        let (mut sent, views) = outbox.drain();
        sent.sort_by_key(|routed| (!matches!(routed.item, AccrualEvent::Moved(_)), routed.item.settlement().clone()));
        self.sent.extend(sent.into_iter().map(|routed| routed.item));
        self.views.extend(views);
    }

    pub fn take(&mut self, event: &EntitlementEvent) {
        let mut wanted = Vec::new();
        self.stage.prefetch(event, &mut wanted);
        let input = Input { stamp: self.control, item: event };
        let mut outbox = Outbox::default();
        self.stage.process(input, &mut self.state, &mut outbox).unwrap();
        assert!(outbox.drain().0.is_empty(), "data never decide");
    }

    /// The movements as the open batch left them, and everything else that was sent, in order.
    pub fn standing(&self) -> (BTreeMap<Id, AccrualMovement>, Vec<AccrualEvent>) {
        let (mut movements, mut decisions) = (BTreeMap::new(), Vec::new());
        for event in &self.sent {
            match event {
                AccrualEvent::Moved(movement) if movement.is_nothing() => drop(movements.remove(&movement.id)),
                AccrualEvent::Moved(movement) => drop(movements.insert(movement.id, (**movement).clone())),
                other => decisions.push(other.clone()),
            }
        }
        (movements, decisions)
    }

    /// The findings as readers see them.
    pub fn findings(&self) -> Standing {
        let mut findings = Standing::new();
        for view in self.views.iter().filter(|view| view.topic == Topic::Findings as u8) {
            match &view.value {
                Some(value) => drop(findings.insert(view.key.clone(), value.clone())),
                None => drop(findings.remove(&view.key)),
            }
        }
        findings
    }

    /// A stop and a start: only the state is left.
    pub fn restart(&mut self) {
        self.stage = match self.slice {
            Some(size) => LedgerStage::in_slices(self.blobs.clone(), ALONE, size),
            None => LedgerStage::new(self.blobs.clone(), ALONE),
        };
        self.stage.resume(&mut self.state).unwrap();
    }

    pub fn rows(&mut self) -> Vec<AccrualRow> {
        let mut rows = Vec::new();
        let blobs: Arc<dyn Blobs> = self.blobs.clone();
        let state: &mut dyn State = &mut self.state;
        accrual_rows(&mut [state], &blobs, &mut |row| rows.push(row)).unwrap();
        rows
    }

    pub fn estimates(&mut self) -> Vec<EstimateRow> {
        let mut rows = Vec::new();
        let state: &mut dyn State = &mut self.state;
        estimate_rows(&mut [state], &mut |row| rows.push(row)).unwrap();
        rows
    }

    pub fn standings(&mut self) -> Vec<Stands> {
        let mut all = Vec::new();
        let blobs: Arc<dyn Blobs> = self.blobs.clone();
        let state: &mut dyn State = &mut self.state;
        standings(&mut [state], &blobs, &mut |standing| all.push(standing)).unwrap();
        all
    }

    pub fn holdings(&mut self) -> Vec<Holding> {
        let mut all = Vec::new();
        let blobs: Arc<dyn Blobs> = self.blobs.clone();
        let state: &mut dyn State = &mut self.state;
        holdings(&mut [state], &blobs, &mut |holding| all.push(holding)).unwrap();
        all
    }

    /// Every settlement must hold together.
    pub fn verify(&mut self) {
        let blobs: Arc<dyn Blobs> = self.blobs.clone();
        let state: &mut dyn State = &mut self.state;
        let verified = verify(&mut [state], &blobs).unwrap();
        assert_eq!(verified.violations, Vec::<String>::new());
        let state: &mut dyn State = &mut self.state;
        assert_eq!(verify_estimates(&mut [state], &blobs).unwrap().violations, Vec::<String>::new());
        let mut due: BTreeMap<(Text, u32, Text, Text, Currency), Micros> = BTreeMap::new();
        for row in self.rows() {
            let AccrualRow { program, version, beneficiary, period, currency, amount, .. } = row;
            *due.entry((program, version, beneficiary, period, currency)).or_default() += amount;
        }
        for Stands { settlement, due: stands, .. } in self.standings() {
            let Settlement { program, version, beneficiary, period, currency } = settlement;
            let rows = due.remove(&(program, version, beneficiary, period, currency)).unwrap_or_default();
            assert_eq!(stands, rows, "a standing is due what its rows add up to");
        }
        assert!(due.is_empty(), "rows without a standing: {due:?}");
    }
}

/// A program that pays nothing yet, on everything, all year.
pub(crate) fn plain_program(id: &str, mechanism: Mechanism) -> Program {
    let year = [Day::new(2013, 1, 1).unwrap(), Day::new(2013, 12, 31).unwrap()];
    Program { period: Cadence::Quarter, close_days: 365, ..Program::new(id, year, mechanism) }
}

/// Runs a case file: what a line of it does is written below the line, after `>`.
#[derive(Default)]
struct Case {
    reference: Reference,
    bench: Option<Bench>,
    grants: BTreeMap<String, Vec<Entitlement>>,
    /// What was revoked, and may come back as it was.
    gone: BTreeMap<String, Vec<Entitlement>>,
    names: BTreeMap<Id, String>,
    findings: BTreeMap<Vec<u8>, Finding>,
    records: u32,
    claims: BTreeMap<String, ClaimLine>,
    denials: BTreeMap<String, Denial>,
    /// Name of each claim line, by the id that readers see.
    claim_ids: BTreeMap<String, Id>,
    /// Findings that persons spoke about, by program, beneficiary and period.
    ruled: BTreeMap<String, Id>,
}

impl Case {
    /// The file with what really happened below each line.
    fn run(text: &str) -> String {
        Case::run_on(Bench::new(), text)
    }

    fn run_on(bench: Bench, text: &str) -> String {
        let mut case = Case { bench: Some(bench), ..Case::default() };
        let mut seen = String::new();
        for line in text.lines().filter(|line| !line.starts_with("  >")) {
            seen.push_str(line);
            seen.push('\n');
            for happened in case.line(line) {
                seen.push_str(&format!("  > {happened}\n"));
            }
        }
        seen
    }

    fn line(&mut self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["program", id, words @ ..] => {
                let program = read_program(id, words);
                self.reference.programs.retain(|p| (&p.id, p.version) != (&program.id, program.version));
                self.reference.programs.push(program);
                self.reference.programs.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
            }
            ["drop", id] => self.reference.programs.retain(|program| program.id != *id),
            ["functional", currency] => self.reference.functional_currency = Currency::parse(currency),
            ["rate", currency, day, rate] => {
                let (currency, day) = (Currency::parse(currency).unwrap(), Day::parse(day).unwrap());
                self.reference.rates.retain(|rate| (rate.currency, rate.day) != (currency, day));
                if *rate != "none" {
                    self.reference.rates.push(Rate { currency, day, rate: number(rate) });
                    self.reference.rates.sort();
                }
            }
            ["special", program, id, partner, product, words @ ..] => {
                let special = read_special(program, id, partner, product, words);
                self.reference.special_prices.retain(|other| other.key() != special.key());
                self.reference.special_prices.push(special);
                self.reference.special_prices.sort();
            }
            ["book", product, from, cost] => {
                let (product, from, cost) = (Text::from(*product), Day::parse(from).unwrap(), number(cost));
                self.reference.book_costs.retain(|other| (&other.product, other.from) != (&product, from));
                self.reference.book_costs.push(BookCost { product, currency: dollar(), from, cost });
                self.reference.book_costs.sort();
            }
            ["bought", partner, product, date, units, words @ ..] => {
                let bought = read_purchase(partner, product, date, units, words);
                let key = |bought: &Purchase| {
                    (bought.partner.clone(), bought.product.clone(), bought.date, bought.document.clone())
                };
                self.reference.purchases.retain(|other| key(other) != key(&bought));
                self.reference.purchases.push(bought);
                self.reference.purchases.sort();
            }
            ["deduction", program, partner, period, number, amount] => {
                let [program, partner, number] = [program, partner, number].map(|text| Text::from(*text));
                let (invoice, period, currency) = ("88".into(), Text::from(*period), dollar());
                let amount = self::number(amount);
                let accepted_by = Text::default();
                let deduction = Deduction { program, partner, number, invoice, period, amount, currency, accepted_by };
                self.reference.deductions.retain(|other| other.number != deduction.number);
                self.reference.deductions.push(deduction);
                self.reference.deductions.sort();
            }
            ["accepted", number] => {
                let is_it = |deduction: &&mut Deduction| deduction.number == *number;
                self.reference.deductions.iter_mut().find(is_it).unwrap().accepted_by = "finance".into();
            }
            ["settled", number] => self.reference.deductions.retain(|deduction| deduction.number != *number),
            ["partner", id, name] => {
                let (id, name, kind) = (Text::from(*id), (*name).to_owned(), PartnerKind::Reseller);
                let (source, parent, country, region) = Default::default();
                let currency = None;
                self.reference.partners.push(Partner { id, name, kind, source, parent, country, region, currency });
                self.reference.partners.sort_by(|a, b| a.id.cmp(&b.id));
            }
            ["category", product, category] => {
                let (id, category) = (Text::from(*product), Text::from(*category));
                self.reference.products.retain(|product| product.id != id);
                let (name, other_names, list_price, gtin, pack) = Default::default();
                self.reference.products.push(Product { id, name, other_names, category, list_price, gtin, pack });
                self.reference.products.sort_by(|a, b| a.id.cmp(&b.id));
            }
            ["payee", partner, from, account, holder @ ..] => {
                let (partner, account) = (Text::from(*partner), Text::from(*account));
                let (from, holder) = (Day::parse(from).unwrap(), Text::from(holder.join(" ")));
                self.reference.payees.push(PayeeAccount { partner, from, account, holder });
                self.reference.payees.sort();
            }
            ["approver", person, limit] => {
                let approver = Approver {
                    person: (*person).into(),
                    currency: Currency::parse("USD").unwrap(),
                    limit: number(limit),
                };
                self.reference.approvers.push(approver);
            }
            ["restricted", list, name @ ..] => {
                self.reference.restricted.push(Restricted { name: name.join(" ").into(), list: Text::from(*list) });
                self.reference.restricted.sort();
            }
            ["delisted", name @ ..] => self.reference.restricted.retain(|entry| entry.name != name.join(" ")),
            ["approve", program, version, last @ ..] => {
                let (program, version) = (Text::from(*program), version.parse().unwrap());
                let (approved_by, to) = ("ann".into(), last.first().map(|last| Day::parse(last).unwrap()));
                self.reference.amendments.retain(|other| (&other.program, other.version) != (&program, version));
                self.reference.amendments.push(Amendment { program, version, approved_by, to });
                self.reference.amendments.sort();
            }
            ["expect", program, partner, period, from, measure] => {
                let [program, partner, period] = [program, partner, period].map(|text| Text::from(*text));
                let from = Day::parse(from).unwrap();
                let key = |row: &Expectation| (row.program.clone(), row.partner.clone(), row.period.clone(), row.from);
                let expected = &mut self.reference.expectations;
                expected.retain(|row| key(row) != (program.clone(), partner.clone(), period.clone(), from));
                if *measure != "nothing" {
                    expected.push(Expectation { program, partner, period, from, measure: number(measure) });
                    expected.sort();
                }
            }
            ["person", partner, name, from, payee] => {
                let [partner, name, payee] = [partner, name, payee].map(|text| Text::from(*text));
                let (from, to) = (Day::parse(from).unwrap(), None);
                self.reference.persons.push(Person { partner, name, from, to, payee });
                self.reference.persons.sort();
            }
            ["redeem", program, id, partner, day, points] => {
                self.draw(program, id, partner, day, Asked::Points(number(points)));
            }
            ["activity", program, id, partner, day, approved, spent, words @ ..] => {
                let (documents, proof): (Vec<&str>, Vec<&str>) =
                    words.iter().partition(|word| word.starts_with("document="));
                let document = documents.first().map_or("", |word| &word["document=".len()..]).into();
                let (approved, spent, proof) = (number(approved), number(spent), proof.concat().into());
                self.draw(program, id, partner, day, Asked::Activity { approved, spent, proof, document });
            }
            ["forget", program, id] => {
                self.reference.draws.retain(|draw| (draw.program.as_str(), draw.id.as_str()) != (*program, *id))
            }
            ["configure"] => self.bench.as_mut().unwrap().configure(&self.reference),
            ["sale", name, partner, day, quantity, "x", price, options @ ..] => {
                self.sale(name, partner, day, quantity, price, options);
            }
            ["revoke", name] => {
                let gone = self.grants.remove(*name).unwrap();
                for entitlement in &gone {
                    self.bench.as_mut().unwrap().take(&EntitlementEvent::Revoke(Box::new(entitlement.clone())));
                }
                self.gone.insert((*name).to_owned(), gone);
            }
            ["again", name] => {
                let back = self.gone.remove(*name).unwrap();
                for entitlement in &back {
                    self.bench.as_mut().unwrap().take(&EntitlementEvent::Grant(Box::new(entitlement.clone())));
                }
                self.grants.insert((*name).to_owned(), back);
            }
            ["told", name, sale, program, more] => {
                let program = self.reference.programs.iter().find(|known| known.id == *program).unwrap();
                let of = self.grants[*sale].iter().find(|grant| grant.ledger_key == *program.ledger_key()).unwrap();
                let told = correction(of, program, number(more));
                self.bench.as_mut().unwrap().take(&EntitlementEvent::Grant(Box::new(told.clone())));
                self.grants.insert((*name).to_owned(), vec![told]);
            }
            ["claim", name, partner, program, day, amount, options @ ..] => {
                self.claim(name, partner, program, day, amount, options);
            }
            ["unclaim", name] => {
                let line = self.claims.remove(*name).unwrap();
                self.bench.as_mut().unwrap().take(&EntitlementEvent::Unclaim(Box::new(line)));
            }
            ["deny", name, partner, program, day, codes, held @ ..] => {
                let denial = self.denial(name, partner, program, day, codes, held == ["held"]);
                self.bench.as_mut().unwrap().take(&EntitlementEvent::Deny(Box::new(denial.clone())));
                self.denials.insert((*name).to_owned(), denial);
            }
            ["clear", name] => {
                let denial = self.denials.remove(*name).unwrap();
                self.bench.as_mut().unwrap().take(&EntitlementEvent::Clear(Box::new(denial)));
            }
            ["decide", actor, action, name, words @ ..] => self.decide(actor, action, name, words),
            ["rule", actor, action, code, about @ ..] => self.rule(actor, action, code, about),
            ["settle"] => self.bench.as_mut().unwrap().control(&Control::Settle),
            ["tick", day] => {
                self.bench.as_mut().unwrap().control(&Control::Tick { as_of: Day::parse(day).unwrap() });
            }
            ["rows"] => return self.rows(),
            ["estimates"] => return self.bench.as_mut().unwrap().estimates().iter().map(estimate).collect(),
            ["holdings"] => return self.bench.as_mut().unwrap().holdings().iter().map(held).collect(),
            ["standings"] => return self.bench.as_mut().unwrap().standings().iter().map(stands).collect(),
            other => panic!("a case has no line {other:?}"),
        }
        self.happened(words.first().is_some_and(|w| ["configure", "settle", "tick", "decide", "rule"].contains(w)))
    }

    /// A row takes the place of one with its key.
    fn draw(&mut self, program: &str, id: &str, partner: &str, day: &str, asked: Asked) {
        let (program, partner, id, date) = (program.into(), partner.into(), id.into(), Day::parse(day).unwrap());
        let draw = Draw { program, partner, id, date, asked };
        let key = |draw: &Draw| (draw.program.clone(), draw.partner.clone(), draw.id.clone());
        self.reference.draws.retain(|other| key(other) != key(&draw));
        self.reference.draws.push(draw);
        self.reference.draws.sort();
    }

    fn sale(&mut self, name: &str, partner: &str, day: &str, quantity: &str, price: &str, options: &[&str]) {
        let option = |key: &str| options.iter().find_map(|o| o.strip_prefix(key)?.strip_prefix('='));
        let (quantity, price) = (number(quantity), number(price));
        let sale = Id::of("sale", &[name]);
        self.names.insert(sale, name.to_owned());
        self.records += 1;
        let wanted: Option<Vec<&str>> = option("programs").map(|list| list.split(',').collect());
        let origin = option("of").map(|name| (Id::of("sale", &[name]), self.grants[name][0].date));
        let fact = Sale {
            product: option("product").unwrap_or("s/p").into(),
            customer: option("customer").unwrap_or_default().into(),
            promotion: option("promotion").unwrap_or_default().into(),
            unit_price: price,
            ..line(self.records, partner, name, Day::parse(day).unwrap(), 1, quantity.times(price))
        };
        let may_earn = |program: &&Program| {
            let special = program.mechanism.resale().is_some();
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&program.id.as_str()))
                && (!special || origin.is_some() || debit(&self.reference, program, &fact).is_some())
        };
        let sold = Sale { quantity, ..fact.clone() };
        let mut earning: Vec<&Program> = self.reference.programs.iter().filter(may_earn).collect();
        earning.sort_by_key(|program| (program.ledger_key(), program.priority));
        let paying = earning.clone();
        earning.retain(|program| program.mechanism.sell_in().is_none() || is_resold(program, &paying));
        let mut by_key: BTreeMap<Text, Vec<&Program>> = BTreeMap::new();
        for program in &earning {
            by_key.entry(program.ledger_key().clone()).or_default().push(program);
        }
        for (ledger_key, mut programs) in by_key {
            programs.sort_by_key(|program| program.priority);
            let mut debits: Vec<Debit> = match option("of") {
                Some(name) => {
                    let earning = self.grants[name].iter().filter(|grant| used_up(grant).is_none());
                    earning.flat_map(|grant| grant.debits.clone()).collect()
                }
                None => programs.iter().flat_map(|program| debited(&self.reference, program, &fact)).collect(),
            };
            debits.retain(|debit| programs.iter().any(|program| program.id == debit.program));
            let amount = part(&|_| &self.reference, programs[0], &earning, &sold).base;
            let estimates = |program: &&Program| program.estimate.is_some() || program.paid.claims().is_some();
            let estimates = programs.iter().any(estimates);
            let product = if estimates { fact.product.clone() } else { Text::default() };
            let mut programs: Vec<Text> = programs.into_iter().map(|program| program.id.clone()).collect();
            programs.dedup();
            let bench = self.bench.as_mut().unwrap();
            let entitlement = Entitlement {
                ledger_key,
                sale,
                at: RecordRef { partner: partner.into(), file_no: 1, record_no: self.records },
                stamp: bench.control,
                programs,
                date: Day::parse(day).unwrap(),
                quantity,
                amount,
                currency: Currency::parse(option("currency").unwrap_or("USD")).unwrap(),
                rep: option("rep").unwrap_or_default().into(),
                origin,
                debits,
                product,
            };
            bench.take(&EntitlementEvent::Grant(Box::new(entitlement.clone())));
            self.grants.entry(name.to_owned()).or_default().push(entitlement);
        }
        let of = option("of").map(|name| self.grants[name][0].date).unwrap_or(sold.date);
        let uses_layers =
            |program: &&Program| program.mechanism.goes_by_layers() && program.from <= of && of <= program.to;
        for program in self.reference.programs.iter().filter(uses_layers) {
            let bench = self.bench.as_mut().unwrap();
            let entitlement = Entitlement { sale, stamp: bench.control, origin, ..using_layers(&sold, program) };
            bench.take(&EntitlementEvent::Grant(Box::new(entitlement.clone())));
            self.grants.entry(name.to_owned()).or_default().push(entitlement);
        }
    }

    /// A sale that earns nothing because of these codes.
    fn denial(&mut self, name: &str, partner: &str, program: &str, day: &str, codes: &str, held: bool) -> Denial {
        let terms = self.reference.programs.iter().find(|known| known.id == program).unwrap();
        let sale = Id::of("sale", &[name]);
        self.names.insert(sale, name.to_owned());
        let reason = |text: &str| {
            let code = *Code::ALL.iter().find(|code| code.as_str() == text).unwrap();
            Reason { code, reason_901: code.reason_901().into() }
        };
        let mut reasons: Vec<Reason> = codes.split(',').map(reason).collect();
        reasons.sort();
        Denial {
            ledger_key: terms.ledger_key().clone(),
            program: program.into(),
            sale,
            beneficiary: format!("partner:{partner}").into(),
            stamp: self.bench.as_ref().unwrap().control,
            date: Day::parse(day).unwrap(),
            product: "s/p".into(),
            currency: Currency::parse("USD").unwrap(),
            reasons,
            held,
        }
    }

    /// `version=`, `quantity=`, `unit=`, `currency=`, `sale=`, `product=`, `authorisation=` and `record=` may follow the amount.
    fn claim(&mut self, name: &str, partner: &str, program: &str, day: &str, amount: &str, options: &[&str]) {
        let option = |key: &str| options.iter().find_map(|o| o.strip_prefix(key)?.strip_prefix('='));
        self.records += 1;
        let terms = self.reference.programs.iter().find(|known| known.id == program).unwrap();
        let record_no = option("record").map_or(self.records, |record| record.parse().unwrap());
        let bench = self.bench.as_mut().unwrap();
        let line = ClaimLine {
            id: Id::of("claim", &[name]),
            version: option("version").map_or(1, |version| version.parse().unwrap()),
            ledger_key: terms.ledger_key().clone(),
            at: RecordRef { partner: partner.into(), file_no: 1, record_no },
            stamp: bench.control,
            claim: name.into(),
            line: "1".into(),
            program: program.into(),
            beneficiary: format!("partner:{partner}").into(),
            date: Day::parse(day).unwrap(),
            quantity: option("quantity").map_or(Micros::ZERO, number),
            unit: option("unit").map_or(Micros::ZERO, number),
            amount: number(amount),
            currency: Currency::parse(option("currency").unwrap_or("USD")).unwrap(),
            document: option("sale").unwrap_or_default().into(),
            sale: option("sale").map(|sale| Id::of("sale", &[sale])),
            product: option("product").unwrap_or_default().into(),
            authorisation: option("authorisation").unwrap_or_default().into(),
        };
        bench.take(&EntitlementEvent::Claim(Box::new(line.clone())));
        self.claims.insert(name.to_owned(), line);
    }

    /// `reason=`, `comment=` and `amount=` may follow the claim's name.
    fn decide(&mut self, actor: &str, action: &str, name: &str, words: &[&str]) {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let amount = value("amount").map_or(Micros::ZERO, number);
        let action = match action {
            "release" => ClaimAction::Release,
            "adjust" => ClaimAction::Adjust { amount },
            "reject" => ClaimAction::Reject,
            "override" => ClaimAction::Override,
            "resubmit" => ClaimAction::Resubmit { amount },
            "appeal" => ClaimAction::Appeal,
            "uphold" => ClaimAction::Uphold,
            "overturn" => ClaimAction::Overturn,
            "settle" => ClaimAction::Settle { amount },
            "withdraw" => ClaimAction::Withdraw,
            other => panic!("nobody can {other} a claim"),
        };
        let command = Command {
            actor: actor.into(),
            role: "desk".into(),
            reason: value("reason").unwrap_or_default().into(),
            comment: value("comment").unwrap_or_default().into(),
            file: "commands.csv".into(),
            line_no: 2,
            action: Action::Claim { claim: self.claim_ids[name], action },
        };
        self.bench.as_mut().unwrap().control(&Control::Command(Box::new(command)));
    }

    /// Program, beneficiary and period of the settlement name the finding; `reason=` may follow.
    fn rule(&mut self, actor: &str, action: &str, code: &str, words: &[&str]) {
        let [program, beneficiary, period, rest @ ..] = words else { panic!("which finding? {words:?}") };
        let is_it = |found: &&Finding| {
            (found.code.as_str(), &*found.program, &*found.beneficiary) == (code, *program, *beneficiary)
                && found.message.starts_with(period)
        };
        let known = self.findings.values().find(is_it).map(|found| found.id);
        let finding =
            known.or_else(|| self.ruled.get(&words[..3].join(" ")).copied()).expect("a finding that stands or stood");
        self.ruled.insert(words[..3].join(" "), finding);
        let action = match action {
            "release" => RulingAction::Release,
            "reject" => RulingAction::Reject,
            "reopen" => RulingAction::Reopen,
            other => panic!("nobody can {other} a finding"),
        };
        let command = Command {
            actor: actor.into(),
            role: "desk".into(),
            reason: rest.iter().find_map(|word| word.strip_prefix("reason=")).unwrap_or_default().into(),
            comment: String::new(),
            file: "decisions.csv".into(),
            line_no: 2,
            action: Action::Finding { finding, action },
        };
        self.bench.as_mut().unwrap().control(&Control::Command(Box::new(command)));
    }

    /// A text with the names of findings that persons spoke about in place of their ids.
    fn with_names(&self, text: &str) -> String {
        self.ruled.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&id.to_string(), name))
    }

    /// Claims by their names, and what persons did about them and about findings.
    fn said_of_claims(&mut self, views: &[View]) -> Vec<String> {
        let mut said = Vec::new();
        for view in views {
            if view.topic == Topic::Rulings as u8 {
                let finding = Id(view.key[..16].try_into().unwrap()).to_string();
                let ruling: Option<Ruling> = view.value.as_ref().map(|bytes| postcard::from_bytes(bytes).unwrap());
                let stands = ruling.map_or("nothing said".to_owned(), |ruling| {
                    format!("{} by {}", ruling.state.as_str(), ruling.by.join(" and "))
                });
                said.push(self.with_names(&format!("ruling {finding}: {stands}")));
                continue;
            }
            let Some(bytes) = &view.value else { continue };
            if view.topic == Topic::Claims as u8 {
                let claim: Claim = postcard::from_bytes(bytes).unwrap();
                self.claim_ids.insert(claim.claim.to_string(), claim.id);
                if claim.claim != "auto" {
                    said.push(claimed(&claim));
                }
            } else if view.topic == Topic::Audit as u8 {
                let record: AuditRecord = postcard::from_bytes(bytes).unwrap();
                let object = self.with_names(&record.object);
                said.push(format!("{} {} {object}", record.action, record.actor));
            }
        }
        said.sort();
        said
    }

    /// What was sent and published since the last look.
    fn happened(&mut self, settled: bool) -> Vec<String> {
        let bench = self.bench.as_mut().unwrap();
        let mut lines: Vec<String> = bench.sent.drain(..).map(|event| shown(&event)).collect();
        let views = std::mem::take(&mut bench.views);
        if settled {
            bench.verify();
            bench.restart();
        }
        lines.extend(self.said_of_claims(&views));
        let mut found: Vec<(Finding, String)> = Vec::new();
        for view in views.into_iter().filter(|view| view.topic == Topic::Findings as u8) {
            match view.value {
                Some(bytes) => {
                    let finding: Finding = postcard::from_bytes(&bytes).unwrap();
                    let line = format!("{} {}", self.about(&finding), finding.message);
                    self.findings.insert(view.key, finding.clone());
                    found.push((finding, line));
                }
                None => {
                    let over = self.findings.remove(&view.key).unwrap();
                    let line = format!("{} withdrawn", self.about(&over));
                    found.push((over, line));
                }
            }
        }
        let period = |finding: &Finding| finding.message.split(':').next().unwrap_or_default().to_owned();
        found.sort_by_cached_key(|(f, _)| (f.program.clone(), f.beneficiary.clone(), period(f)));
        lines.extend(found.into_iter().map(|(_, line)| line));
        lines
    }

    fn about(&self, finding: &Finding) -> String {
        let first = finding.sale.map_or("-", |sale| self.names.get(&sale).map_or("a stranger", String::as_str));
        let risk = finding.at_risk.map_or(String::from("nothing"), |m| format!("{} {}", m.amount, m.currency));
        let code: Code = finding.code;
        format!("{code} {} {} from {first}, {risk} at risk:", finding.program, finding.beneficiary)
    }

    fn rows(&mut self) -> Vec<String> {
        let rows = self.bench.as_mut().unwrap().rows();
        let row = |row: &AccrualRow| {
            let (kind, program, beneficiary, period) = (row.kind, &row.program, &row.beneficiary, &row.period);
            let (delta, sale) = (row.measure_delta, self.names.get(&row.sale_id).map_or("stock", String::as_str));
            let bound = if row.bound.is_empty() { String::new() } else { format!(" bound by {}", row.bound) };
            format!(
                "{kind} {program} {beneficiary} {period} {sale} {delta} pays {} {}{bound}",
                row.amount, row.currency
            )
        };
        rows.iter().map(row).collect()
    }
}

/// `invoice=` and `cost=` may follow what was bought.
fn read_purchase(partner: &str, product: &str, date: &str, units: &str, words: &[&str]) -> Purchase {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let currency = value("currency").map_or_else(dollar, |code| Currency::parse(code).unwrap());
    Purchase {
        partner: partner.into(),
        product: product.into(),
        date: Day::parse(date).unwrap(),
        document: value("invoice").unwrap_or_default().into(),
        units: number(units),
        cost: value("cost").map(|cost| UnitCost { amount: number(cost), currency }),
    }
}

/// What a sale earns at a special price, or the stock that it is taken from.
fn debited(reference: &Reference, program: &Program, sale: &Sale) -> impl Iterator<Item = Debit> {
    debits(reference, program, sale).into_iter().chain(taken_from(program, sale))
}

fn estimate(row: &EstimateRow) -> String {
    let EstimateRow { settlement, product, bought, kind, date, units, amount, functional, .. } = row;
    let Settlement { program, beneficiary, period, currency, .. } = settlement;
    let functional = functional.map_or("none".into(), |value| value.to_string());
    let kind = kind.as_str();
    let what = match bought.zip(*units) {
        Some((bought, units)) => format!("{product} of {bought}: {units} {kind}"),
        None => format!("more {kind}"),
    };
    format!("{program} {beneficiary} {period} {what} by {date}, {amount} {currency} ({functional})")
}

fn stands(standing: &Stands) -> String {
    let Stands { settlement, period, lines, sold, due, cuts, tier, .. } = standing;
    let Settlement { program, beneficiary, currency, .. } = settlement;
    let took = cuts.named().into_iter().filter(|(_, cut)| !cut.is_zero());
    let took: String = took.map(|(limit, cut)| format!(", {limit} took {cut}")).collect();
    let tier = tier.map_or_else(String::new, |tier| format!(", tier {} of {}", tier.number, tier.rate));
    let sold = [sold.quantity, sold.amount].map(|sum| Micros(i64::try_from(sum).unwrap()));
    format!(
        "{program} {beneficiary} {} to {}: {lines} lines, {} units for {}, {due} {currency} due{took}{tier}",
        period.0, period.1, sold[0], sold[1],
    )
}

fn claimed(claim: &Claim) -> String {
    let Claim { claim: name, period, claimed, payable, authorised, state, codes, message, queue, decide_by, .. } =
        claim;
    // The reason where it is another one than the usual one of the code.
    let reason = |(code, reason): (&Code, &Text)| match reason == code.reason_901() {
        true => format!(" {code}"),
        false => format!(" {code}/{reason}"),
    };
    let codes: String = codes.iter().zip(&claim.reasons_901).map(reason).collect();
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    let waits = queue.zip(*decide_by).map(|(queue, by)| format!(" ({}, decide by {by})", queue.as_str()));
    let (state, waits) = (state.as_str(), waits.unwrap_or_default());
    format!("claim {name} {period} {state}{waits} {payable} of {claimed}, {authorised} authorised{codes}{message}")
}

fn held(holding: &Holding) -> String {
    let Holding { settlement, opens, expires, earned, drawn, expired, left, due, authorised } = holding;
    let Settlement { program, beneficiary, period, currency, .. } = settlement;
    format!(
        "{program} {beneficiary} {period}, {opens} to {expires}: {earned} earned, {drawn} drawn, {expired} expired, \
         {left} left, {due} {currency} due, {authorised} authorised"
    )
}

fn shown(event: &AccrualEvent) -> String {
    let settlement = event.settlement();
    let about = format!("{} {} {}", settlement.program, settlement.beneficiary, settlement.period);
    let functional = |value: Option<Micros>| value.map_or("none".into(), |value| value.to_string());
    match event {
        AccrualEvent::Moved(m) if m.is_nothing() => format!("withdrawn {about} on {}", m.date),
        AccrualEvent::Moved(m) => {
            let (kind, functional) = (m.kind.as_str(), functional(m.functional));
            format!("{kind} {about} on {}: {} {} ({functional})", m.date, m.amount, settlement.currency)
        }
        AccrualEvent::Authorised(order) => {
            let functional = functional(order.functional);
            format!("authorised {about} on {}: {} {} ({functional})", order.date, order.amount, settlement.currency)
        }
        AccrualEvent::Closed { date, .. } => format!("closed {about} on {date}"),
        AccrualEvent::Deducted(kept) => {
            let (order, currency) = (&kept.order, settlement.currency);
            format!("kept {about} on {}: {} {currency}, {} of it ordered", order.date, kept.kept, order.amount)
        }
        AccrualEvent::Estimated(m) => {
            let late = if m.origin_period.is_empty() { String::new() } else { format!(" for {}", m.origin_period) };
            let (kind, functional) = (m.kind.as_str(), functional(m.functional));
            let kind = if m.kind == EstimateKind::Expected { kind.to_owned() } else { format!("{kind} at sell-in") };
            format!("{kind} {about} on {}{late}: {} {} ({functional})", m.date, m.amount, settlement.currency)
        }
    }
}

fn number(text: &str) -> Micros {
    Micros::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn read_program(id: &str, words: &[&str]) -> Program {
    let tiered = |make: fn(Measure, Benefit, Vec<Tier>) -> Mechanism| match words {
        [_, measure, benefit, tiers, ..] => make(read_measure(measure), read_benefit(benefit), read_tiers(tiers)),
        other => panic!("no tiers: {other:?}"),
    };
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let mechanism = match words {
        ["per-unit", rate, ..] => Mechanism::PerUnit { rate: number(rate) },
        ["percent", rate, ..] => Mechanism::Percent { rate: number(rate) },
        ["spiff", benefit, rate, ..] => Mechanism::Spiff {
            benefit: read_benefit(benefit),
            rate: number(rate),
            split: value("split").map_or_else(Split::default, read_split),
            late: value("late").map(read_late),
        },
        ["fixed", measure, amount, ..] => Mechanism::Fixed { measure: read_measure(measure), amount: number(amount) },
        ["marginal", ..] => tiered(|measure, benefit, tiers| Mechanism::VolumeMarginal { measure, benefit, tiers }),
        ["retroactive", ..] => {
            tiered(|measure, benefit, tiers| Mechanism::VolumeRetroactive { measure, benefit, tiers })
        }
        ["rolling", ..] => tiered(|measure, benefit, tiers| Mechanism::VolumeRolling { measure, benefit, tiers }),
        ["total", ..] => tiered(|measure, benefit, tiers| Mechanism::VolumeTotal { measure, benefit, tiers }),
        ["excess", measure, benefit, tiers, ..] => Mechanism::VolumeExcess {
            measure: read_measure(measure),
            benefit: read_benefit(benefit),
            above: number(value("above").expect("above=")),
            tiers: read_tiers(tiers),
        },
        ["growth", measure, benefit, tiers, ..] => Mechanism::Growth(Growth {
            measure: read_measure(measure),
            benefit: read_benefit(benefit),
            paid_on: read_paid_on(value("paid-on").expect("paid-on=")),
            tiers: read_tiers(tiers),
            baselines: read_figures(value("baseline").expect("baseline=")),
        }),
        ["score", benefit, tiers, ..] => Mechanism::Score(Score {
            benefit: read_benefit(benefit),
            tiers: read_tiers(tiers),
            scores: read_figures(value("score").expect("score=")),
        }),
        ["ship-and-debit", resale, ..] => {
            let cost = if value("cost") == Some("layers") { CostBasis::Layers } else { CostBasis::Book };
            Mechanism::ShipAndDebit { resale: read_resale(resale), cost }
        }
        ["pass-through", resale, ..] => Mechanism::PassThrough { resale: read_resale(resale) },
        ["free-goods", per, every, free, value, ..] => Mechanism::FreeGoods(FreeGoods {
            every: number(every),
            free: number(free),
            value: number(value),
            per: read_per(per),
        }),
        ["points", measure, every, points, value, breakage, per, ..] => Mechanism::Points(Points {
            measure: read_measure(measure),
            every: number(every),
            points: number(points),
            per: read_per(per),
            value: number(value),
            breakage: number(breakage),
        }),
        ["coop-fund", rate, share, ..] => Mechanism::CoopFund(CoopFund { rate: number(rate), share: number(share) }),
        ["sell-in", benefit, rate, ..] => Mechanism::SellIn(SellIn {
            benefit: read_benefit(benefit),
            rate: number(rate),
            not_with: value("not-with").map_or_else(Vec::new, |list| list.split(',').map(Text::from).collect()),
        }),
        ["price-protection", days, ..] => Mechanism::PriceProtection { look_back_days: days.parse().unwrap() },
        other => panic!("no such program: {other:?}"),
    };
    let mut program = plain_program(id, mechanism);
    for (key, value) in words.iter().filter_map(|word| word.split_once('=')) {
        match key {
            "from" => program.from = Day::parse(value).unwrap(),
            "to" => program.to = Day::parse(value).unwrap(),
            "version" => program.version = value.parse().unwrap(),
            "period" => program.period = read_cadence(value),
            "interim" => program.interim = Some(read_cadence(value)),
            "measure-cap" => program.caps.measure = Some(number(value)),
            "unit-cap" => program.caps.per_unit = Some(number(value)),
            "transaction-cap" => program.caps.per_transaction = Some(number(value)),
            "period-cap" => program.caps.partner_period = Some(number(value)),
            "year-cap" => program.caps.partner_year = Some(number(value)),
            "budget" => program.caps.budget = Some(number(value)),
            "budget-of" => program.budget_of = if value == "program" { BudgetOf::Program } else { BudgetOf::Version },
            "threshold" => program.threshold = Some(number(value)),
            "group" => program.group = Some(value.into()),
            "categories" => program.selector.categories = value.split(',').map(Text::from).collect(),
            "priority" => program.priority = value.parse().unwrap(),
            "grace" => program.grace_days = value.parse().unwrap(),
            "close" => program.close_days = value.parse().unwrap(),
            "currency" => program.currency = Currency::parse(value),
            "fx" => program.conversion = read_conversion(value),
            "above" | "paid-on" | "baseline" | "score" | "split" | "late" | "not-with" | "cost" => {}
            "rounding" => program.rounding = if value == "sale" { Rounding::Sale } else { Rounding::Total },
            "mode" => {
                program.rounding_mode = if value == "even" { RoundingMode::HalfEven } else { RoundingMode::HalfUp }
            }
            "headroom" => program.headroom = if value == "given-back" { Headroom::GivenBack } else { Headroom::Kept },
            "ties" => program.ties = if value == "pro-rata" { Ties::ProRata } else { Ties::BySale },
            "bonus" => program.bonus = read_tiers(value),
            "minimum" => program.minimum_payout = Some(number(value)),
            "below" => {
                program.below_minimum = if value == "carry" { BelowMinimum::Carry } else { BelowMinimum::Forfeit }
            }
            "unusual" => program.unusual = if value == "hold" { OnUnusual::Hold } else { OnUnusual::Tell },
            "stack" => program.stack = Some(read_stack(value)),
            "accrue" => program.accrue = if value == "expected" { Accrue::Expected } else { Accrue::Earned },
            "estimate" => program.estimate = Some(read_estimate(value)),
            "prorate" => program.prorate = read_proration(value),
            "claims" => program.auto_authorise = false,
            "paid" => (program.auto_authorise, program.paid) = (false, Paid::Claim(read_claims(value))),
            other => panic!("a program has no {other}"),
        }
    }
    program
}

/// `per-unit` or `percent`, the rate, and the days after which what is not sold lapses.
fn read_estimate(text: &str) -> SellInEstimate {
    let words: Vec<&str> = text.split(',').collect();
    let (benefit, rate) = (read_benefit(words[0]), number(words[1]));
    SellInEstimate { benefit, rate, lapses_after_days: words[2].parse().unwrap() }
}

/// Name, `gross` or `net`, `stays` where it leaves the base of later programs as it is, and what all give at `most`.
fn read_stack(text: &str) -> Stack {
    let words: Vec<&str> = text.split(',').collect();
    let base = if words[1] == "net" { Base::Net } else { Base::Gross };
    let at_most = words.iter().find_map(|word| word.strip_prefix("most=")).map(number);
    Stack { name: words[0].into(), base, reduces: !words.contains(&"stays"), at_most }
}

/// Days, `reject` or `roll`, then the amounts above which a person and a second one are wanted, the tolerance and its share,
/// `calculated` where what is due is paid within it, the days for a decision about what is on hold, and `roll` where it rolls then;
/// `-` for none.
fn read_claims(text: &str) -> ClaimTerms {
    let mut words = text.split(',');
    let days = words.next().unwrap().parse().unwrap();
    let late = if words.next() == Some("roll") { LateClaim::Roll } else { LateClaim::Reject };
    let mut amount = || words.next().filter(|word| *word != "-").map(number);
    let (review_above, override_limit) = (amount(), amount());
    let (allowed, share) = (amount(), amount());
    let below = if words.next() == Some("calculated") { BelowDue::Calculated } else { BelowDue::Claimed };
    let tolerance = Tolerance { amount: allowed, share, below };
    let review_days = words.next().filter(|word| *word != "-").map(|days| days.parse().unwrap());
    let unreviewed = if words.next() == Some("roll") { Unreviewed::Roll } else { Unreviewed::Reject };
    let review = review_days.map(|days| Review { days, unreviewed });
    ClaimTerms { days, late, review_above, override_limit, appeal_days: 30, tolerance, review }
}

fn read_conversion(text: &str) -> Conversion {
    match text {
        "month-average" => Conversion::MonthAverage,
        "period-end" => Conversion::PeriodEnd,
        rate => Conversion::Fixed(number(rate)),
    }
}

fn read_per(text: &str) -> Per {
    if text == "sale" { Per::Sale } else { Per::Period }
}

fn read_measure(text: &str) -> Measure {
    if text == "quantity" { Measure::Quantity } else { Measure::Amount }
}

fn read_benefit(text: &str) -> Benefit {
    if text == "per-unit" { Benefit::PerUnit } else { Benefit::Percent }
}

fn read_cadence(text: &str) -> Cadence {
    match text {
        "month" => Cadence::Month,
        "year" => Cadence::Year,
        _ => Cadence::Quarter,
    }
}

fn read_tiers(text: &str) -> Vec<Tier> {
    let tier = |(from, rate): (&str, &str)| Tier { from: number(from), rate: number(rate) };
    text.split(',').map(|pair| tier(pair.split_once(':').unwrap())).collect()
}

/// Words of `amount`, `thresholds`, `caps`, separated by commas; `nothing` for none.
fn read_proration(text: &str) -> Proration {
    let has = |word: &str| text.split(',').any(|other| other == word);
    Proration { amount: has("amount"), thresholds: has("thresholds"), caps: has("caps") }
}

fn read_resale(text: &str) -> Resale {
    if text == "strict" { Resale::Strict } else { Resale::Partial }
}

/// For the year 2013 and anybody, unless the words say otherwise.
fn read_special(program: &str, id: &str, partner: &str, product: &str, words: &[&str]) -> SpecialPrice {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let day = |key: &str, default: &str| Day::parse(value(key).unwrap_or(default)).unwrap();
    let credit = value("cost").map_or_else(
        || Credit::Amount(number(value("amount").expect("cost= or amount="))),
        |cost| Credit::AboveCost(number(cost)),
    );
    SpecialPrice {
        program: program.into(),
        partner: partner.into(),
        product: product.into(),
        id: id.into(),
        customer: value("customer").unwrap_or_default().into(),
        from: day("from", "2013-01-01"),
        to: day("to", "2013-12-31"),
        quantity: value("quantity").map(number),
        credit,
        resale: value("resale").map(number),
        currency: dollar(),
    }
}

fn dollar() -> Currency {
    Currency::parse("USD").expect("a currency")
}

/// `equal`, or percentages: `60/40`.
fn read_split(text: &str) -> Split {
    match text {
        "equal" => Split::Equal,
        shares => Split::Shares(shares.split('/').map(|share| share.parse().unwrap()).collect()),
    }
}

/// Free days, days of a step, the share that a step takes, which steps count, and after how many days nothing is paid.
fn read_late(text: &str) -> Late {
    let parts: Vec<&str> = text.split(',').collect();
    Late {
        free_days: parts[0].parse().unwrap(),
        step_days: parts[1].parse().unwrap(),
        lost: number(parts[2]),
        steps: if parts[3] == "started" { Steps::Started } else { Steps::Completed },
        nothing_after_days: parts.get(4).map(|days| days.parse().unwrap()),
    }
}

fn read_paid_on(text: &str) -> PaidOn {
    match text {
        "growth" => PaidOn::Growth,
        "excess" => PaidOn::Excess,
        _ => PaidOn::All,
    }
}

/// `P001:200000` for each period, `P001@2013-Q1:50000` for one, separated by commas.
fn read_figures(text: &str) -> Arc<[Figure]> {
    let figure = |entry: &str| {
        let (whose, value) = entry.split_once(':').unwrap();
        let (partner, period) = whose.split_once('@').unwrap_or((whose, ""));
        Figure { partner: partner.into(), period: period.into(), value: number(value) }
    };
    let mut figures: Vec<Figure> = text.split(',').map(figure).collect();
    figures.sort();
    figures.into()
}

/// Each case is a test by existing. `UPDATE=1` writes down what happens; read it before you keep it.
#[test]
fn cases_go_as_written() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let folders = ["programs", "ledger"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut paths: Vec<_> = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let seen = Case::run(&text);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &seen).unwrap();
            continue;
        }
        assert!(seen == text, "{} goes otherwise:\n{seen}", path.display());
    }
}

/// What happens in a case, without what was done.
fn happenings(seen: &str) -> Vec<&str> {
    seen.lines().filter(|line| line.starts_with("  >")).collect()
}

/// The same with what comes between two controls the other way round; a return stays behind its sale, and each claim line in the
/// record in which it was sent.
fn turned(text: &str) -> String {
    let (mut lines, mut facts): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut records = 0;
    for line in text.lines().filter(|line| !line.starts_with("  >") && !line.starts_with('#')) {
        let (is_sale, is_claim) = (line.starts_with("sale "), line.starts_with("claim "));
        records += u32::from(is_sale || is_claim);
        let line = if is_claim { format!("{line} record={records}") } else { line.to_owned() };
        let is_fact = is_sale || is_claim || line.starts_with("deny ");
        if is_fact && !line.contains(" of=") {
            facts.push(line);
            continue;
        }
        lines.extend(facts.drain(..).rev());
        lines.push(line);
    }
    lines.join("\n")
}

#[test]
fn claims_are_decided_alike_in_any_order_and_in_slices() {
    assert!(goes_alike("ledger", "claim_") >= 9);
}

#[test]
fn deductions_are_settled_alike_in_any_order_and_in_slices() {
    assert!(goes_alike("ledger", "deducted") >= 7);
}

#[test]
fn stocks_are_settled_alike_in_any_order_and_in_slices() {
    assert!(goes_alike("programs", "price_protection") >= 6);
    assert!(goes_alike("programs", "sell_in") >= 4);
    assert!(goes_alike("programs", "cost_layers") >= 6);
}

#[test]
fn estimates_end_alike_in_any_order_and_in_slices() {
    assert!(goes_alike("programs", "estimate") >= 4);
    assert!(goes_alike("programs", "expected") >= 4);
}

/// Runs the cases of a folder whose names begin in some way turned and in slices; returns how many they are.
fn goes_alike(folder: &str, begins: &str) -> usize {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(folder);
    let mut count = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(begins) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (straight, turned) = (Case::run(&text), Case::run(&turned(&text)));
        assert_eq!(happenings(&turned), happenings(&straight), "{name} the other way round");
        let sliced = Case::run_on(Bench::in_slices(1), &text);
        assert_eq!(happenings(&sliced), happenings(&straight), "{name} in slices");
        count += 1;
    }
    count
}

/// A case after some lines of it.
fn after(lines: &str) -> Case {
    let mut case = Case { bench: Some(Bench::new()), ..Case::default() };
    lines.lines().filter(|line| !line.starts_with("  >")).for_each(|line| drop(case.line(line)));
    case
}

#[test]
fn a_draw_past_a_limit_has_it_shared_again_once_it_is_ordered() {
    let text = include_str!("../../cases/programs/points_drawn_past_a_budget.txt");
    let (held, ordered) = (text.split("delisted").next().unwrap(), text.split("tick 2013-02-26").next().unwrap());
    let is_reviewed = |lines: &str| {
        let state = &mut after(lines).bench.unwrap().state;
        !REVIEW.first(state, 1).unwrap().is_empty()
    };
    assert_eq!([is_reviewed(held), is_reviewed(ordered), is_reviewed(text)], [false, true, false]);
}

#[test]
fn what_is_expected_is_priced_where_something_has_moved() {
    let program = "program PRICE retroactive quantity per-unit 0:0,601:48 period=year accrue=expected rounding=sale";
    let sold = "expect PRICE P001 2013 2013-01-02 700\nconfigure\nsale a P001 2013-02-10 75 x 480\ntick 2013-02-20";
    let mut case = after(&format!("{program}\n{sold}"));
    let bench = case.bench.as_mut().unwrap();
    // Without its lines it would come to another price.
    let lists = bench.state.range(LINES, &[0], &[0xff; 21], Order::Up, usize::MAX).unwrap();
    lists.iter().for_each(|(list, _)| bench.state.delete(LINES, list).unwrap());
    let is_priced = |bench: &mut Bench, day: &str| {
        let sent = bench.sent.len();
        bench.control(&Control::Tick { as_of: Day::parse(day).unwrap() });
        bench.sent.len() > sent
    };
    assert_eq!((lists.len(), is_priced(bench, "2013-02-21")), (1, false));
    case.reference.expectations[0].measure = number("701");
    bench.configure(&case.reference);
    assert!(is_priced(bench, "2013-02-22"));
}
