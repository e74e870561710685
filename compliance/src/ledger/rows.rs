//! The rows of the export `accruals`: what each sale brought.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Code, Currency, Id, Micros, Program, RecordRef, Settlement, Text};
use stream::{Blobs, StageError, State, StorageError};

use super::account::Account;
use super::credits::Credits;
use super::due::{Due, due};
use super::further::of_sales;
use super::lines::{Beneficiary, Line};
use super::prices::{AtPrice, Extent, at_prices, each_price};
use super::settle::terms;
use super::stage::each_account;
use crate::programs::Exact;
use crate::programs::allocation::{by_largest_remainder, in_proportion};
use crate::programs::bonus;
use crate::programs::caps::CappedLine;
use crate::references::References;

/// One sale's share of what is due for a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccrualRow {
    /// H(settlement, sale).
    pub accrual_id: Id,
    pub program: Text,
    pub version: u32,
    pub beneficiary: Text,
    pub period: Text,
    pub sale_id: Id,
    /// `earned`, `reversal` (a line that takes back) or `prior-period` (it came after the freeze).
    pub kind: &'static str,
    /// What the line adds to the program's measure.
    pub measure_delta: Micros,
    /// The line's part of the amount due; all lines of a settlement add up to it.
    pub amount: Micros,
    pub currency: Currency,
    /// What kept the line from its full benefit: `measure`, `cost-layers`, `price-protection`, `resale`, `authorised-quantity`,
    /// `late`, `per-unit`, `per-transaction`, `partner-period`, `partner-year`, `budget`, `threshold`, or nothing.
    pub bound: &'static str,
    /// The record that the sale stands in.
    pub cause: RecordRef,
}

impl AccrualRow {
    /// The settlement that it is a row of.
    pub fn settlement(&self) -> Settlement {
        Settlement {
            program: self.program.clone(),
            version: self.version,
            beneficiary: self.beneficiary.clone(),
            period: self.period.clone(),
            currency: self.currency,
        }
    }
}

/// Hands over the rows of all settlements in (program, version, beneficiary, period, currency, date, sale) order.
///
/// `states` are the ledger's partitions. Memory is bounded by the settlements and the lines of the largest one.
pub fn accrual_rows(
    states: &mut [&mut dyn State],
    blobs: &Arc<dyn Blobs>,
    emit: &mut dyn FnMut(AccrualRow),
) -> Result<(), StageError> {
    for (_, (partition, id, account, references)) in paying(states, blobs)? {
        let state = &mut *states[partition];
        let program = &*terms(&account, &references);
        let due = due(id, &account, program, state)?;
        let amounts = allocate(id, &account, program, &due, state)?;
        let mut amounts = amounts.into_iter();
        let context =
            RowContext { owner: id.to_string(), account: &account, program, limit: limit(&account, program, &due) };
        each_part(id, &account, program, &due, state, &mut |part| {
            let amount = amounts.next().expect("each line has an amount");
            emit(context.row(&part, amount));
        })?;
    }
    Ok(())
}

type Paying = BTreeMap<Settlement, (usize, Id, Account, Arc<References>)>;

/// All settlements that pay, in order, each with the partition that it lives in.
pub(crate) fn paying(states: &mut [&mut dyn State], blobs: &Arc<dyn Blobs>) -> Result<Paying, StageError> {
    let mut found = BTreeMap::new();
    for (partition, state) in states.iter_mut().enumerate() {
        let mut references = References::new(blobs.clone());
        references.resume(*state)?;
        let references = Arc::new(references);
        each_account(*state, &mut |id, account| {
            if account.pays() {
                found.insert(account.settlement.clone(), (partition, id, account, references.clone()));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// The rounded amounts of a settlement's lines, in order. They add up to what is due.
pub(crate) fn allocate(
    id: Id,
    account: &Account,
    program: &Program,
    due: &Due,
    state: &mut dyn State,
) -> Result<Vec<Micros>, StorageError> {
    let mut parts = Vec::new();
    each_part(id, account, program, due, state, &mut |part| parts.push(part.benefit))?;
    Ok(by_largest_remainder(&parts, due.rounded(account, program), account.settlement.currency))
}

/// What something that was sold brings, returns taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    pub due: Micros,
    /// Units in millionths.
    pub quantity: i128,
    /// The most that a special price gives for one of them; zero where none is known.
    pub credit: Micros,
}

impl Brought {
    pub fn plus(self, other: Brought) -> Brought {
        Brought {
            due: self.due + other.due,
            quantity: self.quantity + other.quantity,
            credit: self.credit.max(other.credit),
        }
    }
}

/// What a sale brings with the returns that belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfSale {
    pub whole: Brought,
    /// What was sold, by [`super::lines::product_id`], where that is known.
    pub product: Option<Id>,
    /// What of it each special price brings that it is under, whether units are left at it or not: all that is due for it.
    pub at_prices: BTreeMap<Id, Brought>,
    /// What kept its last line of which something was kept from the full benefit; see [`AccrualRow::bound`].
    pub bound: &'static str,
}

/// Adds up what each sale of a settlement brings.
pub(crate) fn by_sale(
    id: Id,
    account: &Account,
    program: &Program,
    due: &Due,
    state: &mut dyn State,
    sales: &mut BTreeMap<Id, OfSale>,
) -> Result<(), StorageError> {
    let mut amounts = allocate(id, account, program, due, state)?.into_iter();
    let credits = Credits::of(account, &program.mechanism);
    let further = of_sales(id, account, &program.mechanism, state)?;
    let given = at_prices(id, account, program, state)?;
    each_part(id, account, program, due, state, &mut |part| {
        let of_sale = sales.entry(part.line.transaction()).or_default();
        of_sale.whole.due += amounts.next().expect("each line has an amount");
        of_sale.whole.quantity += part.line.sums().quantity;
        of_sale.product = part.line.product.or(of_sale.product);
        if let Beneficiary::Credited { special_price, .. } = part.line.beneficiary {
            let credit = credits.of_line(&part.line).map(|credit| credit.most(part.line.quantity.0.into()));
            let further = further.get(&part.line.sale).into_iter().flatten();
            let further = further.map(|further| (further.special_price, further.credit));
            for (special_price, credit) in further.chain([(special_price, credit.unwrap_or_default())]) {
                let at_price = of_sale.at_prices.entry(special_price).or_default();
                at_price.credit = at_price.credit.max(credit);
                of_sale.whole.credit = of_sale.whole.credit.max(credit);
            }
        }
        let bound = bound(&part, limit(account, program, due));
        if !bound.is_empty() {
            of_sale.bound = bound;
        }
    })?;
    for (sale, of_sale) in sales {
        of_sale.divide(given.get(sale).map_or(&[], Vec::as_slice), account.settlement.currency);
    }
    Ok(())
}

impl OfSale {
    /// Divides what is due for it among its special prices, in proportion to what it is given at each before caps, by largest
    /// remainder; where it is given nothing at any, the first one has all of it.
    fn divide(&mut self, given: &[AtPrice], currency: Currency) {
        let weights: Vec<Micros> = given.iter().map(|given| given.benefit.abs().to_micros()).collect();
        let size = self.whole.due.abs();
        let parts = match weights.iter().all(|weight| weight.is_zero()) {
            true => (0..given.len()).map(|at| if at == 0 { size } else { Micros::ZERO }).collect(),
            false => by_largest_remainder(&in_proportion(size, &weights), size, currency),
        };
        for (AtPrice { special_price, units, .. }, part) in given.iter().zip(parts) {
            let at_price = self.at_prices.entry(*special_price).or_default();
            at_price.due += if self.whole.due < Micros::ZERO { -part } else { part };
            at_price.quantity += units;
        }
        // Under terms that know no special prices it stays one thing.
        if given.is_empty() {
            self.at_prices.clear();
        }
    }
}

/// A line with its unrounded part of what is due.
struct Part {
    line: Line,
    price: CappedLine,
    benefit: Exact,
    /// The settlement as a whole is up to its limit.
    limited: bool,
}

/// Hands over the lines in order. Where period cap, budget or threshold limit the whole, the first lines get all and the
/// last ones what is left. Where more was drawn than was expected, all lines get more in proportion.
fn each_part(
    id: Id,
    account: &Account,
    program: &Program,
    due: &Due,
    state: &mut dyn State,
    visit: &mut dyn FnMut(Part),
) -> Result<(), StorageError> {
    let limit = due.unrounded(account, program);
    let whole = due.whole.after_transaction;
    let raised = due.threshold_met && limit > whole;
    let within = |benefit: Exact| match limit.cmp(&whole) {
        Ordering::Less => benefit.min(limit),
        Ordering::Equal => benefit,
        Ordering::Greater => limit.in_proportion(benefit, whole),
    };
    let mut earned = Exact::ZERO;
    let mut given = Exact::ZERO;
    each_price(id, account, program, Extent::whole(account), state, &mut |line, price| {
        let price = bonus::added(due.bonus, price);
        earned += price.after_transaction;
        let benefit = match due.threshold_met {
            true => within(earned) - given,
            false => Exact::ZERO,
        };
        given += benefit;
        let limited = !raised && benefit != price.after_transaction;
        visit(Part { line: *line, price, benefit, limited });
    })
}

struct RowContext<'a> {
    /// The settlement's id as a text.
    owner: String,
    account: &'a Account,
    program: &'a Program,
    /// What holds the settlement as a whole, if anything does.
    limit: &'static str,
}

impl RowContext<'_> {
    fn row(&self, part: &Part, amount: Micros) -> AccrualRow {
        let settlement = &self.account.settlement;
        let line = &part.line;
        let measure_delta = line.sums().measure(self.program.mechanism.measure());
        let partner = self.account.partner.clone();
        AccrualRow {
            accrual_id: Id::of("accrual", &[&self.owner, &line.sale.to_string()]),
            program: settlement.program.clone(),
            version: settlement.version,
            beneficiary: settlement.beneficiary.clone(),
            period: settlement.period.clone(),
            sale_id: line.sale,
            kind: self.kind(part),
            measure_delta: Micros(i64::try_from(measure_delta).expect("a line's measure is its quantity or amount")),
            amount,
            currency: settlement.currency,
            bound: bound(part, self.limit),
            cause: RecordRef { partner, file_no: line.file_no, record_no: line.record_no },
        }
    }

    fn kind(&self, part: &Part) -> &'static str {
        let late = self.account.phase.frozen_since().is_some_and(|since| part.line.came >= since);
        if late {
            "prior-period"
        } else if part.line.quantity < Micros::ZERO || part.line.amount < Micros::ZERO {
            "reversal"
        } else {
            "earned"
        }
    }
}

/// The last limit that took something from a line; `limit` is what holds its settlement as a whole.
fn bound(part: &Part, limit: &'static str) -> &'static str {
    if part.limited {
        return limit;
    }
    of_price(&part.price).next().unwrap_or_default()
}

/// The limits on single lines that took something from a price, the last one first.
fn of_price(price: &CappedLine) -> impl Iterator<Item = &'static str> + use<> {
    let steps = [
        ("per-transaction", price.after_transaction, price.after_unit),
        ("per-unit", price.after_unit, price.after_late),
        ("late", price.after_late, price.after_quantity),
        ("authorised-quantity", price.after_quantity, price.after_resale),
        ("resale", price.after_resale, price.after_protection),
        ("price-protection", price.after_protection, price.after_layers),
        ("cost-layers", price.after_layers, price.after_measure),
        ("measure", price.after_measure, price.raw),
    ];
    steps.into_iter().filter(|(_, after, before)| after != before).map(|(name, ..)| name)
}

/// All limits that take something from what the lines of a settlement earn together.
pub(crate) fn bounds(account: &Account, program: &Program, due: &Due) -> Vec<&'static str> {
    let mut bounds: Vec<&'static str> = of_price(&due.whole).collect();
    if due.unrounded(account, program) < due.whole.after_transaction {
        bounds.push(limit(account, program, due));
    }
    bounds
}

/// The check that tells what a limit took; none of no limit.
pub(crate) fn code_of(bound: &str) -> Option<Code> {
    let code = match bound {
        "measure" | "per-unit" | "per-transaction" | "partner-period" | "partner-year" => Code::CapExceeded,
        "budget" => Code::BudgetOverrun,
        "threshold" => Code::ThresholdNotMet,
        "late" => Code::ReportedLate,
        "authorised-quantity" => Code::AuthorisedQuantity,
        "resale" => Code::ResaleAbove,
        "price-protection" => Code::DebitAfterProtection,
        "cost-layers" => Code::CostBasisWrong,
        _ => return None,
    };
    Some(code)
}

/// The last limit that took something of the settlement as a whole.
fn limit(account: &Account, program: &Program, due: &Due) -> &'static str {
    if !due.threshold_met {
        return "threshold";
    }
    let taken = due.taken(account, program);
    match (taken.budget == Exact::ZERO, taken.year == Exact::ZERO) {
        (false, _) => "budget",
        (true, false) => "partner-year",
        (true, true) => "partner-period",
    }
}
