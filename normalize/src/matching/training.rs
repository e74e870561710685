//! Learns the weights of a scorecard from labelled sets.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::batch::{MatchKind, PairRecords, SearchedCatalogue, with_leads};
use super::features::{self, FEATURES};
use super::index::Scratch;
use super::logistic::{Example, fit};
use super::scorecard::{Calibration, Curve, LEAD_MAX, Place, Points, SCORE_MAX, Scorecard};
use super::tables::{self, Pair, TableError};

/// Knots of a curve, at most.
const KNOTS_MAX: usize = 9;
/// Holds points near zero where there are few examples.
const RIDGE: f64 = 0.5;
/// An automatic match is right at least this often, on average over the sets.
const AUTO_PRECISION: f64 = 0.97;
/// Log-odds of a best candidate that is right one time in ten.
const REVIEW: Points = -2_197;

/// One labelled set: a catalogue with feed records and their answers, labelled pairs, or both.
#[derive(Clone, Debug, Default)]
pub struct TrainingSet {
    pub name: String,
    pub catalogue: Option<PathBuf>,
    pub feed: Option<PathBuf>,
    pub answers: Option<PathBuf>,
    pub pairs: Vec<PathBuf>,
}

/// Trains one kind's scorecard and returns it as a section of `config/matching.yaml`.
pub fn train(kind: MatchKind, sets: &[TrainingSet]) -> Result<String, TableError> {
    let mut examined = Vec::new();
    for set in sets {
        examined.push(Examined::of(set)?);
    }
    let mut card = weigh(&examined);
    card.best = calibrate_best(&card, &examined);
    card.auto = auto_threshold(&card, &examined);
    card.review = REVIEW;
    card.pair = calibrate_pair(&card, &examined);
    let name = match kind {
        MatchKind::Product => "product",
        MatchKind::Partner => "partner",
    };
    Ok(shown(name, &card))
}

type Values = Vec<Option<f32>>;

/// A set with all its comparisons.
struct Examined {
    /// For each feed record its candidates, each with whether it is right.
    queries: Vec<Vec<(Values, bool)>>,
    /// For each table of pairs the pairs with their comparison.
    tables: Vec<Vec<(Pair, Values)>>,
}

impl Examined {
    fn of(set: &TrainingSet) -> Result<Examined, TableError> {
        let mut examined = Examined { queries: Vec::new(), tables: Vec::new() };
        if let (Some(catalogue), Some(feed), Some(answers)) = (&set.catalogue, &set.feed, &set.answers) {
            let listed = tables::records(catalogue)?.into_iter().filter(|(_, listed)| *listed);
            let catalogue = SearchedCatalogue::new(listed.map(|(record, _)| record).collect());
            let feed: HashMap<String, _> =
                tables::records(feed)?.into_iter().map(|(record, _)| (record.id.clone(), record)).collect();
            let mut scratch = Scratch::default();
            for (left, right) in tables::answers(answers)? {
                let (record, candidates) = catalogue.candidates(&feed[&left], &mut scratch);
                let compared = |at: u32| {
                    let values = features::compare(&record, &catalogue.records[at as usize]);
                    (values, right.contains(&catalogue.ids[at as usize]))
                };
                examined.queries.push(candidates.into_iter().map(compared).collect());
            }
        }
        for path in &set.pairs {
            let pairs = tables::pairs(path)?;
            let records = PairRecords::new(set.catalogue.as_deref(), set.feed.as_deref(), &pairs)?;
            let mut compared = Vec::new();
            for pair in pairs {
                let (left, right) = records.get(&pair)?;
                let values = features::compare(left, right);
                compared.push((pair, values));
            }
            examined.tables.push(compared);
        }
        Ok(examined)
    }

    fn samples(&self) -> Vec<(&Values, bool)> {
        let candidates = self.queries.iter().flatten().map(|(values, right)| (values, *right));
        let pairs = self.tables.iter().flatten().map(|(pair, values)| (values, pair.label));
        candidates.chain(pairs).collect()
    }
}

/// Points of all knots, every set weighing the same.
fn weigh(sets: &[Examined]) -> Scorecard {
    let samples: Vec<Vec<(&Values, bool)>> = sets.iter().map(Examined::samples).collect();
    let mut curves: Vec<Curve> = FEATURES.iter().enumerate().map(|(at, f)| drawn(f.name, at, &samples)).collect();
    let mut firsts = vec![1];
    curves.iter().for_each(|curve| firsts.push(firsts[firsts.len() - 1] + curve.points.len() + 1));
    let total: usize = samples.iter().map(Vec::len).sum();
    let mut examples = Vec::with_capacity(total);
    for set in &samples {
        let weight = total as f64 / (set.len() * samples.len()) as f64;
        let example = |(values, right): &(&Values, bool)| Example {
            inputs: inputs(&curves, &firsts, values),
            right: *right,
            weight,
        };
        examples.extend(set.iter().map(example));
    }
    let weights = fit(&examples, firsts[curves.len()], RIDGE);
    for (curve, first) in curves.iter_mut().zip(&firsts) {
        curve.missing = points(weights[*first]);
        curve.points = weights[first + 1..first + 1 + curve.points.len()].iter().map(|w| points(*w)).collect();
    }
    let nothing = Calibration::default();
    Scorecard { start: points(weights[0]), features: curves, best: nothing, pair: nothing, auto: 0, review: 0 }
}

/// A curve's inputs: one for missing values, then one for each knot, shared between neighbours.
fn inputs(curves: &[Curve], firsts: &[usize], values: &Values) -> Vec<(usize, f64)> {
    let mut inputs = vec![(0, 1.0)];
    for ((curve, first), value) in curves.iter().zip(firsts).zip(values) {
        match curve.place(*value) {
            Place::Missing => inputs.push((*first, 1.0)),
            Place::Knot(at, 0) => inputs.push((first + 1 + at, 1.0)),
            Place::Knot(at, way) => {
                let way = f64::from(way) / 1000.0;
                inputs.extend([(first + 1 + at, 1.0 - way), (first + 2 + at, way)]);
            }
        }
    }
    inputs
}

fn points(log_odds: f64) -> Points {
    (log_odds * 1000.0).round() as Points
}

/// Knots between which about as many samples lie, of all and of the right ones; few distinct values get one each.
fn drawn(name: &str, at: usize, samples: &[Vec<(&Values, bool)>]) -> Curve {
    let mut values: Vec<f32> = samples.iter().flatten().filter_map(|(values, _)| values[at]).collect();
    values.sort_unstable_by(f32::total_cmp);
    let mut knots = values.clone();
    knots.dedup();
    if knots.len() > KNOTS_MAX {
        let right = sorted_of_right(at, samples);
        let quantile = |of: &[f32], n: usize| of.get((n * of.len() / (KNOTS_MAX / 2)).min(of.len() - 1)).copied();
        let steps = 0..=KNOTS_MAX / 2;
        knots = steps.flat_map(|n| [quantile(&values, n), quantile(&right, n)]).flatten().collect();
    }
    knots.iter_mut().for_each(|knot| *knot = (*knot * 1000.0).round() / 1000.0);
    knots.sort_unstable_by(f32::total_cmp);
    knots.dedup();
    if knots.is_empty() {
        knots.push(0.0);
    }
    Curve { name: name.into(), points: vec![0; knots.len()], knots, missing: 0 }
}

fn sorted_of_right(at: usize, samples: &[Vec<(&Values, bool)>]) -> Vec<f32> {
    let right = samples.iter().flatten().filter(|(_, right)| *right);
    let mut values: Vec<f32> = right.filter_map(|(values, _)| values[at]).collect();
    values.sort_unstable_by(f32::total_cmp);
    values
}

/// The best candidate of a feed record: its score, its lead and whether it is right.
fn best_of(card: &Scorecard, candidates: &[(Values, bool)]) -> Option<(Points, Points, bool)> {
    let mut scored: Vec<(Points, bool)> =
        candidates.iter().map(|(values, right)| (card.score_of(values), *right)).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let (best, right) = *scored.first()?;
    let lead = scored.get(1).map_or(LEAD_MAX, |(second, _)| (best - second).min(LEAD_MAX));
    Some((best, lead, right))
}

fn calibrate_best(card: &Scorecard, sets: &[Examined]) -> Calibration {
    let mut examples = Vec::new();
    for set in sets.iter().filter(|set| !set.queries.is_empty()) {
        let weight = 1000.0 / set.queries.len() as f64;
        for (best, lead, right) in set.queries.iter().filter_map(|candidates| best_of(card, candidates)) {
            examples.push(Example { inputs: scaled(&[best.clamp(-SCORE_MAX, SCORE_MAX), lead]), right, weight });
        }
    }
    let weights = fit(&examples, 3, RIDGE);
    Calibration { start: points(weights[0]), score: points(weights[1]), lead: points(weights[2]), lead_of_catalogue: 0 }
}

fn scaled(points: &[Points]) -> Vec<(usize, f64)> {
    let inputs = points.iter().zip(1..).map(|(points, place)| (place, f64::from(*points) / 1000.0));
    std::iter::once((0, 1.0)).chain(inputs).collect()
}

/// The lowest log-odds from which on automatic matches are precise enough, on average over the sets.
fn auto_threshold(card: &Scorecard, sets: &[Examined]) -> Points {
    let decided = |set: &Examined| -> Vec<(Points, bool)> {
        let best = set.queries.iter().filter_map(|candidates| best_of(card, candidates));
        best.map(|(best, lead, right)| (card.best.log_odds(best, lead, 0), right)).collect()
    };
    let decided: Vec<Vec<(Points, bool)>> = sets.iter().map(decided).filter(|set| !set.is_empty()).collect();
    let precision = |threshold: Points| {
        let of = |set: &Vec<(Points, bool)>| {
            let taken: Vec<bool> = set.iter().filter(|(odds, _)| *odds >= threshold).map(|(_, right)| *right).collect();
            let right = taken.iter().filter(|right| **right).count();
            if taken.is_empty() { 1.0 } else { right as f64 / taken.len() as f64 }
        };
        decided.iter().map(of).sum::<f64>() / decided.len() as f64
    };
    (0..80).map(|step| step * 100).find(|threshold| precision(*threshold) >= AUTO_PRECISION).unwrap_or(8_000)
}

fn calibrate_pair(card: &Scorecard, sets: &[Examined]) -> Calibration {
    let tables: Vec<Vec<(Vec<Points>, bool)>> =
        sets.iter().flat_map(|set| &set.tables).map(|t| leads(card, t)).collect();
    let mut examples = Vec::new();
    for table in &tables {
        let weight = 1000.0 / table.len() as f64;
        let example = |(inputs, right): &(Vec<Points>, bool)| Example { inputs: scaled(inputs), right: *right, weight };
        examples.extend(table.iter().map(example));
    }
    let weights = fit(&examples, 4, RIDGE);
    let [start, score, lead, lead_of_catalogue] = [0, 1, 2, 3].map(|at| points(weights[at]));
    let open = Calibration { start, score, lead, lead_of_catalogue };
    Calibration { start: start - best_cut(&open, &tables), ..open }
}

fn leads(card: &Scorecard, table: &[(Pair, Values)]) -> Vec<(Vec<Points>, bool)> {
    let scores: Vec<Points> = table.iter().map(|(_, values)| card.score_of(values)).collect();
    let pairs: Vec<Pair> = table.iter().map(|(pair, _)| pair.clone()).collect();
    let inputs = with_leads(&pairs, &scores)
        .into_iter()
        .map(|leads| vec![leads.score.clamp(-SCORE_MAX, SCORE_MAX), leads.of_feed, leads.of_catalogue]);
    inputs.zip(pairs.iter().map(|pair| pair.label)).collect()
}

/// The log-odds from which on to call a pair the same, best for the average F1.
fn best_cut(calibration: &Calibration, tables: &[Vec<(Vec<Points>, bool)>]) -> Points {
    let f1 = |cut: Points, table: &Vec<(Vec<Points>, bool)>| {
        let (mut right, mut taken, mut matches) = (0, 0, 0);
        for (inputs, label) in table {
            let same = calibration.log_odds(inputs[0], inputs[1], inputs[2]) >= cut;
            taken += usize::from(same);
            matches += usize::from(*label);
            right += usize::from(same && *label);
        }
        2.0 * right as f64 / (taken + matches).max(1) as f64
    };
    let average = |cut: Points| tables.iter().map(|table| f1(cut, table)).sum::<f64>();
    (-30..30).map(|step| step * 100).max_by(|a, b| average(*a).total_cmp(&average(*b))).unwrap_or(0)
}

fn shown(name: &str, card: &Scorecard) -> String {
    let calibration = |c: &Calibration| {
        format!(
            "{{ start: {}, score: {}, lead: {}, lead_of_catalogue: {} }}",
            c.start, c.score, c.lead, c.lead_of_catalogue
        )
    };
    let mut text = format!("{name}:\n  start: {}\n", card.start);
    let lines = [
        format!("  best: {}\n", calibration(&card.best)),
        format!("  pair: {}\n", calibration(&card.pair)),
        format!("  auto: {}\n  review: {}\n  features:\n", card.auto, card.review),
    ];
    text.extend(lines);
    for curve in &card.features {
        let (knots, points) = (&curve.knots, &curve.points);
        writeln!(text, "    - name: {}\n      knots: {knots:?}\n      points: {points:?}", curve.name)
            .and_then(|()| writeln!(text, "      missing: {}", curve.missing))
            .expect("writing to a string");
    }
    text
}
