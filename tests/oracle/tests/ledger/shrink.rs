//! From a history that tells two apart to a short one that does.

use contract::Reference;

use crate::history::Act;

/// Leaves acts out, many at a time and then fewer, as long as what is left still fails; then rows of tables.
pub fn shrunk(acts: &[Act], fails: &dyn Fn(&[Act]) -> bool) -> Vec<Act> {
    let mut left = fewer(acts, &|acts| fails(acts));
    for at in 0..left.len() {
        let Act::Configure(reference) = &left[at] else { continue };
        let with = |reference: &Reference| {
            let mut acts = left.clone();
            acts[at] = Act::Configure(Box::new(reference.clone()));
            acts
        };
        let mut reference = (**reference).clone();
        let whole = reference.clone();
        reference.rates =
            fewer(&whole.rates, &|rates| fails(&with(&Reference { rates: rates.to_vec(), ..whole.clone() })));
        let whole = reference.clone();
        reference.purchases =
            fewer(&whole.purchases, &|rows| fails(&with(&Reference { purchases: rows.to_vec(), ..whole.clone() })));
        let whole = reference.clone();
        reference.draws =
            fewer(&whole.draws, &|rows| fails(&with(&Reference { draws: rows.to_vec(), ..whole.clone() })));
        left = with(&reference);
    }
    left
}

/// As few of them as it takes.
fn fewer<T: Clone>(all: &[T], fails: &dyn Fn(&[T]) -> bool) -> Vec<T> {
    let mut left = all.to_vec();
    let mut size = left.len() / 2;
    while size > 0 {
        let mut at = 0;
        let before = left.len();
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + size).min(left.len()));
            if fails(&fewer) { left = fewer } else { at += size }
        }
        size = if left.len() < before { size.min(left.len() / 2).max(1) } else { size / 2 };
        if left.len() == before && size == 0 {
            break;
        }
    }
    left
}

pub fn shown(acts: &[Act]) -> String {
    acts.iter().map(|act| format!("  {act:?}")).collect::<Vec<_>>().join("\n")
}
