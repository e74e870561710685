//! What persons give up of what is owed back (CL22, GL13), taken from commands.

use contract::{Action, Command, Currency, Day, Id, Micros, Publication, Text};
use stream::{Outbox, StageError, State};

use crate::rules::payment_refused;
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{BOOKS, GRANTS, PAYMENTS, route_of};

/// A write-off as two persons ordered it.
pub(crate) struct GivenUp<'a> {
    /// Lines that agree in everything are one write-off, like payments.
    pub id: Id,
    pub authorization: Id,
    pub date: Day,
    pub amount: Micros,
    pub currency: Currency,
    approved_by: &'a str,
    pub command: &'a Command,
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
            publish(
                outbox,
                &payment_refused::of_write_off(
                    given,
                    None,
                    "no such authorization has been issued, nothing is written off",
                ),
            );
            return Ok(());
        };
        let book = BOOKS.get(state, &(settlement,))?.expect("a grant has its book");
        let mut desk = self.desk(book, state)?;
        let settlement = &desk.book.settlement;
        if given.currency != settlement.currency {
            let why = format!("authorised in {}, nothing is written off", settlement.currency);
            publish(outbox, &payment_refused::of_write_off(given, Some(settlement), &why));
            return Ok(());
        }
        if desk.book.clawback.amount < given.amount {
            let why = format!("only {} is owed back, nothing is written off", desk.book.clawback.amount);
            publish(outbox, &payment_refused::of_write_off(given, Some(settlement), &why));
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
        publish(outbox, &Publication::Withdrawn(payment_refused::of_write_off_id(given.id)));
        let (origin, taken_back) = (Text::default(), None);
        let (date, batch) = (given.date, self.settings.batch());
        self.finish(desk, &Step { kind: "write-off", id: given.id, date, batch, origin, taken_back }, state, outbox)
    }
}
