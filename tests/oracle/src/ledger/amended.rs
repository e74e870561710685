//! What waits until somebody answers for it: versions that came, or were extended, when a period had frozen (OP-31), and baselines
//! and scores that became others then (OP-47; docs/programs.md, "What waits before it is paid").

use std::collections::BTreeMap;

use contract::{Amendment, Day, Id, Mechanism, Micros, Program, Reference, Settlement};

use super::{Account, Oracle, Phase, numbered};
use crate::pricing::Line;
use crate::terms::{figure, holding};

impl Oracle {
    /// OP-31: what would be paid under a version that came behind the freeze, or because of sales of days that it was given since,
    /// as far as nobody answers for that.
    pub(super) fn unapproved(&self, settlement: &Settlement) -> Micros {
        let account = &self.accounts[settlement];
        if account.phase == Phase::Open {
            return Micros::ZERO;
        }
        let approved = self.amendment(settlement).map(|amendment| amendment.to);
        if approved == Some(None) {
            return Micros::ZERO;
        }
        let approved = approved.flatten();
        if account.amended && approved.is_none() {
            return account.accrued - account.ordered();
        }
        let at_freeze = numbered(self.at_freeze(account), settlement).filter(|_| !account.amended);
        let Some(last) = at_freeze.map(|program| program.to).max(approved) else { return Micros::ZERO };
        let later = self.read_since(settlement, account, last);
        if later.is_empty() {
            return Micros::ZERO;
        }
        let others: Vec<Line> = account.lines.iter().filter(|line| !later.contains(line)).cloned().collect();
        let without = account.due_by(&account.program, settlement.currency, &others);
        (account.orderable(settlement) - without.max(account.ordered())).max(Micros::ZERO)
    }

    /// Lines of sales behind a day that were read since the period froze, while the version lasted longer. What comes back goes with
    /// its sale, where that is a line too.
    fn read_since<'a>(&self, settlement: &Settlement, account: &'a Account, last: Day) -> Vec<&'a Line> {
        let is_late = |line: &Line| {
            let reference = self.as_of(line.came).expect("a line comes behind a configuration");
            let lasts = numbered(reference, settlement).is_some_and(|program| program.to > last);
            line.sold > last && line.came >= account.since && lasts
        };
        let is_sale = |line: &&Line| line.of.is_none() && line.day > last;
        let sales: BTreeMap<Id, bool> =
            account.lines.iter().filter(is_sale).map(|line| (line.sale, is_late(line))).collect();
        let goes = |line: &&Line| match line.of {
            Some(sale) => sales.get(&sale).copied().unwrap_or_else(|| is_late(line)),
            None => is_late(line),
        };
        account.lines.iter().filter(goes).collect()
    }

    /// OP-47: what is due above the less of what the baseline or score of the freeze and the one of now would give.
    pub(super) fn figured_higher(&self, settlement: &Settlement) -> Micros {
        let account = &self.accounts[settlement];
        if account.phase == Phase::Open {
            return Micros::ZERO;
        }
        let (before, now) = (self.at_freeze(account), self.known());
        let figures = [before, now].map(|reference| goes_by(reference, settlement, account));
        let [Some(was), Some(is)] = figures else { return Micros::ZERO };
        if !differs(was, is) || account.amended || self.is_figure_approved(settlement, account) {
            return Micros::ZERO;
        }
        let due = |reference: &Reference| {
            let program = self.with_figures(settlement, account, reference);
            account.due_by(&program, settlement.currency, &account.lines)
        };
        (account.accrued - due(before).min(due(now))).max(Micros::ZERO)
    }

    /// What a settlement goes by from now on, where that is anything else: all that is written, as long as it is open; behind the freeze
    /// its terms with how many points are never redeemed, until it closes, or with a baseline or score that somebody answers for.
    pub(super) fn anew(&self, settlement: &Settlement) -> Option<Program> {
        let account = &self.accounts[settlement];
        let now = numbered(self.known(), settlement)?;
        let before = self.as_of(account.figures).and_then(|before| numbered(before, settlement))?;
        let takes_figures = match (account.phase, &before.mechanism, &now.mechanism) {
            (Phase::Open, ..) => return Some(holding(now, settlement, &account.partner, account.last)),
            (Phase::Frozen, Mechanism::Points(was), Mechanism::Points(is)) => was.breakage != is.breakage,
            _ => self.takes_new_figure(settlement),
        };
        takes_figures.then(|| self.with_figures(settlement, account, self.known()))
    }

    /// The terms of a settlement with what some tables say of its baseline or score, and of how many points are never redeemed.
    fn with_figures(&self, settlement: &Settlement, account: &Account, reference: &Reference) -> Program {
        let terms = self.as_of(account.terms).and_then(|terms| numbered(terms, settlement));
        let mut program = terms.expect("a settlement has terms").clone();
        match (&mut program.mechanism, numbered(reference, settlement).map(|other| &other.mechanism)) {
            (Mechanism::Growth(own), Some(Mechanism::Growth(other))) => own.baselines = other.baselines.clone(),
            (Mechanism::Score(own), Some(Mechanism::Score(other))) => own.scores = other.scores.clone(),
            (Mechanism::Points(own), Some(Mechanism::Points(other))) => own.breakage = other.breakage,
            _ => {}
        }
        holding(&program, settlement, &account.partner, account.last)
    }

    /// Once somebody answers for it, another baseline or score than the one that counts does.
    fn takes_new_figure(&self, settlement: &Settlement) -> bool {
        let account = &self.accounts[settlement];
        let was = self.as_of(account.figures).and_then(|reference| goes_by(reference, settlement, account));
        let is = goes_by(self.known(), settlement, account);
        account.phase != Phase::Open
            && was.zip(is).is_some_and(|(was, is)| differs(was, is))
            && self.is_figure_approved(settlement, account)
    }

    /// A baseline, or a score, is for all of a period.
    fn is_figure_approved(&self, settlement: &Settlement, account: &Account) -> bool {
        self.amendment(settlement).is_some_and(|amendment| amendment.to.is_none_or(|to| to >= account.last))
    }

    fn amendment(&self, settlement: &Settlement) -> Option<&Amendment> {
        let is_its = |entry: &&Amendment| entry.program == settlement.program && entry.version == settlement.version;
        self.known().amendments.iter().find(is_its)
    }

    /// What was known as the period froze.
    fn at_freeze(&self, account: &Account) -> &Reference {
        self.as_of(account.since).expect("a period freezes behind a configuration")
    }
}

/// What a settlement is measured by, where its partner has that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GoesBy {
    Baseline(Option<Micros>),
    Score(Option<Micros>),
}

fn differs(was: GoesBy, is: GoesBy) -> bool {
    match (was, is) {
        (GoesBy::Baseline(was), GoesBy::Baseline(is)) | (GoesBy::Score(was), GoesBy::Score(is)) => was != is,
        _ => false,
    }
}

/// Nothing where the program goes neither by a baseline nor by a score. Baselines are in the currency of their program.
fn goes_by(reference: &Reference, settlement: &Settlement, account: &Account) -> Option<GoesBy> {
    let program = numbered(reference, settlement)?;
    match &program.mechanism {
        Mechanism::Growth(_) if program.currency.is_some_and(|own| own != settlement.currency) => {
            Some(GoesBy::Baseline(None))
        }
        Mechanism::Growth(growth) => {
            Some(GoesBy::Baseline(figure(&growth.baselines, &account.partner, &settlement.period)))
        }
        Mechanism::Score(score) => Some(GoesBy::Score(figure(&score.scores, &account.partner, &settlement.period))),
        _ => None,
    }
}
