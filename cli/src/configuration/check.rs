//! What can only be seen across files: names that nobody knows, programs that contradict each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contract::{
    Accrue, Base, Benefit, BookCost, Choice, Deduction, Expectation, Mechanism, Micros, Outlet, PartnerKind,
    ProductAttribute, Program, Purchase, Reference, Selector, Stack, Text, Ties, source_of, unknown_party,
};

use super::ProgramFile;
use super::draws;
use super::earn::PROGRAMS;
use super::feeds::FeedFile;
use super::opening;
use super::problem::{Place, Problem, Report, did_you_mean};
use super::programs::{ProgramVersion, Selected, attribute_value};
use super::special_prices::{self, misfit};
use super::tenant::WHOLE_FILE;

pub(crate) fn all(
    reference: &Reference,
    programs: &[ProgramFile],
    feeds: &[FeedFile],
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    let attributes = attributes(reference);
    let names = Names::of(reference, programs, &attributes);
    for file in programs {
        let mut report = Report::new(&file.file, &file.text, problems);
        for selected in file.versions.iter().flat_map(|v| &v.select).chain(&file.used) {
            names.check(selected, &mut report);
        }
        drop(report);
        for version in &file.versions {
            figures(version, &names, folder, problems);
        }
    }
    program_ids(programs, problems);
    groups(reference, programs, problems);
    exclusions(programs, problems);
    for feed in feeds {
        let mut report = Report::new(&feed.file, &feed.text, problems);
        let partner = feed.definition.partner.as_str();
        if !names.partners.contains(partner) {
            report.add(WHOLE_FILE, format!("nobody knows the partner `{partner}`"), names.nearest("partners", partner));
        }
    }
    one_feed_each(feeds, problems);
    topics(feeds, problems);
    tables(reference, programs, &names, folder, problems);
    special_prices(reference, programs, &names, folder, problems);
    draws(reference, programs, &names, folder, problems);
    registers(reference, programs, &names, folder, problems);
}

fn versions(programs: &[ProgramFile]) -> Vec<&Program> {
    programs.iter().flat_map(|file| &file.versions).map(|version| &version.program).collect()
}

/// Whether all programs could be read: else what names one would be told as well where it is the program that is wrong.
fn are_whole(programs: &[ProgramFile]) -> bool {
    programs.iter().all(|file| file.is_whole)
}

/// Special prices are for products, partners and programs that are known, and say what their program goes by.
fn special_prices(
    reference: &Reference,
    programs: &[ProgramFile],
    names: &Names<'_>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    let versions = versions(programs);
    in_table(special_prices::FILE, folder, problems, |rows| {
        for special in &reference.special_prices {
            let at = || format!("{},{},{},{}", special.id, special.program, special.partner, special.product);
            rows.names(&special.partner, &special.product, at, names);
            let customer = special.customer.as_str();
            if !customer.is_empty() && !customer.starts_with('?') && !names.outlets.contains(customer) {
                rows.unknown("outlet", "customers", customer, &at(), names);
            }
            if let Some((message, hint)) = misfit(special, &versions).filter(|_| are_whole(programs)) {
                rows.add(&at(), message, hint.to_owned());
            }
        }
    });
    in_table(special_prices::PRICE_BOOK, folder, problems, |rows| {
        for cost in reference.book_costs.iter().filter(|cost| !names.products.contains(cost.product.as_str())) {
            rows.unknown("product", "products", &cost.product, &cost.product, names);
        }
    });
}

/// Orders and activities are of partners that are known, under programs that are drawn on in their way.
fn draws(
    reference: &Reference,
    programs: &[ProgramFile],
    names: &Names<'_>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    let versions = versions(programs);
    for file in [draws::REDEMPTIONS, draws::ACTIVITIES] {
        in_table(file, folder, problems, |rows| {
            for draw in reference.draws.iter().filter(|draw| draws::file_of(&draw.asked) == file) {
                let at = format!("{},{},{}", draw.id, draw.program, draw.partner);
                if !names.partners.contains(draw.partner.as_str()) {
                    rows.unknown("partner", "partners", &draw.partner, &at, names);
                }
                if let Some((message, hint)) = draws::misfit(draw, &versions).filter(|_| are_whole(programs)) {
                    rows.add(&at, message, hint);
                }
            }
        });
    }
}

/// Partners, programs and products in the tables that conditions look things up in.
fn registers(
    reference: &Reference,
    programs: &[ProgramFile],
    names: &Names<'_>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    let ids: BTreeSet<&str> = programs.iter().flat_map(|file| &file.versions).map(|v| v.program.id.as_str()).collect();
    in_table("memberships.csv", folder, problems, |rows| {
        for entry in &reference.memberships {
            let at = format!("{},{}", entry.program, entry.partner);
            rows.partner(&entry.partner, &at, names);
            rows.program(&entry.program, &at, &ids);
        }
    });
    in_table("serial_ranges.csv", folder, problems, |rows| {
        for product in reference.serial_ranges.iter().map(|range| &range.product) {
            rows.product(product, product, names);
        }
    });
    in_table("product_attributes.csv", folder, problems, |rows| {
        for product in reference.product_attributes.iter().map(|attribute| &attribute.product) {
            rows.product(product, product, names);
        }
    });
    in_table("partner_tiers.csv", folder, problems, |rows| {
        for partner in reference.partner_tiers.iter().map(|tier| &tier.partner) {
            rows.partner(partner, partner, names);
        }
    });
    in_table("deductions.csv", folder, problems, |rows| {
        for entry in &reference.deductions {
            let at = format!("{},{},{}", entry.number, entry.program, entry.partner);
            rows.partner(&entry.partner, &at, names);
            rows.program(&entry.program, &at, &ids);
            if let Some((message, hint)) = unmatched(entry, programs) {
                rows.add(&at, message, hint.to_owned());
            }
        }
    });
    in_table("payees.csv", folder, problems, |rows| {
        for partner in reference.payees.iter().map(|payee| &payee.partner) {
            rows.partner(partner, partner, names);
        }
    });
    in_table("amendments.csv", folder, problems, |rows| {
        for entry in &reference.amendments {
            let at = format!("{},{}", entry.program, entry.version);
            rows.program(&entry.program, &at, &ids);
            let all = programs.iter().flat_map(|file| &file.versions).map(|version| &version.program);
            let mut versions = all.filter(|program| program.id == entry.program).peekable();
            let is_known = versions.peek().is_some();
            let from = versions.find(|program| program.version == entry.version).map(|program| program.from);
            if is_known && from.is_none() {
                let hint = "they are counted from 1, in order of `from`".to_owned();
                rows.add(&at, format!("program `{}` has no version {}", entry.program, entry.version), hint);
            }
            if let Some((from, to)) = from.zip(entry.to).filter(|(from, to)| to < from) {
                let message = format!("`to` is {to}, before the first day of version {}, {from}", entry.version);
                rows.add(&at, message, "approve sales up to a day of the version, or leave `to` empty".to_owned());
            }
        }
    });
    in_table("expectations.csv", folder, problems, |rows| {
        for entry in &reference.expectations {
            let Expectation { program, partner, period, from, .. } = entry;
            let at = format!("{program},{partner},{period},{from}");
            rows.partner(partner, &at, names);
            rows.program(program, &at, &ids);
            if let Some((message, hint)) = unexpected(entry, programs) {
                rows.add(&at, message, hint.to_owned());
            }
        }
    });
    in_table("consumer_rebates.csv", folder, problems, |rows| {
        for rebate in &reference.consumer_rebates {
            rows.product(&rebate.product, &rebate.product, names);
        }
    });
    in_table("drop_shipments.csv", folder, problems, |rows| {
        for order in &reference.drop_shipments {
            rows.names(&order.partner, &order.product, || format!("{},{}", order.partner, order.product), names);
        }
    });
    in_table("customer_payments.csv", folder, problems, |rows| {
        for payment in &reference.customer_payments {
            rows.partner(&payment.partner, &format!("{},{}", payment.partner, payment.document), names);
        }
    });
    in_table("taxes.csv", folder, problems, |rows| {
        rows.countries(reference.taxes.iter().map(|tax| &tax.country), reference)
    });
    in_table("tax_thresholds.csv", folder, problems, |rows| {
        rows.countries(reference.tax_thresholds.iter().map(|threshold| &threshold.country), reference);
    });
    in_table("persons.csv", folder, problems, |rows| {
        for partner in reference.persons.iter().map(|person| &person.partner) {
            rows.partner(partner, partner, names);
        }
    });
}

/// Why a deduction can be from no settlement of its program; nothing where nobody knows the program.
fn unmatched(deduction: &Deduction, programs: &[ProgramFile]) -> Option<(String, &'static str)> {
    let Deduction { program, period, currency, .. } = deduction;
    let all = programs.iter().flat_map(|file| &file.versions).map(|version| &version.program);
    let versions: Vec<&Program> = all.filter(|version| version.id == *program).collect();
    if versions.is_empty() {
        return None;
    }
    if versions.iter().all(|version| version.pays_person()) {
        return Some((
            format!("program `{program}` pays persons, not the partner"),
            "a partner deducts its own rebates",
        ));
    }
    let of_period = |version: &&&Program| {
        let (first, last) = (version.period.label(version.from), version.period.label(version.to));
        version.period.names(period) && first.as_str() <= period.as_str() && period.as_str() <= last.as_str()
    };
    let mut paying = versions.iter().filter(of_period);
    let first = paying.next();
    if paying.any(|version| first.is_some_and(|first| version.group != first.group)) {
        return Some((
            format!("versions of program `{program}` stand in different groups"),
            "what is deducted is settled over all versions together: keep the group, or make it a program of its own",
        ));
    }
    if !versions.iter().any(|version| version.period.names(period)) {
        let message = format!("`{period}` is no period of program `{program}`");
        return Some((message, "write a month as 2013-04, a quarter as 2013-Q2, a year as 2013"));
    }
    if versions.iter().all(|version| version.currency.is_some_and(|own| own != *currency)) {
        return Some((format!("program `{program}` is not in {currency}"), "name the currency in which it pays"));
    }
    None
}

/// Why nothing is accrued by what is expected of a period; nothing where nobody knows the program.
fn unexpected(expected: &Expectation, programs: &[ProgramFile]) -> Option<(String, &'static str)> {
    let Expectation { program, period, .. } = expected;
    let all = programs.iter().flat_map(|file| &file.versions).map(|version| &version.program);
    let versions: Vec<&Program> = all.filter(|version| version.id == *program).collect();
    if versions.is_empty() {
        return None;
    }
    let mut accruing = versions.iter().filter(|version| version.accrue == Accrue::Expected).peekable();
    if accruing.peek().is_none() {
        let message = format!("program `{program}` accrues what sales have earned");
        return Some((message, "write `accrue: expected` in its file, or take the row out"));
    }
    if !accruing.any(|version| version.period.names(period)) {
        let message = format!("`{period}` is no period of program `{program}`");
        return Some((message, "write a month as 2013-04, a quarter as 2013-Q2, a year as 2013"));
    }
    None
}

/// Two definitions of a partner with one pattern: the first by name would read every file, the other none.
fn one_feed_each(feeds: &[FeedFile], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for feed in feeds.iter().filter(|feed| feed.definition.topic.is_none()) {
        let mut report = Report::new(&feed.file, &feed.text, problems);
        for pattern in &feed.definition.files {
            let key = (feed.definition.partner.as_str(), pattern.as_str());
            match seen.get(&key) {
                Some(first) => report.add(
                    WHOLE_FILE,
                    format!("files like `{pattern}` of partner `{}` are read by {first} already", key.0),
                    "give each definition its own `files`",
                ),
                None => {
                    seen.insert(key, &feed.file);
                }
            }
        }
    }
}

/// Everything that other files may name.
struct Names<'r> {
    sources: BTreeSet<&'r str>,
    categories: BTreeSet<&'r str>,
    products: BTreeSet<&'r str>,
    partners: BTreeSet<&'r str>,
    regions: BTreeSet<&'r str>,
    tiers: BTreeSet<&'r str>,
    outlets: BTreeSet<&'r str>,
    places: BTreeSet<&'r str>,
    segments: BTreeSet<&'r str>,
    /// Attributes of products, and each with its values.
    attributes: BTreeSet<&'r str>,
    programs: BTreeSet<&'r str>,
}

impl<'r> Names<'r> {
    fn of(reference: &'r Reference, programs: &'r [ProgramFile], attributes: &'r BTreeSet<Text>) -> Names<'r> {
        let versions = programs.iter().flat_map(|file| &file.versions);
        let partners = &reference.partners;
        let products = &reference.products;
        Names {
            sources: products.iter().map(|p| source_of(&p.id)).collect(),
            categories: products.iter().map(|p| p.category.as_str()).collect(),
            products: products.iter().map(|p| p.id.as_str()).collect(),
            partners: partners.iter().map(|p| p.id.as_str()).collect(),
            regions: partners.iter().flat_map(|p| [p.country.as_str(), p.region.as_str()]).collect(),
            outlets: reference.outlets.iter().map(|outlet| outlet.id.as_str()).collect(),
            places: reference.outlets.iter().flat_map(|o| [o.country.as_str(), o.region.as_str()]).collect(),
            tiers: reference.partner_tiers.iter().map(|tier| tier.tier.as_str()).collect(),
            segments: reference.outlets.iter().map(|outlet| outlet.segment.as_str()).collect(),
            attributes: attributes.iter().map(Text::as_str).collect(),
            programs: versions.map(|version| version.program.id.as_str()).collect(),
        }
    }

    fn list(&self, list: &str) -> (&BTreeSet<&'r str>, &'static str) {
        match list {
            "sources" => (&self.sources, "source"),
            "categories" => (&self.categories, "category"),
            "partners" => (&self.partners, "partner"),
            "regions" => (&self.regions, "country or region of a partner"),
            PROGRAMS => (&self.programs, "program"),
            "attributes" => (&self.attributes, "attribute of a product"),
            "partners-under" => (&self.partners, "partner"),
            "partner-tiers" => (&self.tiers, "tier of a partner"),
            "customers" => (&self.outlets, "outlet"),
            "customer-segments" => (&self.segments, "segment of an outlet"),
            "territory" | "customer-regions" => (&self.places, "country or region of an outlet"),
            _ => (&self.products, "product"),
        }
    }

    fn nearest(&self, list: &str, name: &str) -> String {
        did_you_mean(name, self.list(list).0.iter().copied())
    }

    /// A buyer that is no outlet may be called anything.
    fn check(&self, selected: &Selected, report: &mut Report<'_>) {
        if selected.list == "customers" && selected.name.starts_with('?') {
            return;
        }
        let (known, word) = self.list(selected.list);
        if !known.contains(selected.name.as_str()) {
            let message = format!("no {word} is called `{}`", selected.name);
            report.add(selected.place, message, self.nearest(selected.list, &selected.name));
        }
    }
}

fn attributes(reference: &Reference) -> BTreeSet<Text> {
    let both =
        |attribute: &ProductAttribute| [attribute.name.clone(), attribute_value(&attribute.name, &attribute.value)];
    reference.product_attributes.iter().flat_map(both).collect()
}

/// The partners in a program's table of baselines or scores.
fn figures(version: &ProgramVersion, names: &Names<'_>, folder: &Path, problems: &mut Vec<Problem>) {
    let Some(table) = &version.table else { return };
    let Some((_, figures)) = version.program.mechanism.figures() else { return };
    in_table(&format!("programs/{}", table.file.value), folder, problems, |rows| {
        for partner in figures.iter().map(|figure| &figure.partner) {
            rows.partner(partner, partner, names);
        }
    });
}

/// Each record of a topic is one partner's.
fn topics(feeds: &[FeedFile], problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for feed in feeds {
        let Some(topic) = &feed.definition.topic else { continue };
        if let Some(other) = first.insert(topic, &feed.file) {
            let mut report = Report::new(&feed.file, &feed.text, problems);
            report.add(WHOLE_FILE, format!("topic `{topic}` is that of {other} too"), "give each partner a topic");
        }
    }
}

fn program_ids(programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for file in programs {
        let Some(id) = file.versions.first().map(|v| v.program.id.as_str()) else {
            continue;
        };
        if let Some(other) = first.insert(id, &file.file) {
            let mut report = Report::new(&file.file, &file.text, problems);
            report.add(WHOLE_FILE, format!("program `{id}` stands in {other} too"), "one file holds all versions");
        }
    }
}

/// Two programs of one group that can meet on a sale must not have the same priority.
fn groups(reference: &Reference, programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let mut by_rank: BTreeMap<(&str, u32), Vec<Member<'_>>> = BTreeMap::new();
    for file in programs {
        for version in &file.versions {
            if let Some(group) = &version.program.group {
                let rank = (group.as_str(), version.program.priority);
                let member = Member { file, program: &version.program, place: version.place };
                by_rank.entry(rank).or_default().push(member);
            }
        }
    }
    choices(programs, problems);
    years(programs, problems);
    stacks(programs, problems);
    strung(reference, programs, problems);
    for ((group, priority), members) in by_rank {
        for (n, member) in members.iter().enumerate() {
            if let Some(other) = members[..n].iter().find(|other| can_meet(reference, member.program, other.program)) {
                let message = format!("priority {priority} of group `{group}` belongs to `{}` too", other.program.id);
                let mut report = Report::new(&member.file.file, &member.file.text, problems);
                report.add(member.place, message, "at most one of them pays for a sale: say which goes first");
            }
        }
    }
}

/// What a program for purchases excludes are programs that pay for sales: without sales no unit earns twice.
fn exclusions(programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let versions = versions(programs);
    for file in programs {
        let mut report = Report::new(&file.file, &file.text, problems);
        for excluded in file.versions.iter().flat_map(|v| &v.select).filter(|selected| selected.list == PROGRAMS) {
            let mut of_name = versions.iter().filter(|version| version.id == excluded.name).peekable();
            if of_name.peek().is_some() && of_name.all(|version| version.mechanism.keeps_stock()) {
                let message = format!("`{}` pays for no sales", excluded.name);
                report.add(excluded.place, message, "name programs under which units earn at resale");
            }
        }
    }
}

/// Programs of one group choose in one way.
fn choices(programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<&str, (&Program, Choice)> = BTreeMap::new();
    for file in programs {
        for version in &file.versions {
            let program = &version.program;
            let Some(group) = &program.group else { continue };
            let (other, choice) = *first.entry(group).or_insert((program, program.choose));
            if choice != program.choose {
                let message = format!("`{}` of group `{group}` chooses in another way", other.id);
                let mut report = Report::new(&file.file, &file.text, problems);
                report.add(version.place, message, "all programs of a group have the same `choose`");
            }
        }
    }
}

/// The cap of a year is that of a program: it holds for what other versions expect, or share pro rata, as well.
fn years(programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    for file in programs {
        let mut report = Report::new(&file.file, &file.text, problems);
        let versions = || file.versions.iter();
        let of_year = |version: &&ProgramVersion| version.program.caps.partner_year.is_some();
        let Some(capped) = versions().find(of_year) else { continue };
        for other in versions().filter(|version| version.program.caps.partner_year.is_none()) {
            let program = &other.program;
            let pro_rata = program.ties == Ties::ProRata && matches!(program.mechanism, Mechanism::Spiff { .. });
            let message = if program.accrue == Accrue::Expected {
                "what another version expects of a period says nothing of the cap of a year, which is one for all versions"
            } else if pro_rata {
                "another version has a budget of which persons have their part pro rata: it cannot be shared with the cap of their year"
            } else {
                continue;
            };
            report.add(capped.place, message, "take `partner-year` out, or give the versions programs of their own");
            break;
        }
    }
}

/// Programs of one stack of which one is on net of the other are not strung on each other: their priority says which one
/// comes first.
fn strung(reference: &Reference, programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<(&str, u32), Vec<&Program>> = BTreeMap::new();
    for file in programs {
        for version in &file.versions {
            let program = &version.program;
            let Some(stack) = &program.stack else { continue };
            let others = seen.entry((&stack.name, program.priority)).or_default();
            let is_strung = |other: &&&Program| is_on_net_of(program, other) || is_on_net_of(other, program);
            if let Some(other) = others.iter().filter(|other| can_meet(reference, program, other)).find(is_strung) {
                let (id, name, priority) = (&other.id, &stack.name, program.priority);
                let message = format!("priority {priority} of stack `{name}` belongs to `{id}` too");
                let mut report = Report::new(&file.file, &file.text, problems);
                report.add(version.place, message, "one of them is on net of the other: say which goes first");
            }
            others.push(program);
        }
    }
}

fn is_on_net_of(program: &Program, other: &Program) -> bool {
    let is = |program: &Program, place: fn(&Stack) -> bool| program.stack.as_ref().is_some_and(place);
    is(program, |stack| stack.base == Base::Net) && is(other, |stack| stack.reduces)
}

/// Programs of one stack that hold on the same day have one cap.
fn stacks(programs: &[ProgramFile], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&str, BTreeMap<Option<Micros>, Vec<&Program>>> = BTreeMap::new();
    for file in programs {
        for version in &file.versions {
            let program = &version.program;
            let Some(stack) = &program.stack else { continue };
            let caps = seen.entry(&stack.name).or_default();
            let differing = caps.iter().filter(|(at_most, _)| **at_most != stack.at_most);
            let meets = |other: &&&Program| program.from <= other.to && other.from <= program.to;
            if let Some(other) = differing.flat_map(|(_, others)| others).find(meets) {
                let message = format!("`{}` of stack `{}` says another `at-most`", other.id, stack.name);
                let mut report = Report::new(&file.file, &file.text, problems);
                report.add(version.place, message, "all programs of a stack have the same one");
            }
            caps.entry(stack.at_most).or_default().push(program);
        }
    }
}

/// A program version in a group.
struct Member<'p> {
    file: &'p ProgramFile,
    program: &'p Program,
    place: Place,
}

fn can_meet(reference: &Reference, a: &Program, b: &Program) -> bool {
    a.id != b.id
        && a.from <= b.to
        && b.from <= a.to
        && !is_disjoint(&a.selector.sources, &b.selector.sources)
        && !is_disjoint(&a.selector.categories, &b.selector.categories)
        && !is_disjoint(&a.selector.products, &b.selector.products)
        && !is_disjoint(&a.selector.partners, &b.selector.partners)
        && !is_disjoint(&parties(reference, &a.selector), &parties(reference, &b.selector))
        && !is_disjoint(&a.selector.promotions, &b.selector.promotions)
        && !has_disjoint_attributes(&a.selector, &b.selector)
}

/// The customers that a program selects, those that are outlets by their names as well.
fn parties(reference: &Reference, selector: &Selector) -> Vec<Text> {
    let called = |outlet: &Outlet| selector.customers.contains(&outlet.id).then(|| unknown_party(&outlet.name));
    selector.customers.iter().cloned().chain(reference.outlets.iter().filter_map(called)).collect()
}

/// A product has one value of an attribute.
fn has_disjoint_attributes(a: &Selector, b: &Selector) -> bool {
    let differs = |(name, values): &(Text, Vec<Text>)| {
        b.attributes.iter().any(|(other, theirs)| other == name && is_disjoint(values, theirs))
    };
    a.attributes.iter().any(differs)
}

fn is_disjoint(a: &[Text], b: &[Text]) -> bool {
    !a.is_empty() && !b.is_empty() && !a.iter().any(|name| b.contains(name))
}

/// Cross-references between the tables.
fn tables(
    reference: &Reference,
    programs: &[ProgramFile],
    names: &Names<'_>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    in_table("partners.csv", folder, problems, |rows| {
        for partner in reference.partners.iter().filter(|p| !p.parent.is_empty()) {
            let parent = reference.partners.iter().find(|p| p.id == partner.parent);
            match parent {
                None => rows.unknown("parent", "partners", &partner.parent, &partner.id, names),
                Some(p) if p.kind != PartnerKind::Distributor => {
                    rows.add(&partner.id, format!("the parent `{}` is no distributor", p.id), String::new());
                }
                Some(_) => {}
            }
        }
    });
    in_table("outlets.csv", folder, problems, |rows| {
        let sites = reference.outlets.iter().filter(|outlet| !outlet.operated_by.is_empty());
        for outlet in sites.filter(|outlet| !names.partners.contains(&*outlet.operated_by)) {
            rows.unknown("partner", "partners", &outlet.operated_by, &outlet.id, names);
        }
    });
    in_table("sku_xref.csv", folder, problems, |rows| {
        for entry in &reference.cross_references {
            let at = || format!("{},{}", entry.partner, entry.code);
            rows.names(&entry.partner, &entry.product, at, names);
        }
    });
    in_table("purchases.csv", folder, problems, |rows| {
        for bought in &reference.purchases {
            rows.names(&bought.partner, &bought.product, || format!("{},{}", bought.partner, bought.product), names);
        }
        let estimated = most_estimated(programs);
        for stock in reference.purchases.chunk_by(|a, b| (&a.partner, &a.product) == (&b.partner, &b.product)) {
            if let Some((worth, row)) = immense_worth(stock, &reference.book_costs, estimated) {
                let message = format!("what `{}` bought of `{}` is worth {worth}", row.partner, row.product);
                let hint = "correct the units, their `unit_cost`, the price book, or what is estimated for a unit";
                rows.add(&key_of(row), message, hint.to_owned());
            }
        }
        let versions = versions(programs);
        for (row, message) in opening::counted_twice(reference, &versions) {
            let hint = "an invoice has a `document`; for what was on hand let both begin on one day";
            rows.add(&key_of(row), message, hint.to_owned());
        }
    });
    in_table("inventory.csv", folder, problems, |rows| {
        for count in &reference.inventory {
            rows.names(&count.partner, &count.product, || format!("{},{}", count.partner, count.product), names);
        }
    });
    in_table("sell_in.csv", folder, problems, |rows| {
        for entry in &reference.shipments {
            rows.names(&entry.partner, &entry.product, || format!("{},{}", entry.partner, entry.product), names);
        }
    });
}

/// The most that a program estimates for a unit at sell-in, as an amount.
fn most_estimated(programs: &[ProgramFile]) -> Micros {
    let versions = programs.iter().flat_map(|file| &file.versions);
    let estimates = versions.filter_map(|version| version.program.estimate);
    let amounts = estimates.filter(|estimate| estimate.benefit == Benefit::PerUnit).map(|estimate| estimate.rate);
    amounts.max().unwrap_or_default()
}

/// The cells that a row of what was bought starts with.
fn key_of(Purchase { partner, product, date, document, .. }: &Purchase) -> String {
    let document = if document.is_empty() { String::new() } else { format!(",{document}") };
    format!("{partner},{product},{date}{document}")
}

/// What was bought at its highest cost, by the price book or as it was bought, or at what is estimated for a unit where that is
/// more, in whole units of money, where that is more than any stock can be worth; with the row that makes most of it.
fn immense_worth<'r>(stock: &'r [Purchase], book: &[BookCost], estimated: Micros) -> Option<(i128, &'r Purchase)> {
    const WORTH_MAX: i128 = 100_000_000_000;
    let paid = |bought: &Purchase| bought.cost.map(|cost| cost.amount);
    let costs = book.iter().filter(|cost| cost.product == stock[0].product).map(|cost| cost.cost);
    let listed = costs.chain([estimated]).max().unwrap_or_default();
    let dearest = stock.iter().filter(|bought| paid(bought) > Some(listed)).max_by_key(|bought| paid(bought));
    let largest = stock.iter().max_by_key(|bought| bought.units.abs());
    let most = i128::from(dearest.and_then(paid).unwrap_or(listed).0);
    let units: i128 = stock.iter().map(|bought| i128::from(bought.units.0).abs()).sum();
    let worth = units.checked_mul(most).map(|worth| worth / i128::from(Micros::ONE.0).pow(2));
    let worth = worth.or(Some(i128::MAX)).filter(|worth| *worth > WORTH_MAX);
    worth.zip(dearest.or(largest))
}

/// Tells problems at rows of one table.
struct Rows<'r, 'p> {
    report: &'r mut Report<'p>,
}

impl Rows<'_, '_> {
    fn names(&mut self, partner: &str, product: &str, at: impl Fn() -> String, names: &Names<'_>) {
        if names.partners.contains(partner) && names.products.contains(product) {
            return;
        }
        let at = at();
        self.partner(partner, &at, names);
        self.product(product, &at, names);
    }

    fn partner(&mut self, partner: &str, at: &str, names: &Names<'_>) {
        if !names.partners.contains(partner) {
            self.unknown("partner", "partners", partner, at, names);
        }
    }

    fn countries<'r>(&mut self, named: impl Iterator<Item = &'r Text>, reference: &Reference) {
        let countries = reference.partners.iter().map(|partner| partner.country.as_str());
        let countries: BTreeSet<&str> = countries.filter(|country| !country.is_empty()).collect();
        for country in named.filter(|country| !countries.contains(country.as_str())) {
            let hint = did_you_mean(country, countries.iter().copied());
            self.add(country, format!("no partner is in the country `{country}`"), hint);
        }
    }

    fn product(&mut self, product: &str, at: &str, names: &Names<'_>) {
        if !names.products.contains(product) {
            self.unknown("product", "products", product, at, names);
        }
    }

    fn program(&mut self, program: &str, at: &str, ids: &BTreeSet<&str>) {
        if !ids.contains(program) {
            let hint = did_you_mean(program, ids.iter().copied());
            self.add(at, format!("nobody knows the program `{program}`"), hint);
        }
    }

    fn unknown(&mut self, word: &str, list: &str, name: &str, at: &str, names: &Names<'_>) {
        let hint = if self.report.is_full() { String::new() } else { names.nearest(list, name) };
        self.add(at, format!("nobody knows the {word} `{name}`"), hint);
    }

    /// A problem at the row that starts with these cells.
    fn add(&mut self, at: &str, message: String, hint: String) {
        let starts = |line: &str| line.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(','));
        let line = if self.report.is_full() { None } else { self.report.text().lines().position(starts) };
        let place = line.map_or(WHOLE_FILE, |n| Place { line: n as u32 + 1, column: 1 });
        let message = if line.is_none() { format!("{at}: {message}") } else { message };
        self.report.add(place, message, hint);
    }
}

fn in_table(file: &str, folder: &Path, problems: &mut Vec<Problem>, check: impl Fn(&mut Rows<'_, '_>)) {
    if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
        check(&mut Rows { report: &mut Report::new(file, &text, problems) });
    }
}
