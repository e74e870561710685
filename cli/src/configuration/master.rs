//! Partners, outlets, products and what is known about them: the CSV tables of a configuration.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use contract::{
    Amendment, Approver, ConsumerRebate, CrossReference, CustomerPayment, Day, Deduction, DropShipment, Expectation,
    InvoiceStatus, Membership, Micros, Outlet, Partner, PartnerKind, PartnerTier, PayeeAccount, Person, Product,
    ProductAttribute, Purchase, Rate, Reference, Restricted, SerialRange, Shipment, StockCount, Tax, TaxThreshold,
    Text, UnitCost,
};

use super::fields::{currency, day, in_whole_units, not_negative, number, one_of, positive, share, text, whole};
use super::problem::Report;
use super::table::{Row, Table};
use super::{draws, special_prices};

pub(crate) const KINDS: &[(&str, PartnerKind)] =
    &[("distributor", PartnerKind::Distributor), ("reseller", PartnerKind::Reseller)];
const INVOICES: &[(&str, InvoiceStatus)] =
    &[("paid", InvoiceStatus::Paid), ("unpaid", InvoiceStatus::Unpaid), ("cancelled", InvoiceStatus::Cancelled)];

/// A table of a configuration: its file, whether it must be there, and what reads it.
pub(crate) struct MasterTable {
    pub file: &'static str,
    pub required: bool,
    pub read: fn(&mut Report<'_>, &mut Reference),
}

/// In the order in which they may refer to each other.
pub(crate) const TABLES: &[MasterTable] = &[
    MasterTable { file: "products.csv", required: true, read: products },
    MasterTable { file: "partners.csv", required: true, read: partners },
    MasterTable { file: "outlets.csv", required: false, read: outlets },
    MasterTable { file: "sku_xref.csv", required: false, read: cross_references },
    MasterTable { file: "sell_in.csv", required: false, read: shipments },
    MasterTable { file: "inventory.csv", required: false, read: inventory },
    MasterTable { file: "purchases.csv", required: false, read: purchases },
    MasterTable { file: "rates.csv", required: false, read: rates },
    MasterTable { file: special_prices::FILE, required: false, read: special_prices::special_prices },
    MasterTable { file: special_prices::PRICE_BOOK, required: false, read: special_prices::price_book },
    MasterTable { file: draws::REDEMPTIONS, required: false, read: draws::redemptions },
    MasterTable { file: draws::ACTIVITIES, required: false, read: draws::activities },
    MasterTable { file: "memberships.csv", required: false, read: memberships },
    MasterTable { file: "persons.csv", required: false, read: persons },
    MasterTable { file: "restricted.csv", required: false, read: restricted },
    MasterTable { file: "serial_ranges.csv", required: false, read: serial_ranges },
    MasterTable { file: "consumer_rebates.csv", required: false, read: consumer_rebates },
    MasterTable { file: "drop_shipments.csv", required: false, read: drop_shipments },
    MasterTable { file: "customer_payments.csv", required: false, read: customer_payments },
    MasterTable { file: "taxes.csv", required: false, read: taxes },
    MasterTable { file: "tax_thresholds.csv", required: false, read: tax_thresholds },
    MasterTable { file: "deductions.csv", required: false, read: deductions },
    MasterTable { file: "payees.csv", required: false, read: payees },
    MasterTable { file: "amendments.csv", required: false, read: amendments },
    MasterTable { file: "expectations.csv", required: false, read: expectations },
    MasterTable { file: "approvers.csv", required: false, read: approvers },
    MasterTable { file: "product_attributes.csv", required: false, read: product_attributes },
    MasterTable { file: "partner_tiers.csv", required: false, read: partner_tiers },
];

fn products(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["product", "name", "category", "list_price", "?name_2", "?name_3", "?gtin", "?pack"];
    reference.products = keyed(&columns, report, |row, report| {
        let (id, list_price) = (row.require("product", golden, report), row.get("list_price", number, report));
        let pack = row.get("pack", positive, report);
        let id = id?;
        let names = [row.cell("name_2"), row.cell("name_3")];
        let product = Product {
            id: id.clone(),
            name: row.cell("name").to_owned(),
            other_names: names.into_iter().filter(|n| !n.is_empty()).map(str::to_owned).collect(),
            category: row.cell("category").into(),
            list_price,
            gtin: row.cell("gtin").into(),
            pack,
        };
        Some((id, product))
    });
}

fn partners(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["partner", "name", "kind", "source", "?parent", "?country", "?region", "?currency"];
    reference.partners = keyed(&columns, report, |row, report| {
        let (id, kind) = (row.require("partner", folder_name, report), row.require("kind", one_of(KINDS), report));
        let (source, currency) = (row.require("source", text, report), row.get("currency", currency, report));
        // A partner with a fault is known all the same: whatever names it is right.
        let id = id?;
        let partner = Partner {
            id: id.clone(),
            name: row.cell("name").to_owned(),
            kind: kind.unwrap_or(PartnerKind::Reseller),
            source: source.unwrap_or_default(),
            parent: row.cell("parent").into(),
            country: row.cell("country").into(),
            region: row.cell("region").into(),
            currency,
        };
        Some((id, partner))
    });
}

fn outlets(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["outlet", "name", "?city", "?region", "?country", "?segment", "?operated_by"];
    reference.outlets = keyed(&columns, report, |row, report| {
        let id = row.require("outlet", golden, report)?;
        let outlet = Outlet {
            id: id.clone(),
            name: row.cell("name").to_owned(),
            city: row.cell("city").to_owned(),
            region: row.cell("region").to_owned(),
            country: row.cell("country").to_owned(),
            segment: row.cell("segment").into(),
            operated_by: row.cell("operated_by").into(),
        };
        Some((id, outlet))
    });
}

fn cross_references(report: &mut Report<'_>, reference: &mut Reference) {
    let found = keyed(&["partner", "code", "product"], report, |row, report| {
        let partner = row.require("partner", text, report);
        let code = row.require("code", text, report);
        let product = row.require("product", golden, report);
        let entry = CrossReference { partner: partner?, code: code?, product: product? };
        Some(((entry.partner.clone(), entry.code.clone()), entry))
    });
    reference.cross_references = found;
}

fn shipments(report: &mut Report<'_>, reference: &mut Reference) {
    reference.shipments = keyed(&["partner", "product", "year", "units"], report, |row, report| {
        let partner = row.require("partner", text, report);
        let product = row.require("product", golden, report);
        let year = row.require("year", whole::<i16>, report);
        let units = row.require("units", number, report);
        let entry = Shipment { partner: partner?, product: product?, year: year?, units: units? };
        Some(((entry.partner.clone(), entry.product.clone(), entry.year), entry))
    });
}

fn inventory(report: &mut Report<'_>, reference: &mut Reference) {
    reference.inventory = keyed(&["partner", "product", "date", "units"], report, |row, report| {
        let (partner, product) = (row.require("partner", text, report), row.require("product", golden, report));
        let (day, units) = (row.require("date", day, report), row.require("units", number, report));
        let count = StockCount { partner: partner?, product: product?, day: day?, units: units? };
        Some(((count.partner.clone(), count.product.clone(), count.day), count))
    });
}

fn purchases(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["partner", "product", "date", "?document", "units", "?unit_cost", "?currency"];
    reference.purchases = keyed(&columns, report, |row, report| {
        let partner = row.require("partner", text, report);
        let product = row.require("product", golden, report);
        let date = row.require("date", day, report);
        let units = row.require("units", number, report);
        let cost = unit_cost(row, report);
        if units.is_some_and(|units| units < Micros::ZERO) && cost.flatten().is_some() {
            let (message, hint) = (
                format!("`{}` stands at units that went back", row.cell("unit_cost")),
                "they are taken off the latest layers: leave `unit_cost` and `currency` empty",
            );
            row.add("unit_cost", message, hint, report);
        }
        let document = row.cell("document").into();
        let bought =
            Purchase { partner: partner?, product: product?, date: date?, document, units: units?, cost: cost? };
        Some(((bought.partner.clone(), bought.product.clone(), bought.date, bought.document.clone()), bought))
    });
}

/// What a unit cost, with its currency or not at all; `None` after a problem.
fn unit_cost(row: &Row<'_>, report: &mut Report<'_>) -> Option<Option<UnitCost>> {
    let written = ["unit_cost", "currency"].map(|column| !row.cell(column).is_empty());
    if written == [false, false] {
        return Some(None);
    }
    let amount = row.get("unit_cost", positive, report);
    let currency = row.get("currency", currency, report);
    if let Some(missing) = ["unit_cost", "currency"].into_iter().zip(written).find(|(_, is_written)| !is_written) {
        let hint = "what a unit cost stands in both columns, or in none";
        row.add(missing.0, format!("`{}` is empty", missing.0), hint, report);
    }
    Some(Some(UnitCost { amount: amount?, currency: currency? }))
}

fn rates(report: &mut Report<'_>, reference: &mut Reference) {
    reference.rates = keyed(&["currency", "date", "rate"], report, |row, report| {
        let currency = row.require("currency", currency, report);
        let day = row.require("date", day, report);
        let rate = row.require("rate", number, report);
        if rate.is_some_and(|r| r.0 <= 0) {
            row.add("rate", "a rate must be above zero", "units of the books' currency for one unit", report);
        }
        let entry = Rate { currency: currency?, day: day?, rate: rate? };
        Some(((entry.currency, entry.day), entry))
    });
}

fn memberships(report: &mut Report<'_>, reference: &mut Reference) {
    reference.memberships = keyed(&["program", "partner", "from", "?to"], report, |row, report| {
        let (program, partner) = (row.require("program", text, report), row.require("partner", text, report));
        let (from, to) = days(row, report)?;
        let entry = Membership { program: program?, partner: partner?, from, to };
        Some(((entry.program.clone(), entry.partner.clone(), from), entry))
    });
}

fn persons(report: &mut Report<'_>, reference: &mut Reference) {
    reference.persons = keyed(&["partner", "person", "from", "?to", "?payee"], report, |row, report| {
        let (partner, name) = (row.require("partner", text, report), row.require("person", text, report));
        let (from, to) = days(row, report)?;
        let entry = Person { partner: partner?, name: name?, from, to, payee: row.cell("payee").into() };
        Some(((entry.partner.clone(), entry.name.clone(), from), entry))
    });
}

/// First and last day of a row; without the last there is no end.
fn days(row: &Row<'_>, report: &mut Report<'_>) -> Option<(Day, Option<Day>)> {
    let (from, to) = (row.require("from", day, report), row.get("to", day, report));
    let from = from?;
    if to.is_some_and(|to| to < from) {
        row.add("to", format!("the last day lies before the first, {from}"), "swap the two dates", report);
        return None;
    }
    (to.is_some() || row.cell("to").is_empty()).then_some((from, to))
}

fn restricted(report: &mut Report<'_>, reference: &mut Reference) {
    reference.restricted = keyed(&["name", "list"], report, |row, report| {
        let (name, list) = (row.require("name", text, report), row.require("list", text, report));
        let entry = Restricted { name: name?, list: list? };
        Some(((entry.name.clone(), entry.list.clone()), entry))
    });
}

fn serial_ranges(report: &mut Report<'_>, reference: &mut Reference) {
    reference.serial_ranges = keyed(&["product", "first", "last", "?partner"], report, |row, report| {
        let product = row.require("product", golden, report);
        let (first, last) = (row.require("first", serial, report), row.require("last", serial, report));
        let (first, last) = (first?, last?);
        if first.len() != last.len() || first > last {
            row.add("last", "the range runs backwards or its ends differ in length", "write both ends in full", report);
            return None;
        }
        let range = SerialRange { product: product?, first, last, partner: row.cell("partner").into() };
        Some(((range.product.clone(), range.first.clone()), range))
    });
}

fn consumer_rebates(report: &mut Report<'_>, reference: &mut Reference) {
    reference.consumer_rebates = keyed(&["product", "serial", "date"], report, |row, report| {
        let (product, number) = (row.require("product", golden, report), row.require("serial", serial, report));
        let paid = row.require("date", day, report);
        let rebate = ConsumerRebate { product: product?, serial: number?, paid: paid? };
        Some(((rebate.product.clone(), rebate.serial.clone()), rebate))
    });
}

fn drop_shipments(report: &mut Report<'_>, reference: &mut Reference) {
    reference.drop_shipments = keyed(&["partner", "product", "order"], report, |row, report| {
        let (partner, product) = (row.require("partner", text, report), row.require("product", golden, report));
        let order = row.require("order", text, report);
        let shipment = DropShipment { partner: partner?, product: product?, order: order? };
        Some((shipment.clone(), shipment))
    });
}

fn customer_payments(report: &mut Report<'_>, reference: &mut Reference) {
    reference.customer_payments = keyed(&["partner", "document", "date", "status"], report, |row, report| {
        let (partner, document) = (row.require("partner", text, report), row.require("document", text, report));
        let (date, status) = (row.require("date", day, report), row.require("status", one_of(INVOICES), report));
        let payment = CustomerPayment { partner: partner?, document: document?, date: date?, status: status? };
        Some(((payment.partner.clone(), payment.document.clone(), payment.date), payment))
    });
}

fn taxes(report: &mut Report<'_>, reference: &mut Reference) {
    reference.taxes = keyed(&["country", "from", "rate"], report, |row, report| {
        let (country, from) = (row.require("country", text, report), row.require("from", day, report));
        let rate = row.require("rate", share, report);
        let tax = Tax { country: country?, from: from?, rate: rate? };
        Some(((tax.country.clone(), tax.from), tax))
    });
}

fn tax_thresholds(report: &mut Report<'_>, reference: &mut Reference) {
    reference.tax_thresholds = keyed(&["country", "currency", "from", "amount"], report, |row, report| {
        let (country, from) = (row.require("country", text, report), row.require("from", day, report));
        let (amount, currency) = (row.require("amount", positive, report), row.require("currency", currency, report));
        let threshold = TaxThreshold { country: country?, currency: currency?, from: from?, amount: amount? };
        Some(((threshold.country.clone(), threshold.currency, threshold.from), threshold))
    });
}

fn deductions(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["deduction", "program", "partner", "period", "invoice", "amount", "currency", "?accepted_by"];
    reference.deductions = keyed(&columns, report, |row, report| {
        let (number, program) = (row.require("deduction", text, report), row.require("program", text, report));
        let (partner, period) = (row.require("partner", text, report), row.require("period", text, report));
        let currency = row.require("currency", currency, report);
        let amount = row.require("amount", in_whole_units(currency), report);
        let deduction = Deduction {
            program: program?,
            partner: partner?,
            number: number?,
            invoice: row.cell("invoice").into(),
            period: period?,
            amount: amount?,
            currency: currency?,
            accepted_by: row.cell("accepted_by").into(),
        };
        Some(((deduction.program.clone(), deduction.partner.clone(), deduction.number.clone()), deduction))
    });
}

fn payees(report: &mut Report<'_>, reference: &mut Reference) {
    reference.payees = keyed(&["partner", "from", "account", "?holder"], report, |row, report| {
        let (partner, from) = (row.require("partner", text, report), row.require("from", day, report));
        let account = row.require("account", text, report);
        let holder = row.cell("holder").into();
        let payee = PayeeAccount { partner: partner?, from: from?, account: account?, holder };
        Some(((payee.partner.clone(), payee.from), payee))
    });
}

fn amendments(report: &mut Report<'_>, reference: &mut Reference) {
    reference.amendments = keyed(&["program", "version", "approved_by", "?to"], report, |row, report| {
        let (program, version) = (row.require("program", text, report), row.require("version", whole, report));
        let (approved_by, to) = (row.require("approved_by", text, report), row.get("to", day, report));
        let to = if row.cell("to").is_empty() { None } else { Some(to?) };
        let amendment = Amendment { program: program?, version: version?, approved_by: approved_by?, to };
        Some(((amendment.program.clone(), amendment.version), amendment))
    });
}

fn expectations(report: &mut Report<'_>, reference: &mut Reference) {
    reference.expectations = keyed(&["program", "partner", "period", "from", "measure"], report, |row, report| {
        let (program, partner) = (row.require("program", text, report), row.require("partner", text, report));
        let (period, from) = (row.require("period", text, report), row.require("from", day, report));
        let measure = row.require("measure", not_negative, report);
        let expected =
            Expectation { program: program?, partner: partner?, period: period?, from: from?, measure: measure? };
        let Expectation { program, partner, period, from, .. } = expected.clone();
        Some(((program, partner, period, from), expected))
    });
}

fn approvers(report: &mut Report<'_>, reference: &mut Reference) {
    reference.approvers = keyed(&["person", "currency", "limit"], report, |row, report| {
        let (person, currency) = (row.require("person", text, report), row.require("currency", currency, report));
        let limit = row.require("limit", not_negative, report);
        let approver = Approver { person: person?, currency: currency?, limit: limit? };
        Some(((approver.person.clone(), approver.currency), approver))
    });
}

fn product_attributes(report: &mut Report<'_>, reference: &mut Reference) {
    reference.product_attributes = keyed(&["product", "attribute", "value"], report, |row, report| {
        let (product, name) = (row.require("product", golden, report), row.require("attribute", text, report));
        let value = row.require("value", text, report);
        let entry = ProductAttribute { product: product?, name: name?, value: value? };
        Some(((entry.product.clone(), entry.name.clone()), entry))
    });
}

fn partner_tiers(report: &mut Report<'_>, reference: &mut Reference) {
    reference.partner_tiers = keyed(&["partner", "tier", "from", "?to"], report, |row, report| {
        let (partner, tier) = (row.require("partner", text, report), row.require("tier", text, report));
        let (from, to) = days(row, report)?;
        let entry = PartnerTier { partner: partner?, tier: tier?, from, to };
        Some(((entry.partner.clone(), entry.tier.clone(), from), entry))
    });
}

/// A serial number in its normal form.
fn serial(written: &str) -> Result<Text, super::fields::Unread> {
    let normal: String = written.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
    text(&normal)
}

/// Reads every row, sorts by key and tells keys that come twice.
pub(crate) fn keyed<K: Ord + Clone + std::fmt::Debug, V>(
    columns: &[&str],
    report: &mut Report<'_>,
    read: impl Fn(&Row<'_>, &mut Report<'_>) -> Option<(K, V)>,
) -> Vec<V> {
    let Some(table) = Table::read(columns, report) else {
        return Vec::new();
    };
    let mut entries = BTreeMap::new();
    let first = columns[0].trim_start_matches('?');
    for row in table.rows() {
        let Some((key, value)) = read(&row, report) else {
            continue;
        };
        match entries.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(_) => {
                row.add(first, "this key stands in the table twice", "keep one of the two rows", report);
            }
        }
    }
    entries.into_values().collect()
}

/// A golden key, `source/code`.
pub(crate) fn golden(written: &str) -> Result<Text, super::fields::Unread> {
    match written.split_once('/') {
        Some((source, code)) if !source.is_empty() && !code.is_empty() => text(written),
        _ => super::fields::unread(format!("`{written}` is not of the form source/code"), ""),
    }
}

/// A partner's id names its feeds folder.
fn folder_name(written: &str) -> Result<Text, super::fields::Unread> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if written.starts_with('.') || !written.chars().all(plain) {
        let hint = "it names the partner's feeds folder: letters, digits, `-`, `_` and `.`";
        return super::fields::unread(format!("`{written}` cannot name a folder"), hint);
    }
    text(written)
}
