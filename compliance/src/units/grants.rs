//! From a sale and what is granted of it to the entitlements that the ledger gets.

use std::borrow::Cow;

use contract::{Entitlement, PartnerKind, Program, Reference, Sale};

use super::facts::Grant;
use crate::programs::special_price::debit;
use crate::programs::stacking::part;
use crate::rules::{Based, Check, RULES};

/// Whether a program pays under the grant to a partner of this kind.
pub fn pays(grant: &Grant, program: &Program, kind: Option<PartnerKind>) -> bool {
    match grant {
        Grant::Nothing | Grant::Back(_) => false,
        Grant::Full => true,
        Grant::Tier { first } => program.pay_tier.map_or(*first, |tier| Some(tier) == kind),
    }
}

/// One entitlement for each ledger key; `programs` come by ledger key, in the order in which they are tried.
pub fn entitlements<'a>(
    sale: &Sale,
    programs: impl Iterator<Item = &'a Program>,
    reference: &Reference,
) -> Vec<Entitlement> {
    let sale = &*counted(sale, reference);
    let mut all: Vec<Entitlement> = Vec::new();
    let programs: Vec<&Program> = programs.collect();
    for program in &programs {
        if all.last().is_none_or(|e| e.ledger_key != *program.ledger_key()) {
            let amount = part(reference, program, &programs, sale).base;
            all.push(Entitlement { amount, ..entitlement(sale, program) });
        }
        let of_key = all.last_mut().expect("one was put in");
        of_key.programs.push(program.id.clone());
        of_key.debits.extend(debit(reference, program, sale));
    }
    all
}

/// What rules say about the amount of a sale that programs count with.
pub fn based(sale: &Sale, reference: &Reference) -> Option<Based> {
    RULES.iter().find_map(|rule| match rule.check {
        Check::Base(check) => check(sale, reference),
        _ => None,
    })
}

/// The sale with the amount and the price that programs count it with.
pub fn counted<'a>(sale: &'a Sale, reference: &Reference) -> Cow<'a, Sale> {
    match based(sale, reference) {
        Some(Based { amount, unit_price, .. }) => Cow::Owned(Sale { amount, unit_price, ..sale.clone() }),
        None => Cow::Borrowed(sale),
    }
}

fn entitlement(sale: &Sale, program: &Program) -> Entitlement {
    Entitlement {
        ledger_key: program.ledger_key().clone(),
        sale: sale.id,
        at: sale.at.clone(),
        stamp: sale.stamp,
        programs: Vec::new(),
        date: sale.date,
        quantity: sale.quantity,
        amount: sale.amount,
        currency: sale.currency,
        rep: sale.rep.clone(),
        origin: None,
        debits: Vec::new(),
    }
}
