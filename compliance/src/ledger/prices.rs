//! What single lines earn, in order, under the caps on units and transactions.

use contract::{Currency, Day, Id, Micros, Program, Rounding};
use rustc_hash::{FxHashMap, FxHashSet};
use stream::{State, StorageError};

use super::account::Account;
use super::credits::{Credits, LineCredit};
use super::further::{OfSales, of_sales};
use super::lines::{Beneficiary, Line, each_lines};
use crate::clock::Clock;
use crate::programs::caps::{CappedLine, cap_transaction};
use crate::programs::measure_cap::Counted;
use crate::programs::special_price::{self, UnitCredit};
use crate::programs::spiff::{Share, kept};
use crate::programs::{Exact, Sums, divides, late, line_benefit, line_benefit_of};

/// Says of a line whether it is one of some.
pub(crate) type Picked<'a> = &'a dyn Fn(&Line) -> bool;

/// Which lines are priced, and under which tier.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'a> {
    /// What counts for the tier of a retroactive program.
    pub all: Sums,
    /// The last day that is looked at.
    pub until: Day,
    /// Lines that are left out.
    pub without: Option<Picked<'a>>,
}

impl Extent<'_> {
    /// All lines of an account.
    pub fn whole(account: &Account) -> Extent<'static> {
        Extent { all: account.tally().net, until: Day(i32::MAX), without: None }
    }

    fn has(&self, line: &Line) -> bool {
        line.day <= self.until && self.without.is_none_or(|is_left_out| !is_left_out(line))
    }
}

/// Hands over every line of a settlement with what it adds, in (date, sale) order.
pub(crate) fn each_price(
    id: Id,
    account: &Account,
    program: &Program,
    extent: Extent<'_>,
    state: &mut dyn State,
    visit: &mut dyn FnMut(&Line, CappedLine),
) -> Result<(), StorageError> {
    let mut pricing = Pricing::of(id, account, program, extent, state)?;
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines.iter().filter(|line| extent.has(line)) {
            visit(line, pricing.next(line));
        }
    })
}

/// What a sale is given at one of its special prices, its returns taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtPrice {
    pub special_price: Id,
    /// Units that are covered at it, in millionths.
    pub units: i128,
    /// Before caps.
    pub benefit: Exact,
}

/// The special prices that the sales of a settlement are given something at, by [`Line::transaction`], each in the order in which
/// the sale is under them.
pub(crate) fn at_prices(
    id: Id,
    account: &Account,
    program: &Program,
    state: &mut dyn State,
) -> Result<FxHashMap<Id, Vec<AtPrice>>, StorageError> {
    let mut at_prices: FxHashMap<Id, Vec<AtPrice>> = FxHashMap::default();
    if !program.mechanism.is_credited() {
        return Ok(at_prices);
    }
    let mut pricing = Pricing::of(id, account, program, Extent::whole(account), state)?;
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines {
            let sale = line.transaction();
            let transaction = pricing.take_up(line);
            let given = pricing.at_prices(&transaction);
            match pricing.open.contains_key(&sale) {
                true => drop(at_prices.insert(sale, given)),
                false => at_prices.entry(sale).or_default().extend(given),
            }
        }
    })?;
    Ok(at_prices)
}

impl<'a> Pricing<'a> {
    fn of(
        id: Id,
        account: &'a Account,
        program: &'a Program,
        extent: Extent<'_>,
        state: &mut dyn State,
    ) -> Result<Pricing<'a>, StorageError> {
        let returned = returned_by_sale(id, account, extent, state)?;
        let clock = if late(&program.mechanism).is_some() { Clock::resume(state)? } else { Clock::default() };
        Ok(Pricing {
            program,
            further: of_sales(id, account, &program.mechanism, state)?,
            pieces: Vec::new(),
            currency: account.settlement.currency,
            clock,
            covered: account.covered.iter().copied().collect(),
            credits: Credits::of(account, &program.mechanism),
            all: extent.all,
            before: Sums::default(),
            returned,
            open: Default::default(),
        })
    }
}

/// What came back of each sale that has linked returns, as far as the sale itself stands here.
pub(crate) fn returned_by_sale(
    id: Id,
    account: &Account,
    extent: Extent<'_>,
    state: &mut dyn State,
) -> Result<FxHashMap<Id, Sums>, StorageError> {
    if account.tally().linked == 0 {
        return Ok(FxHashMap::default());
    }
    let before = account.counted;
    let mut returned: FxHashMap<Id, Sums> = FxHashMap::default();
    each_lines(state, id, before, &mut |lines| {
        for line in lines.iter().filter(|line| extent.has(line)) {
            if let Some((sale, _)) = line.origin {
                *returned.entry(sale).or_default() += line.sums();
            }
        }
    })?;
    let mut standing = FxHashSet::default();
    each_lines(state, id, before, &mut |lines| {
        let sales = lines.iter().filter(|line| extent.has(line) && line.origin.is_none()).map(|line| line.sale);
        standing.extend(sales.filter(|sale| returned.contains_key(sale)));
    })?;
    returned.retain(|sale, _| standing.contains(sale));
    Ok(returned)
}

/// Prices a settlement's lines one after the other.
///
/// A sale and its linked returns are one transaction: it takes the sale's place in the order with what is left of it, so
/// that a return gives back exactly what its sale earned, and it is capped as a whole.
struct Pricing<'a> {
    program: &'a Program,
    currency: Currency,
    /// The ticks that say when a record came in; empty where lateness takes nothing.
    clock: Clock,
    /// Units of each bounded special price that are still covered.
    covered: FxHashMap<Id, i128>,
    credits: Credits<'a>,
    /// Special prices behind the first of a sale.
    further: OfSales,
    /// Units of sales that are covered under these.
    pieces: Vec<Piece>,
    all: Sums,
    before: Sums,
    returned: FxHashMap<Id, Sums>,
    /// Transactions under way: what stood before them, and what they add up to so far.
    open: FxHashMap<Id, Transaction<'a>>,
}

#[derive(Clone, Copy, Default)]
struct Transaction<'a> {
    before: Sums,
    /// Nothing until the sale itself has come.
    sold: Option<Sold<'a>>,
    parts: Parts,
}

/// What lines add up to: what is priced, of all persons together where the program divides sales, and what of it is the
/// beneficiary's own.
#[derive(Clone, Copy, Default)]
struct Parts {
    priced: Sums,
    own: Sums,
}

/// How a sale counts: whose it is, what lateness leaves of it, and what a unit of it is given at a special price.
#[derive(Clone, Copy)]
struct Sold<'a> {
    share: Share,
    kept: Micros,
    credit: Option<Credit<'a>>,
}

#[derive(Clone, Copy)]
struct Credit<'a> {
    special_price: Id,
    units: LineCredit<'a>,
    /// [`contract::Debit::short`].
    short: Micros,
    /// Units of those of which something is left behind the resale price that are still covered when its turn comes; `None` where
    /// that is enough for what is left of the sale: then what came back had been covered as well.
    left: Option<i128>,
    /// The first of its [`Pricing::pieces`], and how many it has.
    further: (usize, usize),
}

/// Units that are covered under a further special price.
#[derive(Clone, Copy)]
struct Piece {
    special_price: Id,
    units: i128,
    unit: UnitCredit,
    short: Micros,
}

impl<'a> Pricing<'a> {
    /// What the next line adds.
    fn next(&mut self, line: &Line) -> CappedLine {
        let old = self.open.get(&line.transaction()).map(|transaction| self.price_of(transaction));
        let transaction = self.take_up(line);
        self.price_of(&transaction).minus(old.unwrap_or_default())
    }

    /// The transaction of the next line, up to it.
    fn take_up(&mut self, line: &Line) -> Transaction<'a> {
        let (sale, parts) = (line.transaction(), self.parts(line));
        let Some(returned) = self.returned.get(&sale).copied() else {
            let sold = Some(self.sold(line, line.quantity.0.into()));
            let before = self.before;
            self.before += line.sums();
            return Transaction { before, sold, parts };
        };
        let mut transaction = self.open.get(&sale).copied().unwrap_or_default();
        transaction.parts.priced += parts.priced;
        transaction.parts.own += parts.own;
        if line.origin.is_none() {
            transaction.before = self.before;
            transaction.sold = Some(self.sold(line, i128::from(line.quantity.0) + returned.quantity));
            self.before += line.sums() + returned;
        }
        self.open.insert(sale, transaction);
        transaction
    }

    /// A return dated before its sale waits for it.
    fn price_of(&self, transaction: &Transaction<'_>) -> CappedLine {
        let Transaction { before, sold, parts } = *transaction;
        sold.map_or_else(CappedLine::default, |sold| self.price(before, parts, sold))
    }

    /// A sale that is divided is priced as a whole; under terms that divide none any longer each part is a sale of its own.
    fn parts(&self, line: &Line) -> Parts {
        let own = line.sums();
        Parts { priced: if divides(&self.program.mechanism) { line.whole() } else { own }, own }
    }

    /// Takes up a sale of which `units` are left in the end.
    fn sold(&mut self, line: &Line, units: i128) -> Sold<'a> {
        let whole = Sold { share: Share::default(), kept: Micros::ONE, credit: None };
        let share_of = |share| if divides(&self.program.mechanism) { share } else { Share::default() };
        match line.beneficiary {
            Beneficiary::Person { share, stamp } => {
                Sold { share: share_of(share), kept: self.kept(line, stamp), ..whole }
            }
            Beneficiary::Credited { special_price, short, .. } if self.program.mechanism.is_credited() => {
                let given = self.credits.of_line(line).expect("the line is credited");
                let credits = self.credits;
                let kept_back = |given: Micros| credits.kept_back(short, given);
                let units = given.giving(units, kept_back);
                // What is given nothing takes nothing of the balance.
                let covered = self.covered.get_mut(&special_price).filter(|_| given.gives(kept_back));
                let left = covered.as_deref().copied();
                if let Some(covered) = covered.filter(|_| units > 0) {
                    *covered -= special_price::covered(units, left);
                }
                let left = left.filter(|left| units > *left);
                let further = self.cover_further(line, left.map_or(0, |left| units - left.max(0)));
                Sold { credit: Some(Credit { special_price, units: given, short, left, further }), ..whole }
            }
            Beneficiary::Partner | Beneficiary::Credited { .. } => whole,
        }
    }

    /// Covers units of a sale that its first special price has no balance for.
    fn cover_further(&mut self, line: &Line, mut units: i128) -> (usize, usize) {
        let first = self.pieces.len();
        let mut last = None;
        for further in self.further.get(&line.sale).into_iter().flatten() {
            let unit = self.credits.of_further(further, line.day);
            if units <= 0 || !self.credits.gives(further, line.day) {
                continue;
            }
            let covered = match self.covered.get_mut(&further.special_price) {
                Some(covered) => {
                    let taken = special_price::covered(units, Some(*covered));
                    *covered -= taken;
                    taken
                }
                None => units,
            };
            units -= covered;
            let (special_price, short) = (further.special_price, further.short);
            self.pieces.push(Piece { special_price, units: covered, unit, short });
            last = Some(self.pieces.len() - 1);
        }
        // As with the first one: what came back had been covered as well.
        if let Some(last) = last.filter(|_| units <= 0) {
            self.pieces[last].units = i128::MAX;
        }
        (first, self.pieces.len() - first)
    }

    /// Only a sale can be late; what comes back by itself takes all back.
    fn kept(&self, line: &Line, stamp: u64) -> Micros {
        let reported = if line.quantity > Micros::ZERO { self.clock.as_of(stamp) } else { None };
        let late = late(&self.program.mechanism).zip(reported);
        late.map_or(Micros::ONE, |(late, reported)| kept(late, line.day, reported))
    }

    /// Below the cap of the measure lies a part of the line; of a sale that is divided each has a part of its own below its
    /// beneficiary's cap, which is taken behind the division.
    fn price(&self, before: Sums, parts: Parts, sold: Sold<'_>) -> CappedLine {
        let (whole, counted) = (parts.priced, Counted::of(self.program, before, parts.own));
        let divided = divides(&self.program.mechanism);
        let priced = if divided { Counted::ALL } else { counted };
        let earned = match sold.credit {
            Some(credit) => self.credited(credit, whole.quantity),
            None => self.earned(before, whole, divided),
        };
        let capped = cap_transaction(&self.program.caps, earned, sold.kept, whole.quantity, priced);
        let capped = match self.program.rounding {
            Rounding::Total => capped,
            Rounding::Sale => {
                let each =
                    capped.map(|benefit| Exact::from(benefit.round_by(self.program.rounding_mode, self.currency)));
                CappedLine { exact: capped.exact, ..each }
            }
        };
        let part = match sold.share.is_whole() {
            true => capped,
            false => capped.map(|benefit| sold.share.of_benefit(benefit, self.program.rounding_mode, self.currency)),
        };
        if divided { CappedLine { raw: part.raw, ..part.map(|benefit| counted.share(benefit)) } } else { part }
    }

    /// What units are given at a special price, those first that are covered first; then those at further ones.
    fn credited(&self, credit: Credit<'_>, units: i128) -> CappedLine {
        let mut earned = CappedLine::default();
        self.each_credited(credit, units, &mut |_, _, part| earned = earned.plus(part));
        earned
    }

    /// The same by special price, the first one first.
    fn at_prices(&self, transaction: &Transaction<'_>) -> Vec<AtPrice> {
        let mut at_prices: Vec<AtPrice> = Vec::new();
        let Some(credit) = transaction.sold.and_then(|sold| sold.credit) else { return at_prices };
        at_prices.push(AtPrice { special_price: credit.special_price, units: 0, benefit: Exact::ZERO });
        self.each_credited(credit, transaction.parts.priced.quantity, &mut |special_price, units, part| {
            let benefit = part.after_quantity;
            match at_prices.iter_mut().find(|at| at.special_price == special_price) {
                Some(at) => (at.units, at.benefit) = (at.units + units, at.benefit + benefit),
                None => at_prices.push(AtPrice { special_price, units, benefit }),
            }
        });
        at_prices
    }

    /// Hands over what units are given: the special price, how many are covered at it, and what all of them come to.
    fn each_credited(
        &self,
        Credit { special_price, units: given, short, mut left, further: (first, count) }: Credit<'_>,
        units: i128,
        visit: &mut dyn FnMut(Id, i128, CappedLine),
    ) {
        let mut pieces = self.pieces[first..first + count].iter();
        given.each(units, &mut |mut units, unit| {
            let kept_back = self.credits.kept_back(short, unit.given);
            let left = left.as_mut().filter(|_| unit.given > kept_back);
            let covered = special_price::covered(units, left.as_deref().copied());
            if let Some(left) = left {
                *left -= covered.max(0);
            }
            for Piece { special_price, units: most, unit, short } in pieces.by_ref() {
                let part = (units - covered).clamp(0, *most);
                units -= part;
                let kept_back = self.credits.kept_back(*short, unit.given);
                visit(*special_price, part, special_price::benefit(*unit, kept_back, part, part));
            }
            visit(special_price, covered, special_price::benefit(unit, kept_back, units, covered));
        });
    }

    fn earned(&self, before: Sums, whole: Sums, divided: bool) -> CappedLine {
        let raw = line_benefit_of(&self.program.mechanism, before, whole, self.all);
        match self.program.caps.measure {
            Some(_) if !divided => {
                CappedLine { raw, ..CappedLine::plain(line_benefit(self.program, before, whole, self.all)) }
            }
            _ => CappedLine::plain(raw),
        }
    }
}
