//! Laws that must hold for any history (domain notes §4.13), tried on random ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    AccrualEvent, AccrualKind, Asked, Benefit, Cadence, Caps, Control, CoopFund, CostBasis, Credit, Currency, Day,
    Debit, Draw, Entitlement, EntitlementEvent, Figure, FreeGoods, Growth, Headroom, Id, Late, Measure, Mechanism,
    Micros, PaidOn, Per, Points, Program, Proration, Rate, RecordRef, Reference, Resale, Rounding, RoundingMode, Score,
    Settlement, SpecialPrice, Split, Steps, Text, Tier, Ties,
};

use super::scenario::{Bench, plain_program};

/// Numbers that look random and are the same every time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn micros(&mut self, low: u64, high: u64) -> Micros {
        Micros((low + self.below(high - low)) as i64)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

/// What comes between two controls.
#[derive(Clone)]
struct Interval {
    events: Vec<EntitlementEvent>,
    control: Control,
}

struct Rules {
    caps: bool,
    unlinked_returns: bool,
    revocations: bool,
}

fn mechanism(dice: &mut Dice) -> Mechanism {
    let measure = if dice.chance(2) { Measure::Quantity } else { Measure::Amount };
    let benefit = if dice.chance(2) { Benefit::PerUnit } else { Benefit::Percent };
    let rate = dice.micros(1_000, 90_000);
    let mut tiers = vec![Tier { from: Micros::ZERO, rate }];
    for i in 1..=dice.below(3) as i64 {
        let width = dice.below(40) as i64 + 1;
        tiers.push(Tier { from: tiers[i as usize - 1].from + Micros::units(width), rate: Micros(rate.0 * (i + 1)) });
    }
    let amount = Micros(rate.0 * 900);
    match dice.below(15) {
        0 => Mechanism::PerUnit { rate },
        1 => Mechanism::Percent { rate },
        2 => Mechanism::Spiff {
            benefit,
            rate,
            split: if dice.chance(3) { Split::Whole } else { Split::Equal },
            late: dice.chance(2).then(|| late(dice)),
        },
        3 => Mechanism::VolumeMarginal { measure, benefit, tiers },
        4 => Mechanism::VolumeRolling { measure, benefit, tiers },
        5 => Mechanism::VolumeTotal { measure, benefit, tiers },
        6 => Mechanism::VolumeExcess { measure, benefit, above: dice.micros(1_000_000, 60_000_000), tiers },
        7 => Mechanism::Fixed { measure, amount },
        8 => Mechanism::Growth(growth(dice, measure, benefit, tiers)),
        11 => Mechanism::FreeGoods(FreeGoods {
            every: Micros::units(dice.below(6) as i64 + 1),
            free: Micros::ONE,
            value: rate,
            per: if dice.chance(2) { Per::Sale } else { Per::Period },
        }),
        12 => Mechanism::Points(Points {
            measure,
            every: Micros::units(dice.below(6) as i64 + 1),
            points: Micros::ONE,
            per: if dice.chance(2) { Per::Sale } else { Per::Period },
            value: rate,
            breakage: dice.micros(0, 900_000),
        }),
        13 => Mechanism::CoopFund(CoopFund { rate, share: Micros(500_000) }),
        10 => Mechanism::ShipAndDebit { resale: Resale::Partial, cost: CostBasis::Book },
        9 => Mechanism::Score(Score { benefit, tiers, scores: scores(dice) }),
        _ => Mechanism::VolumeRetroactive { measure, benefit, tiers },
    }
}

/// Partner A has a score for each period, B for one quarter only.
fn scores(dice: &mut Dice) -> Arc<[Figure]> {
    let mut score = |partner: &str, period: &str| Figure {
        partner: partner.into(),
        period: period.into(),
        value: dice.micros(0, 90_000_000),
    };
    [score("A", ""), score("B", "2013-Q1")].into()
}

fn late(dice: &mut Dice) -> Late {
    Late {
        free_days: dice.below(20) as u32,
        step_days: dice.below(20) as u32 + 1,
        lost: dice.micros(50_000, 400_000),
        steps: if dice.chance(2) { Steps::Started } else { Steps::Completed },
        nothing_after_days: dice.chance(2).then_some(60),
    }
}

/// Growth over a baseline that partner A has for each period and B for one quarter only.
fn growth(dice: &mut Dice, measure: Measure, benefit: Benefit, mut tiers: Vec<Tier>) -> Growth {
    for (i, tier) in tiers.iter_mut().enumerate() {
        tier.from = Micros(1_000_000 + 300_000 * i as i64);
    }
    let baseline = |dice: &mut Dice, partner: &str, period: &str| Figure {
        partner: partner.into(),
        period: period.into(),
        value: dice.micros(1_000_000, 90_000_000),
    };
    let baselines = [baseline(dice, "A", ""), baseline(dice, "B", "2013-Q1")].into();
    let paid_on = [PaidOn::Growth, PaidOn::Excess, PaidOn::All][dice.below(3) as usize];
    Growth { measure, benefit, paid_on, tiers, baselines }
}

fn programs(dice: &mut Dice, rules: &Rules) -> Vec<Program> {
    let mut programs = Vec::new();
    for i in 0..5 {
        let mut program = plain_program(&format!("P{i}"), mechanism(dice));
        program.period = [Cadence::Month, Cadence::Quarter, Cadence::Year][dice.below(3) as usize];
        program.grace_days = dice.below(20) as u32;
        program.close_days = dice.below(60) as u32;
        program.auto_authorise = !dice.chance(4);
        program.group = (i < 2).then(|| "group".into());
        program.priority = i;
        if rules.caps {
            let measure = dice.micros(5_000_000, 90_000_000);
            program.caps.measure = dice.chance(4).then_some(measure).filter(|_| program.mechanism.grows_with_measure());
            program.caps.per_unit = dice.chance(4).then(|| dice.micros(100_000, 2_000_000));
            program.caps.per_transaction = dice.chance(4).then(|| dice.micros(500_000, 9_000_000));
            program.caps.partner_period = dice.chance(4).then(|| dice.micros(1_000_000, 40_000_000));
            program.caps.partner_year = dice.chance(4).then(|| dice.micros(1_000_000, 60_000_000));
            program.caps.budget = dice.chance(3).then(|| dice.micros(1_000_000, 60_000_000).round(2));
            program.rounding = if dice.chance(4) { Rounding::Sale } else { Rounding::Total };
            program.rounding_mode = if dice.chance(3) { RoundingMode::HalfEven } else { RoundingMode::HalfUp };
            program.headroom = if dice.chance(2) { Headroom::GivenBack } else { Headroom::Kept };
            // Persons of one year, whose names are written in two ways, would share a day with themselves.
            let has_twins = program.pays_person() && program.caps.partner_year.is_some();
            let is_shared = program.close_days.is_multiple_of(2) && !has_twins;
            program.ties = if is_shared { Ties::ProRata } else { Ties::BySale };
            if dice.chance(4) {
                let from = dice.micros(200_000, 9_000_000);
                program.bonus = vec![Tier { from, rate: Micros(150_000) }];
            }
            program.minimum_payout = dice.chance(4).then(|| dice.micros(500_000, 20_000_000));
            program.prorate = Proration { amount: dice.chance(2), thresholds: dice.chance(2), caps: dice.chance(2) };
            if dice.chance(3) {
                program.from = program.from.plus(-(dice.below(60) as i32));
                program.to = program.from.plus(260 + dice.below(120) as i32);
            }
            program.threshold = dice.chance(5).then(|| dice.micros(1_000_000, 30_000_000));
        }
        let fits = program.auto_authorise && !program.mechanism.is_drawn_on() && program.mechanism.resale().is_none();
        program.interim =
            dice.chance(2).then_some(Cadence::Month).filter(|month| fits && month.divides(program.period));
        if program.mechanism.is_drawn_on() {
            program.currency = Currency::parse("USD");
            (program.caps, program.rounding) = (Caps::default(), Rounding::Total);
            program.bonus.clear();
        }
        programs.push(program);
    }
    programs
}

fn reference(programs: Vec<Program>) -> Reference {
    let euro = Currency::parse("EUR").unwrap();
    let rate = |i: i32| Rate {
        currency: euro,
        day: Day::new(2013, 1, 1).unwrap().plus(i),
        rate: Micros(1_000_000 + 7 * i64::from(i)),
    };
    let rates = (0..360).map(rate).collect();
    let (special_prices, draws) = (special_prices(&programs), draws(&programs));
    let functional_currency = Currency::parse("USD");
    Reference { programs, special_prices, draws, rates, functional_currency, ..Reference::default() }
}

/// Five draws of each partner under each program that is drawn on, through the year.
fn draws(programs: &[Program]) -> Vec<Draw> {
    let mut all = Vec::new();
    for program in programs.iter().filter(|program| program.mechanism.is_drawn_on()) {
        for (partner, number) in ["A", "B"].into_iter().flat_map(|partner| (1..6).map(move |number| (partner, number)))
        {
            let units = Micros::units(number * 3);
            let asked = match program.mechanism {
                Mechanism::Points(_) => Asked::Points(units),
                _ => Asked::Activity {
                    approved: Micros::units(6),
                    spent: units,
                    proof: format!("{}-{partner}-{number}", program.id).into(),
                    document: Text::default(),
                },
            };
            let (id, date) = (number.to_string().into(), Day::new(2013, 1, 1).unwrap().plus(45 * number as i32));
            all.push(Draw { program: program.id.clone(), partner: partner.into(), id, date, asked });
        }
    }
    all.sort();
    all
}

/// Two special prices of each partner under each program that knows any; the second has no bound.
fn special_prices(programs: &[Program]) -> Vec<SpecialPrice> {
    let mut all = Vec::new();
    let knowing = programs.iter().zip(0_i64..).filter(|(program, _)| program.mechanism.resale().is_some());
    for (program, place) in knowing {
        for (partner, bound) in [("A", 20), ("B", 12)] {
            for (id, quantity) in [("X", Some(Micros::units(bound + place))), ("Y", None)] {
                all.push(special_price(&program.id, partner, id, quantity));
            }
        }
    }
    all.sort();
    all
}

fn special_price(program: &str, partner: &str, id: &str, quantity: Option<Micros>) -> SpecialPrice {
    SpecialPrice {
        program: program.into(),
        partner: partner.into(),
        product: "s/p".into(),
        id: id.into(),
        customer: Text::default(),
        from: Day::new(2013, 1, 1).unwrap(),
        to: Day::new(2013, 12, 31).unwrap(),
        quantity,
        credit: Credit::Amount(Micros::ONE),
        resale: None,
        currency: Currency::parse("USD").unwrap(),
    }
}

/// What a sale earns at a special price, derived from the sale; a linked return has that of its sale.
fn debits(reference: &Reference, like: &Entitlement) -> Vec<Debit> {
    let sale = like.origin.map_or(like.sale, |(sale, _)| sale);
    let id = if sale.0[0].is_multiple_of(3) { "Y" } else { "X" };
    let (credit, short) = (Micros(2_000_000 + i64::from(sale.0[1]) * 1_000), Micros(i64::from(sale.0[2]) * 1_000));
    let knowing = reference.programs.iter().filter(|program| program.mechanism.resale().is_some());
    let debit = |program: &Program| Debit {
        program: program.id.clone(),
        special_price: special_price(&program.id, &like.at.partner, id, None).key(),
        credit,
        short: if sale.0[2] < 128 { Micros::ZERO } else { short },
    };
    knowing.map(debit).collect()
}

/// One entitlement for each ledger key.
fn entitlements(reference: &Reference, like: &Entitlement) -> Vec<Entitlement> {
    let mut by_key: BTreeMap<Text, Vec<Text>> = BTreeMap::new();
    for program in &reference.programs {
        by_key.entry(program.ledger_key().clone()).or_default().push(program.id.clone());
    }
    let of_key = |(ledger_key, programs): (Text, Vec<Text>)| {
        let mut debits = debits(reference, like);
        debits.retain(|debit| programs.contains(&debit.program));
        Entitlement { ledger_key, programs, debits, ..like.clone() }
    };
    by_key.into_iter().map(of_key).collect()
}

fn sale(dice: &mut Dice, number: u32, stamp: u64) -> Entitlement {
    let quantity = Micros::units(dice.below(12) as i64 + 1);
    let price = dice.micros(500_000, 12_000_000);
    let partner: Text = ["A", "B"][dice.below(2) as usize].into();
    Entitlement {
        ledger_key: Text::default(),
        sale: Id::of("sale", &[&number.to_string()]),
        at: RecordRef { partner, file_no: 1, record_no: number },
        stamp,
        programs: Vec::new(),
        date: Day::new(2013, 1, 1).unwrap().plus(dice.below(200) as i32),
        quantity,
        amount: quantity.times(price),
        currency: Currency::parse(if dice.chance(4) { "EUR" } else { "USD" }).unwrap(),
        rep: ["Ann", "Bo", "Bo; Ann", "Cy; Bo; Ann"][dice.below(4) as usize].into(),
        origin: None,
        debits: Vec::new(),
        product: Text::default(),
    }
}

/// A return of a part of a sale, or of all of it.
fn give_back(dice: &mut Dice, of: &Entitlement, number: u32, stamp: u64, linked: bool) -> Entitlement {
    let units = of.quantity.0 / 1_000_000;
    let quantity = Micros::units(dice.below(units as u64) as i64 + 1);
    Entitlement {
        sale: Id::of("sale", &[&number.to_string()]),
        at: RecordRef { record_no: number, ..of.at.clone() },
        stamp,
        date: of.date.plus(dice.below(40) as i32),
        quantity: -quantity,
        amount: -of.amount.share(quantity, of.quantity),
        origin: linked.then_some((of.sale, of.date)),
        ..of.clone()
    }
}

fn history(dice: &mut Dice, reference: &Reference, rules: &Rules) -> Vec<Interval> {
    let (mut standing, mut intervals, mut number) = (Vec::<Entitlement>::new(), Vec::new(), 0);
    let mut today = Day::new(2013, 1, 20).unwrap();
    for control in 1..7 {
        let mut events = Vec::new();
        let grant =
            |e: &Entitlement| entitlements(reference, e).into_iter().map(|e| EntitlementEvent::Grant(Box::new(e)));
        for _ in 0..dice.below(14) {
            number += 1;
            let sold = sale(dice, number, control);
            events.extend(grant(&sold));
            if dice.chance(4) {
                number += 1;
                let linked = !rules.unlinked_returns || dice.chance(2);
                events.extend(grant(&give_back(dice, &sold, number, control, linked)));
            } else {
                standing.push(sold);
            }
        }
        if rules.revocations && !standing.is_empty() {
            let gone = standing.swap_remove(dice.below(standing.len() as u64) as usize);
            let all = entitlements(reference, &gone).into_iter();
            events.extend(all.map(|e| EntitlementEvent::Revoke(Box::new(e))));
        }
        today = today.plus(dice.below(60) as i32);
        let control = if dice.chance(2) { Control::Settle } else { Control::Tick { as_of: today } };
        intervals.push(Interval { events, control });
    }
    intervals.push(Interval { events: Vec::new(), control: Control::Settle });
    intervals
}

/// The same events in another order; those of one sale keep theirs. Some grants come, go and come back.
fn rearranged(dice: &mut Dice, events: &[EntitlementEvent]) -> Vec<EntitlementEvent> {
    let mut events = events.to_vec();
    for i in (0..events.len()).rev() {
        if let (EntitlementEvent::Grant(e), true) = (events[i].clone(), dice.chance(6)) {
            events.insert(i + 1, EntitlementEvent::Grant(e.clone()));
            events.insert(i + 1, EntitlementEvent::Revoke(e));
        }
    }
    let whose = |event: &EntitlementEvent| {
        let entitlement = event.entitlement().expect("nothing is claimed");
        (entitlement.sale, entitlement.ledger_key.clone())
    };
    let mut places: Vec<_> = events.iter().map(whose).collect();
    dice.shuffle(&mut places);
    let mut left: BTreeMap<_, std::collections::VecDeque<EntitlementEvent>> = BTreeMap::new();
    for event in events {
        left.entry(whose(&event)).or_default().push_back(event);
    }
    places.into_iter().map(|place| left.get_mut(&place).unwrap().pop_front().unwrap()).collect()
}

fn run(reference: &Reference, intervals: &[Interval], order: Option<Dice>) -> Bench {
    run_on(Bench::new(), reference, intervals, order)
}

/// A sale is stamped with the control in force when it first came; how many there are is up to the run.
fn stamped(mut event: EntitlementEvent, control: u64, stamps: &mut BTreeMap<Id, u64>) -> EntitlementEvent {
    let (EntitlementEvent::Grant(entitlement) | EntitlementEvent::Revoke(entitlement)) = &mut event else {
        panic!("nothing is claimed")
    };
    entitlement.stamp = *stamps.entry(entitlement.sale).or_insert(control);
    event
}

fn run_on(mut bench: Bench, reference: &Reference, intervals: &[Interval], mut order: Option<Dice>) -> Bench {
    bench.configure(reference);
    let mut stamps = BTreeMap::new();
    for interval in intervals {
        let events = match &mut order {
            Some(dice) => rearranged(dice, &interval.events),
            None => interval.events.clone(),
        };
        for event in events {
            bench.take(&stamped(event, bench.control, &mut stamps));
            if order.as_mut().is_some_and(|dice| dice.chance(40)) {
                bench.restart();
            }
        }
        bench.control(&interval.control);
        bench.verify();
    }
    bench
}

/// Sum of all movements for each settlement.
fn totals(bench: &Bench) -> BTreeMap<Settlement, Micros> {
    let mut totals = BTreeMap::new();
    for movement in bench.standing().0.into_values() {
        *totals.entry(movement.settlement).or_insert(Micros::ZERO) += movement.amount;
    }
    totals
}

fn whole(bench: &Bench) -> Micros {
    totals(bench).into_values().sum()
}

const EVERYTHING: Rules = Rules { caps: true, unlinked_returns: true, revocations: true };
const TAME: Rules = Rules { caps: false, unlinked_returns: false, revocations: false };

#[test]
fn the_order_of_arrival_changes_nothing() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let reference = reference(programs(&mut dice, &EVERYTHING));
        let intervals = history(&mut dice, &reference, &EVERYTHING);
        let mut straight = run(&reference, &intervals, None);
        for order in 1..4 {
            let mut other = run(&reference, &intervals, Some(Dice(seed * 31 + order)));
            assert!(straight.sent == other.sent, "movements differ, seed {seed}");
            assert!(straight.views == other.views, "findings differ, seed {seed}");
            assert!(straight.rows() == other.rows(), "rows differ, seed {seed}");
        }
    }
}

/// A control that is settled in slices, with a stop after each, says what it says in one go.
#[test]
fn slices_leave_no_trace() {
    let mut slices = [0; 3];
    for seed in 900..930 {
        let mut dice = Dice(seed);
        let reference = reference(programs(&mut dice, &EVERYTHING));
        let intervals = history(&mut dice, &reference, &EVERYTHING);
        let mut whole = run(&reference, &intervals, None);
        for (size, count) in [1, 7, 1000].into_iter().zip(&mut slices) {
            let mut other = run_on(Bench::in_slices(size), &reference, &intervals, None);
            assert!(whole.sent == other.sent, "movements differ, seed {seed}, slices of {size}");
            assert!(whole.views == other.views, "findings differ, seed {seed}, slices of {size}");
            assert!(whole.rows() == other.rows(), "rows differ, seed {seed}, slices of {size}");
            *count += other.slices;
        }
    }
    assert!(slices[0] > 1000 && slices[1] > 200 && slices[1] < slices[0] && slices[2] == 0, "{slices:?} slices");
}

/// The same history without its settles, or with more of them in the middle of everything.
fn with_settles(dice: &mut Dice, intervals: &[Interval], more: bool) -> Vec<Interval> {
    let (mut result, mut events) = (Vec::new(), Vec::new());
    for interval in intervals {
        for event in &interval.events {
            events.push(event.clone());
            if more && dice.chance(4) {
                result.push(Interval { events: std::mem::take(&mut events), control: Control::Settle });
            }
        }
        if more || interval.control != Control::Settle {
            let (events, control) = (std::mem::take(&mut events), interval.control.clone());
            result.push(Interval { events, control });
        }
    }
    assert!(events.is_empty(), "the last control is a tick");
    result
}

/// A run in two goes, or in twenty, publishes what one run over everything does.
#[test]
fn settles_leave_no_trace_behind_a_tick() {
    let (mut adjusted, mut resent) = (0, 0);
    for seed in 700..860 {
        let mut dice = Dice(seed);
        let reference = reference(programs(&mut dice, &EVERYTHING));
        let mut intervals = history(&mut dice, &reference, &EVERYTHING);
        intervals.pop();
        let as_of = Day::new(2013, 5, 1).unwrap().plus(dice.below(300) as i32);
        intervals.push(Interval { events: Vec::new(), control: Control::Tick { as_of } });
        let mut none = run(&reference, &with_settles(&mut dice, &intervals, false), None);
        let mut many = run(&reference, &with_settles(&mut dice, &intervals, true), None);
        assert!(none.standing() == many.standing(), "movements or orders differ, seed {seed}");
        assert!(none.findings() == many.findings(), "findings differ, seed {seed}");
        assert!(none.rows() == many.rows(), "rows differ, seed {seed}");
        adjusted += none.standing().0.values().filter(|m| m.kind == AccrualKind::PriorPeriod).count();
        resent += many.sent.len() - none.sent.len();
    }
    assert!(adjusted > 50 && resent > 500, "{adjusted} adjustments, {resent} movements sent again");
}

#[test]
fn rows_add_up_to_the_movements() {
    for seed in 200..240 {
        let mut dice = Dice(seed);
        let reference = reference(programs(&mut dice, &EVERYTHING));
        let intervals = history(&mut dice, &reference, &EVERYTHING);
        let mut bench = run(&reference, &intervals, None);
        let mut left = totals(&bench);
        for row in bench.rows() {
            let settlement = Settlement {
                program: row.program,
                version: row.version,
                beneficiary: row.beneficiary,
                period: row.period,
                currency: row.currency,
            };
            let rest = left.entry(settlement).or_insert(Micros::ZERO);
            *rest = *rest - row.amount;
        }
        assert!(left.values().all(|rest| rest.is_zero()), "seed {seed}: {left:?}");
    }
}

#[test]
fn no_budget_is_overrun() {
    for seed in 300..340 {
        let mut dice = Dice(seed);
        let mut reference = reference(programs(&mut dice, &EVERYTHING));
        for program in &mut reference.programs {
            program.caps.budget = Some(dice.micros(1_000_000, 20_000_000).round(2));
        }
        reference.draws.clear();
        let rules = Rules { unlinked_returns: false, ..EVERYTHING };
        let intervals = history(&mut dice, &reference, &rules);
        let bench = run(&reference, &intervals, None);
        let mut paid: BTreeMap<(Text, Currency), Micros> = BTreeMap::new();
        for (settlement, amount) in totals(&bench) {
            *paid.entry((settlement.program, settlement.currency)).or_insert(Micros::ZERO) += amount;
        }
        for ((id, currency), paid) in paid {
            let program = reference.programs.iter().find(|p| p.id == id).unwrap();
            let budget = program.caps.budget.unwrap();
            assert!(paid <= budget, "seed {seed}: {id} paid {paid} {currency} of {budget}");
        }
    }
}

#[test]
fn no_balance_is_overdrawn() {
    for seed in 1100..1140 {
        let mut dice = Dice(seed);
        let mut reference = reference(programs(&mut dice, &TAME));
        for program in &mut reference.programs {
            program.mechanism = Mechanism::PassThrough { resale: Resale::Strict };
            program.interim = None;
        }
        reference.special_prices = special_prices(&reference.programs);
        let rules = Rules { revocations: true, ..TAME };
        let mut intervals = history(&mut dice, &reference, &rules);
        let events = intervals.iter_mut().flat_map(|interval| &mut interval.events);
        for event in events {
            let (EntitlementEvent::Grant(e) | EntitlementEvent::Revoke(e)) = event else { continue };
            e.debits.iter_mut().for_each(|debit| (debit.credit, debit.short) = (Micros::ONE, Micros::ZERO));
        }
        let mut bench = run(&reference, &intervals, None);
        let unbounded = |name: &Id| {
            intervals.iter().flat_map(|interval| &interval.events).any(|event| {
                let entitlement = event.entitlement().expect("nothing is claimed");
                entitlement.sale == *name && entitlement.origin.map_or(*name, |(sale, _)| sale).0[0].is_multiple_of(3)
            })
        };
        let mut given: BTreeMap<(Text, Text), Micros> = BTreeMap::new();
        for row in bench.rows().into_iter().filter(|row| !unbounded(&row.sale_id)) {
            *given.entry((row.program, row.cause.partner)).or_default() += row.amount;
        }
        for ((program, partner), given) in given {
            let special = special_price(&program, &partner, "X", None).key();
            let bound = reference.special_prices.iter().find(|known| known.key() == special).unwrap().quantity.unwrap();
            assert!(given <= bound, "seed {seed}: {program} gave {partner} {given} for {bound} units");
        }
    }
}

/// Domain notes DD-25: what is ordered of a program that is drawn on is within what was earned, as long as nothing comes
/// back.
#[test]
fn nothing_is_drawn_twice() {
    let mut ordered = 0;
    for seed in 1200..1260 {
        let mut dice = Dice(seed);
        let mut programs = programs(&mut dice, &TAME);
        for (place, program) in programs.iter_mut().enumerate() {
            let (rate, share) = (Micros(250_000), Micros(500_000));
            let (measure, per) = (Measure::Quantity, if place == 2 { Per::Sale } else { Per::Period });
            let (every, points) = (Micros::units(2), Micros::units(3));
            program.mechanism = match place {
                0 | 1 => Mechanism::CoopFund(CoopFund { rate, share }),
                _ => Mechanism::Points(Points { measure, every, points, per, value: rate, breakage: share }),
            };
            (program.period, program.currency) = (Cadence::Month, Currency::parse("USD"));
            (program.auto_authorise, program.close_days) = (true, 90);
        }
        let reference = reference(programs);
        let mut intervals = history(&mut dice, &reference, &TAME);
        for interval in &mut intervals {
            interval.events.retain(|event| event.entitlement().is_some_and(|line| line.quantity > Micros::ZERO));
        }
        let bench = run(&reference, &intervals, None);
        let (accrued, mut orders) = (totals(&bench), BTreeMap::new());
        for event in bench.standing().1 {
            if let AccrualEvent::Authorised(order) = event {
                *orders.entry(order.settlement).or_insert(Micros::ZERO) += order.amount;
                ordered += 1;
            }
        }
        for (settlement, amount) in orders {
            assert!(amount <= accrued[&settlement], "seed {seed}: {amount} ordered, {settlement:?}");
        }
    }
    assert!(ordered > 100, "only {ordered} orders");
}

#[test]
fn no_year_is_overrun() {
    for seed in 1000..1040 {
        let mut dice = Dice(seed);
        let mut reference = reference(programs(&mut dice, &EVERYTHING));
        for program in &mut reference.programs {
            program.period = Cadence::Month;
            program.caps.partner_year = Some(dice.micros(1_000_000, 20_000_000).round(2));
        }
        reference.draws.clear();
        let rules = Rules { unlinked_returns: false, ..EVERYTHING };
        let intervals = history(&mut dice, &reference, &rules);
        let mut paid: BTreeMap<(Text, Text, Text, Currency), Micros> = BTreeMap::new();
        for (Settlement { program, beneficiary, period, currency, .. }, amount) in
            totals(&run(&reference, &intervals, None))
        {
            *paid.entry((program, beneficiary, period[..4].into(), currency)).or_insert(Micros::ZERO) += amount;
        }
        for ((id, beneficiary, year, _), paid) in paid {
            let cap = reference.programs.iter().find(|program| program.id == id).unwrap().caps.partner_year.unwrap();
            assert!(paid <= cap, "seed {seed}: {id} paid {beneficiary} {paid} of {cap} in {year}");
        }
    }
}

#[test]
fn a_sale_that_came_back_whole_leaves_nothing() {
    for seed in 400..440 {
        let mut dice = Dice(seed);
        let rules = Rules { revocations: false, unlinked_returns: false, caps: true };
        let reference = reference(programs(&mut dice, &rules));
        let mut events = Vec::new();
        for number in 0..12 {
            let sold = sale(&mut dice, 2 * number, 1);
            let mut back = give_back(&mut dice, &sold, 2 * number + 1, 1, true);
            (back.quantity, back.amount) = (-sold.quantity, -sold.amount);
            let all = entitlements(&reference, &sold).into_iter().chain(entitlements(&reference, &back));
            events.extend(all.map(|e| EntitlementEvent::Grant(Box::new(e))));
        }
        let bench = run(&reference, &[Interval { events, control: Control::Settle }], None);
        let left = totals(&bench);
        assert!(left.values().all(|rest| rest.is_zero()), "seed {seed}: {left:?}");
    }
}

#[test]
fn a_higher_cap_never_pays_less() {
    for seed in 500..530 {
        let mut dice = Dice(seed);
        let rules = Rules { unlinked_returns: false, ..EVERYTHING };
        let mut reference = reference(programs(&mut dice, &rules));
        let intervals = history(&mut dice, &reference, &rules);
        let intervals: Vec<Interval> =
            intervals.into_iter().map(|interval| Interval { control: Control::Settle, ..interval }).collect();
        let mut before = whole(&run(&reference, &intervals, None));
        for round in 0..6 {
            for program in &mut reference.programs {
                let caps = &mut program.caps;
                let Caps { measure, per_unit, per_transaction, partner_period, partner_year, budget } = caps;
                let cap = [measure, per_unit, per_transaction, partner_period, partner_year, budget][round].as_mut();
                if let Some(cap) = cap {
                    *cap = Micros(cap.0 + cap.0 / 2).round(2);
                }
            }
            let after = whole(&run(&reference, &intervals, None));
            assert!(after >= before, "seed {seed}: {after} with a higher cap, {before} before");
            before = after;
        }
    }
}

#[test]
fn bands_pay_no_more_than_the_whole_for_rising_rates() {
    for seed in 600..640 {
        let mut dice = Dice(seed);
        let mut programs = Vec::new();
        while programs.len() < 3 {
            if let Mechanism::VolumeMarginal { measure, benefit, tiers } = mechanism(&mut dice) {
                let mut program = plain_program(
                    &format!("P{}", programs.len()),
                    Mechanism::VolumeMarginal { measure, benefit, tiers },
                );
                program.period = Cadence::Year;
                programs.push(program);
            }
        }
        let mut reference = reference(programs);
        let intervals = history(&mut dice, &reference, &TAME);
        let marginal = totals(&run(&reference, &intervals, None));
        for program in &mut reference.programs {
            if let Mechanism::VolumeMarginal { measure, benefit, tiers } = program.mechanism.clone() {
                program.mechanism = Mechanism::VolumeRetroactive { measure, benefit, tiers };
            }
        }
        let retroactive = totals(&run(&reference, &intervals, None));
        for (settlement, amount) in marginal {
            let whole = retroactive.get(&settlement).copied().unwrap_or_default();
            assert!(amount <= whole, "seed {seed}: {amount} in bands, {whole} whole, {settlement:?}");
        }
    }
}
