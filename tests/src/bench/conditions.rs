//! What rules cost: a sale whose programs ask for more and more of it, each condition with its table.

use std::sync::Arc;

use anyhow::Result;
use contract::{
    Benefit, Conditions, ConsumerRebate, CustomerPayment, DropShipment, InvoiceStatus, Mechanism, Membership, Micros,
    Person, Program, Proof, Reference, Sale, SaleEvent, Shipment, Split, Text,
};
use serde_json::json;

use super::programs::{SELECTING, Stages, figures, first_day, many, sale};
use crate::measure::Figures;

/// Programs in all.
const PROGRAMS: usize = 100;
/// Who sells for each partner.
const PERSONS: usize = 50;

/// What each condition asks, and the table that answers it.
type Ask = fn(&mut Conditions, &mut Reference, &[Sale]);

/// As many as programs know, the cheap ones not first.
const ASKS: [Ask; 11] = [
    |asked, reference, _| {
        asked.members_only = true;
        let membership = |partner: &Text, program: &Program| Membership {
            program: program.id.clone(),
            partner: partner.clone(),
            from: first_day(),
            to: None,
        };
        let partners: Vec<Text> = reference.partners.iter().map(|partner| partner.id.clone()).collect();
        let of = |program| partners.iter().map(move |partner| membership(partner, program));
        reference.memberships = reference.programs[..SELECTING].iter().flat_map(of).collect();
    },
    |asked, reference, _| {
        asked.territory = reference.outlets.iter().map(|outlet| Text::from(outlet.country.as_str())).collect();
        asked.territory.sort();
        asked.territory.dedup();
    },
    |asked, reference, _| asked.customers = reference.outlets.iter().map(|outlet| outlet.id.clone()).collect(),
    |asked, reference, sales| {
        asked.direct_purchase = true;
        let shipment = |sale: &Sale| Shipment {
            partner: sale.at.partner.clone(),
            product: sale.product.clone(),
            year: first_day().year(),
            units: Micros::units(1_000_000),
        };
        reference.shipments = sales.iter().map(shipment).collect();
    },
    |asked, _, _| asked.end_users = true,
    |asked, _, _| asked.free_goods_excluded = true,
    |asked, reference, sales| {
        asked.stock_sales = true;
        let order = |sale: &Sale| DropShipment {
            partner: sale.at.partner.clone(),
            product: sale.product.clone(),
            order: format!("X{}", sale.document).into(),
        };
        reference.drop_shipments = sales.iter().map(order).collect();
    },
    |asked, reference, sales| {
        asked.no_consumer_rebate = true;
        let rebate = |sale: &Sale| ConsumerRebate {
            product: sale.product.clone(),
            serial: format!("X{}", sale.serials[0]).into(),
            paid: sale.date,
        };
        reference.consumer_rebates = sales.iter().map(rebate).collect();
    },
    |asked, _, _| asked.proof = vec![Proof::Serials, Proof::Customer],
    |asked, reference, sales| {
        asked.paid_invoices = true;
        let paid = |sale: &Sale| CustomerPayment {
            partner: sale.at.partner.clone(),
            document: sale.document.clone(),
            date: sale.date,
            status: InvoiceStatus::Paid,
        };
        reference.customer_payments = sales.iter().map(paid).collect();
    },
    |asked, reference, _| {
        asked.registered_persons = true;
        let person = |partner: &Text, number| Person {
            partner: partner.clone(),
            name: name(number),
            from: first_day(),
            to: None,
            payee: Text::default(),
        };
        let partners: Vec<Text> = reference.partners.iter().map(|partner| partner.id.clone()).collect();
        let of = |partner| (0..PERSONS).map(move |number| person(partner, number));
        reference.persons = partners.iter().flat_map(of).collect();
    },
];

/// How many conditions there are.
pub const ALL: usize = ASKS.len();

/// What one of so many sales costs where the three programs that select it, which pay persons, ask so many things of it. All
/// that is asked is met.
pub fn per_sale(conditions: usize, sales: usize) -> Result<Figures> {
    let mut reference = many(PROGRAMS)?;
    let sales: Vec<Sale> = (0..sales + 1).map(|number| asked_sale(number, &reference)).collect();
    let mut asked = Conditions::default();
    ASKS.iter().take(conditions).for_each(|ask| ask(&mut asked, &mut reference, &sales));
    asked.customers.sort();
    reference.memberships.sort();
    reference.shipments.sort();
    reference.shipments.dedup();
    reference.drop_shipments.sort();
    reference.consumer_rebates.sort();
    reference.customer_payments.sort();
    reference.persons.sort();
    for program in &mut reference.programs[..SELECTING] {
        program.conditions = asked.clone();
        let (benefit, rate, split) = (Benefit::PerUnit, Micros::ONE, Split::Whole);
        program.mechanism = Mechanism::Spiff { benefit, rate, split, late: None };
    }
    let sales: Vec<SaleEvent> = sales.into_iter().map(|sale| SaleEvent::Assert(Arc::new(sale))).collect();
    let mut stages = Stages::new(&reference)?;
    stages.sell(&sales[0])?;
    let (count, each) = stages.sell_rest(&sales)?;
    figures(json!({
        "conditions": conditions, "sales": count, "microseconds_per_sale": each,
    }))
}

/// With a person who sold, a known customer and a serial number for each unit.
fn asked_sale(number: usize, reference: &Reference) -> Sale {
    let sale = sale(number, reference);
    let units = sale.quantity.0 / Micros::ONE.0;
    let is_no_partner = |name: &str| reference.partners.iter().all(|partner| !partner.name.eq_ignore_ascii_case(name));
    let places = (0..reference.outlets.len()).map(|place| (number + place) % reference.outlets.len());
    let mut outlets = places.map(|place| &reference.outlets[place]);
    let customer = outlets.find(|outlet| is_no_partner(&outlet.name)).map(|outlet| outlet.id.clone());
    Sale {
        customer: customer.unwrap_or_default(),
        rep: name(number % PERSONS),
        serials: (0..units).map(|unit| format!("S{number:07}{unit}").into()).collect(),
        ..sale
    }
}

fn name(number: usize) -> Text {
    format!("Person No {number}").into()
}
