//! A scorecard: each feature has points by its value, and the points add up to a log-odds.

use std::sync::LazyLock;

use serde::Deserialize;

use super::batch::MatchKind;
use super::features::{self, FEATURES};
use super::record::Record;

/// Thousandths of a log-odds.
pub(crate) type Points = i32;

/// Weights as shipped. Trained by `normalize/examples/train.rs`.
const SHIPPED: &str = include_str!("../../../config/matching.yaml");

static SCORECARDS: LazyLock<Scorecards> =
    LazyLock::new(|| serde_saphyr::from_str(SHIPPED).expect("the shipped weights are readable"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scorecards {
    product: Scorecard,
    partner: Scorecard,
}

/// The weights of one kind of identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scorecard {
    /// Log-odds of a candidate of which nothing is known.
    pub start: Points,
    pub features: Vec<Curve>,
    /// Whether the best of several candidates is right.
    pub best: Calibration,
    /// Whether a given pair is right.
    pub pair: Calibration,
    /// From here on a best candidate is taken without a person.
    pub auto: Points,
    /// From here on a person must look.
    pub review: Points,
}

/// The points of one feature by its value: a line through knots, level beyond the outer ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Curve {
    pub name: String,
    /// Ascending.
    pub knots: Vec<f32>,
    /// One for each knot.
    pub points: Vec<Points>,
    /// Where a side says nothing.
    pub missing: Points,
}

/// Log-odds from a score and its lead over the next candidate of either side.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calibration {
    pub start: Points,
    /// Thousandths for each point of score.
    pub score: Points,
    /// Thousandths for each point of lead among the candidates of the same feed record.
    pub lead: Points,
    /// The same among the feed records of one catalogue record.
    pub lead_of_catalogue: Points,
}

/// Scores and leads beyond this say no more.
pub(crate) const SCORE_MAX: Points = 10_000;
pub(crate) const LEAD_MAX: Points = 4_000;

impl Calibration {
    pub(crate) fn log_odds(&self, score: Points, lead: Points, lead_of_catalogue: Points) -> Points {
        let score = self.score * score.clamp(-SCORE_MAX, SCORE_MAX);
        let lead = self.lead * lead.clamp(-LEAD_MAX, LEAD_MAX);
        let other = self.lead_of_catalogue * lead_of_catalogue.clamp(-LEAD_MAX, LEAD_MAX);
        self.start + (score + lead + other) / 1_000
    }
}

/// Where a value lies on a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Missing,
    /// Behind this knot, by so many thousandths of the way to the next one.
    Knot(usize, i32),
}

impl Curve {
    pub(crate) fn place(&self, value: Option<f32>) -> Place {
        let Some(value) = value else { return Place::Missing };
        let above = self.knots.partition_point(|knot| *knot <= value);
        if above == 0 || above == self.knots.len() {
            return Place::Knot(above.saturating_sub(1), 0);
        }
        let (from, to) = (self.knots[above - 1], self.knots[above]);
        Place::Knot(above - 1, ((value - from) / (to - from) * 1000.0).round() as i32)
    }

    fn points(&self, value: Option<f32>) -> Points {
        match self.place(value) {
            Place::Missing => self.missing,
            Place::Knot(at, 0) => self.points[at],
            Place::Knot(at, way) => (self.points[at] * (1000 - way) + self.points[at + 1] * way) / 1000,
        }
    }
}

impl Scorecard {
    pub(crate) fn of(kind: MatchKind) -> &'static Scorecard {
        match kind {
            MatchKind::Product => &SCORECARDS.product,
            MatchKind::Partner => &SCORECARDS.partner,
        }
    }

    /// Log-odds that both records mean the same.
    pub(crate) fn score(&self, feed: &Record, catalogue: &Record) -> Points {
        self.score_of(&features::compare(feed, catalogue))
    }

    /// The same from the values of all features.
    pub(crate) fn score_of(&self, values: &[Option<f32>]) -> Points {
        let points = self.features.iter().map(|curve| curve.points(values[place(&curve.name)]));
        self.start + points.sum::<Points>()
    }
}

fn place(name: &str) -> usize {
    FEATURES.iter().position(|feature| feature.name == name).expect("the scorecard names known features")
}

/// The probability of a log-odds, in thousandths.
pub(crate) fn probability(log_odds: Points) -> u16 {
    (1000.0 / (1.0 + (-f64::from(log_odds) / 1000.0).exp())).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_weights_fit_the_features() {
        for kind in [MatchKind::Product, MatchKind::Partner] {
            let card = Scorecard::of(kind);
            assert!(!card.features.is_empty());
            for curve in &card.features {
                assert!(FEATURES.iter().any(|feature| feature.name == curve.name), "{}", curve.name);
                assert_eq!(curve.points.len(), curve.knots.len(), "{}", curve.name);
                assert!(!curve.knots.is_empty() && curve.knots.is_sorted(), "{}", curve.name);
            }
            assert!(card.review < card.auto);
        }
    }

    #[test]
    fn points_lie_on_a_line_between_knots() {
        let curve = Curve { name: String::new(), knots: vec![0.0, 0.5], points: vec![-100, 300], missing: 7 };
        for (value, points) in [(Some(-1.0), -100), (Some(0.125), 0), (Some(0.5), 300), (Some(2.0), 300), (None, 7)] {
            assert_eq!(curve.points(value), points, "{value:?}");
        }
    }

    #[test]
    fn log_odds_become_thousandths() {
        for (log_odds, thousandths) in [(0, 500), (2_197, 900), (-2_197, 100), (20_000, 1000)] {
            assert_eq!(probability(log_odds), thousandths);
        }
    }
}
