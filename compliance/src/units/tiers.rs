//! Pairs of two tiers.
//!
//! The closest two lines are a pair, then the closest of the rest, and so on. How close two lines are is the same seen
//! from either, so this is the one pairing in which no two lines are closer to each other than to their mates; it is
//! kept by repairs. A line that comes or is left looks for the closest one that would rather have it; the mate that this
//! one leaves looks next, and so on until one is left over or none was left.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{Sale, Text};
use stream::{Order, StorageError};

use super::desk::Desk;
use super::facts::{Mate, Pair, SaleKey, TierEntry};
use super::filing::{TierKeys, serial_ends, tier_keys, tier_list, tier_lists};
use super::findings::loses;
use super::rolls::{Entry, PAGE};
use super::told::Told;
use crate::rules::two_tiers_report::{Closeness, Nearness, PAIR_DAYS, Report};
use crate::rules::{Check, RULES};

/// Lines whose mate has changed.
type Moved = BTreeSet<SaleKey>;

impl Desk<'_> {
    /// Brings the pairs to what the sales that came and went make of them: by serial numbers first, then by outlet those
    /// that have no mate by serial numbers.
    pub fn settle_tiers(&mut self, changed: &[(Arc<Sale>, bool)]) -> Result<(), StorageError> {
        let mut moved = Moved::new();
        for (sale, counts) in changed {
            self.settle_by_serials(sale, *counts, &mut moved)?;
        }
        let bound: Vec<SaleKey> = moved.iter().copied().collect();
        for (sale, counts) in changed {
            self.settle_by_outlet(sale, *counts, &mut moved)?;
        }
        for key in bound {
            self.bind(key, &mut moved)?;
        }
        for key in moved {
            self.settle_pair(key)?;
        }
        Ok(())
    }

    fn settle_by_serials(&mut self, sale: &Sale, counts: bool, moved: &mut Moved) -> Result<(), StorageError> {
        let Some((keys, entry)) = self.tier_entry(sale) else { return Ok(()) };
        match keys.serials {
            Some(group) if counts => self.join(group, TierEntry { outlet: keys.told, ..entry }, moved),
            Some(group) => self.leave(group, &entry, moved),
            None => Ok(()),
        }
    }

    fn settle_by_outlet(&mut self, sale: &Sale, counts: bool, moved: &mut Moved) -> Result<(), StorageError> {
        let Some((keys, entry)) = self.tier_entry(sale) else { return Ok(()) };
        match keys.outlet {
            Some(group) if counts => {
                let bound = self.mate_in(keys.serials, &entry)?.is_some();
                self.join(group, TierEntry { bound, ..entry }, moved)
            }
            Some(group) => self.leave(group, &entry, moved),
            None => Ok(()),
        }
    }

    /// Takes a line that has found its mate by serial numbers out of the pairs of its outlet; one that has lost it comes
    /// back there.
    fn bind(&mut self, key: SaleKey, moved: &mut Moved) -> Result<(), StorageError> {
        let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
        let Some((keys, entry)) = self.tier_entry(&sale) else { return Ok(()) };
        let Some(group) = keys.outlet else { return Ok(()) };
        let Some(stands) = self.tier_at(group, entry.upper, key)? else { return Ok(()) };
        let bound = self.mate_in(keys.serials, &entry)?.is_some();
        if stands.bound == bound {
            return Ok(());
        }
        self.leave(group, &entry, moved)?;
        self.join(group, TierEntry { bound, ..entry }, moved)
    }

    fn settle_pair(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
        let Some((keys, entry)) = self.tier_entry(&sale) else { return Ok(()) };
        let mate = match self.mate_in(keys.serials, &entry)? {
            Some(mate) => Some(mate),
            None => self.mate_in(keys.outlet, &entry)?,
        };
        let pair = mate.map(|mate| self.pair(&entry, mate.sale)).transpose()?;
        self.verdict(key)?.pair = pair;
        Ok(())
    }

    fn pair(&mut self, entry: &TierEntry, mate: SaleKey) -> Result<Pair, StorageError> {
        let other = self.sale(mate)?;
        let known = self.known(&other);
        let programs = self.offers.programs(Told::as_read(known), &[], &other);
        let first = entry.sale < mate;
        let mate_loses = loses(&other, !first, &programs, known);
        Ok(Pair { mate, at: other.at.clone(), lower: !entry.upper, first, mate_loses })
    }

    /// Where a line stands, and what stands there of it without a mate; `None` for one that no other tier can report.
    fn tier_entry(&self, sale: &Sale) -> Option<(TierKeys, TierEntry)> {
        let keys = tier_keys(self.known(sale), sale)?;
        let entry = TierEntry {
            sale: SaleKey::of(sale),
            partner: Text::clone(&sale.at.partner),
            upper: keys.upper,
            units: serial_ends(sale),
            outlet: None,
            bound: false,
            mate: None,
        };
        Some((keys, entry))
    }

    fn mate_in(&mut self, group: Option<u64>, entry: &TierEntry) -> Result<Option<Mate>, StorageError> {
        let Some(group) = group else { return Ok(None) };
        Ok(self.tier_at(group, entry.upper, entry.sale)?.and_then(|entry| entry.mate))
    }

    fn tier_at(&mut self, group: u64, upper: bool, key: SaleKey) -> Result<Option<TierEntry>, StorageError> {
        self.shelves.tiers.get(self.state, tier_list(group, upper, key.0), TierEntry::place_of(upper, key))
    }

    fn put_tier(&mut self, group: u64, entry: TierEntry) -> Result<(), StorageError> {
        self.shelves.tiers.put(self.state, tier_list(group, entry.upper, entry.sale.0), entry)
    }

    fn join(&mut self, group: u64, entry: TierEntry, moved: &mut Moved) -> Result<(), StorageError> {
        if entry.bound { self.put_tier(group, entry) } else { self.look_for_mate(group, entry, moved) }
    }

    fn leave(&mut self, group: u64, entry: &TierEntry, moved: &mut Moved) -> Result<(), StorageError> {
        let list = tier_list(group, entry.upper, entry.sale.0);
        let gone = self.shelves.tiers.take(self.state, list, entry.place())?;
        let Some(mate) = gone.and_then(|gone| gone.mate) else { return Ok(()) };
        moved.insert(entry.sale);
        let left = self.left_by_mate(group, !entry.upper, mate.sale, moved)?;
        self.look_for_mate(group, left, moved)
    }

    fn left_by_mate(
        &mut self,
        group: u64,
        upper: bool,
        key: SaleKey,
        moved: &mut Moved,
    ) -> Result<TierEntry, StorageError> {
        moved.insert(key);
        let entry = self.tier_at(group, upper, key)?;
        let entry = entry.ok_or_else(|| StorageError::new(format!("sale {} is a mate and not in the list", key.1)))?;
        Ok(TierEntry { mate: None, ..entry })
    }

    /// Enters a line without a mate, with the mate that it finds.
    fn look_for_mate(&mut self, group: u64, line: TierEntry, moved: &mut Moved) -> Result<(), StorageError> {
        let mut line = line;
        let mut left_by = None;
        while let Some((nearness, mut mate)) = self.closest(group, &line, left_by)? {
            let left = mate.mate.replace(Mate { nearness, sale: line.sale });
            line.mate = Some(Mate { nearness, sale: mate.sale });
            moved.extend([line.sale, mate.sale]);
            left_by = Some(mate.place());
            let upper = line.upper;
            self.put_tier(group, line)?;
            self.put_tier(group, mate)?;
            match left {
                Some(left) => line = self.left_by_mate(group, upper, left.sale, moved)?,
                None => return Ok(()),
            }
        }
        self.put_tier(group, line)
    }

    /// The closest line of the other tier that would rather have this one than the mate it has. One that was just left
    /// need not look before the place of the line that left it.
    fn closest(
        &mut self,
        group: u64,
        line: &TierEntry,
        left_by: Option<(i32, [u8; 16])>,
    ) -> Result<Option<(Nearness, TierEntry)>, StorageError> {
        let upper = !line.upper;
        let day = line.sale.0;
        let (first, last) = if upper { (-day.0, PAIR_DAYS - day.0) } else { (day.0, day.0 + PAIR_DAYS) };
        // Only serial numbers can say more than the dates do; without them the first in order is the closest.
        let in_order = line.units.is_none();
        let mut from = left_by.filter(|_| in_order).unwrap_or((first, [0; 16]));
        let mut best: Option<(Closeness, Nearness, TierEntry)> = None;
        for list in tier_lists(group, upper, day) {
            loop {
                let page = self.shelves.tiers.page(self.state, list, (from, (last + 1, [0; 16])), Order::Up, PAGE)?;
                let read = page.len();
                for other in page {
                    from = behind(other.place());
                    let Some((closeness, nearness)) = wanted(line, &other) else { continue };
                    if in_order {
                        return Ok(Some((nearness, other)));
                    }
                    if best.as_ref().is_none_or(|(best, ..)| closeness < *best) {
                        best = Some((closeness, nearness, other));
                    }
                }
                if read < PAGE {
                    break;
                }
            }
        }
        Ok(best.map(|(_, nearness, other)| (nearness, other)))
    }
}

/// The next place in a list.
fn behind((day, id): (i32, [u8; 16])) -> (i32, [u8; 16]) {
    match u128::from_be_bytes(id).checked_add(1) {
        Some(id) => (day, id.to_be_bytes()),
        None => (day + 1, [0; 16]),
    }
}

/// How close the two are, where the other line would rather have this one than the mate it has.
fn wanted(line: &TierEntry, other: &TierEntry) -> Option<(Closeness, Nearness)> {
    if other.bound {
        return None;
    }
    let nearness = nearness(line, other)?;
    let closeness = closeness(nearness, other, line.sale);
    let kept = other.mate.map(|mate| self::closeness(mate.nearness, other, mate.sale));
    kept.is_none_or(|kept| closeness < kept).then_some((closeness, nearness))
}

fn closeness(nearness: Nearness, line: &TierEntry, mate: SaleKey) -> Closeness {
    let (lower, upper) = if line.upper { (mate, line.sale) } else { (line.sale, mate) };
    Closeness::new(nearness, lower, upper)
}

fn nearness(line: &TierEntry, other: &TierEntry) -> Option<Nearness> {
    let (lower, upper) = if line.upper { (other, line) } else { (line, other) };
    RULES.iter().find_map(|rule| match rule.check {
        Check::Tiers(check) => check(&report(lower), &report(upper)),
        _ => None,
    })
}

fn report(entry: &TierEntry) -> Report<'_> {
    Report { sale: entry.sale, partner: &entry.partner, units: entry.units, outlet: entry.outlet }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::{Day, Micros, SaleEvent};

    use super::*;
    use crate::units::permutations::Dice;
    use crate::units::rolls::visited;
    use crate::units::trial::{Trial, day, line, market};

    /// A line of the distributor, or of one of two shops of an outlet, on one of `days` days.
    fn any_line(dice: &mut Dice, number: u32, days: u64) -> Sale {
        let partner = dice.one_of(&["A", "B", "D"]);
        let date = day("2013-03-20").plus(i32::try_from(dice.below(days)).unwrap());
        let mut sale = line(number, partner, &format!("{partner}{number:x}{number:x}{number:x}"), date, 1, Micros::ONE);
        sale.id = contract::Id::of("line", &[&number.to_string()]);
        if partner == "D" && dice.chance(70) {
            sale.customer = dice.one_of(&["s/1", "s/1", "s/1", "s/2", "?", ""]).into();
        } else {
            sale.outlet = dice.one_of(&["s/1", "s/1", "s/1", "s/2", "s/19", "?", ""]).into();
        }
        if dice.chance(40) {
            let serials = ["S1", "S2", "S3", "S4", "S5"];
            sale.serials = (0..=dice.below(2)).map(|_| dice.one_of(&serials).into()).collect();
        }
        sale
    }

    /// The closest of all pairs, then the closest of the rest, over whole lists.
    fn closest_first(entries: &[TierEntry], taken: &mut BTreeMap<SaleKey, SaleKey>) {
        let mut pairs: Vec<(Closeness, SaleKey, SaleKey)> = Vec::new();
        for lower in entries.iter().filter(|e| !e.upper) {
            for upper in entries.iter().filter(|e| e.upper) {
                let near = nearness(lower, upper).map(|near| Closeness::new(near, lower.sale, upper.sale));
                pairs.extend(near.map(|near| (near, lower.sale, upper.sale)));
            }
        }
        pairs.sort_unstable();
        for (_, lower, upper) in pairs {
            if !taken.contains_key(&lower) && !taken.contains_key(&upper) {
                taken.extend([(lower, upper), (upper, lower)]);
            }
        }
    }

    fn whole(sales: &[Sale]) -> BTreeMap<SaleKey, SaleKey> {
        let known = crate::references::Known::new(market(Vec::new()));
        let (mut by_serials, mut by_outlet): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for sale in sales {
            let keys = tier_keys(&known, sale).unwrap();
            let (key, partner) = (SaleKey::of(sale), sale.at.partner.clone());
            let (upper, units, outlet) = (keys.upper, serial_ends(sale), keys.told);
            let entry = TierEntry { sale: key, partner, upper, units, outlet, bound: false, mate: None };
            by_serials.entry(keys.serials).or_default().push(entry.clone());
            by_outlet.entry(keys.outlet).or_default().push(entry);
        }
        let mut taken = BTreeMap::new();
        by_serials.remove(&None);
        by_outlet.remove(&None);
        by_serials.values().chain(by_outlet.values()).for_each(|entries| closest_first(entries, &mut taken));
        taken
    }

    #[test]
    fn repairs_come_to_the_pairing_of_the_whole_lists() {
        let mut pairs = 0;
        for seed in 0..120 {
            let mut dice = Dice::new(seed);
            // From all on one day to lines in five spans.
            let days = [1, 3, 70, 130, 280][usize::try_from(seed % 5).unwrap()];
            let mut trial = Trial::new(&market(Vec::new()));
            let mut standing: Vec<Sale> = Vec::new();
            for number in 1..60 {
                if standing.len() > 8 && dice.chance(35) {
                    let gone = standing.swap_remove(usize::try_from(dice.below(standing.len() as u64)).unwrap());
                    trial.send(&SaleEvent::Retract(Arc::new(gone)));
                } else {
                    standing.push(any_line(&mut dice, number, days));
                    trial.send(&SaleEvent::Assert(Arc::new(standing[standing.len() - 1].clone())));
                }
                let records = trial.records();
                assert!(records.iter().all(|record| record.verdict.double.is_none()), "seed {seed}");
                let mate =
                    |r: &crate::units::facts::Record| Some((SaleKey::of(&r.sale), r.verdict.pair.as_ref()?.mate));
                let kept: BTreeMap<SaleKey, SaleKey> = records.iter().filter_map(mate).collect();
                assert_eq!(kept, whole(&standing), "seed {seed} after line {number}: {standing:#?}");
                pairs += kept.len() / 2;
            }
            standing.into_iter().for_each(|sale| trial.send(&SaleEvent::Retract(Arc::new(sale))));
            assert!(trial.state() == Trial::new(&market(Vec::new())).state(), "seed {seed}: nothing left behind");
        }
        assert!(pairs > 10_000, "{pairs} pairs try too little");
    }

    /// Entries looked at for the last of so many lines of `partner` on one day.
    fn looked_at(others: u32, lines: u32) -> usize {
        let mut trial = Trial::new(&market(Vec::new()));
        let mut send = |number: u32, partner: &str, date: Day| {
            let mut sale =
                line(number, partner, &format!("{partner}{number:x}"), date, 1, Micros::units(number.into()));
            sale.id = contract::Id::of("line", &[&number.to_string()]);
            (sale.customer, sale.outlet) =
                if partner == "D" { ("s/1".into(), "".into()) } else { ("".into(), "s/1".into()) };
            visited::take();
            trial.send(&SaleEvent::Assert(Arc::new(sale)));
            visited::take()
        };
        for n in 0..others {
            send(n + 1, "D", day("2013-03-01"));
        }
        (0..lines).map(|n| send(n + 10_000, "A", day("2013-03-01"))).max().unwrap()
    }

    #[test]
    fn a_line_costs_what_the_other_tier_reports_and_not_what_its_own_does() {
        assert_eq!(looked_at(0, 3000), looked_at(0, 30));
        assert!(looked_at(5, 3000) <= looked_at(5, 60), "ends with {} looked at", looked_at(5, 3000));
    }
}
