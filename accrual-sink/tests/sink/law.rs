//! Whatever happens, in any order: the law of money holds, the journal sums to zero, and nothing depends on the
//! number of partitions.

use std::collections::BTreeMap;

use contract::{AccrualKind, AuthorizationStatus, Currency, Id, Micros, Settlement, Side, Text};

use crate::books::{Books, settlement};
use crate::checked::assert_clean;

/// A small deterministic generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len() as u64) as usize]
    }
}

/// A settlement as a ledger sees it: what is due and what it has ordered so far.
struct Due {
    settlement: Settlement,
    amount: Micros,
    ordered: Micros,
    frozen: bool,
    rate: Micros,
    known: bool,
}

fn dues() -> Vec<Due> {
    let mut dues = Vec::new();
    for beneficiary in ["partner:P-1", "partner:P-2", "person:P-1/Ann"] {
        for (program, period, currency, rate) in [
            ("A", "2013-Q1", "USD", "1"),
            ("A", "2013-Q2", "USD", "1"),
            ("B", "2013-Q1", "EUR", "1.08"),
            ("B", "2013-Q2", "EUR", "1.1"),
            ("C", "2013", "EUR", "1.09"),
            ("D", "2013", "JPY", "0.0107"),
        ] {
            let mut settlement = settlement(program, period, currency);
            settlement.beneficiary = beneficiary.into();
            let rate = Micros::parse(rate).unwrap();
            let (amount, ordered) = (Micros::ZERO, Micros::ZERO);
            dues.push(Due { settlement, amount, ordered, frozen: false, rate, known: program != "C" });
        }
    }
    dues
}

fn step(dice: &mut Dice, dues: &mut [Due], books: &mut Books) {
    let at = dice.roll(dues.len() as u64) as usize;
    let due = &mut dues[at];
    match dice.roll(10) {
        0..=4 => movement(dice, due, books),
        5..=6 => order(dice, due, books),
        7..=8 => payment(dice, books),
        _ => {
            due.frozen = true;
            books.closed(&due.settlement);
        }
    }
}

/// What is due moves up or down; seldom below zero.
fn movement(dice: &mut Dice, due: &mut Due, books: &mut Books) {
    let cents = dice.roll(20_000) as i64 - 8_000;
    let fraction = if due.settlement.currency.minor_digits() == 0 { 1_000_000 } else { 10_000 };
    let amount = Micros(cents * fraction);
    if amount.is_zero() || (due.amount + amount < Micros::ZERO && dice.roll(8) != 0) {
        return;
    }
    due.amount += amount;
    // Rates differ a little from sale to sale.
    let rate = Micros(due.rate.0 + dice.roll(5) as i64 * 1_000);
    let functional = due.known.then(|| amount.times(rate).round(2).to_string());
    let kind = match (due.frozen, amount < Micros::ZERO) {
        (true, _) => AccrualKind::PriorPeriod,
        (false, true) => *dice.pick(&[AccrualKind::TrueUp, AccrualKind::Reversal]),
        (false, false) => *dice.pick(&[AccrualKind::Earned, AccrualKind::TrueUp]),
    };
    books.moved(&due.settlement, kind, &amount.to_string(), functional.as_deref());
}

/// One ledger counts all it ever ordered, another takes its orders back when less is due; both must work.
fn order(dice: &mut Dice, due: &mut Due, books: &mut Books) {
    if dice.roll(2) == 0 {
        due.ordered = due.ordered.min(due.amount).max(Micros::ZERO);
    }
    let amount = due.amount - due.ordered;
    if amount > Micros::ZERO {
        due.frozen = true;
        due.ordered = due.amount;
        books.order(&due.settlement, amount);
    }
}

/// Mostly what is payable; sometimes less, more, twice, in a wrong currency.
fn payment(dice: &mut Dice, books: &mut Books) {
    let authorizations = books.authorizations();
    if authorizations.is_empty() {
        return;
    }
    let authorization = dice.pick(&authorizations);
    let open = (authorization.amount - authorization.paid).max(Micros::ZERO);
    let amount = match dice.roll(6) {
        0 => open + Micros::units(dice.roll(50) as i64),
        1 => Micros(open.0 / 2).round(authorization.currency.minor_digits()),
        _ => open,
    };
    let currency = if dice.roll(20) == 0 { "GBP" } else { authorization.currency.as_str() };
    let date = format!("2013-05-{:02}", 1 + dice.roll(28));
    books.pay(authorization.id, &amount.to_string(), currency, &date);
    if dice.roll(4) == 0 {
        books.pay(authorization.id, &amount.to_string(), currency, &date);
    }
}

fn history(seed: u64, partitions: u32, steps: usize) -> Books {
    history_with_stops(seed, partitions, steps, usize::MAX)
}

fn history_with_stops(seed: u64, partitions: u32, steps: usize, stop_every: usize) -> Books {
    let (mut dice, mut dues, mut books) = (Dice(seed), dues(), Books::new(partitions));
    for number in 1..=steps {
        step(&mut dice, &mut dues, &mut books);
        if number % stop_every == 0 {
            books.restart();
        }
    }
    books
}

#[test]
fn any_history_keeps_the_law() {
    let mut reached = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let mut books = history(seed, 1, 120);
        assert_clean(&mut books);
        reached.extend(books.entries().iter().map(|e| {
            let symbols: Vec<&str> = e.postings.iter().map(|p| p.symbol.as_str()).collect();
            format!("{} {}", e.template, symbols.join("/"))
        }));
        reached.extend(books.authorizations().iter().map(|a| a.status.as_str().to_owned()));
    }
    for situation in [
        "GL2 CR-REB/LI-ACC",
        "GL4 CR-REB/LI-ACC",
        "GL4 LI-ACC/CR-REB",
        "GL5 LI-ACC/LI-PAY",
        "GL6 LI-ACC/CR-REB",
        "GL6 CR-REB/LI-ACC",
        "GL7 LI-PAY/CASH",
        "GL7 RC-CLAW/CASH",
        "GL10 LI-ACC/CR-REB",
        "GL10 LI-PAY/CR-REB",
        "GL11 RC-CLAW/CR-REB",
        "GL11 CR-REB/RC-CLAW",
        "GL11 RC-CLAW/LI-ACC",
        "GL12 LI-PAY/RC-CLAW",
        "GL12 LI-PAY/RC-CLAW/FX-PL",
        "GL25 CR-REB/LI-ACC",
        "GL25 LI-ACC/CR-REB",
    ]
    .into_iter()
    .chain([AuthorizationStatus::Authorised, AuthorizationStatus::Paid, AuthorizationStatus::Void].map(|s| s.as_str()))
    {
        assert!(reached.contains(situation), "{situation} was never reached: {reached:?}");
    }
}

/// What a beneficiary is paid in a currency is all that is due to it less all that it had: what is payable is never more, by
/// whatever program and in whatever order things happen.
#[test]
fn no_more_is_payable_than_is_due_and_not_paid() {
    let (mut payable, mut owed) = (0, 0);
    for seed in 300..340 {
        let (mut dice, mut dues, mut books) = (Dice(seed), dues(), Books::new(1));
        for number in 0..80 {
            step(&mut dice, &mut dues, &mut books);
            for (whose, [due, had, open, back]) in positions(&dues, &books) {
                let net = due - had;
                let told = format!("seed {seed}, step {number}, {whose:?}: {due} due, {had} paid, {open} payable");
                assert!(open <= net.max(Micros::ZERO), "{told}");
                assert!(open.is_zero() || back.is_zero(), "{told}, {back} owed back");
                payable += u32::from(!open.is_zero());
                owed += u32::from(!back.is_zero());
            }
        }
    }
    assert!(payable > 500 && owed > 500, "{payable} with something payable, {owed} with something owed back");
}

type Positions = BTreeMap<(Text, Currency), [Micros; 4]>;

/// Of what is decided, by beneficiary and currency: what is due, what was paid, what is payable and what is owed back. A period
/// is decided once something was ordered or it closed.
fn positions(dues: &[Due], books: &Books) -> Positions {
    let mut sums = Positions::new();
    let whose: BTreeMap<Id, &Due> = dues.iter().map(|due| (due.settlement.id(), due)).collect();
    let mut add = |due: &Due, place: usize, amount: Micros| {
        let Settlement { beneficiary, currency, .. } = &due.settlement;
        sums.entry((beneficiary.clone(), *currency)).or_default()[place] += amount;
    };
    dues.iter().filter(|due| due.frozen).for_each(|due| add(due, 0, due.amount));
    for entry in books.entries() {
        let due = whose[&entry.settlement];
        for posting in &entry.postings {
            let debit = if posting.side == Side::Debit { posting.amount } else { -posting.amount };
            match posting.symbol.as_str() {
                "CASH" | "AR" => add(due, 1, -debit),
                "LI-PAY" => add(due, 2, -debit),
                "RC-CLAW" => add(due, 3, debit),
                _ => {}
            }
        }
    }
    sums
}

#[test]
fn any_number_of_partitions_and_stops_writes_the_same_books() {
    for seed in 200..220 {
        let one = history(seed, 1, 150).views;
        for (partitions, stop_every) in [(2, usize::MAX), (3, 7), (8, 1)] {
            let other = history_with_stops(seed, partitions, 150, stop_every).views;
            assert!(other == one, "seed {seed} with {partitions} partitions, stopped every {stop_every}");
        }
    }
}

/// Settlements of which nothing falls are authorised in parts, deducted from and paid; one that owes something back rests.
fn deducted_history(seed: u64) -> Books {
    let (mut dice, mut books) = (Dice(seed), Books::new(1));
    let mut dues: Vec<Due> = dues().into_iter().filter(|due| due.settlement.currency.as_str() != "JPY").collect();
    for _ in 0..60 {
        let at = dice.roll(dues.len() as u64) as usize;
        let due = &mut dues[at];
        let part = |dice: &mut Dice| Micros::units(1 + dice.roll(40) as i64);
        match dice.roll(6) {
            0 | 1 => {
                let amount = part(&mut dice);
                due.amount += amount;
                let worth = amount.times(due.rate).round(2).to_string();
                books.moved(&due.settlement, AccrualKind::Earned, &amount.to_string(), Some(&worth));
            }
            2 => {
                let amount = part(&mut dice).min(due.amount - due.ordered);
                if amount > Micros::ZERO {
                    due.ordered += amount;
                    books.order(&due.settlement, amount);
                }
            }
            3 | 4 => {
                let kept = part(&mut dice);
                let ordered = kept.min(due.amount - due.ordered);
                due.ordered += ordered;
                books.kept(&due.settlement, &kept.to_string(), &ordered.to_string());
            }
            _ => {
                let open = |a: &&contract::Authorization| a.status == AuthorizationStatus::Authorised;
                let Some(a) = books.authorizations().iter().find(open).cloned() else { continue };
                let payable = a.amount - a.paid;
                books.pay(a.id, &payable.to_string(), a.currency.as_str(), "2013-05-20");
            }
        }
        let owes = |books: &Books, due: &Due| {
            let of_it = |a: &&contract::Authorization| {
                let Settlement { program, beneficiary, period, .. } = &due.settlement;
                (&a.program, &a.beneficiary, &a.period) == (program, beneficiary, period)
            };
            books.authorizations().iter().filter(of_it).any(|a| a.paid > a.amount)
        };
        dues.retain(|due| !owes(&books, due));
        if dues.is_empty() {
            break;
        }
    }
    books
}

/// Amounts, what was paid of them and what is owed back, for each beneficiary and currency: as the journal says.
#[test]
fn authorizations_add_up_to_the_journal_whatever_is_deducted() {
    let mut taken_over = 0;
    for seed in 0..60 {
        let mut books = deducted_history(seed);
        assert_clean(&mut books);
        let mut exported = std::collections::BTreeMap::<(String, String), [Micros; 3]>::new();
        for a in books.authorizations() {
            let sums = exported.entry((a.beneficiary.to_string(), a.currency.to_string())).or_default();
            sums[0] += a.amount + a.offset;
            sums[1] += a.paid;
            sums[2] += (a.paid - a.amount).max(Micros::ZERO) - a.offset;
            taken_over += u32::from(a.status == AuthorizationStatus::Void && a.offset.is_zero());
        }
        let mut booked = std::collections::BTreeMap::<(String, String), [Micros; 3]>::new();
        for entry in books.entries() {
            for posting in &entry.postings {
                let signed = if posting.side == Side::Debit { posting.amount } else { -posting.amount };
                let sums = booked.entry((entry.beneficiary.to_string(), posting.currency.to_string())).or_default();
                match (posting.symbol.as_str(), entry.template.as_str()) {
                    ("LI-PAY", "GL5") => sums[0] += -signed,
                    ("CASH" | "AR", _) => sums[1] += -signed,
                    ("RC-CLAW", _) => sums[2] += signed,
                    _ => {}
                }
            }
        }
        exported.retain(|_, sums| sums.iter().any(|sum| !sum.is_zero()));
        booked.retain(|_, sums| sums.iter().any(|sum| !sum.is_zero()));
        assert_eq!(exported, booked, "seed {seed}");
    }
    assert!(taken_over > 0, "some authorization is taken over by a deduction");
}
