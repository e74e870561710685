//! How programs get along on one sale: the best deal of a group, and rebates on what earlier ones leave.

use std::cmp::Reverse;

use contract::{Base, Choice, Mechanism, Micros, Program, Sale, Stack};

use super::special_price::debit;
use crate::units::told::Tables;

/// What one sale earns by the program's rate alone; `None` for a program whose benefit no single sale tells.
pub fn worth(tables: Tables<'_, '_>, program: &Program, sale: &Sale, amount: Micros) -> Option<Micros> {
    match &program.mechanism {
        mechanism if !has_worth(mechanism) => None,
        Mechanism::PerUnit { rate } => Some(sale.quantity.times(*rate)),
        Mechanism::Percent { rate } => Some(amount.times(*rate)),
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } => {
            let given = debit(tables(program), program, sale).map_or(Micros::ZERO, |debit| debit.credit - debit.short);
            Some(sale.quantity.times(given))
        }
        _ => None,
    }
}

/// Whether [`worth`] knows what the programs of this type give for a sale.
pub fn has_worth(mechanism: &Mechanism) -> bool {
    use Mechanism::{PassThrough, PerUnit, Percent, ShipAndDebit};
    // What a cost layer gives hangs on all that was sold before.
    matches!(mechanism, PerUnit { .. } | Percent { .. } | ShipAndDebit { .. } | PassThrough { .. })
        && !mechanism.goes_by_layers()
}

/// Puts the programs of each group in the order in which they are tried: by priority, as they come, or by what they give.
/// `programs` come by ledger key, then priority.
pub fn order(programs: &mut [&Program], tables: Tables<'_, '_>, sale: &Sale) {
    for group in programs.chunk_by_mut(|a, b| a.ledger_key() == b.ledger_key()) {
        let given = |program: &&Program| worth(tables, program, sale, sale.amount).unwrap_or_default().abs();
        match group[0].choose {
            Choice::Priority => {}
            Choice::BestForPartner => group.sort_by_key(|program| Reverse(given(program))),
            Choice::BestForVendor => group.sort_by_key(given),
        }
    }
}

/// What a program gets of a sale among the programs that pay for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The amount that its rate is on.
    pub base: Micros,
    /// What it would have given above the cap of its stack; of a return below nothing.
    pub cut: Micros,
}

/// The amount that a program's rate is on: that of the sale, or what the earlier programs of its stack leave of it, which is
/// no less than nothing. Where all of a stack together give no more than a share of the sale, what is too much is cut off
/// the base of the last ones (DD-12).
pub fn part(tables: Tables<'_, '_>, program: &Program, programs: &[&Program], sale: &Sale) -> Part {
    let whole = Part { base: sale.amount, cut: Micros::ZERO };
    let Some(stack) = program.stack.as_ref().filter(|stack| stack.base == Base::Net || stack.at_most.is_some()) else {
        return whole;
    };
    let worth = |other: &Program, base| worth(tables, other, sale, base).unwrap_or_default();
    part_of(program, stack, programs, sale.amount, &worth).unwrap_or(whole)
}

/// What the earlier programs of its stack leave a program on net, where all of them pay for all that was sold; `None` where
/// what one of them gives hangs on single sales.
pub fn net_of(program: &Program, programs: &[&Program], sold: Micros, quantity: Micros) -> Option<Micros> {
    let stack = program.stack.as_ref().filter(|stack| stack.base == Base::Net)?;
    let is_plain = |other: &&Program| match other.mechanism {
        Mechanism::PerUnit { .. } | Mechanism::Percent { .. } => true,
        _ => other.stack.as_ref().is_none_or(|place| place.name != stack.name || !place.reduces),
    };
    let worth = |other: &Program, base: Micros| match other.mechanism {
        Mechanism::PerUnit { rate } => quantity.times(rate),
        Mechanism::Percent { rate } => base.times(rate),
        _ => Micros::ZERO,
    };
    if !programs.iter().all(is_plain) {
        return None;
    }
    part_of(program, stack, programs, sold, &worth).map(|part| part.base)
}

/// Goes through the programs of a stack in their order, each with what the ones before it leave of an amount; `None` where the
/// program is not among them.
fn part_of(
    program: &Program,
    stack: &Stack,
    programs: &[&Program],
    amount: Micros,
    worth: &dyn Fn(&Program, Micros) -> Micros,
) -> Option<Part> {
    let mut stacked: Vec<(&Program, &Stack)> = programs
        .iter()
        .filter_map(|other| Some((*other, other.stack.as_ref().filter(|place| place.name == stack.name)?)))
        .collect();
    stacked.sort_by_cached_key(|(other, _)| (other.priority, other.id.clone()));
    let (mut left, mut given) = (amount, Micros::ZERO);
    for (other, place) in stacked {
        let base = if place.base == Base::Net { towards_zero(left, amount) } else { amount };
        let part = under_cap(other, place, Part { base, cut: Micros::ZERO }, given, amount);
        if std::ptr::eq(other, program) {
            return Some(part);
        }
        let worth = worth(other, part.base);
        given += worth;
        if place.reduces {
            left = left - worth;
        }
    }
    None
}

/// Of an amount no more than the whole, and nothing of the other sign.
fn towards_zero(amount: Micros, whole: Micros) -> Micros {
    amount.clamp(whole.min(Micros::ZERO), whole.max(Micros::ZERO))
}

/// A share of the amount gives way to the cap of the stack, of which `given` is used up.
fn under_cap(program: &Program, stack: &Stack, part: Part, given: Micros, amount: Micros) -> Part {
    let (Some(at_most), Mechanism::Percent { rate }) = (stack.at_most, &program.mechanism) else { return part };
    let (wanted, cap) = (part.base.times(*rate), amount.times(at_most));
    let got = towards_zero(cap - given, wanted);
    if got == wanted {
        return part;
    }
    Part { base: got.share(Micros::ONE, *rate), cut: wanted - got }
}

#[cfg(test)]
mod tests {
    use contract::Reference;

    use super::*;
    use crate::ledger::plain_program;
    use crate::units::trial::{day, line};

    /// Percentages of a sale of 1,000, in order of priority: its rate, its base, and whether it reduces later ones.
    fn given(deals: &[(i64, Base, bool)]) -> (Vec<String>, String) {
        given_within(None, 1000, deals)
    }

    /// The same of a sale of so much, all together giving so many per cent at most.
    fn given_within(at_most: Option<i64>, amount: i64, deals: &[(i64, Base, bool)]) -> (Vec<String>, String) {
        let at_most = at_most.map(|percent| Micros(percent * 10_000));
        let program = |(place, (percent, base, reduces)): (usize, &(i64, Base, bool))| {
            let mechanism = Mechanism::Percent { rate: Micros(percent * 10_000) };
            let stack = Stack { name: "S".into(), base: *base, reduces: *reduces, at_most };
            Program { priority: place as u32, stack: Some(stack), ..plain_program(&format!("D{percent}"), mechanism) }
        };
        let programs: Vec<Program> = deals.iter().enumerate().map(program).collect();
        let programs: Vec<&Program> = programs.iter().collect();
        let (sale, reference) = (line(1, "A", "1", day("2013-01-01"), 1, Micros::units(amount)), Reference::default());
        let tables = |_: &Program| &reference;
        let each: Vec<Micros> = programs
            .iter()
            .map(|program| worth(&tables, program, &sale, part(&tables, program, &programs, &sale).base).unwrap())
            .collect();
        (each.iter().map(Micros::to_string).collect(), each.into_iter().sum::<Micros>().to_string())
    }

    #[test]
    fn a_rebate_on_net_is_on_what_earlier_ones_leave() {
        use Base::{Gross, Net};
        // Domain notes 4.2-d: 10 % on gross; 15 % that others ignore; 20 % and 25 % reduced by earlier ones.
        let (one, two, three, four) = ((10, Gross, true), (15, Gross, false), (20, Net, true), (25, Net, true));
        for (deals, each, sum) in [
            ([one, two, three, four], ["100", "150", "180", "180"], "610"),
            ([four, three, two, one], ["250", "150", "150", "100"], "650"),
            ([three, two, one, four], ["200", "150", "100", "175"], "625"),
            ([two, four, one, three], ["150", "250", "100", "130"], "630"),
        ] {
            assert_eq!(given(&deals), (each.map(str::to_owned).to_vec(), sum.to_owned()));
        }
        // DD-13: 10 % then 20 % on 1,000 are 100 and 180.
        assert_eq!(given(&[(10, Net, true), (20, Net, true)]).1, "280");
    }

    #[test]
    fn what_earlier_programs_leave_is_known_where_they_pay_for_everything() {
        let stack = |base| Some(Stack { name: "S".into(), base, reduces: true, at_most: None });
        let percent = Mechanism::Percent { rate: Micros(100_000) };
        let of = |id: &str, priority, base, mechanism| Program {
            priority,
            stack: stack(base),
            ..plain_program(id, mechanism)
        };
        let unit = of("UNIT", 1, Base::Gross, Mechanism::PerUnit { rate: Micros::units(2) });
        let tenth = of("TENTH", 2, Base::Net, percent.clone());
        let own = of("OWN", 3, Base::Net, percent.clone());
        let later = of("LATER", 4, Base::Net, percent);
        let debit = of(
            "DEBIT",
            0,
            Base::Gross,
            Mechanism::ShipAndDebit { resale: contract::Resale::Strict, cost: contract::CostBasis::Book },
        );
        let other = Program { stack: None, ..debit.clone() };
        let net = |program: &Program, programs: &[&Program]| {
            net_of(program, programs, Micros::units(1000), Micros::units(50)).map(|net| net.to_string())
        };
        assert_eq!(net(&own, &[&unit, &tenth, &own, &later, &other]).as_deref(), Some("810"));
        assert_eq!(net(&own, &[&own]).as_deref(), Some("1000"));
        assert_eq!(net(&own, &[&debit, &own]), None, "what it gives hangs on the sale");
        assert_eq!(net(&unit, &[&unit, &tenth]), None, "it is on gross");
    }

    #[test]
    fn all_of_a_stack_give_no_more_than_their_cap() {
        use Base::{Gross, Net};
        let each =
            |at_most, amount, deals: &[(i64, Base, bool)]| given_within(Some(at_most), amount, deals).0.join(" ");
        // Domain notes DD-12: 8 % and 6 % under 12 % of 1,000.
        assert_eq!(each(12, 1000, &[(8, Gross, false), (6, Gross, false)]), "80 40");
        assert_eq!(each(14, 1000, &[(8, Gross, false), (6, Gross, false)]), "80 60", "as much as allowed");
        assert_eq!(each(5, 1000, &[(8, Gross, false), (6, Gross, false), (1, Gross, false)]), "50 0 0");
        assert_eq!(
            each(12, -1000, &[(8, Gross, false), (6, Gross, false)]),
            "-80 -40",
            "what comes back takes back the same"
        );
        // On net 6 % are 55.20; the cap cuts them as well.
        assert_eq!(each(20, 1000, &[(8, Gross, true), (6, Net, true)]), "80 55.2");
        assert_eq!(each(10, 1000, &[(8, Gross, true), (6, Net, true)]), "80 20");
        assert_eq!(each(12, 0, &[(8, Gross, false), (6, Gross, false)]), "0 0");
    }

    #[test]
    fn the_best_deal_of_a_group_goes_first() {
        let program =
            |id: &str, choose, mechanism| Program { group: Some("G".into()), choose, ..plain_program(id, mechanism) };
        let order_of = |choose: Choice, units: i64, amount: i64| {
            let programs = [
                program("PERCENT", choose, Mechanism::Percent { rate: Micros(20_000) }),
                program("UNIT", choose, Mechanism::PerUnit { rate: Micros::ONE }),
            ];
            let mut tried: Vec<&Program> = programs.iter().collect();
            let sale = line(1, "A", "1", day("2013-01-01"), units, Micros::units(amount));
            let reference = Reference::default();
            order(&mut tried, &|_| &reference, &sale);
            tried[0].id.to_string()
        };
        assert_eq!(order_of(Choice::Priority, 5, 100), "PERCENT");
        assert_eq!(order_of(Choice::BestForPartner, 5, 100), "UNIT");
        assert_eq!(order_of(Choice::BestForPartner, 5, 250), "PERCENT", "equal: by priority");
        assert_eq!(order_of(Choice::BestForVendor, 5, 100), "PERCENT");
        assert_eq!(order_of(Choice::BestForVendor, 5, 251), "UNIT");
        assert_eq!(order_of(Choice::BestForPartner, -5, -100), "UNIT", "what comes back takes back the same");
    }
}
