//! Claims on their way to the ledger: no unit moves, and nothing here judges them.

use contract::{ClaimLine, EntitlementEvent, Id, Movement, Sale};
use stream::Outbox;

/// Mark between a document and its line in what a claim or a return refers to.
const LINE_MARK: char = '#';

/// A document and its line, where a text names both.
pub(super) fn of_line(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once(LINE_MARK).filter(|(document, _)| !document.is_empty())
}

/// Whether a fact is a claim.
pub(super) fn is_claim(sale: &Sale) -> bool {
    sale.movement == Movement::Claim
}

/// Hands on that a line is claimed, or no longer. One with a doubt waits until that is gone.
pub(super) fn pass(sale: &Sale, stands: bool, outbox: &mut Outbox<EntitlementEvent>) {
    if !sale.holds.is_empty() {
        return;
    }
    let line = Box::new(line(sale));
    let event = if stands { EntitlementEvent::Claim(line) } else { EntitlementEvent::Unclaim(line) };
    outbox.send(&sale.product, event);
}

/// The line that a fact reports. Its product is the program's ledger key.
fn line(sale: &Sale) -> ClaimLine {
    let partner = &sale.at.partner;
    ClaimLine {
        id: sale.id,
        version: sale.version,
        ledger_key: sale.product.clone(),
        at: sale.at.clone(),
        stamp: sale.stamp,
        claim: sale.document.clone(),
        line: sale.document_line.clone(),
        program: sale.promotion.clone(),
        beneficiary: format!("partner:{partner}").into(),
        date: sale.date,
        quantity: sale.quantity,
        unit: sale.unit_price,
        amount: sale.amount,
        currency: sale.currency,
        document: sale.original_document.clone(),
        sale: of_line(&sale.original_document).map(|(document, line)| Id::of("sale", &[partner, document, line])),
        product: sale.claimed_product.clone(),
        authorisation: sale.authorisation.clone(),
    }
}
