//! What persons give up of what is owed back (CL22, GL13), taken from commands.

use contract::{
    Action, Code, Command, Currency, Day, Finding, Id, Micros, Money, Publication, RecordRef, Settlement, Text,
};
use stream::{Outbox, StageError, State};

use crate::payment::partner_of;
use crate::rules::{paid_unauthorised, payment_refused};
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{BOOKS, GRANTS, PAYMENTS, WAITING, route_of};

/// A write-off as two persons ordered it.
pub(crate) struct GivenUp<'a> {
    /// Lines that agree in everything are one write-off, like payments.
    id: Id,
    authorization: Id,
    date: Day,
    pub amount: Micros,
    pub currency: Currency,
    approved_by: &'a str,
    command: &'a Command,
}

impl GivenUp<'_> {
    /// `None` for a command that gives up nothing.
    pub fn of(command: &Command) -> Option<GivenUp<'_>> {
        let Action::WriteOff { authorization, date, amount, currency, approved_by } = &command.action else {
            return None;
        };
        let (authorization, date, amount, currency) = (*authorization, *date, *amount, *currency);
        let parts = [authorization.to_string(), date.to_string(), amount.to_string()];
        let id = Id::of("write-off", &[&parts[0], &parts[1], &parts[2], currency.as_str()]);
        Some(GivenUp { id, authorization, date, amount, currency, approved_by, command })
    }

    pub fn finding_id(&self, code: Code) -> Id {
        Id::of("finding", &[code.as_str(), &self.id.to_string()])
    }

    pub fn finding(&self, code: Code, settlement: Option<&Settlement>, why: &str) -> Finding {
        let beneficiary = settlement.map(|settlement| settlement.beneficiary.clone()).unwrap_or_default();
        let at = RecordRef { partner: partner_of(&beneficiary), file_no: 0, record_no: 0 };
        let message = format!(
            "write-off of {} {} on {} for authorization {} ({} line {}): {why}",
            self.amount, self.currency, self.date, self.authorization, self.command.file, self.command.line_no
        );
        Finding {
            id: self.finding_id(code),
            program: settlement.map(|settlement| settlement.program.clone()).unwrap_or_default(),
            beneficiary,
            at_risk: Some(Money { amount: self.amount, currency: self.currency }),
            ..Finding::about(code, at, None, message)
        }
    }
}

impl SinkStage {
    /// Books what is given up, or keeps it until its authorization is issued (OP-50).
    pub(crate) fn write_off(
        &self,
        given: &GivenUp<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if !self.shard.owns(route_of(given.authorization)) {
            return Ok(());
        }
        let Some(settlement) = GRANTS.get(state, &(given.authorization.0,))? else {
            WAITING.put(state, &(given.authorization.0, given.date.0, given.id.0), given.command)?;
            publish(outbox, &Publication::Finding(paid_unauthorised::of_write_off(given)));
            return Ok(());
        };
        self.give_up_granted(given, settlement, self.settings.batch(), state, outbox)
    }

    /// Books what is given up of this settlement, as far as it is owed back now; what cannot be booked is told (OP-51).
    pub(crate) fn give_up_granted(
        &self,
        given: &GivenUp<'_>,
        settlement: [u8; 16],
        batch: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if PAYMENTS.get(state, &(given.id.0,))?.is_some() {
            return Ok(());
        }
        let book = BOOKS.get(state, &(settlement,))?.expect("a grant has its book");
        let mut desk = self.desk(book, state)?;
        if let Some(refused) = payment_refused::of_write_off(given, &desk.book) {
            publish(outbox, &Publication::Finding(refused));
            return Ok(());
        }
        PAYMENTS.put(state, &(given.id.0,), &())?;
        desk.book.give_up(given.amount, self.settings.digits(), &mut desk.legs);
        let Command { actor, role, reason, comment, .. } = given.command;
        let object = format!(
            "write-off {} of {} {} for authorization {}, approved by {}",
            given.id, given.amount, given.currency, given.authorization, given.approved_by
        );
        desk.audit("clawback.written-off", object, &Author { actor, role, reason, comment }, outbox);
        publish(outbox, &Publication::Withdrawn(given.finding_id(Code::PaymentRefused)));
        let (date, origin, taken_back) = (given.date, Text::default(), None);
        self.finish(desk, &Step { kind: "write-off", id: given.id, date, batch, origin, taken_back }, state, outbox)
    }
}
