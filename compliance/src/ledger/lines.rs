//! The lines of a settlement: one list a day, for persons one a month, written by appending only.

use contract::{Day, Entitlement, Id, Micros};
use stream::{Order, State, StorageError, TableId};

use super::tables::{LINES, day_key, key_day};
use crate::programs::Sums;
use crate::programs::spiff::Share;

/// A sale as a settlement keeps it. Its partner is the settlement's. In order of date and sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub day: Day,
    pub sale: Id,
    pub quantity: Micros,
    pub amount: Micros,
    pub file_no: u32,
    pub record_no: u32,
    /// For a linked return: the sale it takes back and that sale's date.
    pub origin: Option<(Id, Day)>,
    pub beneficiary: Beneficiary,
    /// What was sold, by [`product_id`], where claims may name it.
    pub product: Option<Id>,
    /// The control in force when the ledger learned of it.
    pub came: u64,
}

/// What a settlement knows of a sale beyond its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Beneficiary {
    /// A partner's sale, which is all its own.
    #[default]
    Partner,
    /// A person's part, and the control in force when the record came in.
    Person { share: Share, stamp: u64 },
    /// What a unit earns at a special price, and what of it the resale price took.
    Credited { special_price: Id, credit: Micros, short: Micros },
}

const REVOKED: u8 = 1;
const LINKED: u8 = 2;
const PERSONAL: u8 = 4;
const CREDITED: u8 = 8;
const NAMED: u8 = 16;
const PLAIN_BYTES: usize = 53;
const LINK_BYTES: usize = 20;
const PERSON_BYTES: usize = Share::BYTES + 8;
const CREDIT_BYTES: usize = 32;
const PRODUCT_BYTES: usize = 16;

/// The longest line in bytes.
pub(crate) type LineBuffer = [u8; PLAIN_BYTES + LINK_BYTES + CREDIT_BYTES + PRODUCT_BYTES];

/// A list with more than one line revoked for so many that stand is untidy.
const UNTIDY: usize = 4;

/// Lists that are read at a time.
const PAGE: usize = 32;

/// Is handed the first day of a list with the list's bytes.
type Visit<'a> = &'a mut dyn FnMut(Day, &[u8]) -> Result<(), StorageError>;

/// What stands for a golden product.
pub(crate) fn product_id(product: &str) -> Id {
    Id::of("product", &[product])
}

impl Line {
    pub fn new(entitlement: &Entitlement, came: u64) -> Line {
        Line {
            day: entitlement.date,
            sale: entitlement.sale,
            quantity: entitlement.quantity,
            amount: entitlement.amount,
            file_no: entitlement.at.file_no,
            record_no: entitlement.at.record_no,
            origin: entitlement.origin,
            beneficiary: Beneficiary::Partner,
            product: (!entitlement.product.is_empty()).then(|| product_id(&entitlement.product)),
            came,
        }
    }

    /// The same as the account of a beneficiary has it.
    pub fn of(self, beneficiary: Beneficiary) -> Line {
        Line { beneficiary, ..self }
    }

    /// What of it is the beneficiary's.
    pub fn sums(&self) -> Sums {
        match self.beneficiary {
            Beneficiary::Person { share, .. } => Sums::of(share.of_number(self.quantity), share.of_number(self.amount)),
            _ => self.whole(),
        }
    }

    /// All of it, whoever else has a part in it.
    pub fn whole(&self) -> Sums {
        Sums::of(self.quantity, self.amount)
    }

    /// The sale line that this one belongs to under a transaction cap.
    pub fn transaction(&self) -> Id {
        self.origin.map_or(self.sale, |(sale, _)| sale)
    }

    /// Where it stands among all sales: a linked return with its sale.
    pub fn place(&self) -> (Day, Id) {
        self.origin.map_or((self.day, self.sale), |(sale, day)| (day, sale))
    }

    /// Everything but the time of its coming.
    fn content(&self) -> Line {
        Line { came: 0, ..*self }
    }

    /// Writes the line into `buffer` and returns the bytes that it takes there.
    pub fn write<'a>(&self, revoked: bool, buffer: &'a mut LineBuffer) -> &'a [u8] {
        let has = |flag: u8, holds: bool| if holds { flag } else { 0 };
        let whose = match self.beneficiary {
            Beneficiary::Partner => 0,
            Beneficiary::Person { .. } => PERSONAL,
            Beneficiary::Credited { .. } => CREDITED,
        };
        buffer[0] = has(REVOKED, revoked) | has(LINKED, self.origin.is_some()) | whose;
        buffer[0] |= has(NAMED, self.product.is_some());
        buffer[1..17].copy_from_slice(&self.sale.0);
        buffer[17..25].copy_from_slice(&self.quantity.0.to_le_bytes());
        buffer[25..33].copy_from_slice(&self.amount.0.to_le_bytes());
        buffer[33..37].copy_from_slice(&self.file_no.to_le_bytes());
        buffer[37..41].copy_from_slice(&self.record_no.to_le_bytes());
        buffer[41..49].copy_from_slice(&self.came.to_le_bytes());
        buffer[49..53].copy_from_slice(&self.day.0.to_le_bytes());
        let mut end = PLAIN_BYTES;
        if let Some((sale, day)) = self.origin {
            buffer[end..end + 16].copy_from_slice(&sale.0);
            buffer[end + 16..end + LINK_BYTES].copy_from_slice(&day.0.to_le_bytes());
            end += LINK_BYTES;
        }
        match self.beneficiary {
            Beneficiary::Partner => {}
            Beneficiary::Person { share, stamp } => {
                buffer[end..end + Share::BYTES].copy_from_slice(&share.to_bytes());
                buffer[end + Share::BYTES..end + PERSON_BYTES].copy_from_slice(&stamp.to_le_bytes());
                end += PERSON_BYTES;
            }
            Beneficiary::Credited { special_price, credit, short } => {
                buffer[end..end + 16].copy_from_slice(&special_price.0);
                buffer[end + 16..end + 24].copy_from_slice(&credit.0.to_le_bytes());
                buffer[end + 24..end + CREDIT_BYTES].copy_from_slice(&short.0.to_le_bytes());
                end += CREDIT_BYTES;
            }
        }
        if let Some(product) = self.product {
            buffer[end..end + PRODUCT_BYTES].copy_from_slice(&product.0);
            end += PRODUCT_BYTES;
        }
        &buffer[..end]
    }

    /// Takes the first line off `bytes`.
    fn read(bytes: &mut &[u8]) -> Result<(Line, bool), StorageError> {
        let damaged = || StorageError::new("list of lines is damaged");
        let flags = bytes[0];
        let linked = flags & LINKED != 0;
        let whose = PLAIN_BYTES + if linked { LINK_BYTES } else { 0 };
        let product = match flags & !(REVOKED | LINKED | NAMED) {
            0 => whose,
            PERSONAL => whose + PERSON_BYTES,
            CREDITED => whose + CREDIT_BYTES,
            _ => return Err(damaged()),
        };
        let length = product + if flags & NAMED != 0 { PRODUCT_BYTES } else { 0 };
        if bytes.len() < length {
            return Err(damaged());
        }
        let (head, tail) = bytes.split_at(length);
        *bytes = tail;
        let origin =
            linked.then(|| (Id(part(head, PLAIN_BYTES)), Day(i32::from_le_bytes(part(head, PLAIN_BYTES + 16)))));
        let micros = |at: usize| Micros(i64::from_le_bytes(part(head, at)));
        let beneficiary = match flags & (PERSONAL | CREDITED) {
            PERSONAL => Beneficiary::Person {
                share: Share::from_bytes(part(head, whose)).ok_or_else(damaged)?,
                stamp: u64::from_le_bytes(part(head, whose + Share::BYTES)),
            },
            CREDITED => Beneficiary::Credited {
                special_price: Id(part(head, whose)),
                credit: micros(whose + 16),
                short: micros(whose + 24),
            },
            _ => Beneficiary::Partner,
        };
        let line = Line {
            day: Day(i32::from_le_bytes(part(head, 49))),
            sale: Id(part(head, 1)),
            quantity: micros(17),
            amount: micros(25),
            file_no: u32::from_le_bytes(part(head, 33)),
            record_no: u32::from_le_bytes(part(head, 37)),
            origin,
            beneficiary,
            product: (flags & NAMED != 0).then(|| Id(part(head, product))),
            came: u64::from_le_bytes(part(head, 41)),
        };
        Ok((line, flags & REVOKED != 0))
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("length was checked")
}

/// The lines of one list that stand, in order.
pub(crate) struct Standing {
    pub lines: Vec<Line>,
    /// So much of the list is revoked that it is worth writing anew: a control then writes few of the lists it reads.
    pub untidy: bool,
}

/// Nets what came to a list before a control: what was revoked is gone, and the order of writing does not matter.
pub(crate) fn standing(mut bytes: &[u8], before: u64) -> Result<Standing, StorageError> {
    let mut lines = Vec::with_capacity(bytes.len() / PLAIN_BYTES);
    let mut revoked = Vec::new();
    while !bytes.is_empty() {
        match Line::read(&mut bytes)? {
            (line, _) if line.came >= before => {}
            (line, false) => lines.push(line),
            (line, true) => revoked.push(line),
        }
    }
    lines.sort_unstable();
    let gone = revoked.len();
    if gone > 0 {
        lines = without(&lines, revoked);
    }
    let untidy = gone * UNTIDY > lines.len();
    for pair in lines.windows(2) {
        assert!(pair[0].sale != pair[1].sale, "sale {} is granted twice in one settlement", pair[0].sale);
    }
    Ok(Standing { lines, untidy })
}

/// Grants less revocations of the same content. A line that was taken back and granted again within one control
/// interval never went away: it keeps its first coming. One that was away over a control comes anew.
fn without(granted: &[Line], mut revoked: Vec<Line>) -> Vec<Line> {
    revoked.sort_unstable();
    let mut left = revoked.as_slice();
    let mut kept = Vec::with_capacity(granted.len());
    for same in granted.chunk_by(|a, b| a.content() == b.content()) {
        let content = same[0].content();
        let first = left.first().map(Line::content);
        assert!(first.is_none_or(|first| first >= content), "sale {} is revoked without a grant", left[0].sale);
        let gone = left.partition_point(|r| r.content() == content);
        assert!(gone <= same.len(), "sale {} is revoked more often than granted", content.sale);
        let (ours, others) = left.split_at(gone);
        left = others;
        kept.extend(standing_of(same, ours));
    }
    assert!(left.is_empty(), "sale {} is revoked without a grant", left[0].sale);
    kept
}

/// What stands of grants and revocations of one content, each in order of their coming, as it first came.
fn standing_of(granted: &[Line], revoked: &[Line]) -> Option<Line> {
    assert!(granted.len() - revoked.len() <= 1, "sale {} is granted twice in one settlement", granted[0].sale);
    let mut at = granted.len().checked_sub(1).filter(|last| *last == revoked.len())?;
    while at > 0 && revoked[at - 1].came == granted[at].came {
        at -= 1;
    }
    Some(granted[at])
}

pub(crate) fn write_all(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines.len() * PLAIN_BYTES);
    let mut buffer: LineBuffer = [0; size_of::<LineBuffer>()];
    for line in lines {
        bytes.extend_from_slice(line.write(false, &mut buffer));
    }
    bytes
}

/// The list that starts on `first`, as far as it came before a control.
pub(crate) fn list_lines(state: &mut dyn State, id: Id, first: Day, before: u64) -> Result<Standing, StorageError> {
    standing(state.get(LINES, &day_key(id, first))?.unwrap_or_default(), before)
}

/// Hands over a settlement's lines that came before a control in (date, sale) order, a list at a time.
pub(crate) fn each_lines(
    state: &mut dyn State,
    id: Id,
    before: u64,
    visit: &mut dyn FnMut(&[Line]),
) -> Result<(), StorageError> {
    each_list(state, LINES, id, &mut |_, bytes| {
        visit(&standing(bytes, before)?.lines);
        Ok(())
    })
}

/// Walks the values of a table keyed by (settlement, first day of a list), a page at a time.
pub(crate) fn each_list(state: &mut dyn State, table: TableId, id: Id, visit: Visit<'_>) -> Result<(), StorageError> {
    let mut from = day_key(id, Day(i32::MIN)).to_vec();
    let to = [&day_key(id, Day(i32::MAX))[..], &[0]].concat();
    loop {
        let page = state.range(table, &from, &to, Order::Up, PAGE)?;
        for (key, value) in &page {
            visit(key_day(key)?, value)?;
        }
        match page.into_iter().nth(PAGE - 1) {
            Some((last, _)) => from = [&last[..], &[0]].concat(),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::Split;

    use super::*;
    use crate::programs::spiff::persons;

    fn line(sale: u8, quantity: i64, came: u64) -> Line {
        let quantity = Micros::units(quantity);
        let (day, sale) = (Day(15_000), Id([sale; 16]));
        let beneficiary = Beneficiary::Partner;
        Line {
            day,
            sale,
            quantity,
            amount: quantity,
            file_no: 1,
            record_no: 1,
            origin: None,
            beneficiary,
            product: None,
            came,
        }
    }

    fn list(entries: &[(Line, bool)]) -> Vec<u8> {
        let mut buffer: LineBuffer = [0; size_of::<LineBuffer>()];
        entries.iter().flat_map(|(line, revoked)| line.write(*revoked, &mut buffer).to_vec()).collect()
    }

    #[test]
    fn what_was_revoked_is_gone_whatever_the_order() {
        let linked = Line { origin: Some((Id([9; 16]), Day(-3))), ..line(3, -1, 2) };
        let entries = [(line(1, 5, 1), false), (line(2, 4, 1), false), (line(1, 5, 2), true), (linked, false)];
        let forward = standing(&list(&entries), 9).unwrap();
        assert_eq!(forward.lines, vec![line(2, 4, 1), linked]);
        assert!(forward.untidy);
        let mut turned = entries;
        turned.reverse();
        assert_eq!(standing(&list(&turned), 9).unwrap().lines, forward.lines);
        assert!(!standing(&write_all(&forward.lines), 9).unwrap().untidy);
    }

    #[test]
    fn a_line_that_came_back_keeps_its_first_coming() {
        let entries = [(line(1, 5, 3), false), (line(1, 5, 4), true), (line(1, 5, 4), false)];
        assert_eq!(standing(&list(&entries), 9).unwrap().lines, vec![line(1, 5, 3)]);
    }

    #[test]
    fn a_line_that_was_away_over_a_control_comes_anew() {
        let away = [(line(1, 5, 3), false), (line(1, 5, 4), true), (line(1, 5, 6), false)];
        let full: Vec<(Line, bool)> = away.into_iter().chain((2..9).map(|sale| (line(sale, 1, 1), false))).collect();
        // However full the list is, which says when it is written anew.
        for entries in [&away[..], &full] {
            assert_eq!(standing(&list(entries), 9).unwrap().lines[0], line(1, 5, 6));
        }
        let again = [(line(1, 5, 6), true), (line(1, 5, 6), false)];
        let entries: Vec<(Line, bool)> = away.into_iter().chain(again).collect();
        assert_eq!(standing(&list(&entries), 9).unwrap().lines, vec![line(1, 5, 6)]);
        assert_eq!(standing(&list(&entries[..2]), 9).unwrap().lines, vec![]);
    }

    #[test]
    fn what_came_later_waits() {
        let entries = [(line(1, 5, 3), false), (line(1, 5, 4), true), (line(2, 5, 4), false)];
        assert_eq!(standing(&list(&entries), 4).unwrap().lines, vec![line(1, 5, 3)]);
        assert_eq!(standing(&list(&entries), 5).unwrap().lines, vec![line(2, 5, 4)]);
    }

    #[test]
    fn a_line_keeps_what_is_its_beneficiary_s() {
        let persons = persons(&Split::Equal, "Ann; Bo 40%; Cy 60%").or(persons(&Split::Equal, "Ann; Bo; Cy")).unwrap();
        let linked = Line { origin: Some((Id([9; 16]), Day(-3))), ..line(3, -1, 2) };
        let person = |place: usize, stamp| Beneficiary::Person { share: persons[place].1, stamp };
        let (credit, short) = (Micros::units(3), Micros::ONE);
        let credited = Beneficiary::Credited { special_price: Id([8; 16]), credit, short };
        let lines = [
            line(1, 5, 1).of(person(1, 7)),
            line(2, 5, 1).of(credited),
            linked.of(person(2, 0)),
            line(4, 2, 1),
            Line { origin: linked.origin, ..line(5, -2, 3) }.of(credited),
            Line { origin: linked.origin, product: Some(product_id("s/p")), ..line(6, -2, 3) }.of(credited),
            Line { product: Some(product_id("s/q")), ..line(7, 2, 3) },
        ];
        let read = standing(&write_all(&lines), 9).unwrap().lines;
        assert_eq!(read, lines);
        assert_eq!(read[0].sums(), Sums { quantity: 1_666_667, amount: 1_666_667 });
        assert_eq!(read[0].whole(), Sums { quantity: 5_000_000, amount: 5_000_000 });
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = list(&[(line(1, 5, 3), false)]);
        assert!(standing(&bytes[..bytes.len() - 1], 9).is_err());
        assert!(standing(&[0xff], 9).is_err());
        let both = [&[PERSONAL | CREDITED][..], &[0; 200]].concat();
        assert!(standing(&both, 9).is_err());
    }
}
