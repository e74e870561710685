//! Chains of entries as text, one a file below `tests/chains`: what the ledger says and what is paid, in its words, and below each
//! line, after `>`, what the books make of it. A file is a test by existing.
//!
//! A line of the ledger reads as in the cases of `compliance`: `earned VOLUME partner:P1 2013-Q1 on 2013-03-31: 3150 USD (3150)`, with
//! what it is worth in the books (USD) in parentheses. `paid …` and `written-off …` are commands, `class …` says what the next
//! lines are booked as, `balances` shows what stands on each account that was moved: debits less credits.

use std::collections::BTreeMap;
use std::path::Path;

use contract::*;

use crate::books::{Books, day, micros};
use crate::checked::assert_clean;

/// The same in one piece, over several partitions, and with a stop and a start behind each line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Straight,
    ThreePartitions,
    Restarted,
}

struct Chain {
    books: Books,
    entries: BTreeMap<Id, JournalEntry>,
    authorizations: BTreeMap<Id, Authorization>,
    findings: BTreeMap<Id, Finding>,
}

impl Chain {
    /// The text with what really happened below each line.
    fn run(text: &str, way: Way) -> String {
        let books = Books::new(if way == Way::ThreePartitions { 3 } else { 1 });
        let (entries, authorizations, findings) = Default::default();
        let mut chain = Chain { books, entries, authorizations, findings };
        let mut seen = String::new();
        for line in text.lines().filter(|line| !line.starts_with("  >")) {
            seen.push_str(&format!("{line}\n"));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let shown = match line.split_once(' ') {
                None if line == "balances" => chain.balances(),
                Some(("class", class)) => {
                    chain.books.class = class_of(class);
                    Vec::new()
                }
                _ => chain.tell(line),
            };
            seen.extend(shown.iter().map(|line| format!("  > {line}\n")));
            if way == Way::Restarted {
                chain.books.restart();
            }
        }
        assert_clean(&mut chain.books);
        seen
    }

    /// Has the books hear one thing, and shows the entries that came of it, what is to be paid by then, and what is found.
    fn tell(&mut self, line: &str) -> Vec<String> {
        let said = Said::read(line);
        match said.what {
            "paid" => {
                let authorization = self.authorization(&said.settlement);
                let (amount, currency) = (said.amount.to_string(), said.settlement.currency.to_string());
                self.books.pay(authorization, &amount, &currency, &said.date.to_string());
            }
            "written-off" => {
                let authorization = self.authorization(&said.settlement);
                let (amount, currency) = (said.amount.to_string(), said.settlement.currency.to_string());
                self.books.write_off(authorization, &amount, &currency);
            }
            _ => {
                self.books.tick_on(&said.date.to_string());
                let event = said.event(&self.books);
                self.books.event(&event);
            }
        }
        self.news()
    }

    /// The last one of a settlement of which something is open, else the last.
    fn authorization(&self, of: &Settlement) -> Id {
        let all = self.books.authorizations();
        let its =
            |a: &&Authorization| (&a.program, &a.beneficiary, &a.period) == (&of.program, &of.beneficiary, &of.period);
        let open = all.iter().filter(its).rfind(|a| a.paid < a.amount);
        open.or_else(|| all.iter().rfind(its)).expect("something was authorised").id
    }

    fn news(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.books.entries() {
            assert_balanced(&entry);
            if self.entries.insert(entry.id, entry.clone()).as_ref() != Some(&entry) {
                lines.push(booked(&entry));
            }
        }
        for authorization in self.books.authorizations() {
            if self.authorizations.insert(authorization.id, authorization.clone()).as_ref() != Some(&authorization) {
                lines.push(payable(&authorization));
            }
        }
        for finding in self.books.findings() {
            if self.findings.insert(finding.id, finding.clone()).as_ref() != Some(&finding) {
                lines.push(format!("{}: {}", finding.code, finding.message));
            }
        }
        lines
    }

    fn balances(&self) -> Vec<String> {
        let mut sums: BTreeMap<(Text, Currency), (Micros, Option<Micros>)> = BTreeMap::new();
        for posting in self.books.entries().iter().flat_map(|entry| &entry.postings) {
            let sign = |value: Micros| if posting.side == Side::Debit { value } else { -value };
            let zero = (Micros::ZERO, Some(Micros::ZERO));
            let sum = sums.entry((posting.symbol.clone(), posting.currency)).or_insert(zero);
            sum.0 += sign(posting.amount);
            sum.1 = sum.1.zip(posting.functional).map(|(sum, more)| sum + sign(more));
        }
        let line = |((symbol, currency), (amount, functional)): ((Text, Currency), (Micros, Option<Micros>))| {
            format!("{symbol} {}{}", money(amount, currency), worth(functional, amount, currency))
        };
        sums.into_iter().map(line).collect()
    }
}

/// A line of a chain.
struct Said<'a> {
    what: &'a str,
    settlement: Settlement,
    date: Day,
    /// The period of an estimate that had frozen.
    origin: &'a str,
    amount: Micros,
    functional: Option<Micros>,
    /// What of a deduction is ordered with it.
    ordered: Micros,
}

impl<'a> Said<'a> {
    fn read(line: &'a str) -> Said<'a> {
        let (head, tail) = line.split_once(" on ").unwrap_or_else(|| panic!("no day in `{line}`"));
        let (when, money) = tail.split_once(": ").unwrap_or_else(|| panic!("no amount in `{line}`"));
        let (date, origin) = when.split_once(" for ").unwrap_or((when, ""));
        let mut words = head.split(' ').filter(|word| !["at", "sell-in"].contains(word));
        let mut word = || words.next().unwrap_or_else(|| panic!("too few words in `{line}`"));
        let (what, program, beneficiary, period) = (word(), word(), word(), word());
        let (money, ordered) = money.split_once(", ").unwrap_or((money, "0"));
        let mut parts = money.split(' ');
        let (amount, currency) = (micros(parts.next().unwrap()), Currency::parse(parts.next().unwrap()).unwrap());
        let functional = parts.next().map(|worth| worth.trim_matches(['(', ')'])).filter(|worth| *worth != "none");
        let settlement = Settlement {
            program: program.into(),
            version: 1,
            beneficiary: beneficiary.into(),
            period: period.into(),
            currency,
        };
        let ordered = micros(ordered.split(' ').next().unwrap());
        Said { what, settlement, date: day(date), origin, amount, functional: functional.map(micros), ordered }
    }

    fn event(self, books: &Books) -> AccrualEvent {
        let Said { what, settlement, date, origin, amount, functional, ordered } = self;
        let (class, batch) = (books.class, books.ticks);
        let id = |of: &str| Id::of(of, &[&settlement.id().to_string(), &books.control.to_string()]);
        let order = |amount: Micros| AuthorizationOrder {
            id: id("authorization"),
            settlement: settlement.clone(),
            claim: id("claim"),
            class,
            amount,
            functional: functional.filter(|_| what == "authorised"),
            date,
            batch,
        };
        if let Some(kind) = estimate_kind(what) {
            let (id, origin_period) = (id("estimate"), origin.into());
            let settlement = settlement.clone();
            let moved =
                EstimateMovement { id, settlement, class, kind, date, origin_period, amount, functional, batch };
            return AccrualEvent::Estimated(Box::new(moved));
        }
        match what {
            "authorised" => AccrualEvent::Authorised(Box::new(order(amount))),
            "closed" => AccrualEvent::Closed { settlement, class, date, batch },
            "kept" => AccrualEvent::Deducted(Box::new(AcceptedDeduction {
                order: order(ordered),
                kept: amount,
                number: "D-1".into(),
                invoice: "88".into(),
                accepted_by: "ann".into(),
            })),
            _ => {
                let (id, kind) = (id("movement"), accrual_kind(what));
                let moved = AccrualMovement { id, settlement, class, kind, date, amount, functional, batch };
                AccrualEvent::Moved(Box::new(moved))
            }
        }
    }
}

fn accrual_kind(what: &str) -> AccrualKind {
    use AccrualKind::{Earned, PriorPeriod, Reversal, TrueUp};
    let kind = [Earned, TrueUp, Reversal, PriorPeriod].into_iter().find(|kind| kind.as_str() == what);
    kind.unwrap_or_else(|| panic!("a chain has no line `{what}`"))
}

fn estimate_kind(what: &str) -> Option<EstimateKind> {
    use EstimateKind::{Estimated, Expected, Lapsed, Relieved};
    [Estimated, Relieved, Lapsed, Expected].into_iter().find(|kind| kind.as_str() == what)
}

fn class_of(name: &str) -> AccountingClass {
    match name {
        "contra-revenue" => AccountingClass::ContraRevenue,
        "marketing-expense" => AccountingClass::MarketingExpense,
        "spiff-expense" => AccountingClass::SpiffExpense,
        "points" => AccountingClass::Points,
        "price-protection" => AccountingClass::PriceProtection,
        "ship-and-debit" => AccountingClass::ShipAndDebit,
        "pass-through" => AccountingClass::PassThrough,
        other => panic!("there is no class `{other}`"),
    }
}

/// `GL2 in 2013-03: debit CR-REB 3150.00 USD, credit LI-ACC 3150.00 USD`.
fn booked(entry: &JournalEntry) -> String {
    let posting = |posting: &Posting| {
        let Posting { symbol, side, amount, currency, functional, .. } = posting;
        format!("{} {symbol} {}{}", side.as_str(), money(*amount, *currency), worth(*functional, *amount, *currency))
    };
    let postings: Vec<String> = entry.postings.iter().map(posting).collect();
    let origin = if entry.origin_period.is_empty() { String::new() } else { format!(" for {}", entry.origin_period) };
    format!("{} in {}{origin}: {}", entry.template, entry.period, postings.join(", "))
}

fn payable(authorization: &Authorization) -> String {
    let Authorization { program, period, amount, currency, paid, offset, status, .. } = authorization;
    let [amount, paid, offset] = [amount, paid, offset].map(|amount| money(*amount, *currency));
    format!("{program} {period}: {amount} to pay, {paid} paid, {offset} set off: {}", status.as_str())
}

fn money(amount: Micros, currency: Currency) -> String {
    Money { amount, currency }.to_string()
}

/// What an amount is worth in the books, where that is another figure or not known.
fn worth(functional: Option<Micros>, amount: Micros, currency: Currency) -> String {
    match functional {
        Some(functional) if functional == amount && currency.as_str() == "USD" => String::new(),
        Some(functional) => format!(" ({})", money(functional, Currency::parse("USD").unwrap())),
        None => " (not known)".to_owned(),
    }
}

fn assert_balanced(entry: &JournalEntry) {
    let of = |side: Side| entry.postings.iter().filter(move |posting| posting.side == side);
    let amount = |side| of(side).map(|posting| posting.amount).sum::<Micros>();
    let functional = |side| of(side).filter_map(|posting| posting.functional).sum::<Micros>();
    assert_eq!(amount(Side::Debit), amount(Side::Credit), "{entry:?}");
    assert_eq!(functional(Side::Debit), functional(Side::Credit), "{entry:?}");
}

/// `UPDATE=1` writes down what happens; read it before you keep it.
#[test]
fn chains_are_booked_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chains");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 16, "{} chains", paths.len());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let seen = Chain::run(&text, Way::Straight);
        for way in [Way::ThreePartitions, Way::Restarted] {
            assert_eq!(Chain::run(&text, way), seen, "{}", path.display());
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &seen).unwrap();
            continue;
        }
        assert!(seen == text, "{} is booked otherwise:\n{seen}", path.display());
    }
}
