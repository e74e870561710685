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
    let returned = returned_by_sale(id, account, extent, state)?;
    let clock = if late(&program.mechanism).is_some() { Clock::resume(state)? } else { Clock::default() };
    let mut pricing = Pricing {
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
    };
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines.iter().filter(|line| extent.has(line)) {
            visit(line, pricing.next(line));
        }
    })
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
    units: i128,
    unit: UnitCredit,
    short: Micros,
}

impl<'a> Pricing<'a> {
    /// What the next line adds.
    fn next(&mut self, line: &Line) -> CappedLine {
        let sale = line.transaction();
        let Some(returned) = self.returned.get(&sale).copied() else {
            let sold = self.sold(line, line.quantity.0.into());
            let price = self.price(self.before, self.parts(line), sold);
            self.before += line.sums();
            return price;
        };
        let mut transaction = self.open.get(&sale).copied().unwrap_or_default();
        let old = self.price_of(&transaction);
        let parts = self.parts(line);
        transaction.parts.priced += parts.priced;
        transaction.parts.own += parts.own;
        if line.origin.is_none() {
            transaction.before = self.before;
            transaction.sold = Some(self.sold(line, i128::from(line.quantity.0) + returned.quantity));
            self.before += line.sums() + returned;
        }
        self.open.insert(sale, transaction);
        self.price_of(&transaction).minus(old)
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
                Sold { credit: Some(Credit { units: given, short, left, further }), ..whole }
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
            self.pieces.push(Piece { units: covered, unit, short: further.short });
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
    fn credited(&self, Credit { units: given, short, mut left, further }: Credit<'_>, units: i128) -> CappedLine {
        let mut earned = CappedLine::default();
        let (first, count) = further;
        let mut pieces = self.pieces[first..first + count].iter();
        given.each(units, &mut |mut units, unit| {
            let kept_back = self.credits.kept_back(short, unit.given);
            let left = left.as_mut().filter(|_| unit.given > kept_back);
            let covered = special_price::covered(units, left.as_deref().copied());
            if let Some(left) = left {
                *left -= covered.max(0);
            }
            for Piece { units: most, unit, short } in pieces.by_ref() {
                let part = (units - covered).clamp(0, *most);
                units -= part;
                let kept_back = self.credits.kept_back(*short, unit.given);
                earned = earned.plus(special_price::benefit(*unit, kept_back, part, part));
            }
            earned = earned.plus(special_price::benefit(unit, kept_back, units, covered));
        });
        earned
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
