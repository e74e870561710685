//! `tenant.yaml`, over the defaults that are built in, and `accounts.yaml`.

use contract::{AccountingClass, Currency, JournalStyle, Mechanism, Text};

use super::fields::{Fields, currency, days, one_of, text, unread, whole, yes_no};
use super::problem::{Place, Problem, Report, did_you_mean};
use super::programs::{CLASSES, pairs};
use super::yaml::{self, Node};

/// The only place where defaults stand.
const DEFAULTS: &str = include_str!("../../../config/default.yaml");

/// Whose programs these are, and how the work is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub name: String,
    /// Currency of the books.
    pub functional_currency: Currency,
    /// Fixed when a data directory is made.
    pub partitions: u16,
    /// From an authorization; what is not paid by then is told (UP-04).
    pub paid_within_days: u32,
    pub journal_style: JournalStyle,
}

/// What a program version has where its file says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramDefaults {
    pub priority: u32,
    /// `None`: by the kind of program.
    pub class: Option<AccountingClass>,
    pub grace_days: u32,
    pub close_days: u32,
    pub auto_authorise: bool,
}

impl ProgramDefaults {
    pub(crate) fn class_of(&self, mechanism: &Mechanism) -> AccountingClass {
        match (self.class, mechanism) {
            (_, Mechanism::Points(_)) => AccountingClass::Points,
            (Some(class), _) => class,
            (None, Mechanism::Spiff { .. }) => AccountingClass::SpiffExpense,
            (None, Mechanism::CoopFund(_)) => AccountingClass::MarketingExpense,
            (None, Mechanism::PriceProtection { .. }) => AccountingClass::PriceProtection,
            (None, Mechanism::ShipAndDebit { .. }) => AccountingClass::ShipAndDebit,
            (None, Mechanism::PassThrough { .. }) => AccountingClass::PassThrough,
            (None, _) => AccountingClass::ContraRevenue,
        }
    }
}

/// Account symbols that journal templates use (domain notes §5.1).
pub(crate) const ACCOUNT_SYMBOLS: &[&str] = &[
    "CR-REB", "CR-PP", "CR-SND", "CR-PTR", "EX-MKT", "EX-SPIFF", "LI-ACC", "LI-EST", "LI-PTS", "BRK", "LI-PAY", "CASH",
    "AR", "RC-CLAW", "EX-BAD", "FX-PL",
];

const KEYS: &[&str] = &["name", "functional-currency", "partitions", "paid-within-days", "journal-style", "program"];
const JOURNAL_STYLES: &[(&str, JournalStyle)] =
    &[("reclass", JournalStyle::Reclass), ("reverse-and-book", JournalStyle::ReverseAndBook)];
const PROGRAM_KEYS: &[&str] = &["priority", "class", "grace-days", "close-days", "auto-authorise"];

/// `None` after a problem that leaves no tenant.
pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> Option<(Tenant, ProgramDefaults)> {
    let BuiltIn { partitions, paid_within_days, defaults } = built_in();
    let fields = Fields::of(node, KEYS, report)?;
    let name = fields.require("name", text, report);
    let currency = fields.require("functional-currency", currency, report);
    let partitions = fields.get("partitions", partition_count, report).map_or(partitions, |p| p.value);
    let paid_within_days = fields.get("paid-within-days", whole, report).map_or(paid_within_days, |d| d.value);
    let journal_style = fields.get("journal-style", one_of(JOURNAL_STYLES), report);
    let journal_style = journal_style.map_or_else(Default::default, |style| style.value);
    let defaults = match fields.node("program") {
        Some(node) => program_defaults(node, Some(defaults), report)?,
        None => defaults,
    };
    let (name, functional_currency) = (name?.value.to_string(), currency?.value);
    Some((Tenant { name, functional_currency, partitions, paid_within_days, journal_style }, defaults))
}

/// What `config/default.yaml` says.
pub(crate) struct BuiltIn {
    pub partitions: u16,
    pub paid_within_days: u32,
    pub defaults: ProgramDefaults,
}

pub(crate) fn built_in() -> BuiltIn {
    let mut problems: Vec<Problem> = Vec::new();
    let read = {
        let mut report = Report::new("default.yaml", DEFAULTS, &mut problems);
        yaml::parse(&mut report).and_then(|node| {
            let fields = Fields::of(&node, KEYS, &mut report)?;
            let partitions = fields.require("partitions", partition_count, &mut report)?.value;
            let paid_within_days = fields.require("paid-within-days", whole, &mut report)?.value;
            let program = fields.require_node("program", &mut report)?;
            let defaults = program_defaults(program, None, &mut report)?;
            Some(BuiltIn { partitions, paid_within_days, defaults })
        })
    };
    match read {
        Some(read) if problems.is_empty() => read,
        _ => panic!("the built-in defaults are wrong: {problems:?}"),
    }
}

fn program_defaults(node: &Node, base: Option<ProgramDefaults>, report: &mut Report<'_>) -> Option<ProgramDefaults> {
    let fields = Fields::of(node, PROGRAM_KEYS, report)?;
    let priority = fields.get("priority", whole, report).map(|p| p.value);
    let grace_days = fields.get("grace-days", days, report).map(|d| d.value);
    let close_days = fields.get("close-days", days, report).map(|d| d.value);
    let auto_authorise = fields.get("auto-authorise", yes_no, report).map(|a| a.value);
    let class = fields.get("class", one_of(CLASSES), report).map(|c| c.value);
    let base = base.as_ref();
    Some(ProgramDefaults {
        priority: priority.or(base.map(|b| b.priority))?,
        class: class.or(base.and_then(|b| b.class)),
        grace_days: grace_days.or(base.map(|b| b.grace_days))?,
        close_days: close_days.or(base.map(|b| b.close_days))?,
        auto_authorise: auto_authorise.or(base.map(|b| b.auto_authorise))?,
    })
}

/// Account symbol → account of the tenant's ledger, sorted.
pub(crate) fn accounts(node: &Node, report: &mut Report<'_>) -> Vec<(Text, Text)> {
    let mut accounts = Vec::new();
    for (symbol, account) in pairs(node, report) {
        if !ACCOUNT_SYMBOLS.contains(&symbol.as_str()) {
            let hint = did_you_mean(&symbol, ACCOUNT_SYMBOLS.iter().copied());
            let hint = if hint.is_empty() { format!("known: {}", ACCOUNT_SYMBOLS.join(", ")) } else { hint };
            report.add(account.place, format!("no journal template uses the account symbol `{symbol}`"), hint);
        } else if accounts.iter().any(|(known, _)| *known == symbol) {
            report.add(account.place, format!("`{symbol}` stands here twice"), "keep one of them");
        } else {
            accounts.push((symbol, account.value));
        }
    }
    accounts.sort();
    accounts
}

fn partition_count(text: &str) -> Result<u16, super::fields::Unread> {
    match text.parse() {
        Ok(count @ 1..=256) => Ok(count),
        _ => unread(format!("`{text}` is not a number of partitions"), "1 to 256; 4 suits up to eight cores"),
    }
}

/// The place that stands for a whole file.
pub(crate) const WHOLE_FILE: Place = Place { line: 0, column: 0 };
