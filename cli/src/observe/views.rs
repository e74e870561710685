//! What the records of views say about files, rejects, findings and money, as differences to what stood before.

use contract::{
    AccrualMovement, Authorization, AuthorizationStatus, Code, Currency, Decision, Finding, Micros, Money, Payment,
    Receipt, Reject, Risk, Topic,
};
use prometheus::IntCounterVec;
use serde::de::DeserializeOwned;
use stream::observe::ViewChange;

use super::metrics::Metrics;

/// Views whose records are looked into.
pub(super) const READ: [Topic; 7] = [
    Topic::Receipts,
    Topic::Rejects,
    Topic::Findings,
    Topic::Risks,
    Topic::Movements,
    Topic::Authorizations,
    Topic::Payments,
];

/// What becomes of records of files.
const OUTCOMES: [&str; 5] = ["accepted", "rejected", "duplicate", "superseded", "parked"];

/// Number and topic of each of these views.
pub fn compared_views() -> Vec<(u8, &'static str)> {
    let views = Topic::ALL.iter().zip(contract::topics::VIEWS).filter(|(topic, _)| READ.contains(topic));
    views.map(|(topic, view)| (*topic as u8, view.name)).collect()
}

impl Metrics {
    /// Lays at 0 what is counted of views and has labels of closed sets.
    pub(crate) fn begin_views(&self) {
        for code in Code::ALL.iter().map(|code| code.as_str()) {
            for counter in [&self.findings, &self.findings_withdrawn, &self.rejects, &self.rejects_withdrawn] {
                counter.with_label_values(&[code]);
            }
        }
        for outcome in OUTCOMES {
            self.records.with_label_values(&[outcome]);
        }
    }

    /// Counts the records that a commit has put on views, which are in order of their topics.
    pub(crate) fn views(&self, changes: &[ViewChange<'_>]) {
        for of_topic in changes.chunk_by(|a, b| a.topic == b.topic) {
            let mut views = Topic::ALL.iter().zip(contract::topics::VIEWS);
            let Some((topic, info)) = views.find(|(topic, _)| **topic as u8 == of_topic[0].topic) else { continue };
            let written = of_topic.iter().filter(|change| change.after.is_some()).count();
            for (kind, count) in [("written", written), ("deleted", of_topic.len() - written)] {
                self.published.with_label_values(&[info.name, kind]).inc_by(count as u64);
            }
            of_topic.iter().for_each(|change| self.view(*topic, change));
        }
    }

    fn view(&self, topic: Topic, change: &ViewChange<'_>) {
        match topic {
            Topic::Receipts => self.receipt(change),
            Topic::Rejects => self.reject(change),
            Topic::Findings => self.finding(change),
            Topic::Risks => self.money::<Risk>(&self.prevented, change, |risk| Some(risk.money)),
            Topic::Movements => self.money::<AccrualMovement>(&self.accrued, change, |movement| {
                Some(Money { amount: movement.amount, currency: movement.settlement.currency })
            }),
            Topic::Authorizations => self.money::<Authorization>(&self.authorised, change, |authorization| {
                let Authorization { amount, currency, status, .. } = *authorization;
                (status != AuthorizationStatus::Void).then_some(Money { amount, currency })
            }),
            Topic::Payments => self.money::<Payment>(&self.paid, change, |payment| {
                Some(Money { amount: payment.amount, currency: payment.currency })
            }),
            Topic::Journal | Topic::Identities | Topic::Audit | Topic::Claims | Topic::Estimates | Topic::Rulings => {}
        }
    }

    fn receipt(&self, change: &ViewChange<'_>) {
        let (before, after): (Option<Receipt>, Option<Receipt>) = decoded(change);
        let (before, Some(after)) = (before.unwrap_or_default(), after) else { return };
        if after.status != "reading" && after.status != before.status {
            self.files.with_label_values(&[&after.status]).inc();
        }
        let counts = |receipt: &Receipt| {
            let Receipt { accepted, rejected, duplicate, superseded, parked, .. } = *receipt;
            [accepted, rejected, duplicate, superseded, parked]
        };
        for ((outcome, was), is) in OUTCOMES.iter().zip(counts(&before)).zip(counts(&after)) {
            self.records.with_label_values(&[*outcome]).inc_by(is.saturating_sub(was).into());
        }
    }

    fn reject(&self, change: &ViewChange<'_>) {
        let (before, after): (Option<Reject>, Option<Reject>) = decoded(change);
        let codes = (before.map(|reject| reject.code), after.map(|reject| reject.code));
        count_codes(&self.rejects, &self.rejects_withdrawn, codes);
    }

    fn finding(&self, change: &ViewChange<'_>) {
        let (before, after): (Option<Finding>, Option<Finding>) = decoded(change);
        let risk = |finding: &Option<Finding>| {
            let finding = finding.as_ref()?;
            finding.at_risk.filter(|_| matches!(finding.code.decision(), Decision::Block | Decision::Hold))
        };
        moved(&self.prevented, risk(&before), risk(&after));
        let codes = (before.map(|finding| finding.code), after.map(|finding| finding.code));
        count_codes(&self.findings, &self.findings_withdrawn, codes);
    }

    fn money<T: DeserializeOwned>(
        &self,
        counter: &IntCounterVec,
        change: &ViewChange<'_>,
        of: impl Fn(&T) -> Option<Money>,
    ) {
        let (before, after) = decoded::<T>(change);
        moved(counter, before.as_ref().and_then(&of), after.as_ref().and_then(&of));
    }
}

/// What stands anew, and what no longer stands.
fn count_codes(
    told: &IntCounterVec,
    withdrawn: &IntCounterVec,
    (before, after): (Option<contract::Code>, Option<contract::Code>),
) {
    if before == after {
        return;
    }
    if let Some(code) = before {
        withdrawn.with_label_values(&[code.as_str()]).inc();
    }
    if let Some(code) = after {
        told.with_label_values(&[code.as_str()]).inc();
        // Whoever takes one from the other finds both.
        withdrawn.with_label_values(&[code.as_str()]);
    }
}

/// Counts the way from one amount to another, ups and downs apart, so that both only grow.
fn moved(counter: &IntCounterVec, before: Option<Money>, after: Option<Money>) {
    let add = |currency: Currency, by: i128| {
        let direction = if by < 0 { "down" } else { "up" };
        let size = u64::try_from(by.unsigned_abs()).unwrap_or(u64::MAX);
        if size > 0 {
            counter.with_label_values(&[currency.as_str(), direction]).inc_by(size);
        }
    };
    let micros = |Micros(micros)| i128::from(micros);
    match (before, after) {
        (Some(before), Some(after)) if before.currency == after.currency => {
            add(after.currency, micros(after.amount) - micros(before.amount));
        }
        (before, after) => {
            before.into_iter().for_each(|money| add(money.currency, -micros(money.amount)));
            after.into_iter().for_each(|money| add(money.currency, micros(money.amount)));
        }
    }
}

fn decoded<T: DeserializeOwned>(change: &ViewChange<'_>) -> (Option<T>, Option<T>) {
    let decode = |bytes: &[u8]| {
        let record = postcard::from_bytes(bytes);
        record.inspect_err(|error| tracing::warn!(topic = change.topic, %error, "record of a view is not counted")).ok()
    };
    (change.before.and_then(decode), change.after.and_then(decode))
}

#[cfg(test)]
mod tests {
    use contract::{Code, Id, Publication, RecordRef};

    use super::*;
    use crate::observe::metrics::EngineKind;

    fn metrics() -> Metrics {
        Metrics::new(EngineKind::Embedded)
    }

    /// Publishes one after the other under one key and gives the lines of a metric.
    fn check(publications: &[Publication], metric: &str, expected: &[&str]) {
        let metrics = metrics();
        let mut before = None;
        for publication in publications {
            let record = publication.record();
            let (topic, key) = (record.topic as u8, &record.key[..]);
            metrics.views(&[ViewChange { topic, key, before: before.as_deref(), after: record.value.as_deref() }]);
            before = record.value;
        }
        let text = metrics.text();
        let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{')).collect();
        let lines: Vec<_> = lines.iter().map(|line| line.replace("engine=\"embedded\",", "")).collect();
        let lines: Vec<_> = lines.iter().map(|line| line.replace(",engine=\"embedded\"", "")).collect();
        assert_eq!(lines, expected);
    }

    fn risk(code: &str, amount: i64) -> Publication {
        let money = Money { amount: Micros(amount), currency: Currency::parse(code).unwrap() };
        Publication::Risk(Risk { finding: Id([1; 16]), money })
    }

    #[test]
    fn money_counts_by_what_it_moves() {
        let published = [risk("USD", 5), risk("USD", 7), risk("USD", 4), risk("EUR", 4)];
        let expected = [
            "currency=\"EUR\",direction=\"up\"} 4",
            "currency=\"USD\",direction=\"down\"} 7",
            "currency=\"USD\",direction=\"up\"} 7",
        ];
        check(&published, "paidonce_prevented_micros_total", &expected);
    }

    #[test]
    fn a_finding_counts_once_and_is_withdrawn_under_its_code() {
        let finding = |text: &str| Finding::about(Code::LineResubmitted, RecordRef::default(), None, text.to_owned());
        let said = |text| Publication::Finding(finding(text));
        let published = [said("a"), said("b"), Publication::Withdrawn(finding("b").id)];
        check(&published, "paidonce_findings_total", &["code=\"DD-02\"} 1"]);
        check(&published, "paidonce_findings_withdrawn_total", &["code=\"DD-02\"} 1"]);
    }

    #[test]
    fn a_record_counts_under_each_outcome_that_it_comes_to() {
        let receipt = |status: &str, parked, accepted| {
            Publication::Receipt(Receipt { status: status.into(), parked, accepted, ..Receipt::default() })
        };
        let published = [receipt("reading", 1, 0), receipt("accepted", 2, 3), receipt("accepted", 0, 5)];
        let expected = ["outcome=\"accepted\"} 5", "outcome=\"duplicate\"} 0", "outcome=\"parked\"} 2"];
        let expected = [&expected[..], &["outcome=\"rejected\"} 0", "outcome=\"superseded\"} 0"]].concat();
        check(&published, "paidonce_records_total", &expected);
        check(&published, "paidonce_files_total", &["status=\"accepted\"} 1"]);
    }
}
