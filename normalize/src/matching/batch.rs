//! Whole tables: every feed record against a catalogue, or given pairs.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use super::index::{Index, Scratch, Statistics};
use super::record::{RawRecord, Record, indexed_text};
use super::scorecard::{LEAD_MAX, Points, Scorecard, probability};
use super::tables::{self, Pair, TableError};
use super::units;

/// Candidates that are compared in full.
pub(crate) const CANDIDATES: usize = 20;

/// What is to be identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    Product,
    Partner,
}

/// How many records of a batch ended where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchSummary {
    pub records: usize,
    /// Written without a person; for pairs: the same.
    pub auto: usize,
    pub review: usize,
    pub none: usize,
}

/// Finds the catalogue records of feed records: `left_id,right_id,score,outcome`, best first, up to `top` of each.
///
/// The outcome of a record stands in its first row: `auto`, `review` or `none`.
pub fn match_catalog(
    kind: MatchKind,
    catalogue: &Path,
    feed: &Path,
    out: &Path,
    top: usize,
) -> Result<BatchSummary, TableError> {
    let rows = tables::records(catalogue)?.into_iter().filter(|(_, listed)| *listed);
    let catalogue = SearchedCatalogue::new(rows.map(|(record, _)| record).collect());
    let card = Scorecard::of(kind);
    let mut writer = Results::create(out)?;
    let (mut summary, mut scratch) = (BatchSummary::default(), Scratch::default());
    for (raw, _) in tables::records(feed)? {
        let found = catalogue.find(&raw, card, &mut scratch);
        let (outcome, sure) = found.outcome(card);
        summary.add(outcome);
        writer.candidates(&raw.id, &found, (outcome, sure), &catalogue, top.max(1))?;
    }
    writer.close()?;
    Ok(summary)
}

/// Judges given pairs: `left_id,right_id,score,outcome` with `match` or `none`, in the order of the table.
pub fn match_pairs(
    kind: MatchKind,
    catalogue: Option<&Path>,
    feed: Option<&Path>,
    pairs: &Path,
    out: &Path,
) -> Result<BatchSummary, TableError> {
    let card = Scorecard::of(kind);
    let pairs = tables::pairs(pairs)?;
    let scored = score_pairs(card, catalogue, feed, &pairs)?;
    let mut writer = Results::create(out)?;
    let mut summary = BatchSummary::default();
    for (pair, leads) in pairs.iter().zip(with_leads(&pairs, &scored)) {
        let log_odds = card.pair.log_odds(leads.score, leads.of_feed, leads.of_catalogue);
        let outcome = if log_odds >= 0 { "match" } else { "none" };
        summary.add(outcome);
        writer.row(&pair.left, &pair.right, probability(log_odds), outcome)?;
    }
    writer.close()?;
    Ok(summary)
}

impl BatchSummary {
    fn add(&mut self, outcome: &str) {
        self.records += 1;
        match outcome {
            "auto" | "match" => self.auto += 1,
            "review" => self.review += 1,
            _ => self.none += 1,
        }
    }
}

/// A catalogue with its index, every record prepared.
pub(crate) struct SearchedCatalogue {
    pub records: Vec<Record>,
    pub ids: Vec<String>,
    index: Index,
}

/// The candidates of one feed record, best first.
pub(crate) struct Found {
    pub candidates: Vec<(Points, u32)>,
    pub conflict: bool,
}

impl SearchedCatalogue {
    pub(crate) fn new(raw: Vec<RawRecord>) -> SearchedCatalogue {
        let texts: Vec<String> = raw.iter().map(indexed_text).collect();
        let index = Index::build(texts.iter().map(String::as_str));
        let records = raw.iter().map(|record| Record::prepare(record, &index.statistics)).collect();
        SearchedCatalogue { records, ids: raw.into_iter().map(|record| record.id).collect(), index }
    }

    pub(crate) fn candidates(&self, raw: &RawRecord, scratch: &mut Scratch) -> (Record, Vec<u32>) {
        let found = self.index.search(&indexed_text(raw), CANDIDATES, scratch, |_| true);
        let feed = Record::prepare(raw, &self.index.statistics);
        (feed, found.into_iter().map(|candidate| candidate.document).collect())
    }

    pub(crate) fn find(&self, raw: &RawRecord, card: &Scorecard, scratch: &mut Scratch) -> Found {
        let (feed, candidates) = self.candidates(raw, scratch);
        let score = |at: u32| (card.score(&feed, &self.records[at as usize]), at);
        let mut candidates: Vec<(Points, u32)> = candidates.into_iter().map(score).collect();
        candidates.sort_by_key(|(score, _)| Reverse(*score));
        let best = candidates.first().map(|(_, at)| &self.records[*at as usize]);
        let conflict = best.is_some_and(|best| conflicts(&feed, best));
        Found { candidates, conflict }
    }
}

/// What forbids to take a candidate without a person: numbers of the maker that differ, another capacity or pack.
fn conflicts(feed: &Record, catalogue: &Record) -> bool {
    let front = feed.mpn.starts_with(&*catalogue.mpn) || catalogue.mpn.starts_with(&*feed.mpn);
    !front || units::conflict(&feed.units, &catalogue.units).is_some_and(|kinds| kinds > 0)
}

impl Found {
    /// How far the best lies in front of the second.
    pub(crate) fn lead(&self) -> Points {
        match self.candidates[..] {
            [(best, _), (second, _), ..] => (best - second).min(LEAD_MAX),
            _ => LEAD_MAX,
        }
    }

    /// Log-odds that the best candidate is right.
    fn log_odds(&self, card: &Scorecard) -> Points {
        let best = self.candidates.first().map_or(Points::MIN / 2, |(score, _)| *score);
        card.best.log_odds(best, self.lead(), 0)
    }

    /// What to do with the best candidate, and the probability that it is right in thousandths.
    fn outcome(&self, card: &Scorecard) -> (&'static str, u16) {
        if self.candidates.is_empty() {
            return ("none", 0);
        }
        let log_odds = self.log_odds(card);
        let outcome = match log_odds {
            sure if sure >= card.auto && !self.conflict => "auto",
            doubtful if doubtful >= card.review => "review",
            _ => "none",
        };
        (outcome, probability(log_odds))
    }
}

/// A pair's score and its lead over the other pairs of either record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leads {
    pub score: Points,
    pub of_feed: Points,
    pub of_catalogue: Points,
}

pub(crate) fn score_pairs(
    card: &Scorecard,
    catalogue: Option<&Path>,
    feed: Option<&Path>,
    pairs: &[Pair],
) -> Result<Vec<Points>, TableError> {
    let records = PairRecords::new(catalogue, feed, pairs)?;
    pairs.iter().map(|pair| records.get(pair).map(|(left, right)| card.score(left, right))).collect()
}

/// The records that pairs are about, by id.
pub(crate) struct PairRecords {
    left: HashMap<String, Record>,
    right: HashMap<String, Record>,
}

impl PairRecords {
    pub(crate) fn new(
        catalogue: Option<&Path>,
        feed: Option<&Path>,
        pairs: &[Pair],
    ) -> Result<PairRecords, TableError> {
        let table = |path: Option<&Path>| match path {
            Some(path) => Ok(tables::records(path)?.into_iter().map(|(record, _)| record).collect()),
            None => Ok(Vec::new()),
        };
        let (mut left, mut right): (Vec<RawRecord>, Vec<RawRecord>) = (table(feed)?, table(catalogue)?);
        for pair in pairs {
            if let Some((one, other)) = &pair.texts {
                let named =
                    |id: &str, name: &str| RawRecord { id: id.into(), name: name.into(), ..RawRecord::default() };
                left.push(named(&pair.left, one));
                right.push(named(&pair.right, other));
            }
        }
        let texts: Vec<String> = left.iter().chain(&right).map(indexed_text).collect();
        let statistics = Statistics::count(texts.iter().map(String::as_str));
        let prepare = |raw: Vec<RawRecord>| -> HashMap<String, Record> {
            raw.into_iter().map(|raw| (raw.id.clone(), Record::prepare(&raw, &statistics))).collect()
        };
        Ok(PairRecords { left: prepare(left), right: prepare(right) })
    }

    pub(crate) fn get(&self, pair: &Pair) -> Result<(&Record, &Record), TableError> {
        let unknown = |id: &str| TableError::UnknownId { what: "a pair", id: id.into() };
        let left = self.left.get(&pair.left).ok_or_else(|| unknown(&pair.left))?;
        let right = self.right.get(&pair.right).ok_or_else(|| unknown(&pair.right))?;
        Ok((left, right))
    }
}

pub(crate) fn with_leads(pairs: &[Pair], scores: &[Points]) -> Vec<Leads> {
    let mut by_left: HashMap<&str, BestTwo> = HashMap::new();
    let mut by_right: HashMap<&str, BestTwo> = HashMap::new();
    for (pair, score) in pairs.iter().zip(scores) {
        by_left.entry(&pair.left).or_default().add(*score);
        by_right.entry(&pair.right).or_default().add(*score);
    }
    let leads = |(pair, score): (&Pair, &Points)| Leads {
        score: *score,
        of_feed: by_left[pair.left.as_str()].lead(*score),
        of_catalogue: by_right[pair.right.as_str()].lead(*score),
    };
    pairs.iter().zip(scores).map(leads).collect()
}

/// The two highest scores of one record.
#[derive(Clone, Copy, Debug, Default)]
struct BestTwo {
    best: Option<Points>,
    second: Option<Points>,
}

impl BestTwo {
    fn add(&mut self, score: Points) {
        if self.best.is_none_or(|best| score > best) {
            self.second = self.best;
            self.best = Some(score);
        } else if self.second.is_none_or(|second| score > second) {
            self.second = Some(score);
        }
    }

    /// How far a score lies in front of the best other one; 0 where there is no other.
    fn lead(&self, score: Points) -> Points {
        let other = if self.best == Some(score) { self.second } else { self.best };
        other.map_or(0, |other| (score - other).clamp(-LEAD_MAX, LEAD_MAX))
    }
}

/// The CSV that a batch writes.
struct Results<'a> {
    path: &'a Path,
    writer: csv::Writer<std::fs::File>,
}

impl<'a> Results<'a> {
    fn create(path: &'a Path) -> Result<Results<'a>, TableError> {
        let unwritable = |source| TableError::Unreadable { path: path.into(), source };
        let mut writer = csv::Writer::from_path(path).map_err(unwritable)?;
        writer.write_record(["left_id", "right_id", "score", "outcome"]).map_err(unwritable)?;
        Ok(Results { path, writer })
    }

    fn candidates(
        &mut self,
        id: &str,
        found: &Found,
        (outcome, sure): (&str, u16),
        catalogue: &SearchedCatalogue,
        top: usize,
    ) -> Result<(), TableError> {
        if found.candidates.is_empty() {
            return self.row(id, "", sure, outcome);
        }
        for (place, (score, at)) in found.candidates.iter().take(top).enumerate() {
            let shown = if place == 0 { sure } else { probability(*score).min(sure) };
            self.row(id, &catalogue.ids[*at as usize], shown, outcome)?;
        }
        Ok(())
    }

    fn row(&mut self, left: &str, right: &str, thousandths: u16, outcome: &str) -> Result<(), TableError> {
        let score = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        let written = self.writer.write_record([left, right, &score, outcome]);
        written.map_err(|source| TableError::Unreadable { path: self.path.into(), source })
    }

    fn close(mut self) -> Result<(), TableError> {
        let flushed = self.writer.flush();
        flushed.map_err(|source| TableError::Unreadable { path: self.path.into(), source: source.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const CATALOGUE: &str = "id,title,brand,mpn,in_catalog
r1,Sony PSLX350H Belt Drive Turntable,Sony,PSLX350H,1
r2,Bose Acoustimass 5 Series III Speaker System AM53BK,Bose,AM53BK,1
r3,Bose Acoustimass 5 Series III Speaker System AM53WH,Bose,AM53WH,1
r4,Linksys EtherFast EZXS88W Ethernet Switch,Linksys,EZXS88W,0
r5,Canon PowerShot SD1100 Digital Camera,Canon,SD1100,1
r6,Panasonic Cordless Phone KXTG6700B,Panasonic,KXTG6700B,1
";
    const FEED: &str = "id,title
l1,sony turntable ps-lx350h
l2,bose acoustimass 5 series iii speaker am53bk black
l3,garden hose twelve metres
";

    fn written(run: impl Fn(&Path, &Path, &Path) -> Result<BatchSummary, TableError>) -> (BatchSummary, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let [catalogue, feed, out] = ["catalogue.csv", "feed.csv", "out.csv"].map(|name| folder.path().join(name));
        fs::write(&catalogue, CATALOGUE).unwrap();
        fs::write(&feed, FEED).unwrap();
        let summary = run(&catalogue, &feed, &out).unwrap();
        (summary, fs::read_to_string(&out).unwrap().lines().map(str::to_owned).collect())
    }

    #[test]
    fn feed_records_find_their_product_best_first() {
        let (summary, lines) =
            written(|catalogue, feed, out| match_catalog(MatchKind::Product, catalogue, feed, out, 2));
        assert_eq!(summary.records, 3);
        assert_eq!(lines[0], "left_id,right_id,score,outcome");
        let first = |id: &str| lines.iter().find(|line| line.starts_with(id)).unwrap().clone();
        assert!(first("l1").starts_with("l1,r1,"), "{lines:?}");
        assert!(first("l2").starts_with("l2,r2,"), "{lines:?}");
        assert!(first("l3").ends_with(",none"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains(",r4,")), "r4 does not stand in the catalogue");
    }

    #[test]
    fn given_pairs_are_judged_in_their_order() {
        let (summary, lines) = written(|catalogue, feed, out| {
            let pairs = out.with_file_name("pairs.csv");
            fs::write(&pairs, "left_id,right_id\nl2,r2\nl1,r5\nl1,r4\n").unwrap();
            match_pairs(MatchKind::Product, Some(catalogue), Some(feed), &pairs, out)
        });
        assert_eq!((summary.records, summary.auto, summary.none), (3, 1, 2));
        assert!(lines[1].starts_with("l2,r2,") && lines[1].ends_with(",match"), "{lines:?}");
        assert!(lines[2].ends_with(",none") && lines[3].starts_with("l1,r4,"), "{lines:?}");
    }

    #[test]
    fn a_pair_of_unknown_records_is_an_error() {
        written(|catalogue, feed, out| {
            let pairs = out.with_file_name("pairs.csv");
            fs::write(&pairs, "left_id,right_id\nl9,r2\n").unwrap();
            let error = match_pairs(MatchKind::Product, Some(catalogue), Some(feed), &pairs, out).unwrap_err();
            assert_eq!(error.to_string(), "a pair names l9, which no table has");
            fs::write(&pairs, "left_id,right_id,left_title,right_title\na,b,Sony PSLX350H,sony ps lx350h\n").unwrap();
            match_pairs(MatchKind::Product, None, None, &pairs, out)
        });
    }
}
