//! Payments that were made outside, taken from commands.
//!
//! Every partition sees every payment. The partition that the authorization's id names (its first eight bytes are the
//! beneficiary's route) answers for it, also when nobody issued it: so it is reported once, by whatever number of
//! partitions.

use contract::{
    Code, Command, Currency, Day, Finding, Id, Micros, Money, Payment, Publication, RecordRef, Settlement, Text,
};
use stream::{Outbox, StageError, State};

use crate::book::Rate;
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{BOOKS, GRANTS, PAYMENTS, route_of};

/// A payment as reported.
pub(crate) struct Paid<'a> {
    pub authorization: Id,
    pub date: Day,
    pub amount: Micros,
    pub currency: Currency,
    pub command: &'a Command,
}

impl Paid<'_> {
    /// The same authorization, day, amount and currency are the same payment.
    fn id(&self) -> Id {
        let parts = [self.authorization.to_string(), self.date.to_string(), self.amount.to_string()];
        Id::of("payment", &[&parts[0], &parts[1], &parts[2], self.currency.as_str()])
    }

    fn finding(&self, code: Code, settlement: Option<&Settlement>, at_risk: Micros, what: &str) -> Finding {
        let beneficiary = settlement.map(|s| s.beneficiary.clone()).unwrap_or_default();
        let at = RecordRef { partner: partner_of(&beneficiary), file_no: 0, record_no: 0 };
        let place = format!("{} line {}", self.command.file, self.command.line_no);
        let message = format!(
            "payment of {} {} on {} for authorization {} ({place}): {what}",
            self.amount, self.currency, self.date, self.authorization
        );
        let mut finding = Finding::about(code, at, None, message);
        finding.id = Id::of("finding", &[code.as_str(), &self.id().to_string()]);
        finding.program = settlement.map(|s| s.program.clone()).unwrap_or_default();
        finding.beneficiary = beneficiary;
        finding.at_risk = (at_risk > Micros::ZERO).then_some(Money { amount: at_risk, currency: self.currency });
        finding
    }
}

/// `partner:ID` or `person:PARTNER/text`.
fn partner_of(beneficiary: &str) -> Text {
    let who = beneficiary.split_once(':').map_or(beneficiary, |(_, who)| who);
    who.split_once('/').map_or(who, |(partner, _)| partner).into()
}

impl SinkStage {
    pub(crate) fn pay(
        &self,
        paid: &Paid<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if !self.shard.owns(route_of(paid.authorization)) {
            return Ok(());
        }
        let Some(settlement_id) = GRANTS.get(state, &(paid.authorization.0,))? else {
            let what = "nobody issued it; nothing is booked, look for the right id in the authorizations";
            let finding = paid.finding(Code::PaidUnauthorised, None, paid.amount, what);
            publish(outbox, &Publication::Finding(finding));
            return Ok(());
        };
        let book = BOOKS.get(state, &(settlement_id,))?.expect("a grant has its book");
        if let Some(why) = refusal(paid, &book.settlement) {
            let finding = paid.finding(Code::PaymentRefused, Some(&book.settlement), paid.amount, &why);
            publish(outbox, &Publication::Finding(finding));
            return Ok(());
        }
        let id = paid.id();
        if PAYMENTS.get(state, &(id.0,))?.is_some() {
            return Ok(());
        }
        PAYMENTS.put(state, &(id.0,), &())?;
        self.book_payment(paid, id, self.desk(book, state)?, state, outbox)
    }

    fn book_payment(
        &self,
        paid: &Paid<'_>,
        id: Id,
        mut desk: crate::stage::Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let book = &mut desk.book;
        let grant = book.grants.iter().position(|g| g.id == paid.authorization).expect("the grant is in its book");
        let payable = book.payables()[grant];
        let rate =
            Rate { same_currency: self.settings.functional == Some(paid.currency), digits: self.settings.digits() };
        let over = book.pay(grant, paid.amount, rate, &mut desk.legs);
        if paid.amount > payable {
            let code = if payable.is_zero() { Code::PaidTwice } else { Code::PaidAbovePayable };
            let what = format!("{payable} was payable, {over} is owed back");
            let settlement = &desk.book.settlement;
            publish(outbox, &Publication::Finding(paid.finding(code, Some(settlement), paid.amount - payable, &what)));
        }
        let command = paid.command;
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
        let step = Step { kind: "payment", id, date: paid.date, batch: self.settings.batch(), origin: Text::default() };
        self.finish(desk, &step, state, outbox)
    }
}

/// Why a payment cannot be booked at all.
fn refusal(paid: &Paid<'_>, settlement: &Settlement) -> Option<String> {
    if paid.currency != settlement.currency {
        return Some(format!("authorised in {}, nothing is booked", settlement.currency));
    }
    (paid.amount <= Micros::ZERO).then(|| "a payment is above zero, nothing is booked".to_owned())
}
