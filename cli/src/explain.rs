//! `paidonce explain`: the whole life of one thing, from the line in a partner's file to the money.
//!
//! Whatever is asked for, its record, its sales, findings, accruals, authorizations, payments and journal entries are
//! looked up and told in the order in which they came about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use accrual_sink::claimed::{Settled, settlement};
use accrual_sink::exports::entry_order;
use anyhow::{Result, bail};
use compliance::ledger::{self, AccrualRow, EstimateRow};
use compliance::programs::nearest::{nearest, refuses};
use compliance::references::References;
use contract::{
    AuditRecord, Authorization, Claim, Code, Finding, Id, JournalEntry, Micros, Money, Movement, Payment, Receipt,
    RecordRef, Reject, Ruling, RulingState, Sale, Settlement, Side, Topic,
};
use normalize::views::{self, SaleRow};
use stream::State;

use crate::exports::{each_accrual, each_estimate, settled};
use crate::overview::money;
use crate::reader::Reader;
use crate::run::stages;

/// At most this many lines of one kind are told one by one.
const TOLD: usize = 20;

/// The life of what `what` names: `file#record`, or the id of a sale, finding, accrual, estimate, claim, authorization,
/// payment or journal entry.
///
/// # Errors
/// Nothing is known under that name.
pub fn explain(reader: &Reader, what: &str) -> Result<String> {
    let mut life = Life { reader, text: String::new() };
    if let Some((path, record_no)) = what.rsplit_once('#') {
        let Ok(record_no) = record_no.parse() else { bail!("{what}: behind # stands no record number") };
        return life.of_record(path, record_no).map(|()| life.text);
    }
    let Some(id) = Id::parse(what) else {
        bail!("{what} is neither file#record nor an id of 32 hexadecimal digits");
    };
    if !life.of_id(id)? {
        bail!("nothing here has the id {what}");
    }
    Ok(life.text)
}

struct Life<'r> {
    reader: &'r Reader,
    text: String,
}

impl Life<'_> {
    fn of_record(&mut self, path: &str, record_no: u32) -> Result<()> {
        let files: Vec<_> = self.reader.receipts()?.into_iter().filter(|r| r.file == path).collect();
        if files.is_empty() {
            bail!("no file {path} was taken in");
        }
        for receipt in &files {
            let at = RecordRef { record_no, ..receipt.at.clone() };
            if record_no == 0 || record_no > receipt.records {
                bail!("{path} has {} records", receipt.records);
            }
            self.record(receipt, &at)?;
        }
        Ok(())
    }

    fn of_id(&mut self, id: Id) -> Result<bool> {
        if let Some(finding) = self.reader.findings(|f| f.id == id)?.pop() {
            self.finding_in_full(&finding)?;
        } else if let Some(payment) = self.find(Topic::Payments, |p: &Payment| p.id == id)? {
            self.payment(&payment)?;
        } else if let Some(a) = self.find(Topic::Authorizations, |a: &Authorization| a.id == id)? {
            self.authorization(&a)?;
        } else if let Some(settled) = settled(self.reader)?.into_iter().find(|settled| settled.claim.id == id) {
            self.claim(&settled)?;
        } else if let Some(entry) = self.find(Topic::Journal, |e: &JournalEntry| e.id == id)? {
            self.entry_in_full(&entry)?;
        } else if let Some(sale) = self.sales(|s| s.sale.id == id)?.pop() {
            self.record_of(&sale.sale.at)?;
        } else if let Some(row) = self.accruals(|row| row.accrual_id == id)?.pop() {
            self.accrual_in_full(row)?;
        } else if let Some(row) = self.estimates(|row| row.estimate_id == id)?.pop() {
            self.lot(&row)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    // ---- a record ----

    fn record_of(&mut self, at: &RecordRef) -> Result<()> {
        let is_its = |r: &Receipt| r.at.partner == at.partner && r.at.file_no == at.file_no;
        match self.reader.receipts()?.into_iter().find(is_its) {
            Some(receipt) => self.record(&receipt, at),
            None => bail!("record {at:?} has no receipt"),
        }
    }

    fn record(&mut self, receipt: &Receipt, at: &RecordRef) -> Result<()> {
        self.title(&format!("Record {}", self.reader.place(at)));
        self.say(&format!("Came from {} in a file that was {} ({} bytes)", at.partner, receipt.status, receipt.bytes));
        let row = self.reader.row(receipt, at.record_no)?;
        if let Some(row) = &row {
            self.say(&format!("Line {} of the file, read as:", row.line_no));
            self.row(row);
        }
        let rejects: Vec<Reject> = self.all(Topic::Rejects, |r: &Reject| r.at == *at)?;
        for r in &rejects {
            self.say(&format!("Rejected, {}: {} {:?}: {}", r.code, r.field, r.value, r.message));
        }
        if row.as_ref().is_some_and(|row| row.movement == Movement::Claim) {
            return self.claims_of(at, rejects.is_empty());
        }
        let sales = self.sales(|s| s.sale.at == *at)?;
        sales.iter().try_for_each(|sale| self.sale(sale))?;
        if rejects.is_empty() && !sales.iter().any(|sale| sale.status == "accepted") {
            self.why_it_does_not_count(at, row.as_ref())?;
        }
        let ids: BTreeSet<Id> = sales.iter().map(|s| s.sale.id).collect();
        self.findings_about(at, &ids)?;
        let accruals = self.accruals(|row| row.cause == *at)?;
        self.money_of(&accruals)?;
        let earns_nothing =
            |s: &&SaleRow| s.status == "accepted" && accruals.iter().all(|row| row.sale_id != s.sale.id);
        sales.iter().filter(earns_nothing).try_for_each(|row| self.why_it_earns_nothing(&row.sale))
    }

    /// What became of a record of a claim: no sale, and no accrual, comes of it.
    fn claims_of(&mut self, at: &RecordRef, is_readable: bool) -> Result<()> {
        let settled: Vec<Settled> = settled(self.reader)?.into_iter().filter(|s| s.claim.at == *at).collect();
        for its in &settled {
            let (claim, state) = (&its.claim, its.state().as_str());
            let about = format!("{} line {:?}", claim.claim, claim.line);
            self.say(&format!(
                "Is claim {about} under {} in {}, {state}, id {}",
                claim.program, claim.period, claim.id
            ));
        }
        if settled.is_empty() && is_readable {
            self.say("No claim comes of it: it is a repeat, was replaced, or waits");
            self.whole_file(at)?;
        }
        self.findings_about(at, &BTreeSet::new())
    }

    /// As the programs stood when the record came in, and by the tables of now.
    fn why_it_earns_nothing(&mut self, sale: &Sale) -> Result<()> {
        if sale.is_return() && Reader::taken_back(&mut self.reader.states(stages::UNITS), sale)?.is_some() {
            self.say("  a return takes back what its sale has earned, and that is nothing");
            return Ok(());
        }
        let mut references = References::new(self.reader.stage_blobs());
        let Some(mut state) = self.reader.states(stages::UNITS).into_iter().next() else { return Ok(()) };
        references.resume(&mut state)?;
        let (known, told) = (references.as_of(sale.stamp), references.as_of(u64::MAX));
        let near = nearest(known, told, sale);
        match near.first() {
            None => self.say("  there is no program for sales"),
            Some(first) if !first.misses.is_empty() => self.say("  no program selects it; the nearest:"),
            Some(_) => {}
        }
        let rulings = self.reader.rulings()?;
        let is_released =
            |finding: &Finding| rulings.get(&finding.id).is_some_and(|r| r.state == RulingState::Released);
        let released = self.reader.findings(|finding| finding.sale == Some(sale.id) && is_released(finding))?;
        let let_go: Vec<Code> = released.iter().map(|finding| finding.code).collect();
        for near in near {
            let name = format!("{} version {}", near.program.id, near.program.version);
            let why = match near.misses.is_empty() {
                false => near.misses.join("; "),
                true => refuses(near.program, sale, known, told, &let_go)
                    .unwrap_or_else(|| "selects it; what was found keeps it from earning".to_owned()),
            };
            self.say(&format!("    {name}: {why}"));
        }
        Ok(())
    }

    /// A file that says nothing new, or another record that holds the same line; else the findings say it.
    fn why_it_does_not_count(&mut self, at: &RecordRef, row: Option<&contract::ParsedRow>) -> Result<()> {
        self.say("No sale of it counts: it is a repeat, was replaced, or waits");
        self.whole_file(at)?;
        let Some(row) = row else { return Ok(()) };
        let has_line = |s: &SaleRow| {
            let Sale { at: other, document, document_line, .. } = &*s.sale;
            s.status == "accepted"
                && (&other.partner, document, document_line) == (&at.partner, &row.document, &row.document_line)
        };
        for holder in &self.sales(has_line)? {
            let (place, document, line) = (self.reader.place(&holder.sale.at), &row.document, &row.document_line);
            self.say(&format!("Line {line} of document {document} is that of {place}, which counts"));
        }
        Ok(())
    }

    fn whole_file(&mut self, at: &RecordRef) -> Result<()> {
        for finding in &self.reader.findings(|f| f.at == RecordRef { record_no: 0, ..at.clone() })? {
            self.say("Its whole file:");
            self.finding(finding)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &contract::ParsedRow) {
        let number = |n: Option<contract::Micros>| n.map(|n| n.to_string()).unwrap_or_default();
        let cells = [
            ("document", row.document.to_string()),
            ("line", row.document_line.to_string()),
            ("date", format!("{} (written {:?})", row.date.map(|d| d.to_string()).unwrap_or_default(), row.date_text)),
            ("code", row.code.to_string()),
            ("description", row.description.to_string()),
            ("quantity", number(row.quantity)),
            ("price", number(row.unit_price)),
            ("amount", number(row.amount)),
            ("outlet", [row.outlet_id.as_str(), row.outlet.as_str()].join(" ").trim().to_owned()),
            ("customer", row.customer.to_string()),
            ("sold by", row.rep.to_string()),
            ("promotion", row.promotion.to_string()),
            ("product", row.product.to_string()),
            ("serials", row.serials.join(" ")),
            ("returns", row.original_document.to_string()),
        ];
        for (name, cell) in cells.iter().filter(|(_, cell)| !cell.is_empty()) {
            let _ = writeln!(self.text, "      {name:<12} {cell}");
        }
    }

    fn sale(&mut self, row: &SaleRow) -> Result<()> {
        let s = &row.sale;
        let kind = if s.is_return() { "return" } else { "sale" };
        self.say(&format!("Became {kind} {} version {}, {}", s.id, s.version, row.status));
        let score = contract::Micros(i64::from(row.score) * 1000);
        self.say(&format!("  product {} by {} (score {score})", s.product, row.method));
        let party = if s.party().is_empty() { String::new() } else { format!(", party {}", s.party()) };
        self.say(&format!("  {} units on {}, {}{party}", s.quantity, s.date, money(s.currency, s.amount)));
        for (code, finding) in &s.holds {
            match self.reader.rulings()?.get(finding).filter(|ruling| ruling.state == RulingState::Released) {
                Some(ruling) => self.say(&format!("  was held by {code}: released by {}", ruling.by.join(" and "))),
                None => self.say(&format!("  held by {code}: it counts, but earns nothing")),
            }
        }
        if s.is_return() && row.status == "accepted" {
            self.taken_back(s)?;
        }
        Ok(())
    }

    /// The sales of which a return takes units back: they say in which period, under which version and at which rate.
    fn taken_back(&mut self, back: &Sale) -> Result<()> {
        match Reader::taken_back(&mut self.reader.states(stages::UNITS), back)? {
            None => self.say("  no sale is found that it takes back: it counts on its own day"),
            Some(of) if of.is_empty() => self.say("  of its document nothing is left that it could take back"),
            Some(of) => {
                for sold in self.sales(|row| row.status == "accepted" && of.contains(&row.sale.id))? {
                    let (id, place) = (sold.sale.id, self.reader.place(&sold.sale.at));
                    self.say(&format!("  takes back units of sale {id} on {}, {place}", sold.sale.date));
                }
            }
        }
        Ok(())
    }

    // ---- findings ----

    fn findings_about(&mut self, at: &RecordRef, sales: &BTreeSet<Id>) -> Result<()> {
        let touches = |f: &Finding| {
            f.at == *at || f.related.as_ref() == Some(at) || f.sale.is_some_and(|sale| sales.contains(&sale))
        };
        let found = self.reader.findings(touches)?;
        if found.is_empty() {
            self.say("Nothing was found against it");
        }
        found.iter().try_for_each(|finding| self.finding(finding))
    }

    fn finding(&mut self, f: &Finding) -> Result<()> {
        self.say(&format!("Finding {} ({}), {}: {}", f.code, f.code.meaning(), f.code.decision().as_str(), f.message));
        // What is about no record is about what a program gives somebody.
        let about = match self.reader.place(&f.at) {
            place if place.is_empty() => format!("{} for {}", f.program, f.beneficiary),
            place => format!("at {place}"),
        };
        self.say(&format!("  id {}, {about}", f.id));
        if let Some(related) = &f.related {
            self.say(&format!("  with {}", self.reader.place(related)));
        }
        if let Some(Money { amount, currency }) = f.at_risk {
            self.say(&format!("  {} at risk", money(currency, amount)));
        }
        if let Some(by) = f.explained_by {
            self.say(&format!("  explained by finding {by}"));
        }
        if let Some(Ruling { state, by, reason, .. }) = self.reader.rulings()?.get(&f.id) {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            self.say(&format!("  {} by {}{reason}", state.as_str(), by.join(" and ")));
        }
        Ok(())
    }

    /// What persons did about a finding, whether it came to anything or not.
    fn said_about(&mut self, finding: Id) -> Result<()> {
        let chain = format!("finding/{finding}");
        let said = self.all(Topic::Audit, |link: &AuditRecord| link.chain.starts_with(&chain))?;
        for AuditRecord { seq, actor, action, object, reason, .. } in said {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            self.say(&format!("{action} {seq} by {actor}, {object}{reason}"));
        }
        Ok(())
    }

    fn finding_in_full(&mut self, f: &Finding) -> Result<()> {
        self.title(&format!("Finding {}", f.id));
        self.finding(f)?;
        self.said_about(f.id)?;
        for at in std::iter::once(&f.at).chain(&f.related) {
            if at.record_no > 0 {
                self.record_of(at)?;
            }
        }
        Ok(())
    }

    // ---- money ----

    fn money_of(&mut self, rows: &[AccrualRow]) -> Result<()> {
        if rows.is_empty() {
            self.say("It earns nothing");
            return Ok(());
        }
        for row in rows {
            self.accrual(row);
            let settlement = row.settlement();
            let of_it = |a: &Authorization| authorizes(a, &settlement);
            for a in self.all(Topic::Authorizations, of_it)? {
                self.say(&format!("    authorised: {}", shown(&a)));
            }
            self.what_keeps(row, &settlement)?;
        }
        Ok(())
    }

    /// What keeps a line from earning, and what its settlement owes from being authorised.
    fn what_keeps(&mut self, row: &AccrualRow, settlement: &Settlement) -> Result<()> {
        if row.amount.is_zero() {
            for found in self.reader.findings(|f| f.id == ledger::finding_id(settlement.id(), f.code))? {
                self.say(&format!("    {} {}: {}", found.code, found.code.meaning(), found.message));
            }
        }
        let is_its = |claim: &Claim| {
            (&claim.program, &claim.beneficiary, &claim.period, claim.currency)
                == (&settlement.program, &settlement.beneficiary, &settlement.period, settlement.currency)
                && claim.claim != "auto"
                && claim.sale.is_none_or(|sale| sale == row.sale_id)
        };
        for settled in settled(self.reader)?.iter().filter(|settled| is_its(&settled.claim)) {
            let Claim { claim, line, currency, claimed, message, .. } = &settled.claim;
            let (claimed, approved) = (money(*currency, *claimed), money(*currency, settled.approved()));
            let state = settled.state().as_str();
            let message = if message.is_empty() { String::new() } else { format!(": {message}") };
            self.say(&format!("    claimed: {claim} line {line:?}, {claimed}, {approved} approved, {state}{message}"));
        }
        let mut states = self.reader.states(stages::LEDGER);
        let mut states: Vec<&mut dyn State> = states.iter_mut().map(|state| state as &mut dyn State).collect();
        for reason in ledger::waits(&mut states, &self.reader.stage_blobs(), settlement)? {
            self.say(&format!("    {reason}"));
        }
        Ok(())
    }

    fn accrual(&mut self, row: &AccrualRow) {
        let bound = if row.bound.is_empty() { String::new() } else { format!(", bound by {}", row.bound) };
        let AccrualRow { program, version, period, beneficiary, kind, .. } = row;
        let amount = money(row.currency, row.amount);
        self.say(&format!("Accrual {}", row.accrual_id));
        self.say(&format!("  {amount} {kind} under {program} version {version} in {period} for {beneficiary}{bound}"));
    }

    fn payment(&mut self, p: &Payment) -> Result<()> {
        self.title(&format!("Payment {}", p.id));
        self.say(&format!("{} to {} on {}", money(p.currency, p.amount), p.beneficiary, p.date));
        if !p.over.is_zero() {
            self.say(&format!("{} of it above what was payable: to be claimed back", money(p.currency, p.over)));
        }
        match self.find(Topic::Authorizations, |a: &Authorization| a.id == p.authorization)? {
            Some(authorization) => self.authorization(&authorization),
            None => {
                self.say(&format!("Authorization {} is not known", p.authorization));
                Ok(())
            }
        }
    }

    fn claim(&mut self, settled: &Settled) -> Result<()> {
        let Settled { claim, authorizations, .. } = settled;
        let Claim { program, period, beneficiary, currency, decided_by, .. } = claim;
        self.title(&format!("Claim {}", claim.id));
        self.say(&format!("{} line {:?} under {program} in {period} for {beneficiary}", claim.claim, claim.line));
        let (claimed, approved) = (money(*currency, claim.claimed), money(*currency, settled.approved()));
        self.say(&format!(
            "{claimed} claimed, {approved} approved: {}, decided by {decided_by}",
            settled.state().as_str()
        ));
        if !claim.message.is_empty() {
            let codes: String = claim.codes.iter().map(|code| format!("{code} ")).collect();
            self.say(&format!("{codes}{}", claim.message));
        }
        if let Some(queue) = claim.queue {
            let until = claim.decide_by.map_or_else(String::new, |day| format!(", decide by {day}"));
            self.say(&format!("waits for a person: {}{until}", queue.as_str()));
        }
        for a in authorizations {
            self.say(&format!("authorised: {}", shown(a)));
        }
        let chain = format!("claim/{}", claim.id);
        for said in self.all(Topic::Audit, |record: &AuditRecord| record.chain == chain)? {
            self.say(&format!(
                "{} {} {}: {}",
                said.time.map_or_else(String::new, |day| day.to_string()),
                said.actor,
                said.action,
                said.object
            ));
        }
        if claim.at.file_no > 0 { self.record_of(&claim.at) } else { Ok(()) }
    }

    fn authorization(&mut self, a: &Authorization) -> Result<()> {
        self.title(&format!("Authorization {}", a.id));
        self.say(&shown(a));
        self.say(&format!("{} version {} in {} for {}", a.program, a.version, a.period, a.beneficiary));
        for p in self.all(Topic::Payments, |p: &Payment| p.authorization == a.id)? {
            self.say(&format!("Paid {} on {} (payment {})", money(p.currency, p.amount), p.date, p.id));
        }
        self.why_another_amount(a)?;
        let rows = self.accruals(|row| authorizes(a, &row.settlement()))?;
        self.sales_behind(&rows);
        match rows.first() {
            Some(row) => self.journal(row.settlement().id()),
            None => Ok(()),
        }
    }

    /// Why another amount may be paid under an authorization than was authorised with it.
    fn why_another_amount(&mut self, a: &Authorization) -> Result<()> {
        let of = settlement(a);
        let mut all: Vec<Authorization> = self.all(Topic::Authorizations, |other| authorizes(other, &of))?;
        all.sort_by_key(|other| (other.batch, other.id));
        let mut ordered: BTreeMap<Id, Micros> = BTreeMap::new();
        let id = of.id();
        self.reader.each(Topic::Journal, &mut |e: JournalEntry| {
            if e.settlement == id && e.source_kind == "authorization" && e.template == "GL5" {
                let credit: Micros = e.postings.iter().filter(|p| p.side == Side::Credit).map(|p| p.amount).sum();
                *ordered.entry(e.source_id).or_default() += credit;
            }
        })?;
        let more = |of: &Authorization| {
            let first = ordered.get(&of.id).copied();
            first.map_or(Micros::ZERO, |first| of.amount + of.offset - first)
        };
        let (change, shown) = (more(a), |amount| money(a.currency, amount));
        if change > Micros::ZERO {
            self.say(&format!("{} of it was paid out of what was authorised with others of the period", shown(change)));
        }
        if change >= Micros::ZERO {
            return Ok(());
        }
        let payers: Vec<String> = all.iter().filter(|of| more(of) > Micros::ZERO).map(|of| of.id.to_string()).collect();
        let why = match payers.is_empty() {
            true => "less is due".to_owned(),
            false => format!("more was paid than was authorised with authorization {}", payers.join(" and ")),
        };
        self.say(&format!(
            "{} was authorised, {} less may be paid: {why}",
            shown(a.amount + a.offset - change),
            shown(-change)
        ));
        Ok(())
    }

    /// What no record stands behind is protected stock.
    fn accrual_in_full(&mut self, row: AccrualRow) -> Result<()> {
        if row.cause.file_no > 0 {
            return self.record_of(&row.cause);
        }
        self.title(&format!("Stock of {}", row.cause.partner));
        self.say("Units that were on hand when their price was cut");
        self.money_of(&[row])
    }

    /// What was expected of units that a partner bought, or of a period, and what became of it.
    fn lot(&mut self, of: &EstimateRow) -> Result<()> {
        let EstimateRow { settlement, product, bought, .. } = of;
        let Settlement { program, version, beneficiary, period, .. } = settlement;
        self.title(&match bought {
            Some(bought) => format!("Lot of {product} that {beneficiary} bought on {bought}"),
            None => format!("What {beneficiary} is expected to reach in {period}, above what it has reached"),
        });
        self.say(&format!("Estimated under {program} version {version} in {period}; nothing of it is due"));
        let is_its = |row: &EstimateRow| (&row.settlement, &row.product, row.bought) == (settlement, product, *bought);
        for row in self.estimates(is_its)? {
            self.estimate(&row);
        }
        self.journal(settlement.id())
    }

    fn estimate(&mut self, row: &EstimateRow) {
        let (amount, kind) = (money(row.settlement.currency, row.amount), row.kind.as_str());
        let units = row.units.map_or_else(String::new, |units| format!("{units} units "));
        self.say(&format!("  {amount:>18}  {kind:<12} {units}by {} (estimate {})", row.date, row.estimate_id));
    }

    fn lots_behind(&mut self, settlement: Id) -> Result<()> {
        let mut rows = self.estimates(|row| row.settlement.id() == settlement)?;
        self.say("It rests on what partners bought, or are expected to sell, and on what became of that:");
        rows.sort_by_key(|row| (-row.amount, row.estimate_id));
        rows.iter().take(TOLD).for_each(|row| self.estimate(row));
        if rows.len() > TOLD {
            self.say(&format!("  and {} smaller ones", rows.len() - TOLD));
        }
        Ok(())
    }

    fn sales_behind(&mut self, rows: &[AccrualRow]) {
        let Some(first) = rows.first() else {
            self.say("No sale stands behind it any more");
            return;
        };
        let sum = rows.iter().map(|row| row.amount).sum();
        self.say(&format!("It rests on {} lines that are due {}:", rows.len(), money(first.currency, sum)));
        let mut largest: Vec<_> = rows.iter().collect();
        largest.sort_by_key(|row| (-row.amount, row.accrual_id));
        for row in largest.iter().take(TOLD) {
            let bound = if row.bound.is_empty() { String::new() } else { format!("  bound by {}", row.bound) };
            let amount = money(row.currency, row.amount);
            let place = if row.cause.file_no > 0 { self.reader.place(&row.cause) } else { "stock".to_owned() };
            self.say(&format!("  {amount:>18}  {:<12} {place}{bound}", row.kind));
        }
        if rows.len() > TOLD {
            self.say(&format!("  and {} smaller ones", rows.len() - TOLD));
        }
    }

    fn journal(&mut self, settlement: Id) -> Result<()> {
        let mut entries: Vec<JournalEntry> = self.all(Topic::Journal, |e: &JournalEntry| e.settlement == settlement)?;
        entries.sort_by(|a, b| entry_order(a).cmp(&entry_order(b)));
        self.title("Journal");
        for entry in &entries {
            self.entry(entry);
        }
        Ok(())
    }

    fn entry(&mut self, e: &JournalEntry) {
        self.say(&format!("{} {} in {} from {} (entry {})", e.date, e.template, e.period, e.source_kind, e.id));
        for p in &e.postings {
            let amount = money(p.currency, p.amount);
            let (debit, credit) = if p.side == Side::Debit { (amount.as_str(), "") } else { ("", amount.as_str()) };
            self.say(&format!("  {:<36} {debit:>18} {credit:>18}", p.account));
        }
    }

    fn entry_in_full(&mut self, e: &JournalEntry) -> Result<()> {
        self.title(&format!("Journal entry {}", e.id));
        self.entry(e);
        self.say(&format!("For {} of {}", e.program, e.beneficiary));
        match e.source_kind.as_str() {
            "estimate" => self.lots_behind(e.settlement)?,
            _ => {
                let rows = self.accruals(|row| row.settlement().id() == e.settlement)?;
                self.sales_behind(&rows);
            }
        }
        self.journal(e.settlement)
    }

    // ---- looking up ----

    fn all<T: serde::de::DeserializeOwned>(&self, topic: Topic, wanted: impl Fn(&T) -> bool) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.reader.each(topic, &mut |record: T| {
            if wanted(&record) {
                found.push(record);
            }
        })?;
        Ok(found)
    }

    fn find<T: serde::de::DeserializeOwned>(&self, topic: Topic, wanted: impl Fn(&T) -> bool) -> Result<Option<T>> {
        Ok(self.all(topic, wanted)?.pop())
    }

    fn sales(&self, wanted: impl Fn(&SaleRow) -> bool) -> Result<Vec<SaleRow>> {
        let mut found = Vec::new();
        for mut state in self.reader.states(stages::NORMALIZE) {
            views::sales(&mut state, &mut |row| {
                if wanted(&row) {
                    found.push(row);
                }
            })?;
        }
        Ok(found)
    }

    fn accruals(&self, wanted: impl Fn(&AccrualRow) -> bool) -> Result<Vec<AccrualRow>> {
        let mut found = Vec::new();
        each_accrual(self.reader, &mut |row| {
            if wanted(&row) {
                found.push(row);
            }
        })?;
        Ok(found)
    }

    fn estimates(&self, wanted: impl Fn(&EstimateRow) -> bool) -> Result<Vec<EstimateRow>> {
        let mut found = Vec::new();
        each_estimate(self.reader, &mut |row| {
            if wanted(&row) {
                found.push(row);
            }
        })?;
        Ok(found)
    }

    fn title(&mut self, title: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{title}");
    }

    fn say(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {line}");
    }
}

fn authorizes(a: &Authorization, s: &Settlement) -> bool {
    (&a.program, a.version, &a.beneficiary, &a.period, a.currency)
        == (&s.program, s.version, &s.beneficiary, &s.period, s.currency)
}

fn shown(a: &Authorization) -> String {
    let offset = if a.offset.is_zero() { String::new() } else { format!(", {} set off", money(a.currency, a.offset)) };
    let (amount, paid) = (money(a.currency, a.amount), money(a.currency, a.paid));
    let (date, by, status) = (a.date, &a.decided_by, a.status.as_str());
    format!("{amount} on {date} by {by}{offset}, {paid} paid, {status} (authorization {})", a.id)
}
