//! From a history that tells two apart to a short one that does.

use std::collections::BTreeSet;

use contract::{Reference, Text};

use crate::history::Act;

/// Leaves acts out, many at a time and then fewer, as long as what is left still fails; then versions of programs, from all tables, and
/// rows of each.
pub fn shrunk(acts: &[Act], fails: &dyn Fn(&[Act]) -> bool) -> Vec<Act> {
    let few = fewer(acts, fails);
    let versions = fewer(&versions(&few), &|versions| fails(&with_versions(&few, versions)));
    let mut left = with_versions(&few, &versions);
    for at in 0..left.len() {
        let Act::Configure(reference) = &left[at] else { continue };
        let mut reference = (**reference).clone();
        let with = |reference: &Reference| {
            let mut acts = left.clone();
            acts[at] = Act::Configure(Box::new(reference.clone()));
            acts
        };
        let fails = |reference: &Reference| fails(&with(reference));
        fewer_rows(&mut reference, |tables| &mut tables.rates, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.purchases, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.book_costs, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.draws, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.deductions, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.payees, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.persons, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.restricted, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.amendments, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.special_prices, &fails);
        fewer_rows(&mut reference, |tables| &mut tables.partners, &fails);
        left = with(&reference);
    }
    left
}

/// Of all programs that anything is known of.
fn versions(acts: &[Act]) -> Vec<(Text, u32)> {
    let programs =
        acts.iter().filter_map(|act| if let Act::Configure(known) = act { Some(&known.programs) } else { None });
    let versions: BTreeSet<(Text, u32)> = programs.flatten().map(|one| (one.id.clone(), one.version)).collect();
    versions.into_iter().collect()
}

/// As if there had never been any others: no table takes a version away that was known before.
fn with_versions(acts: &[Act], versions: &[(Text, u32)]) -> Vec<Act> {
    let mut acts = acts.to_vec();
    for act in &mut acts {
        if let Act::Configure(known) = act {
            known.programs.retain(|one| versions.contains(&(one.id.clone(), one.version)));
        }
    }
    acts
}

fn fewer_rows<T: Clone>(
    reference: &mut Reference,
    rows: fn(&mut Reference) -> &mut Vec<T>,
    fails: &dyn Fn(&Reference) -> bool,
) {
    let all = rows(reference).clone();
    let whole = reference.clone();
    *rows(reference) = fewer(&all, &|few| {
        let mut with = whole.clone();
        *rows(&mut with) = few.to_vec();
        fails(&with)
    });
}

/// As few of them as it takes.
fn fewer<T: Clone>(all: &[T], fails: &dyn Fn(&[T]) -> bool) -> Vec<T> {
    let mut left = all.to_vec();
    let mut size = left.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let before = left.len();
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + size).min(left.len()));
            if fails(&fewer) { left = fewer } else { at += size }
        }
        size = if left.len() < before { size.min(left.len() / 2).max(1) } else { size / 2 };
    }
    left
}

pub fn shown(acts: &[Act]) -> String {
    acts.iter().map(|act| format!("  {act:?}")).collect::<Vec<_>>().join("\n")
}
