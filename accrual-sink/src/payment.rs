//! Payments that were made outside, taken from commands.
//!
//! Lines that agree in everything are one payment, however many files tell of it ([`Action::payment`]); booked once.
//! Every partition sees every payment. The partition that the authorization's id names (its first eight bytes are the
//! beneficiary's route) answers for it, also when nobody issued it: so it is reported once, by whatever number of
//! partitions.

use contract::{
    Action, Code, Command, Currency, Day, Finding, Id, Micros, Money, Payment, Publication, RecordRef, Settlement, Text,
};
use stream::{Order, Outbox, StageError, State};

use crate::book::Rate;
use crate::rules::{Above, interim_paid_again, paid_unauthorised, payment_refused};
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{BOOKS, GRANTS, PAYMENTS, WAITING, route_of};
use crate::write_off::GivenUp;

/// A payment as reported.
pub(crate) struct Paid<'a> {
    id: Id,
    authorization: Id,
    date: Day,
    pub amount: Micros,
    pub currency: Currency,
    command: &'a Command,
}

impl Paid<'_> {
    /// `None` for a command that reports no payment.
    pub fn of(command: &Command) -> Option<Paid<'_>> {
        let Action::Pay { authorization, date, amount, currency, .. } = command.action else { return None };
        Some(Paid { id: command.action.payment()?, authorization, date, amount, currency, command })
    }

    fn waiting_key(&self) -> ([u8; 16], i32, [u8; 16]) {
        (self.authorization.0, self.date.0, self.id.0)
    }

    pub fn finding_id(&self, code: Code) -> Id {
        Id::of("finding", &[code.as_str(), &self.id.to_string()])
    }

    pub fn finding(&self, code: Code, settlement: Option<&Settlement>, at_risk: Micros, what: &str) -> Finding {
        let beneficiary = settlement.map(|s| s.beneficiary.clone()).unwrap_or_default();
        let at = RecordRef { partner: partner_of(&beneficiary), file_no: 0, record_no: 0 };
        let place = format!("{} line {}", self.command.file, self.command.line_no);
        let message = format!(
            "payment of {} {} on {} for authorization {} ({place}): {what}",
            self.amount, self.currency, self.date, self.authorization
        );
        let mut finding = Finding::about(code, at, None, message);
        finding.id = self.finding_id(code);
        finding.program = settlement.map(|s| s.program.clone()).unwrap_or_default();
        finding.beneficiary = beneficiary;
        finding.at_risk = (at_risk > Micros::ZERO).then_some(Money { amount: at_risk, currency: self.currency });
        finding
    }
}

/// `partner:ID` or `person:PARTNER/text`.
pub(crate) fn partner_of(beneficiary: &str) -> Text {
    let who = beneficiary.split_once(':').map_or(beneficiary, |(_, who)| who);
    who.split_once('/').map_or(who, |(partner, _)| partner).into()
}

impl SinkStage {
    /// Books a payment, or keeps it until its authorization is issued.
    pub(crate) fn pay(
        &self,
        paid: &Paid<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if !self.shard.owns(route_of(paid.authorization)) {
            return Ok(());
        }
        let Some(settlement) = GRANTS.get(state, &(paid.authorization.0,))? else {
            WAITING.put(state, &paid.waiting_key(), paid.command)?;
            publish(outbox, &Publication::Finding(paid_unauthorised::finding(paid)));
            return Ok(());
        };
        self.pay_granted(paid, settlement, self.settings.batch(), state, outbox)
    }

    /// Books what came before its authorization: payments in order of their days, then what is given up of them.
    pub(crate) fn take_up_what_waited(
        &self,
        authorization: Id,
        batch: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let waiting = WAITING.prefix(state, &(authorization.0,), Order::Up, usize::MAX)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let settlement = GRANTS.get(state, &(authorization.0,))?.expect("it has just been issued");
        let mut given_up = Vec::new();
        for (key, command) in &waiting {
            WAITING.delete(state, key)?;
            publish(outbox, &Publication::Withdrawn(paid_unauthorised::finding_id(Id(key.2))));
            match Paid::of(command) {
                Some(paid) => self.pay_granted(&paid, settlement, batch, state, outbox)?,
                None => given_up.extend(GivenUp::of(command)),
            }
        }
        given_up.iter().try_for_each(|given| self.give_up_granted(given, settlement, batch, state, outbox))
    }

    /// Books a payment of an authorization of this settlement, unless it is booked or cannot be.
    fn pay_granted(
        &self,
        paid: &Paid<'_>,
        settlement: [u8; 16],
        batch: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let book = BOOKS.get(state, &(settlement,))?.expect("a grant has its book");
        if let Some(finding) = payment_refused::of_payment(paid, &book.settlement) {
            publish(outbox, &Publication::Finding(finding));
            return Ok(());
        }
        if PAYMENTS.get(state, &(paid.id.0,))?.is_some() {
            return Ok(());
        }
        PAYMENTS.put(state, &(paid.id.0,), &())?;
        self.book_payment(paid, batch, self.desk(book, state)?, state, outbox)
    }

    fn book_payment(
        &self,
        paid: &Paid<'_>,
        batch: u64,
        mut desk: crate::stage::Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let book = &mut desk.book;
        let grant = book.grants.iter().position(|g| g.id == paid.authorization).expect("the grant is in its book");
        let payable = book.payables()[grant];
        let again = interim_paid_again::paid_again(book, payable, paid.amount);
        let rate =
            Rate { same_currency: self.settings.functional == Some(paid.currency), digits: self.settings.digits() };
        let over = book.pay(grant, paid.amount, rate, &mut desk.legs);
        if paid.amount > payable {
            let above = Above { payable, over, again };
            let (code, what) = (above.code(), above.what());
            let settlement = &desk.book.settlement;
            publish(outbox, &Publication::Finding(paid.finding(code, Some(settlement), paid.amount - payable, &what)));
        }
        let Paid { id, command, .. } = *paid;
        let author =
            Author { actor: &command.actor, role: &command.role, reason: &command.reason, comment: &command.comment };
        let object =
            format!("payment {id} of {} {} for authorization {}", paid.amount, paid.currency, paid.authorization);
        desk.audit("payment.settled", object, &author, outbox);
        let payment = Payment {
            id,
            authorization: paid.authorization,
            beneficiary: desk.book.settlement.beneficiary.clone(),
            date: paid.date,
            amount: paid.amount,
            currency: paid.currency,
            over,
        };
        publish(outbox, &Publication::Payment(payment));
        let step = Step { kind: "payment", id, date: paid.date, batch, origin: Text::default(), taken_back: None };
        self.finish(desk, &step, state, outbox)
    }
}
