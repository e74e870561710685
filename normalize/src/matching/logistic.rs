//! Logistic regression over sparse inputs.

/// Inputs by place, the answer, and how much the example counts.
pub(crate) struct Example {
    pub inputs: Vec<(usize, f64)>,
    pub right: bool,
    pub weight: f64,
}

const ROUNDS: usize = 500;
const STEP: f64 = 0.05;

/// Weights that make the answers likeliest, held near zero by `ridge`; place 0 is the constant and is left free.
///
/// Whole-batch descent with steps scaled to each weight's gradients: the same examples give the same weights.
pub(crate) fn fit(examples: &[Example], width: usize, ridge: f64) -> Vec<f64> {
    let (mut weights, mut means, mut squares) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
    for round in 1..=ROUNDS {
        let gradient = gradient(examples, &weights, ridge);
        let (fade_mean, fade_square) = (1.0 - 0.9_f64.powi(round as i32), 1.0 - 0.999_f64.powi(round as i32));
        let step = STEP * (1.0 - round as f64 / (ROUNDS + 1) as f64);
        for at in 0..width {
            means[at] = 0.9 * means[at] + 0.1 * gradient[at];
            squares[at] = 0.999 * squares[at] + 0.001 * gradient[at] * gradient[at];
            weights[at] -= step * (means[at] / fade_mean) / ((squares[at] / fade_square).sqrt() + 1e-9);
        }
    }
    weights
}

fn gradient(examples: &[Example], weights: &[f64], ridge: f64) -> Vec<f64> {
    let mut gradient: Vec<f64> = weights.iter().map(|weight| ridge * weight).collect();
    gradient[0] = 0.0;
    for example in examples {
        let sum: f64 = example.inputs.iter().map(|(place, value)| weights[*place] * value).sum();
        let wrong = 1.0 / (1.0 + (-sum).exp()) - f64::from(u8::from(example.right));
        example.inputs.iter().for_each(|(place, value)| gradient[*place] += example.weight * wrong * value);
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_learned_as_log_odds() {
        let example = |place, right| Example { inputs: vec![(0, 1.0), (place, 1.0)], right, weight: 1.0 };
        let mut examples = Vec::new();
        (0..90).for_each(|_| examples.push(example(1, true)));
        (0..10).for_each(|_| examples.push(example(1, false)));
        (0..50).for_each(|n| examples.push(example(2, n % 2 == 0)));
        let weights = fit(&examples, 3, 0.01);
        assert!((weights[0] + weights[1] - 2.197).abs() < 0.1, "{weights:?}");
        assert!((weights[0] + weights[2]).abs() < 0.1, "{weights:?}");
    }
}
