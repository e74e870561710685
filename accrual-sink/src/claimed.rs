//! Claim lines with what became of them: what the ledger decided, joined with what may be paid, what was, and what is owed back.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Authorization, AuthorizationStatus, Claim, ClaimState, Code, Currency, Id, JournalEntry, Micros, Settlement, Side,
    Text,
};

/// A claim line with the authorizations that it is paid by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub claim: Claim,
    pub authorizations: Vec<Authorization>,
    /// A deduction, or what was paid above another authorization, is taken from what was authorised for the same.
    is_taken_from: bool,
    /// What of its authorizations is not due any more, where nobody sent it: of other lines the ledger says so.
    fallen: Micros,
    /// Of the settlements that pay it, where more was paid than may be.
    owed: Owed,
}

/// What became of money of a settlement that is owed back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    open: Micros,
    /// Something was given up.
    is_written_off: bool,
}

/// The settlement that an authorization is of.
pub fn settlement(of: &Authorization) -> Settlement {
    Settlement {
        program: of.program.clone(),
        version: of.version,
        beneficiary: of.beneficiary.clone(),
        period: of.period.clone(),
        currency: of.currency,
    }
}

/// Counts an entry of the journal among what is owed back, by settlement.
pub fn note_owed(entry: &JournalEntry, owed: &mut BTreeMap<Id, Owed>) {
    let debtor = entry.taken_back.as_ref().map_or(entry.settlement, |back| back.settlement);
    for posting in entry.postings.iter().filter(|posting| posting.symbol == "RC-CLAW") {
        let of_debtor = owed.entry(debtor).or_default();
        of_debtor.open += if posting.side == Side::Debit { posting.amount } else { -posting.amount };
        of_debtor.is_written_off |= entry.source_kind == "write-off";
    }
}

/// All claim lines with their authorizations, by program, beneficiary, period, claim, line and id; `less` is by how much less is due
/// than was authorised, by settlement, with what is said about it (OP-24).
pub fn join(mut claims: Vec<Claim>, authorizations: Vec<Authorization>, less: &BTreeMap<Id, Less>) -> Vec<Settled> {
    let mut by_claim: BTreeMap<Id, Vec<Authorization>> = BTreeMap::new();
    for authorization in authorizations {
        if let Some(claim) = authorization.claim {
            by_claim.entry(claim).or_default().push(authorization);
        }
    }
    by_claim.values_mut().for_each(|all| all.sort_by_key(|a| (a.batch, a.version, a.id)));
    let key = |c: &Claim| {
        let Claim { program, beneficiary, period, claim, line, id, .. } = c.clone();
        (program, beneficiary, period, claim, line, id)
    };
    claims.sort_by_cached_key(key);
    let of = |claim: Claim| {
        let authorizations = by_claim.remove(&claim.id).unwrap_or_default();
        Settled { authorizations, ..Settled::bare(claim) }
    };
    let mut all: Vec<Settled> = claims.into_iter().map(of).collect();
    let taken: BTreeSet<_> = all.iter().filter(|settled| settled.takes()).map(Settled::period).collect();
    if !taken.is_empty() {
        all.iter_mut().for_each(|settled| settled.is_taken_from = taken.contains(&settled.period()));
    }
    let mut by_settlement: BTreeMap<Id, Vec<&mut Settled>> = BTreeMap::new();
    for settled in all.iter_mut().filter(|_| !less.is_empty()) {
        if let Some(id) = settled.authorizations.last().map(|last| settlement(last).id()) {
            by_settlement.entry(id).or_default().push(settled);
        }
    }
    for (id, lines) in by_settlement {
        if let Some(less) = less.get(&id) {
            less.fall_to(lines);
        }
    }
    all
}

/// By how much less is due for a settlement than was authorised, as OP-24 says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Less {
    pub amount: Micros,
    pub reason_901: Text,
    pub message: String,
}

impl Less {
    /// What the ledger has not taken off lines that partners sent falls to those that nobody sent: what is still due is that of the
    /// older ones, as it is of authorizations.
    fn fall_to(&self, lines: Vec<&mut Settled>) {
        let (mut auto, sent): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.is_auto());
        let is_taken_off = |line: &&mut Settled| (line.claim.authorised - line.claim.payable).max(Micros::ZERO);
        let rest = (self.amount - sent.iter().map(is_taken_off).sum::<Micros>()).max(Micros::ZERO);
        let mut due = auto.iter().map(|line| line.claim.authorised).sum::<Micros>() - rest;
        auto.sort_by_key(|line| line.authorizations.last().map(|last| (last.batch, !line.is_deduction(), last.id)));
        for line in auto {
            let (allowed, left) = (line.allowed(), due.max(Micros::ZERO));
            line.fallen = (allowed - left).max(Micros::ZERO);
            due = due - line.approved();
            if line.approved() < line.claim.authorised {
                line.claim.codes.push(Code::ReturnAfterPayment);
                line.claim.reasons_901.push(self.reason_901.clone());
                line.claim.message.clone_from(&self.message);
            }
        }
    }
}

impl Settled {
    /// A line without authorizations.
    pub fn bare(claim: Claim) -> Settled {
        let (fallen, owed) = Default::default();
        Settled { claim, authorizations: Vec::new(), is_taken_from: false, fallen, owed }
    }

    /// Where the line stands once payments are counted. A claim that nobody sent is over where nothing is left to pay of it,
    /// since deductions or returns took it all.
    pub fn state(&self) -> ClaimState {
        let is_void = |a: &Authorization| a.status == AuthorizationStatus::Void;
        if self.is_auto() && !self.authorizations.is_empty() && self.authorizations.iter().all(is_void) {
            return ClaimState::Withdrawn;
        }
        let is_open = |a: &Authorization| a.status == AuthorizationStatus::Authorised;
        if self.claim.state != ClaimState::Authorised || self.paid().is_zero() {
            return self.claim.state;
        }
        if self.is_overpaid() {
            return match self.owed {
                Owed { open, .. } if !open.is_zero() => ClaimState::ClawbackOpen,
                Owed { is_written_off: true, .. } => ClaimState::WrittenOff,
                _ => ClaimState::ClawbackSettled,
            };
        }
        if self.authorizations.iter().any(is_open) { ClaimState::Authorised } else { ClaimState::Paid }
    }

    /// What of it may be paid: for a claim that nobody sent, what its authorization allows and is still due. What waits of a line that
    /// has an authorization may not be yet, nor may what deductions or payments under others have taken from it.
    pub fn approved(&self) -> Micros {
        let Claim { payable, authorised, .. } = self.claim;
        match self.authorizations.is_empty() {
            true => payable,
            false if self.is_auto() => self.allowed() - self.fallen,
            false if self.takes() => payable.min(authorised) + self.allowed() - authorised,
            false if self.is_taken_from => payable.min(authorised).min(self.allowed()),
            false => payable.min(authorised),
        }
    }

    /// What went out for it, in cash or set off.
    pub fn paid(&self) -> Micros {
        self.authorizations.iter().map(|a| a.paid + a.offset).sum()
    }

    /// More went out for it than may be paid.
    pub fn is_overpaid(&self) -> bool {
        self.paid() > self.approved()
    }

    /// Says what became of that.
    pub fn tell_owed(&mut self, by_settlement: &BTreeMap<Id, Owed>) {
        for of_claim in self.authorizations.iter().filter_map(|a| by_settlement.get(&settlement(a).id())) {
            self.owed.open += of_claim.open;
            self.owed.is_written_off |= of_claim.is_written_off;
        }
    }

    /// Nobody sent it: it stands for an authorization of a program that pays by itself, or for a deduction.
    pub fn is_auto(&self) -> bool {
        self.claim.at.file_no == 0
    }

    /// It stands for a deduction that finance accepted.
    fn is_deduction(&self) -> bool {
        self.is_auto() && self.claim.claim == "deduction"
    }

    /// What its authorizations say may be paid.
    fn allowed(&self) -> Micros {
        self.authorizations.iter().map(|a| a.amount + a.offset).sum()
    }

    /// Something of what was authorised for others is paid, or was kept, under it.
    fn takes(&self) -> bool {
        self.is_deduction() || self.allowed() > self.claim.authorised
    }

    /// What is authorised together.
    fn period(&self) -> (Text, Text, Text, Currency) {
        let Claim { program, beneficiary, period, currency, .. } = &self.claim;
        (program.clone(), beneficiary.clone(), period.clone(), *currency)
    }
}

#[cfg(test)]
mod tests {
    use contract::{Day, RecordRef};

    use super::*;

    fn usd(whole: i64) -> Micros {
        Micros(whole * 1_000_000)
    }

    /// Claim number `n` of one settlement, of an amount that is authorised; sent by the partner or not.
    fn line(n: u32, is_sent: bool, authorised: Micros) -> Claim {
        Claim {
            id: Id::of("claim", &[&n.to_string()]),
            claim: if is_sent { "C" } else { "auto" }.into(),
            line: n.to_string().into(),
            program: "PCT".into(),
            beneficiary: "partner:P1".into(),
            period: "2013-Q1".into(),
            at: RecordRef { partner: "P1".into(), file_no: u32::from(is_sent), record_no: n },
            sale: None,
            product: Text::default(),
            authorisation: Text::default(),
            claimed: authorised,
            payable: authorised,
            authorised,
            currency: Currency::parse("USD").unwrap(),
            state: ClaimState::Authorised,
            codes: Vec::new(),
            reasons_901: Vec::new(),
            message: String::new(),
            decided_by: "auto".into(),
            queue: None,
            decide_by: None,
        }
    }

    /// Its authorization: what may be paid under it, what was, and what was set off.
    fn pays(claim: &Claim, [amount, paid, offset]: [Micros; 3]) -> Authorization {
        let is_paid = paid + offset >= amount + offset && !(paid + offset).is_zero();
        Authorization {
            id: Id::of("authorization", &[&claim.line]),
            program: claim.program.clone(),
            version: 1,
            beneficiary: claim.beneficiary.clone(),
            period: claim.period.clone(),
            amount,
            currency: claim.currency,
            status: match (amount.is_zero() && offset.is_zero(), is_paid) {
                (true, _) => AuthorizationStatus::Void,
                (false, true) => AuthorizationStatus::Paid,
                (false, false) => AuthorizationStatus::Authorised,
            },
            paid,
            offset,
            decided_by: "auto".into(),
            date: Day(0),
            batch: u64::from(claim.at.record_no),
            claim: Some(claim.id),
        }
    }

    /// Lines with what may be paid, was paid and was set off under each, of a settlement of which so much less is due; the clawback
    /// that is open, and whether some was given up.
    fn told(lines: Vec<(Claim, [Micros; 3])>, less: i64, open: i64, is_written_off: bool) -> Vec<String> {
        let authorizations: Vec<_> = lines.iter().map(|(claim, sums)| pays(claim, *sums)).collect();
        let id = settlement(&authorizations[0]).id();
        let said = Less { amount: usd(less), reason_901: "ZZ".into(), message: "less".to_owned() };
        let less = BTreeMap::from_iter((less > 0).then_some((id, said)));
        let owed = BTreeMap::from([(id, Owed { open: usd(open), is_written_off })]);
        let claims = lines.into_iter().map(|(claim, _)| claim).collect();
        let shown = |mut settled: Settled| {
            settled.tell_owed(&owed);
            let codes: Vec<&str> = settled.claim.codes.iter().map(|code| code.as_str()).collect();
            let (state, approved, paid) = (settled.state().as_str(), settled.approved(), settled.paid());
            format!("{state} {approved} {paid} {}", codes.join(" ")).trim_end().to_owned()
        };
        join(claims, authorizations, &less).into_iter().map(shown).collect()
    }

    #[test]
    fn a_claim_that_nobody_sent_follows_the_clawback() {
        let all_back = |open, is_written_off| {
            told(vec![(line(1, false, usd(10)), [usd(10), usd(10), usd(0)])], 10, open, is_written_off)
        };
        assert_eq!(all_back(10, false), ["clawback-open 0 10 OP-24"]);
        assert_eq!(all_back(0, false), ["clawback-settled 0 10 OP-24"]);
        assert_eq!(all_back(0, true), ["written-off 0 10 OP-24"]);
        let set_off = vec![(line(1, false, usd(10)), [usd(0), usd(0), usd(10)])];
        assert_eq!(told(set_off, 10, 10, false), ["clawback-open 0 10 OP-24"]);
        let unpaid = vec![(line(1, false, usd(10)), [usd(0), usd(0), usd(0)])];
        assert_eq!(told(unpaid, 10, 0, false), ["withdrawn 0 0 OP-24"]);
        let nothing_back = vec![(line(1, false, usd(10)), [usd(10), usd(10), usd(0)])];
        assert_eq!(told(nothing_back, 0, 0, false), ["paid 10 10"]);
    }

    /// 12 of 15 are still due: those of the older one, as far as it has them.
    #[test]
    fn what_is_still_due_is_that_of_the_older_ones() {
        let both =
            |second| vec![(line(1, false, usd(10)), [usd(10), usd(10), usd(0)]), (line(2, false, usd(5)), second)];
        assert_eq!(told(both([usd(2), usd(0), usd(0)]), 3, 0, false), ["paid 10 10", "authorised 2 0 OP-24"]);
        assert_eq!(told(both([usd(5), usd(5), usd(0)]), 3, 3, false), ["paid 10 10", "clawback-open 2 5 OP-24"]);
        assert_eq!(
            told(both([usd(5), usd(5), usd(0)]), 7, 7, false),
            ["clawback-open 8 10 OP-24", "clawback-open 0 5 OP-24"]
        );
    }

    /// 30 were paid for the first of 20, 10 of them out of the second of 50.
    #[test]
    fn what_is_paid_above_one_is_taken_from_the_other() {
        let sums = |is_sent| {
            vec![
                (line(1, is_sent, usd(20)), [usd(30), usd(30), usd(0)]),
                (line(2, is_sent, usd(50)), [usd(40), usd(0), usd(0)]),
            ]
        };
        assert_eq!(told(sums(false), 0, 0, false), ["paid 30 30", "authorised 40 0"]);
        assert_eq!(told(sums(true), 0, 0, false), ["paid 30 30", "authorised 40 0"]);
    }

    /// 20 of the 90 that are due to it wait, as they were deducted.
    #[test]
    fn what_waits_of_a_line_is_not_approved() {
        let claim = Claim { claimed: usd(90), payable: usd(90), ..line(1, true, usd(70)) };
        assert_eq!(told(vec![(claim, [usd(70), usd(0), usd(0)])], 0, 0, false), ["authorised 70 0"]);
    }
}
