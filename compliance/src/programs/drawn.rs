//! Programs whose benefit is kept until it is drawn: points that are redeemed, a fund that activities are paid from.
//!
//! Each period is a pot. It opens when the period freezes and expires when it closes. A draw takes from the pots that are
//! open on its day, what expires first goes first.

use contract::{Asked, Day, Draw, Mechanism, Micros, Reference};

use super::Exact;

/// What one period has earned, in millionths of a point or of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pot {
    /// First day on which it can be drawn on.
    pub opens: Day,
    /// First day on which it cannot any more.
    pub expires: Day,
    pub left: i128,
    pub drawn: i128,
    /// What was drawn on it when draws were shared out last.
    pub before: i128,
}

impl Pot {
    pub fn new(opens: Day, expires: Day, earned: i128, before: i128) -> Pot {
        Pot { opens, expires, left: earned.max(0), drawn: 0, before }
    }

    /// Takes what is wanted as far as it is there; returns how much it was.
    fn draw(&mut self, wanted: i128) -> i128 {
        let part = wanted.min(self.left);
        self.left -= part;
        self.drawn += part;
        part
    }

    fn is_open(&self, day: Day) -> bool {
        self.opens <= day && day < self.expires
    }
}

/// What can be drawn on a day.
pub fn held(pots: &[Pot], day: Day) -> i128 {
    pots.iter().filter(|pot| pot.is_open(day)).map(|pot| pot.left).sum()
}

/// What could be drawn if nothing had expired by then.
pub fn expired(pots: &[Pot], day: Day) -> i128 {
    pots.iter().filter(|pot| pot.expires <= day).map(|pot| pot.left).sum()
}

/// Draws on the pots that are open on a day, in order; returns what they lack.
pub fn take(pots: &mut [Pot], day: Day, units: i128) -> i128 {
    let open = pots.iter_mut().filter(|pot| pot.is_open(day));
    open.fold(units, |lacking, pot| lacking - pot.draw(lacking))
}

/// Draws on each pot what was drawn on it before, as far as it is still there: late sales move nothing that was ordered.
/// Returns what is lacking.
pub fn keep(pots: &mut [Pot], units: i128) -> i128 {
    pots.iter_mut().fold(units, |lacking, pot| lacking - pot.draw(lacking.min(pot.before)))
}

/// All draws on a program, by partner and id.
pub fn of_program<'r>(reference: &'r Reference, program: &str) -> &'r [Draw] {
    let all = &reference.draws;
    let start = all.partition_point(|draw| draw.program.as_str() < program);
    let count = all[start..].partition_point(|draw| draw.program == program);
    &all[start..start + count]
}

/// What a draw would be given if there were enough: points, or money.
pub fn wanted(mechanism: &Mechanism, asked: &Asked) -> Micros {
    match (mechanism, asked) {
        (Mechanism::Points(_), Asked::Points(points)) => *points,
        (_, Asked::Activity { approved, .. }) => share(mechanism, asked).min(*approved),
        _ => Micros::ZERO,
    }
}

/// The fund's share of what an activity cost, whatever was approved.
pub fn share(mechanism: &Mechanism, asked: &Asked) -> Micros {
    match (mechanism, asked) {
        (Mechanism::CoopFund(fund), Asked::Activity { spent, .. }) => spent.times(fund.share),
        _ => Micros::ZERO,
    }
}

/// What drawn units cost.
pub fn worth(mechanism: &Mechanism, drawn: Micros) -> Exact {
    match mechanism {
        Mechanism::Points(points) => Exact::product(points.value, drawn.0.into()),
        _ => Exact::from(drawn),
    }
}

#[cfg(test)]
mod tests {
    use contract::CoopFund;

    use super::*;

    #[test]
    fn what_expires_first_goes_first() {
        let pot = |opens, expires, earned| Pot::new(Day(opens), Day(expires), earned, 0);
        let mut pots = [pot(0, 10, 30), pot(5, 20, 50), pot(8, 30, -4)];
        assert_eq!(held(&pots, Day(4)), 30);
        assert_eq!(take(&mut pots, Day(9), 40), 0);
        assert_eq!(pots.map(|pot| pot.drawn), [30, 10, 0]);
        assert_eq!((held(&pots, Day(9)), held(&pots, Day(20)), expired(&pots, Day(20))), (40, 0, 40));
        assert_eq!(take(&mut pots, Day(12), 45), 5);
    }

    #[test]
    fn what_was_drawn_on_a_pot_stays_there() {
        let pot = |opens, expires, earned, before| Pot::new(Day(opens), Day(expires), earned, before);
        let mut pots = [pot(0, 10, 30, 0), pot(5, 20, 50, 25), pot(8, 30, 8, 10)];
        assert_eq!(keep(&mut pots, 40), 7);
        assert_eq!(pots.map(|pot| pot.drawn), [0, 25, 8]);
        assert_eq!(take(&mut pots, Day(9), 7), 0);
        assert_eq!(pots.map(|pot| pot.drawn), [7, 25, 8]);
    }

    #[test]
    fn two_orders_of_8000_do_not_share_10000_points() {
        // Domain notes 3.3, DD-25.
        let mut pots = [Pot::new(Day(0), Day(100), 10_000, 0)];
        assert_eq!(take(&mut pots, Day(1), 8_000), 0);
        assert_eq!(held(&pots, Day(1)), 2_000);
    }

    #[test]
    fn an_activity_is_paid_its_share_up_to_what_was_approved() {
        // Domain notes 3.4, OP-42: approved 5,000, spent 8,000 at 50 %.
        let share = Micros(500_000);
        let fund = Mechanism::CoopFund(CoopFund { rate: Micros(20_000), share });
        let activity = |approved, spent| Asked::Activity {
            approved: Micros::units(approved),
            spent: Micros::units(spent),
            proof: "PRINT-7".into(),
            document: "".into(),
        };
        assert_eq!(wanted(&fund, &activity(5_000, 8_000)), Micros::units(4_000));
        assert_eq!(wanted(&fund, &activity(3_000, 8_000)), Micros::units(3_000));
    }
}
