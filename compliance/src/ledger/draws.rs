//! What partners draw on what they have earned: points that are redeemed, activities that a fund pays.
//!
//! A draw is decided once, at the first tick that has reached its day: by day and id, from what stands then in the periods
//! that are frozen by that day and not closed. What was granted stays granted, as long as its row says the same: where
//! returns make the earnings smaller, more is drawn than there is, and later periods owe it first.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Asked, Code, Currency, Day, Draw, Finding, Id, Mechanism, Micros, Money, Program, Publication, RecordRef,
    Settlement, Text,
};
use serde::{Deserialize, Serialize};
use stream::{Order, Outbox, Shard, State, StorageError, outbox::route};

use super::account::{Account, close_day, freeze_day};
use super::due::{Due, due};
use super::findings::{digest, view};
use super::rules::activity_above_approval::Part;
use super::rules::{activity_above_approval, activity_unproven, benefit_expired, double_spend, proof_reused};
use super::sharing::Sharing;
use super::tables::{DRAWS, OVERDRAWN, SHARING};
use crate::programs::drawn::{Pot, expired, held, keep, of_program, share, take, wanted};
use crate::programs::points::counting;
use crate::references::Known;

/// What was decided about a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// For what its row asked then.
    asked: Micros,
    /// `None` while it waits.
    granted: Option<Micros>,
    /// The finding that stands about it, with a hash of what it says.
    found: Option<(Code, Id)>,
}

/// Whether something is, or was, drawn on a program.
pub(crate) fn are_shared(known: &Known, program: &str, state: &mut dyn State) -> Result<bool, StorageError> {
    let is_drawn_on = known.versions(program).iter().any(|version| version.mechanism.is_drawn_on());
    Ok(is_drawn_on
        && (!of_program(&known.reference, program).is_empty()
            || !DRAWS.prefix(state, &program.to_owned(), Order::Up, 1)?.is_empty()))
}

/// Notes the programs of this partition whose draws a tick has to look at, whatever else has happened: something is to be
/// decided, a row is gone or says something else, or more is drawn than there is.
pub(crate) fn mark(known: &Known, shard: Shard, today: Option<Day>, state: &mut dyn State) -> Result<(), StorageError> {
    let Some(today) = today else { return Ok(()) };
    let drawn_on = known.reference.programs.iter().filter(|program| program.mechanism.is_drawn_on());
    for program in drawn_on.map(|program| &program.id).collect::<BTreeSet<_>>() {
        let Some(drawing) = Drawing::new(known, program, today).filter(|drawing| drawing.is_of(shard)) else {
            continue;
        };
        if OVERDRAWN.get(state, &program.to_string())?.is_some() || drawing.has_news(state)? {
            SHARING.put(state, &Sharing::Program.key(program), &())?;
        }
    }
    Ok(())
}

/// What a settlement has earned, to be drawn on: points, or money.
pub(crate) fn pot(
    id: Id,
    account: &Account,
    program: &Program,
    earned: &Due,
    state: &mut dyn State,
) -> Result<Pot, StorageError> {
    let earned = match &program.mechanism {
        Mechanism::Points(terms) => due(id, account, &counting(program, terms), state)?.earned().to_micros(),
        _ => earned.limited(account, program).round_by(program.rounding_mode, account.settlement.currency),
    };
    let (opens, expires) = (freeze_day(program, account.last_day), close_day(program, account.last_day));
    Ok(Pot::new(opens, expires, earned.0.into(), account.drawn.0.into()))
}

/// The draws on one program at a tick.
pub(crate) struct Drawing<'a> {
    known: &'a Known,
    /// Says how much a draw is given.
    program: &'a Program,
    currency: Currency,
    today: Day,
}

/// A settlement that can be drawn on: with the last day of its period, its place among the members, and what it holds.
pub(crate) type Owner = (Settlement, Day, usize, Pot);

impl<'a> Drawing<'a> {
    /// `None` where no version of the program is drawn on.
    pub fn new(known: &'a Known, program: &str, today: Day) -> Option<Drawing<'a>> {
        let program = known.versions(program).iter().rfind(|version| version.mechanism.is_drawn_on())?;
        Some(Drawing { known, program, currency: program.currency?, today })
    }

    /// Whether they are decided in this partition.
    fn is_of(&self, shard: Shard) -> bool {
        shard.owns(route(self.program.ledger_key()))
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The latest day, this tick's included.
    pub fn today(&self) -> Day {
        self.today
    }

    /// Whether some row has no decision yet, or some decision no row.
    fn has_news(&self, state: &mut dyn State) -> Result<bool, StorageError> {
        let stored = DRAWS.prefix(state, &self.program.id.to_string(), Order::Up, usize::MAX)?;
        let decided: BTreeMap<(&str, &str), &Decision> =
            stored.iter().map(|((_, partner, id), decision)| ((partner.as_str(), id.as_str()), decision)).collect();
        let rows = of_program(&self.known.reference, &self.program.id);
        let reached = rows.iter().filter(|draw| draw.date <= self.today);
        let stands = |draw: &Draw| {
            let decision = decided.get(&(draw.partner.as_str(), draw.id.as_str()));
            decision.is_some_and(|decision| decision.granted.is_some() && decision.asked == self.asked(draw))
        };
        Ok(reached.clone().any(|draw| !stands(draw)) || decided.len() > reached.count())
    }

    /// Decides what is to be decided; returns what is drawn on each settlement, by its place.
    pub fn share_out<T>(
        &self,
        mut owners: Vec<Owner>,
        state: &mut dyn State,
        outbox: &mut Outbox<T>,
    ) -> Result<Vec<(usize, Micros)>, StorageError> {
        owners.sort_by(|a, b| (a.3.expires, a.1, &a.0).cmp(&(b.3.expires, b.1, &b.0)));
        let mut accounts: BTreeMap<String, Vec<Owner>> = BTreeMap::new();
        for owner in owners {
            accounts.entry(owner.0.beneficiary.to_string()).or_default().push(owner);
        }
        let decided = self.decided(state, outbox)?;
        let (mut shared, mut overdrawn) = (Vec::new(), 0);
        for draws in of_program(&self.known.reference, &self.program.id).chunk_by(|a, b| a.partner == b.partner) {
            let own = accounts.remove(&format!("partner:{}", draws[0].partner)).unwrap_or_default();
            let mut pots: Vec<Pot> = own.iter().map(|owner| owner.3).collect();
            overdrawn += self.draw(draws, &decided, &mut pots, state, outbox)?;
            shared.extend(own.iter().zip(&pots).map(|(owner, pot)| {
                (owner.2, Micros(i64::try_from(pot.drawn).expect("what is drawn is within what was earned")))
            }));
        }
        match overdrawn {
            0 => OVERDRAWN.delete(state, &self.program.id.to_string())?,
            _ => OVERDRAWN.put(state, &self.program.id.to_string(), &())?,
        }
        Ok(shared)
    }

    /// What stands of earlier decisions; a row that is gone or asks for something else is not decided any more.
    fn decided<T>(
        &self,
        state: &mut dyn State,
        outbox: &mut Outbox<T>,
    ) -> Result<BTreeMap<(Text, Text), Decision>, StorageError> {
        let rows: BTreeMap<(&str, &str), Micros> = of_program(&self.known.reference, &self.program.id)
            .iter()
            .map(|draw| ((draw.partner.as_str(), draw.id.as_str()), self.asked(draw)))
            .collect();
        let mut decided = BTreeMap::new();
        for (key, decision) in DRAWS.prefix(state, &self.program.id.to_string(), Order::Up, usize::MAX)? {
            let (_, partner, id) = &key;
            match rows.get(&(partner.as_str(), id.as_str())) {
                Some(asked) if *asked == decision.asked => {
                    decided.insert((partner.as_str().into(), id.as_str().into()), decision);
                }
                _ => {
                    if let Some((code, _)) = decision.found {
                        outbox.publish(view(&Publication::Withdrawn(self.finding_id(code, partner, id))));
                    }
                    DRAWS.delete(state, &key)?;
                }
            }
        }
        Ok(decided)
    }

    fn asked(&self, draw: &Draw) -> Micros {
        wanted(&self.program.mechanism, &draw.asked)
    }

    /// One partner's draws, by day and id: those that were granted, then those that are not decided yet. Returns what was
    /// granted and is no longer there.
    fn draw<T>(
        &self,
        draws: &[Draw],
        decided: &BTreeMap<(Text, Text), Decision>,
        pots: &mut [Pot],
        state: &mut dyn State,
        outbox: &mut Outbox<T>,
    ) -> Result<i128, StorageError> {
        let mut due: Vec<&Draw> = draws.iter().filter(|draw| draw.date <= self.today).collect();
        due.sort_by_key(|draw| (draw.date, &draw.id));
        let known = |draw: &Draw| decided.get(&(draw.partner.clone(), draw.id.clone()));
        let granted = |draw: &Draw| known(draw).and_then(|decision| decision.granted);
        let all: i128 = due.iter().filter_map(|draw| granted(draw)).map(|units| i128::from(units.0)).sum();
        let lacking = keep(pots, all);
        let owed = take(pots, self.today, lacking);
        for draw in due.into_iter().filter(|draw| granted(draw).is_none()) {
            let verdict = self.judge(draw, pots);
            if let Some(granted) = verdict.granted {
                take(pots, draw.date, granted.0.into());
            }
            self.note(draw, verdict, known(draw), state, outbox)?;
        }
        Ok(owed)
    }

    fn judge(&self, draw: &Draw, pots: &[Pot]) -> Verdict {
        match &draw.asked {
            Asked::Points(points) => self.redeem(*points, draw, pots),
            Asked::Activity { approved, proof, .. } => self.pay(*approved, proof, draw, pots),
        }
    }

    /// All points or none (DD-25, OP-41).
    fn redeem(&self, points: Micros, draw: &Draw, pots: &[Pot]) -> Verdict {
        let short = Short::of(points, draw, pots);
        if points <= short.held {
            return Verdict { granted: Some(points), found: None };
        }
        let about = format!("order {} of {}", draw.id, draw.date);
        let found = double_spend::check(&about, short).or_else(|| benefit_expired::of_points(&about, short));
        let at_risk = match &self.program.mechanism {
            Mechanism::Points(terms) => points.times(terms.value),
            _ => Micros::ZERO,
        };
        let found = found.map(|(code, message)| Found { code, at_risk, message });
        Verdict { granted: Some(Micros::ZERO), found }
    }

    /// The fund's share, up to what was approved and what it holds (OP-42, OP-41), for a proof of its own (OP-37, DD-24).
    fn pay(&self, approved: Micros, proof: &str, draw: &Draw, pots: &[Pot]) -> Verdict {
        let (share, asked) = (share(&self.program.mechanism, &draw.asked), self.asked(draw));
        let about = format!("activity {} of {}", draw.id, draw.date);
        let draws = &self.known.reference.draws;
        let unproven = activity_unproven::check(&about, proof, asked);
        if let Some((code, message)) = unproven.or_else(|| proof_reused::check(&about, draw, draws)) {
            return Verdict { granted: None, found: Some(Found { code, at_risk: asked, message }) };
        }
        let fund = Short::of(asked, draw, pots);
        let unit = Micros(10_i64.pow(6 - self.currency.minor_digits()));
        let cut = |amount: Micros| Micros(amount.0 - amount.0 % unit.0);
        let paid = cut(asked.min(fund.held));
        if paid >= cut(share) {
            return Verdict { granted: Some(paid), found: None };
        }
        let part = Part { share, approved, fund, paid };
        let found = benefit_expired::of_fund(&about, &part);
        let (code, message) = found.unwrap_or_else(|| activity_above_approval::check(&about, &part));
        Verdict { granted: Some(paid), found: Some(Found { code, at_risk: share - paid, message }) }
    }

    fn note<T>(
        &self,
        draw: &Draw,
        verdict: Verdict,
        before: Option<&Decision>,
        state: &mut dyn State,
        outbox: &mut Outbox<T>,
    ) -> Result<(), StorageError> {
        let finding = verdict.found.map(|found| self.finding(draw, found));
        let found = finding.as_ref().map(|finding| (finding.code, digest(finding)));
        let stood = before.and_then(|decision| decision.found);
        if let Some((code, _)) = stood.filter(|(code, _)| found.is_none_or(|(now, _)| now != *code)) {
            outbox.publish(view(&Publication::Withdrawn(self.finding_id(code, &draw.partner, &draw.id))));
        }
        if let Some(finding) = finding.filter(|_| found != stood) {
            outbox.publish(view(&Publication::Finding(finding)));
        }
        let decision = Decision { asked: self.asked(draw), granted: verdict.granted, found };
        DRAWS.put(state, &(draw.program.to_string(), draw.partner.to_string(), draw.id.to_string()), &decision)
    }

    fn finding(&self, draw: &Draw, found: Found) -> Finding {
        let amount = found.at_risk.round(self.currency.minor_digits());
        Finding {
            id: self.finding_id(found.code, &draw.partner, &draw.id),
            code: found.code,
            reason_901: found.code.reason_901().into(),
            at: RecordRef { partner: draw.partner.clone(), file_no: 0, record_no: 0 },
            related: None,
            sale: None,
            program: draw.program.clone(),
            beneficiary: format!("partner:{}", draw.partner).into(),
            at_risk: (!amount.is_zero()).then_some(Money { amount, currency: self.currency }),
            message: found.message,
            explained_by: None,
        }
    }

    fn finding_id(&self, code: Code, partner: &str, id: &str) -> Id {
        Id::of("finding", &[code.as_str(), "draw", &self.program.id, partner, id])
    }
}

/// What is asked of what is held on a day, and of what had expired by then.
#[derive(Clone, Copy)]
pub(super) struct Short {
    pub asked: Micros,
    pub held: Micros,
    pub gone: Micros,
}

impl Short {
    fn of(asked: Micros, draw: &Draw, pots: &[Pot]) -> Short {
        Short { asked, held: whole(held(pots, draw.date)), gone: whole(expired(pots, draw.date)) }
    }
}

/// What becomes of a draw; nothing granted yet: it waits.
struct Verdict {
    granted: Option<Micros>,
    found: Option<Found>,
}

struct Found {
    code: Code,
    at_risk: Micros,
    message: String,
}

fn whole(millionths: i128) -> Micros {
    Micros(i64::try_from(millionths).expect("number overflow in what is held"))
}

#[cfg(test)]
mod tests {
    use contract::{Measure, Per, Points, Reference};
    use stream::MemoryState;

    use super::*;
    use crate::ledger::scenario::plain_program;

    #[test]
    fn draws_are_decided_in_the_partition_of_their_program() {
        let (every, points, value, breakage) = (Micros::ONE, Micros::ONE, Micros::ONE, Micros::ZERO);
        let terms = Points { measure: Measure::Quantity, every, points, per: Per::Period, value, breakage };
        let program = Program { currency: Currency::parse("USD"), ..plain_program("P", Mechanism::Points(terms)) };
        let (date, asked) = (Day::new(2013, 1, 5).unwrap(), Asked::Points(Micros::ONE));
        let draw = Draw { program: "P".into(), partner: "A".into(), id: "1".into(), date, asked };
        let known = Known::new(Reference { programs: vec![program], draws: vec![draw], ..Reference::default() });
        let looks = |index: u32| {
            let mut state = MemoryState::default();
            mark(&known, Shard { index, count: 2 }, Some(date), &mut state).unwrap();
            SHARING.get(&mut state, &Sharing::Program.key("P")).unwrap().is_some()
        };
        assert_ne!(looks(0), looks(1));
    }
}
