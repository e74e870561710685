//! Deductions from invoices that finance has accepted (DD-10): payments in kind, each under a grant of its own.

use contract::{AcceptedDeduction, Id, Micros, Payment, Publication, Text};
use stream::{Outbox, StageError, State};

use crate::book::{Grant, Rate};
use crate::rules::paid_above_payable;
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{GRANTS, authorization_id};

impl SinkStage {
    /// Books what the beneficiary keeps: out of what is due and payable, and what is above that is owed back.
    pub(crate) fn deducted(
        &self,
        deduction: &AcceptedDeduction,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let AcceptedDeduction { order, kept, number, invoice, accepted_by } = deduction;
        let (settlement, date, batch) = (&order.settlement, order.date, order.batch);
        let id = authorization_id(&settlement.beneficiary, order.id);
        if GRANTS.get(state, &(id.0,))?.is_some() {
            return Ok(());
        }
        let mut desk = self.open(settlement, order.class, state)?;
        let (offset, paid, claim) = (Micros::ZERO, Micros::ZERO, Some(order.claim));
        let grant = Grant { id, granted: order.amount, offset, paid, date, batch, claim };
        let same_currency = self.settings.functional == Some(settlement.currency);
        let rate = Rate { same_currency, digits: self.settings.digits() };
        let over = desk.book.keep(grant, *kept, rate, &mut desk.legs);
        if !over.is_zero() {
            publish(outbox, &Publication::Finding(paid_above_payable::of_deduction(deduction, id, over)));
        }
        let author = Author { actor: accepted_by, role: "finance", reason: "", comment: "" };
        let object = format!("deduction {number} of {kept} {} from invoice {invoice}", settlement.currency);
        desk.audit("deduction.accepted", object, &author, outbox);
        let payment = Payment {
            id: Id::of("payment", &["deduction", &id.to_string()]),
            authorization: id,
            beneficiary: settlement.beneficiary.clone(),
            date,
            amount: *kept,
            currency: settlement.currency,
            over,
        };
        publish(outbox, &Publication::Payment(payment));
        let step = Step { kind: "deduction", id, date, batch, origin: Text::default(), taken_back: None };
        self.finish(desk, &step, state, outbox)
    }
}
