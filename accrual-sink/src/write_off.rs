//! What persons give up of what is owed back (CL22, GL13), taken from commands.

use contract::{
    Action, Code, Command, Currency, Day, Finding, Id, Micros, Money, Publication, RecordRef, Settlement, Text,
};
use stream::{Outbox, StageError, State};

use crate::payment::partner_of;
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{BOOKS, GRANTS, PAYMENTS, route_of};

/// A write-off as two persons ordered it.
pub(crate) struct GivenUp<'a> {
    /// Lines that agree in everything are one write-off, like payments.
    id: Id,
    authorization: Id,
    date: Day,
    amount: Micros,
    currency: Currency,
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

    fn refused(&self, settlement: Option<&Settlement>, why: &str) -> Publication {
        let beneficiary = settlement.map(|settlement| settlement.beneficiary.clone()).unwrap_or_default();
        let at = RecordRef { partner: partner_of(&beneficiary), file_no: 0, record_no: 0 };
        let message = format!(
            "write-off of {} {} on {} for authorization {} ({} line {}): {why}",
            self.amount, self.currency, self.date, self.authorization, self.command.file, self.command.line_no
        );
        Publication::Finding(Finding {
            id: Id::of("finding", &[Code::PaymentRefused.as_str(), &self.id.to_string()]),
            program: settlement.map(|settlement| settlement.program.clone()).unwrap_or_default(),
            beneficiary,
            at_risk: Some(Money { amount: self.amount, currency: self.currency }),
            ..Finding::about(Code::PaymentRefused, at, None, message)
        })
    }
}

impl SinkStage {
    /// Books what is given up, as far as it is owed back now; what cannot be booked is told (OP-51).
    pub(crate) fn write_off(
        &self,
        given: &GivenUp<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if !self.shard.owns(route_of(given.authorization)) || PAYMENTS.get(state, &(given.id.0,))?.is_some() {
            return Ok(());
        }
        let Some(settlement) = GRANTS.get(state, &(given.authorization.0,))? else {
            publish(outbox, &given.refused(None, "no such authorization has been issued, nothing is written off"));
            return Ok(());
        };
        let book = BOOKS.get(state, &(settlement,))?.expect("a grant has its book");
        let mut desk = self.desk(book, state)?;
        let settlement = &desk.book.settlement;
        if given.currency != settlement.currency {
            let why = format!("authorised in {}, nothing is written off", settlement.currency);
            publish(outbox, &given.refused(Some(settlement), &why));
            return Ok(());
        }
        if desk.book.clawback.amount < given.amount {
            let why = format!("only {} is owed back, nothing is written off", desk.book.clawback.amount);
            publish(outbox, &given.refused(Some(settlement), &why));
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
        publish(
            outbox,
            &Publication::Withdrawn(Id::of("finding", &[Code::PaymentRefused.as_str(), &given.id.to_string()])),
        );
        let (origin, taken_back) = (Text::default(), None);
        let (date, batch) = (given.date, self.settings.batch());
        self.finish(desk, &Step { kind: "write-off", id: given.id, date, batch, origin, taken_back }, state, outbox)
    }
}
