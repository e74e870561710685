//! The topics: what travels on each, by which key, who writes it and who reads it.
//!
//! `docs/topics.md` is made from this table and the schemas.

/// One topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    pub name: &'static str,
    /// What is on it, for people.
    pub what: &'static str,
    /// The one thing that its question is about; records of one key stay in order.
    pub key: &'static str,
    pub writers: &'static [&'static str],
    pub readers: &'static [&'static str],
    /// Rust type of its records.
    pub event: &'static str,
    /// File in `contract/schemas/`, without its extension.
    pub schema: &'static str,
    /// Avro schema of its records, as JSON.
    pub schema_text: &'static str,
}

macro_rules! topic {
    ($name:literal, $key:literal, [$($writer:literal),*] => [$($reader:literal),*], $event:literal, $schema:literal, $what:literal) => {
        TopicInfo {
            name: $name,
            what: $what,
            key: $key,
            writers: &[$($writer),*],
            readers: &[$($reader),*],
            event: $event,
            schema: $schema,
            schema_text: include_str!(concat!("../schemas/", $schema, ".avsc")),
        }
    };
}

/// What the stages hand on, in the order of the hops. Each has one writer.
pub const HOPS: &[TopicInfo] = &[
    topic!("pos.feeds", "partner", ["edge"] => ["ingest"], "FeedEvent", "feed_event",
        "files as the edge read them: a verdict, slices of rows, an end"),
    topic!("pos.rows", "partner", ["ingest"] => ["normalize"], "RowEvent", "row_event",
        "files that were taken in, with their number"),
    topic!("pos.sales", "product", ["normalize"] => ["compliance/units"], "SaleEvent", "sale_event",
        "normalized sales and returns, asserted and retracted"),
    topic!("pos.entitlements", "ledger key", ["compliance/units"] => ["compliance/ledger"], "EntitlementEvent",
        "entitlement_event", "sales that may earn, by program or group of competing programs"),
    topic!("pos.accruals", "beneficiary", ["compliance/ledger"] => ["accrual-sink"], "AccrualEvent", "accrual_event",
        "what is due, what may be paid, what is closed, what is estimated"),
];

/// Decisions of people and time; written to every partition of `pos.feeds` and handed on in band, hop by hop.
pub const CONTROLS: TopicInfo = topic!("(in band)", "every partition", ["control"] => ["every stage"], "Control", "control",
    "numbered controls: configuration, ticks, commands");

/// What readers outside see: the latest record under each key.
pub const VIEWS: &[TopicInfo] = &[
    topic!("pos.receipts", "file", ["normalize"] => ["cli", "portal"], "Receipt", "receipt",
        "one for each file: where its records went"),
    topic!("pos.rejects", "record, ordinal", ["normalize"] => ["cli", "portal"], "Reject", "reject",
        "what could not be taken, and what to do"),
    topic!("pos.findings", "finding id", ["ingest", "normalize", "compliance", "accrual-sink"] => ["cli", "portal"],
        "Finding", "finding", "attempts against the laws and doubts about data; withdrawn by an empty record"),
    topic!("pos.risks", "finding id", ["compliance/units"] => ["cli", "portal"], "Risk", "risk",
        "what a finding keeps from being paid"),
    topic!("pos.movements", "movement id", ["accrual-sink"] => ["cli", "portal"], "AccrualMovement", "movement",
        "each change of what is due"),
    topic!("pos.authorizations", "authorization id", ["accrual-sink"] => ["cli", "portal", "finance"], "Authorization",
        "authorization", "what may be paid"),
    topic!("pos.payments", "payment id", ["accrual-sink"] => ["cli", "portal"], "Payment", "payment",
        "what was paid"),
    topic!("pos.journal", "entry id", ["accrual-sink"] => ["cli", "portal", "finance"], "JournalEntry", "journal_entry",
        "balanced double entries"),
    topic!("pos.identities", "kind, partner, text", ["normalize"] => ["cli", "portal"], "Identity", "identity",
        "how a partner's text was read"),
    topic!("pos.audit", "chain, sequence", ["every stage"] => ["cli", "portal", "auditors"], "AuditRecord", "audit_record",
        "hash chains of who did what"),
    topic!("pos.claims", "claim id", ["compliance/ledger"] => ["cli", "portal", "finance"], "Claim", "claim",
        "claim lines: what is asked for, what of it may be paid, and why not all"),
    topic!("pos.estimates", "movement id", ["accrual-sink"] => ["cli", "portal", "finance"], "EstimateMovement",
        "estimate_movement", "each change of what is estimated"),
    topic!("pos.rulings", "finding id, product", ["compliance"] => ["cli", "portal"], "Ruling", "ruling",
        "what persons said about findings that hold; withdrawn by an empty record"),
];

/// Views under one key of which several tasks may speak, and how that comes. Compaction would leave the last record under a key
/// alone, which may be the empty one of a task that lets go behind the value of another that holds: these are kept whole.
pub const SHARED: &[(&str, &str)] = &[
    (
        "pos.findings",
        "a finding goes with its line to the task of another product, and its id does not name the product",
    ),
    ("pos.risks", "a risk goes with its finding"),
    (
        "pos.claims",
        "a claim goes to the task of another ledger key where a later version of its program is in another group",
    ),
    (
        "pos.audit",
        "the chain of a claim goes with it; each link is written once, so that compaction would save nothing",
    ),
];

/// Records of topics that could not be taken. No view: nothing stands under a key.
pub const DEAD: TopicInfo = topic!("pos.dead", "none", ["intake", "every stage"] => ["cli"], "DeadLetter", "dead_letter",
    "dead letters: records that could not be taken, with the reason; large ones cut");

/// A topic that the engine writes for itself, as bytes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineTopic {
    pub name: &'static str,
    pub key: &'static str,
    pub what: &'static str,
    /// It has one partition, whatever the others have.
    pub single: bool,
    pub keeping: Keeping,
}

/// How long records of a topic are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Until people take them away.
    All,
    /// The latest under each key, and everything that is younger than a week.
    Latest,
    /// The latest under each key.
    Marks,
    /// For a day.
    Day,
}

/// How records are kept from being lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Brokers that keep each of them.
    pub replication: u16,
    /// Where one broker is enough for a record to count, it has it on disk by then.
    pub flushed: bool,
}

impl Copies {
    /// Brokers that must have a record before it counts.
    pub fn in_sync(self) -> u16 {
        if self.replication >= 3 { 2 } else { 1 }
    }
}

/// Bytes of the largest record.
const RECORD_BYTES_MAX: u32 = 16 << 20;
/// Recovery counts records without gaps, so the newest are not compacted: no task stops for so long.
const COMPACTION_LAG_MS: u64 = 7 * 24 * 3600 * 1000;
/// Requests that nobody answered are made again.
const REQUESTS_MS: u64 = 24 * 3600 * 1000;

/// What brokers are told about every topic.
pub fn common_settings(copies: Copies) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("min.insync.replicas", copies.in_sync().to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
        ("max.message.bytes", RECORD_BYTES_MAX.to_string()),
        ("retention.bytes", "-1".to_owned()),
    ];
    if copies.in_sync() == 1 && copies.flushed {
        settings.push(("flush.messages", "1".to_owned()));
    }
    settings
}

impl Keeping {
    /// What brokers are told beside that.
    pub fn settings(self) -> Vec<(&'static str, String)> {
        let (delete, compact) = (("cleanup.policy", "delete".to_owned()), ("cleanup.policy", "compact".to_owned()));
        match self {
            Keeping::All => vec![delete, ("retention.ms", "-1".to_owned())],
            Keeping::Latest => vec![compact, ("min.compaction.lag.ms", COMPACTION_LAG_MS.to_string())],
            Keeping::Marks => vec![compact, ("segment.bytes", (64 << 20).to_string())],
            Keeping::Day => vec![delete, ("retention.ms", REQUESTS_MS.to_string())],
        }
    }
}

/// What the engine writes beside the line; no other team needs to read it.
pub const ENGINE: &[EngineTopic] = &[
    EngineTopic {
        name: "pos.log",
        key: "number",
        what: "what came in, in order: files with what was learned of them, controls",
        single: false,
        keeping: Keeping::All,
    },
    EngineTopic {
        name: "pos.marks",
        key: "generation, stage, partition",
        what: "the last record of each transaction: how far its task has come; why it has stopped there",
        single: false,
        keeping: Keeping::Marks,
    },
    EngineTopic {
        name: "pos.repairs",
        key: "none",
        what: "requests of readers for records that they miss",
        single: true,
        keeping: Keeping::Day,
    },
];

/// A topic as a cluster has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: &'static str,
    /// It has one partition, whatever the others have.
    pub single: bool,
    pub keeping: Keeping,
}

/// Every topic of a cluster.
pub fn kept() -> impl Iterator<Item = Kept> {
    let line = HOPS.iter().chain(VIEWS).chain(std::iter::once(&DEAD)).map(|topic| {
        let is_compacted = VIEWS.contains(topic) && !is_shared(topic.name);
        let keeping = if is_compacted { Keeping::Latest } else { Keeping::All };
        Kept { name: topic.name, single: false, keeping }
    });
    line.chain(ENGINE.iter().map(|EngineTopic { name, single, keeping, .. }| Kept {
        name,
        single: *single,
        keeping: *keeping,
    }))
}

/// Whether several tasks may speak of one key of a view.
pub fn is_shared(name: &str) -> bool {
    SHARED.iter().any(|(shared, _)| *shared == name)
}

/// Every topic with a schema.
pub fn all() -> impl Iterator<Item = &'static TopicInfo> {
    HOPS.iter().chain(std::iter::once(&CONTROLS)).chain(VIEWS).chain(std::iter::once(&DEAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Topic;

    #[test]
    fn every_view_has_its_row_and_every_name_is_used_once() {
        assert_eq!(VIEWS.len(), Topic::ALL.len());
        let mut names: Vec<&str> = all().map(|topic| topic.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().count());
        assert!(HOPS.iter().all(|topic| topic.writers.len() == 1));
    }

    /// Compaction leaves one record under a key, whoever wrote it.
    #[test]
    fn what_several_stages_write_is_never_compacted() {
        let compacted: Vec<&str> =
            kept().filter(|kept| kept.keeping == Keeping::Latest).map(|kept| kept.name).collect();
        let views = VIEWS.iter().filter(|view| compacted.contains(&view.name));
        assert!(views.clone().all(|view| view.writers.len() == 1 && !view.writers.contains(&"every stage")));
        assert_eq!(views.count(), VIEWS.len() - SHARED.len());
    }

    /// What one topic writes, the next stage reads.
    #[test]
    fn the_hops_are_a_line() {
        for pair in HOPS.windows(2) {
            assert_eq!(pair[0].readers, pair[1].writers, "{} and {}", pair[0].name, pair[1].name);
        }
    }
}
