//! From a history that tells two apart to a short one that does.

use crate::history::Act;

/// Leaves acts out, many at a time and then fewer, as long as what is left still fails.
pub fn shrunk(acts: &[Act], fails: &dyn Fn(&[Act]) -> bool) -> Vec<Act> {
    let mut left = acts.to_vec();
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
