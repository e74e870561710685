//! What is worth a second look in programs that are well written: no problem, and told by `paidonce check` alone.

use contract::{Benefit, Growth, Mechanism, Program, Score};

/// A sentence for each program whose terms hold more than once: in each currency, or in each of two versions of a period.
/// `programs` are sorted by id and version.
pub(crate) fn notes(programs: &[Program]) -> Vec<String> {
    let of_currencies = programs.iter().filter_map(in_each_currency);
    let amended = programs.windows(2).filter(|pair| pair[0].id == pair[1].id);
    of_currencies.chain(amended.filter_map(|pair| in_each_version(&pair[0], &pair[1]))).collect()
}

/// What is due is kept for each currency by itself. Stocks and special prices name theirs.
fn in_each_currency(program: &Program) -> Option<String> {
    let Program { id, version, mechanism, .. } = program;
    let is_one = program.currency.is_some() || program.selector.currencies.len() == 1;
    if is_one || mechanism.keeps_stock() || mechanism.resale().is_some() {
        return None;
    }
    let mut terms = terms_of_a_period(program);
    terms.extend(program.caps.per_unit.or(program.caps.per_transaction).map(|_| "caps of a sale"));
    terms.extend(program.caps.partner_year.map(|_| "the cap of the year"));
    terms.extend(program.minimum_payout.map(|_| "the minimum payout"));
    terms.extend(gives_amounts(mechanism).then_some("amounts for a unit"));
    (!terms.is_empty()).then(|| {
        let what = listed(&terms);
        format!(
            "version {version} of program {id} has no `currency`: in each that is sold in there hold again {what}; name \
             it, or one in `select.currencies`"
        )
    })
}

/// Each version settles by itself.
fn in_each_version(earlier: &Program, later: &Program) -> Option<String> {
    let (first, _) = earlier.period.range(later.from);
    if first == later.from || earlier.to < first {
        return None;
    }
    let own = |program: &Program| {
        let is_shared = program.has_budget_of_program();
        terms_of_a_period(program).into_iter().filter(move |term| !is_shared || *term != "budget")
    };
    let mut terms: Vec<&str> = own(earlier).chain(own(later)).collect();
    terms.sort_unstable();
    terms.dedup();
    (!terms.is_empty()).then(|| {
        let (what, period) = (listed(&terms), earlier.period.label(later.from));
        format!(
            "version {} of program {} begins inside {period}: each version has its own {what}, and a partner can reach both",
            later.version, later.id
        )
    })
}

/// What is counted over all sales of a settlement.
fn terms_of_a_period(program: &Program) -> Vec<&'static str> {
    let caps = &program.caps;
    let mut terms = Vec::new();
    terms.extend(program.bonus.first().map(|_| "bonus"));
    terms.extend(caps.budget.map(|_| "budget"));
    terms.extend(caps.measure.map(|_| "cap of the measure"));
    terms.extend(caps.partner_period.map(|_| "cap of the period"));
    terms.extend(matches!(program.mechanism, Mechanism::Fixed { .. }).then_some("fixed amount"));
    terms.extend(program.threshold.map(|_| "threshold"));
    terms.extend(has_tiers(&program.mechanism).then_some("tiers"));
    terms
}

fn has_tiers(mechanism: &Mechanism) -> bool {
    use Mechanism::{VolumeExcess, VolumeMarginal, VolumeRetroactive, VolumeRolling, VolumeTotal};
    matches!(
        mechanism,
        VolumeMarginal { .. }
            | VolumeRetroactive { .. }
            | VolumeRolling { .. }
            | VolumeTotal { .. }
            | VolumeExcess { .. }
            | Mechanism::Growth(_)
    )
}

/// Whether it gives money for a unit, which is another amount in each currency.
fn gives_amounts(mechanism: &Mechanism) -> bool {
    match mechanism {
        Mechanism::PerUnit { .. } | Mechanism::FreeGoods(_) => true,
        Mechanism::Spiff { benefit, .. }
        | Mechanism::VolumeMarginal { benefit, .. }
        | Mechanism::VolumeRetroactive { benefit, .. }
        | Mechanism::VolumeRolling { benefit, .. }
        | Mechanism::VolumeTotal { benefit, .. }
        | Mechanism::VolumeExcess { benefit, .. }
        | Mechanism::Growth(Growth { benefit, .. })
        | Mechanism::Score(Score { benefit, .. }) => *benefit == Benefit::PerUnit,
        _ => false,
    }
}

/// `a, b and c`.
fn listed(terms: &[&str]) -> String {
    match terms {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => terms.concat(),
    }
}

#[cfg(test)]
mod tests {
    use contract::{Cadence, Caps, Currency, Day, Measure, Micros, Tier};

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn program(mechanism: Mechanism) -> Program {
        let period = Cadence::Quarter;
        Program { period, ..Program::new("P", [day("2013-01-01"), day("2013-12-31")], mechanism) }
    }

    fn percent() -> Mechanism {
        Mechanism::Percent { rate: Micros(10_000) }
    }

    #[test]
    fn amounts_and_bounds_without_a_currency_are_told() {
        let dollar = Currency::parse("USD");
        let told = |program: Program| notes(&[program]).concat();
        assert_eq!(told(program(percent())), "");
        let per_unit = || program(Mechanism::PerUnit { rate: Micros::ONE });
        assert_eq!(
            told(per_unit()),
            "version 1 of program P has no `currency`: in each that is sold in there hold again amounts for a unit; name \
             it, or one in `select.currencies`"
        );
        assert_eq!(told(Program { currency: dollar, ..per_unit() }), "");
        let mut selecting = per_unit();
        selecting.selector.currencies = dollar.into_iter().collect();
        assert_eq!(told(selecting.clone()), "");
        selecting.selector.currencies.extend(Currency::parse("EUR"));
        assert_ne!(told(selecting), "");
        let tiers = vec![Tier { from: Micros::ZERO, rate: Micros(10_000) }];
        let (measure, benefit) = (Measure::Amount, Benefit::Percent);
        let caps = Caps { budget: Some(Micros::ONE), partner_year: Some(Micros::ONE), ..Caps::default() };
        let volume = program(Mechanism::VolumeMarginal { measure, benefit, tiers });
        let told = told(Program { caps, threshold: Some(Micros::ONE), ..volume });
        assert!(told.contains("hold again budget, threshold, tiers and the cap of the year;"), "{told}");
    }

    #[test]
    fn a_version_that_begins_inside_a_period_is_told() {
        let told = |from: &str, to: &str, cap: Option<Micros>| {
            let caps = Caps { partner_period: cap, ..Caps::default() };
            let currency = Currency::parse("USD");
            let earlier = Program { to: day(to), currency, caps, ..program(percent()) };
            let later = Program { version: 2, from: day(from), currency, ..program(percent()) };
            notes(&[earlier, later]).concat()
        };
        assert_eq!(
            told("2013-02-15", "2013-02-14", Some(Micros::ONE)),
            "version 2 of program P begins inside 2013-Q1: each version has its own cap of the period, and a partner can \
             reach both"
        );
        assert_eq!(told("2013-04-01", "2013-03-31", Some(Micros::ONE)), "");
        assert_eq!(told("2013-05-15", "2013-03-31", Some(Micros::ONE)), "");
        assert_eq!(told("2013-02-15", "2013-02-14", None), "");
    }
}
