//! From a sale and what is granted of it to the entitlements that the ledger gets.

use contract::{Entitlement, PartnerKind, Program, Sale};

use super::facts::Grant;

/// Whether a program pays under the grant to a partner of this kind.
pub fn pays(grant: &Grant, program: &Program, kind: Option<PartnerKind>) -> bool {
    match grant {
        Grant::Nothing | Grant::Back(_) => false,
        Grant::Full => true,
        Grant::Tier { first } => program.pay_tier.map_or(*first, |tier| Some(tier) == kind),
    }
}

/// One entitlement for each ledger key; `programs` come by ledger key, then priority.
pub fn entitlements<'a>(sale: &Sale, programs: impl Iterator<Item = &'a Program>) -> Vec<Entitlement> {
    let mut all: Vec<Entitlement> = Vec::new();
    for program in programs {
        match all.last_mut().filter(|e| e.ledger_key == *program.ledger_key()) {
            Some(same) => same.programs.push(program.id.clone()),
            None => all.push(entitlement(sale, program)),
        }
    }
    all
}

fn entitlement(sale: &Sale, program: &Program) -> Entitlement {
    Entitlement {
        ledger_key: program.ledger_key().clone(),
        sale: sale.id,
        at: sale.at.clone(),
        stamp: sale.stamp,
        programs: vec![program.id.clone()],
        date: sale.date,
        quantity: sale.quantity,
        amount: sale.amount,
        currency: sale.currency,
        rep: sale.rep.clone(),
        origin: None,
    }
}
