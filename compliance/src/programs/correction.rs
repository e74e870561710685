//! What later tables say of a sale whose period is frozen: no part of what is due, told by the ledger (OP-45).

use contract::{Debit, Entitlement, Id, Micros, Program, Text};

/// Stands where a special price would.
const CORRECTED: Id = Id(*b"corrected tables");

/// What a program would give for a sale above what it gives for it, of which an entitlement says all else. It holds no units.
pub fn correction(of: &Entitlement, program: &Program, more: Micros) -> Entitlement {
    let marked =
        Debit { program: program.id.clone(), special_price: CORRECTED, credit: Micros::ZERO, short: Micros::ZERO };
    Entitlement {
        programs: vec![program.id.clone()],
        quantity: Micros::ZERO,
        amount: more,
        debits: vec![marked],
        product: Text::default(),
        ..of.clone()
    }
}

/// The program that an entitlement says this of; `None` for any other one.
pub fn corrected(entitlement: &Entitlement) -> Option<&Text> {
    let [debit] = &entitlement.debits[..] else { return None };
    (debit.special_price == CORRECTED).then_some(&debit.program)
}
