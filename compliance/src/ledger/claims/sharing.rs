//! How what is due is shared among the lines that claim it.
//!
//! What was ordered for a line stays its own as far as what is due still reaches, the oldest order first; what was ordered beyond what the
//! line is for is gone for all others. The rest goes to lines that may be paid: first to those that name their sale, which can be proved,
//! then to those for a special price and a product, for a special price, for a product and for all of the period. Among these those that
//! something was ordered or kept for come first, the oldest order in front; then those that name a sale, as they were sent; then the others, by the
//! days that they name and as they were sent. For a line that a person must decide about what it could take is kept in its place.
//!
//! Of several sales it is left open which one a line is paid of: a line that comes later may have what those before it can do without,
//! whichever sales they drew on so far. So nothing hangs on ids.
//!
//! Which settlement pays a line is another question: one that its sales are in first, another one where nothing is left in these.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::Micros;

/// What lines are for, however many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Those with the lower one are served first ([`super::scope::Scope::breadth`]).
    pub breadth: u8,
    /// The places of what it draws on; none for the whole period.
    pub sources: Option<Vec<usize>>,
    /// The places of the settlements that have it; none for the whole period, or where nobody knows the sale.
    pub homes: Vec<usize>,
}

/// What may become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// More may be ordered.
    Open,
    /// A person decides about that.
    Held,
    Closed,
}

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// At most that may be paid, what was ordered included.
    pub most: Micros,
    pub ordered: Micros,
    /// What of that is not owed back.
    pub had: Micros,
    pub turn: Turn,
    /// The place of what it is for.
    pub target: usize,
}

/// What a line gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    pub payable: Micros,
    /// Kept for it while a person decides.
    pub kept: Micros,
}

/// What each line gets, and what is left then; the lines are in their order. `sources` says what is due for each.
pub(super) fn share<'t>(
    due: Micros,
    sources: Vec<Micros>,
    targets: &'t [Target],
    asked: &[Asked],
) -> (Vec<Shared>, Rest<'t>) {
    let mut rest = Rest::new(due, sources, targets);
    let mut ordered = |line: &Asked| Shared { payable: rest.take(line.ordered, line.target), kept: Micros::ZERO };
    let mut shared: Vec<Shared> = asked.iter().map(&mut ordered).collect();
    for (line, shared) in asked.iter().zip(&shared) {
        rest.all = rest.all - (line.had - shared.payable).min(rest.all).max(Micros::ZERO);
    }
    let breadth = |line: &Asked| targets[line.target].breadth;
    for served in asked.iter().map(breadth).collect::<BTreeSet<u8>>() {
        for (line, shared) in asked.iter().zip(&mut shared).filter(|(line, _)| breadth(line) == served) {
            match line.turn {
                Turn::Open => shared.payable += rest.take(line.most - shared.payable, line.target),
                Turn::Held => shared.kept = rest.take(line.most - shared.payable, line.target),
                Turn::Closed => {}
            }
        }
    }
    (shared, rest)
}

/// What was ordered for each line and is not owed back: what is still due in the settlement that ordered it. `dues` says that by
/// version; what a settlement ordered that is not among them stays.
pub(super) fn covered(mut dues: BTreeMap<u32, Micros>, ordered: &[&BTreeMap<u32, Micros>]) -> Vec<Micros> {
    let of_line = |ordered: &&BTreeMap<u32, Micros>| {
        let of_settlement = ordered.iter().map(|(version, ordered)| {
            let Some(left) = dues.get_mut(version) else { return *ordered };
            let covered = (*ordered).min(*left).max(Micros::ZERO);
            *left = *left - covered;
            covered
        });
        of_settlement.sum()
    };
    ordered.iter().map(of_line).collect()
}

/// What a settlement may order now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub left: Micros,
    /// That is all of it: it is frozen, and nothing is held.
    pub is_all: bool,
    /// No less is ordered at once.
    pub minimum: Option<Micros>,
}

/// What is to be ordered for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need<'t> {
    pub amount: Micros,
    /// The settlements that have what it is for ([`Target::homes`]).
    pub homes: &'t [usize],
}

/// What each settlement is to order, with the place of the line: for the lines of its own sales, then for those that name none
/// or whose own settlements have nothing left. What is less than its minimum is left to the next ones.
pub(super) fn orders(rooms: &[Room], needs: &[Need<'_>]) -> Vec<Vec<(usize, Micros)>> {
    let mut left: Vec<Micros> = rooms.iter().map(|room| room.left).collect();
    let mut needs = needs.to_vec();
    let mut own: Vec<BTreeMap<usize, Micros>> = vec![BTreeMap::new(); rooms.len()];
    for (at, need) in needs.iter_mut().enumerate() {
        for home in need.homes {
            own[*home].extend(take(need, &mut left[*home]).map(|amount| (at, amount)));
        }
    }
    let mut planned = Vec::with_capacity(rooms.len());
    for (place, (room, mut own)) in rooms.iter().zip(own).enumerate() {
        // What an older one left to it.
        for (at, need) in needs.iter_mut().enumerate().filter(|(_, need)| need.homes.contains(&place)) {
            if let Some(amount) = take(need, &mut left[place]) {
                *own.entry(at).or_default() += amount;
            }
        }
        let mut orders: Vec<(usize, Micros)> = own.into_iter().collect();
        for (at, need) in needs.iter_mut().enumerate() {
            let waits = need.homes.iter().any(|home| !rooms[*home].is_all || !left[*home].is_zero());
            if !waits && !need.homes.contains(&place) {
                orders.extend(take(need, &mut left[place]).map(|amount| (at, amount)));
            }
        }
        let total: Micros = orders.iter().map(|(_, amount)| *amount).sum();
        if room.minimum.is_some_and(|minimum| total < minimum) {
            orders.iter().for_each(|(at, amount)| needs[*at].amount += *amount);
        }
        planned.push(orders);
    }
    planned
}

fn take(need: &mut Need<'_>, left: &mut Micros) -> Option<Micros> {
    let amount = need.amount.min(*left);
    if amount <= Micros::ZERO {
        return None;
    }
    (need.amount, *left) = (need.amount - amount, *left - amount);
    Some(amount)
}

/// What is left of what is due, and which targets have drawn on what.
pub(super) struct Rest<'t> {
    all: Micros,
    targets: &'t [Target],
    /// By source.
    left: Vec<Micros>,
    drawn: Vec<BTreeMap<usize, Micros>>,
    /// From there on nothing is to be had, whoever draws on something else in its place.
    exhausted: Vec<bool>,
}

impl Rest<'_> {
    fn new(due: Micros, left: Vec<Micros>, targets: &[Target]) -> Rest<'_> {
        let (drawn, exhausted) = (vec![BTreeMap::new(); left.len()], vec![false; left.len()]);
        Rest { all: due.max(Micros::ZERO), targets, left, drawn, exhausted }
    }

    /// For a target.
    pub fn left(&mut self, target: usize) -> Micros {
        let left = self.take(self.all, target);
        self.all += left;
        self.give_back(left, target);
        left
    }

    /// Takes so much, or what is left. What came back without its sale lowers what its target has left.
    pub fn take(&mut self, wanted: Micros, target: usize) -> Micros {
        let wanted = wanted.min(self.all);
        if wanted <= Micros::ZERO {
            return Micros::ZERO;
        }
        let taken = match &self.targets[target].sources {
            None => wanted,
            Some(sources) => {
                let back: Micros = sources.iter().map(|source| self.left[*source].min(Micros::ZERO)).sum();
                let drawn = self.draw(wanted - back, target);
                let taken = wanted.min(drawn + back).max(Micros::ZERO);
                self.give_back(drawn - taken, target);
                taken
            }
        };
        self.all = self.all - taken;
        taken
    }

    fn draw(&mut self, most: Micros, target: usize) -> Micros {
        let mut drawn = Micros::ZERO;
        for source in self.targets[target].sources.iter().flatten() {
            let part = (most - drawn).min(self.left[*source]);
            if part > Micros::ZERO {
                drawn += part;
                self.left[*source] = self.left[*source] - part;
                *self.drawn[*source].entry(target).or_default() += part;
            }
        }
        while drawn < most
            && let Some(chain) = self.chain(target)
        {
            drawn += self.follow(&chain, most - drawn);
        }
        drawn
    }

    fn give_back(&mut self, amount: Micros, target: usize) {
        if amount.is_zero() {
            return;
        }
        let mut open = amount;
        for source in self.targets[target].sources.iter().flatten() {
            let Some(drawn) = self.drawn[*source].get_mut(&target) else { continue };
            let part = open.min(*drawn);
            (*drawn, open) = (*drawn - part, open - part);
            self.left[*source] += part;
        }
        self.exhausted.fill(false);
    }

    /// The shortest way to something that is left, from its end: a target that draws on a source, the next one that draws on that now
    /// and can do so on another one in its place, and so on from the target asked for.
    fn chain(&mut self, target: usize) -> Option<Vec<(usize, usize)>> {
        let mut reached: BTreeMap<usize, usize> = BTreeMap::new();
        let mut displaced: BTreeMap<usize, Option<usize>> = BTreeMap::from([(target, None)]);
        let mut next = VecDeque::from([target]);
        while let Some(drawing) = next.pop_front() {
            for source in self.targets[drawing].sources.iter().flatten().copied() {
                if self.exhausted[source] || reached.contains_key(&source) {
                    continue;
                }
                reached.insert(source, drawing);
                if self.left[source] > Micros::ZERO {
                    let back =
                        |(_, drawing): &(usize, usize)| displaced[drawing].map(|source| (source, reached[&source]));
                    return Some(std::iter::successors(Some((source, drawing)), back).collect());
                }
                for (other, drawn) in &self.drawn[source] {
                    if *drawn > Micros::ZERO && !displaced.contains_key(other) {
                        displaced.insert(*other, Some(source));
                        next.push_back(*other);
                    }
                }
            }
        }
        reached.into_keys().for_each(|source| self.exhausted[source] = true);
        None
    }

    /// Has each target of a chain draw on the source named with it, in place of the one that the next pair names.
    fn follow(&mut self, chain: &[(usize, usize)], most: Micros) -> Micros {
        let (end, _) = chain[0];
        let displaced = chain.windows(2).map(|pair| self.drawn[pair[1].0][&pair[0].1]);
        let amount = displaced.fold(most.min(self.left[end]), Micros::min);
        self.left[end] = self.left[end] - amount;
        for (source, drawing) in chain {
            *self.drawn[*source].entry(*drawing).or_default() += amount;
        }
        for pair in chain.windows(2) {
            let drawn = self.drawn[pair[1].0].get_mut(&pair[0].1).expect("it draws on what it gives up");
            *drawn = *drawn - amount;
        }
        amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For the whole period.
    fn line(most: i64, ordered: i64) -> Line {
        for_sources(4, &[], most, ordered)
    }

    fn for_sources(breadth: u8, sources: &[usize], most: i64, ordered: i64) -> Line {
        let sources = (breadth < 4).then(|| sources.to_vec());
        let [most, ordered] = [most, ordered].map(Micros::units);
        let asked = Asked { most, ordered, had: ordered, turn: Turn::Open, target: 0 };
        (Target { breadth, sources, homes: Vec::new() }, asked)
    }

    fn with(turn: Turn, (target, asked): Line) -> Line {
        (target, Asked { turn, ..asked })
    }

    type Line = (Target, Asked);

    fn shared(due: i64, sources: &[i64], lines: &[Line]) -> Vec<Shared> {
        let (targets, asked): (Vec<Target>, Vec<Asked>) = lines.iter().cloned().unzip();
        let asked: Vec<Asked> = asked.into_iter().zip(0..).map(|(asked, target)| Asked { target, ..asked }).collect();
        share(Micros::units(due), sources.iter().copied().map(Micros::units).collect(), &targets, &asked).0
    }

    #[track_caller]
    fn check(due: i64, sources: &[i64], lines: &[Line], payable: &[i64]) {
        let shared: Vec<Micros> = shared(due, sources, lines).into_iter().map(|shared| shared.payable).collect();
        assert_eq!(shared, payable.iter().copied().map(Micros::units).collect::<Vec<_>>());
    }

    #[test]
    fn no_more_than_is_due_is_shared() {
        check(100, &[], &[line(100, 0)], &[100]);
        check(100, &[], &[line(99, 0)], &[99]);
        check(100, &[], &[line(101, 0)], &[100]);
        check(100, &[], &[line(60, 0), line(60, 0), line(60, 0)], &[60, 40, 0]);
        check(0, &[], &[line(60, 0)], &[0]);
        check(-5, &[], &[line(60, 0)], &[0]);
    }

    #[test]
    fn what_was_ordered_is_not_displaced() {
        check(100, &[], &[line(60, 0), line(60, 60)], &[40, 60]);
        check(50, &[], &[line(60, 0), line(60, 60)], &[0, 50]);
        check(100, &[], &[with(Turn::Closed, line(60, 20)), line(100, 0)], &[20, 80]);
    }

    #[test]
    fn what_was_ordered_for_something_else_is_gone_for_all() {
        let moved = for_sources(3, &[1], 60, 60);
        check(100, &[100, 0], &[moved.clone(), for_sources(3, &[0], 100, 0)], &[0, 40]);
        check(100, &[100, 0], &[moved.clone(), line(100, 30)], &[0, 40]);
        // What is owed back to the settlement that ordered it is there once more.
        let (target, asked) = moved;
        check(100, &[100, 0], &[(target, Asked { had: Micros::ZERO, ..asked }), line(100, 0)], &[0, 100]);
    }

    #[test]
    fn a_line_for_a_sale_takes_what_is_due_for_that_sale() {
        let of = |source, most| for_sources(0, &[source], most, 0);
        check(100, &[30, 70], &[of(0, 50), of(1, 70)], &[30, 70]);
        check(100, &[30], &[of(0, 30), of(0, 30)], &[30, 0]);
        check(100, &[30], &[for_sources(0, &[], 30, 0), line(100, 0)], &[0, 100]);
        check(20, &[30], &[of(0, 30)], &[20]);
    }

    #[test]
    fn lines_that_name_their_sale_come_before_those_that_do_not() {
        let of = |source, most| for_sources(0, &[source], most, 0);
        check(100, &[30], &[line(100, 0), of(0, 30)], &[70, 30]);
        check(100, &[30], &[line(100, 20), of(0, 30)], &[70, 30]);
        check(100, &[30], &[line(100, 90), of(0, 30)], &[90, 10]);
    }

    #[test]
    fn narrow_lines_come_before_wide_ones() {
        let of = |sources: &[usize], breadth, most| for_sources(breadth, sources, most, 0);
        let sources = [30, 50, 20];
        check(100, &sources, &[line(100, 0), of(&[0, 1], 3, 100)], &[20, 80]);
        check(100, &sources, &[of(&[0, 1], 3, 100), of(&[1, 2], 1, 60)], &[40, 60]);
        check(100, &sources, &[of(&[0, 1], 3, 100), of(&[1], 0, 60), line(60, 0)], &[30, 50, 20]);
        // What comes back without its sale counts as well.
        check(100, &[30, -10], &[of(&[0, 1], 3, 100)], &[20]);
        check(100, &sources, &[of(&[], 3, 100)], &[0]);
    }

    #[test]
    fn a_line_draws_on_what_others_can_do_without() {
        // The order of the sources says nothing: what was ordered for a product leaves a sale to the line that names it.
        for [own, other] in [[0, 1], [1, 0]] {
            let lines = [for_sources(3, &[0, 1], 50, 50), for_sources(0, &[own], 50, 0)];
            check(100, &[50, 50], &lines, &[50, 50]);
            // Along a chain: the one makes room for the other, and a third one for it.
            let lines = [
                for_sources(3, &[other, 2], 30, 30),
                for_sources(2, &[own, other], 40, 40),
                for_sources(0, &[own], 50, 0),
            ];
            check(150, &[50, 50, 50], &lines, &[30, 40, 50]);
        }
        // What came back is taken off wherever the line draws.
        check(70, &[50, 40, -20], &[for_sources(3, &[0, 1, 2], 50, 50), for_sources(0, &[0], 50, 0)], &[50, 20]);
        check(70, &[50, 40, -20], &[for_sources(0, &[0], 50, 50), for_sources(3, &[0, 1, 2], 50, 0)], &[50, 20]);
    }

    #[test]
    fn what_a_person_decides_about_is_kept_in_its_place() {
        let held = with(Turn::Held, line(60, 20));
        check(100, &[], &[held.clone(), line(100, 0)], &[20, 40]);
        check(100, &[], &[line(100, 0), held.clone()], &[80, 20]);
        assert_eq!(shared(100, &[], &[held])[0].kept, Micros::units(40));
    }

    #[test]
    fn what_a_settlement_is_due_no_more_is_owed_back() {
        let orders = |orders: &[(u32, i64)]| -> BTreeMap<u32, Micros> {
            orders.iter().map(|(version, amount)| (*version, Micros::units(*amount))).collect()
        };
        let dues = orders(&[(1, 50), (2, 20), (3, -5)]);
        let ordered = [orders(&[(1, 40)]), orders(&[(1, 40), (2, 15)]), orders(&[(3, 7), (9, 3)])];
        let had = covered(dues, &ordered.iter().collect::<Vec<_>>());
        assert_eq!(had, [40, 25, 3].map(Micros::units));
    }

    #[test]
    fn a_line_is_paid_by_the_settlement_of_its_sale_first() {
        let room = |left, minimum| Room { left: Micros::units(left), is_all: true, minimum };
        let need = |amount, homes| Need { amount: Micros::units(amount), homes };
        let check = |rooms: &[Room], needs: &[Need], expected: [&[(usize, i64)]; 2]| {
            let expected = expected.map(|list| list.iter().map(|(at, amount)| (*at, Micros::units(*amount))).collect());
            assert_eq!(orders(rooms, needs), expected.map(|list: Vec<_>| list));
        };
        let open = [room(30, None), room(20, None)];
        check(&open, &[need(50, &[])], [&[(0, 30)], &[(0, 20)]]);
        check(&open, &[need(30, &[]), need(20, &[0])], [&[(1, 20), (0, 10)], &[(0, 20)]]);
        check(&open, &[need(40, &[0]), need(10, &[1])], [&[(0, 30)], &[(1, 10), (0, 10)]]);
        let held = [Room { is_all: false, ..open[0] }, open[1]];
        check(&held, &[need(40, &[0])], [&[(0, 30)], &[]]);
        // One whose sales are in both of them has both.
        check(&open, &[need(40, &[0, 1])], [&[(0, 30)], &[(0, 10)]]);
        // What is too little for one of them is left to the other.
        let picky = [room(30, Some(Micros::units(31))), room(20, None)];
        check(&picky, &[need(40, &[])], [&[(0, 30)], &[(0, 20)]]);
        // Where both are its own, that one orders once.
        let picky = [room(10, Some(Micros::units(31))), room(40, None)];
        check(&picky, &[need(40, &[0, 1])], [&[(0, 10)], &[(0, 40)]]);
        // It does so for those that are its own before it does for one that is for the period.
        check(&picky, &[need(40, &[]), need(10, &[0, 1])], [&[(1, 10)], &[(1, 10), (0, 30)]]);
    }
}
