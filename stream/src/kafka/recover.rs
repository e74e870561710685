//! What a task does that comes up again: the table of decisions, without any input or output.

use crate::kafka::{Book, Floor, Incarnation, Place};

/// What recovery knows when it decides.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// Place and numbers of the newest mark.
    pub mark: Option<(Place, &'a [u64])>,
    /// Books that the task could go on from: its own store first, then checkpoints, the newest first.
    pub bases: &'a [Base],
    /// For each slot the last number up to which all records of the task are visible.
    pub visible: &'a [u64],
    /// First offset that the input still has.
    pub input_start: u64,
    /// Those of the mark.
    pub incarnations: &'a [Incarnation],
}

/// A state that a task could go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub book: Book,
}

/// From where the task folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// From a base, by its index.
    From(usize),
    /// From the start of the input, with nothing.
    FromStart,
}

/// Why a task must not go on by itself; [`Stop::advice`] names the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("its store stands at {store:?}, but there is no mark: marks were lost, or the store is of another cluster")]
    NoMark { store: Place },
    #[error("its input starts at offset {start}, behind offset {needed} that it would have to read again")]
    InputTrimmed { start: u64, needed: u64 },
    #[error("no state of its incarnation {incarnation} is left, and the input alone does not lead to one")]
    NoState { incarnation: usize },
    #[error("its input differs from the one it read: {what}")]
    InputDiffers { what: String },
    #[error("what it published differs from what it would publish now: {what}")]
    OutputDiffers { what: String },
    #[error("its mark was written under logic {mark}, this build knows none above {build}")]
    Logic { mark: u32, build: u32 },
    #[error("it was made by logic {mark}, this build reads {oldest} on: the build that made it goes on")]
    OldLogic { mark: u32, oldest: u32 },
    #[error("it belongs to {found}, not to {asked}")]
    Foreign { found: String, asked: String },
    #[error("a writer of its input broke the order, so nothing behind it can be trusted: {what}")]
    Order { what: String },
    #[error("its log is another one than it has published from, with which it goes on: {what}")]
    OtherLog { what: String },
    #[error("a record cannot be read: {what}")]
    Poison { what: String },
    #[error("a record cannot be read: {what}")]
    NoRegistry { what: String },
}

impl Stop {
    /// What people do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Stop::NoMark { .. }
            | Stop::InputTrimmed { .. }
            | Stop::NoState { .. }
            | Stop::InputDiffers { .. }
            | Stop::OutputDiffers { .. } => "`paidonce repair` is the way out",
            Stop::Logic { .. } => "a newer build wrote the mark: start that one",
            Stop::Foreign { .. } => "take that store away, or name the right folder: the task starts from a checkpoint",
            Stop::OldLogic { .. } | Stop::Order { .. } | Stop::OtherLog { .. } => NEXT_GENERATION,
            Stop::NoRegistry { .. } => "give --registry: the line has its schemas there",
            Stop::Poison { .. } => "start a build that can read it",
        }
    }
}

/// The way out where nothing of this generation leads on.
pub(crate) const NEXT_GENERATION: &str = "begin the next generation beside this one: `topics create`, `intake` and `stage` with \
     --generation one higher (docs/decisions/kafka-repair.md)";

/// While a task folds up to its mark, its store takes what so many records changed at once.
pub(crate) const FOLD_RECORDS: u64 = 20_000;

/// A checkpoint that is nearer to the mark than the own store by more records than that is taken instead: one may hold
/// hundreds of rows. An empty store is as far as can be, it is what a lost disk leaves.
pub(crate) const NEARER_RECORDS: u64 = 1_000;

/// Where to fold from.
///
/// A base serves when it is of the mark's incarnation, the mark stands at it or behind it, and every record that it would
/// no longer send is visible: it sends what is missing behind it on its way to the mark. A store ahead of its mark holds
/// what was never published, though it was told so; what an older base publishes in its place is the same.
pub fn decide(situation: &Situation<'_>) -> Result<Decision, Stop> {
    let Situation { mark, bases, visible, input_start, incarnations } = situation;
    if let (None, Some(base)) = (mark, bases.first())
        && base.book.place > Place::default()
    {
        return Err(Stop::NoMark { store: base.book.place });
    }
    let mark = mark.map(|(place, _)| place).unwrap_or_default();
    let serves = |base: &Base| {
        let is_of_now = base.book.incarnations == *incarnations;
        is_of_now && base.book.place <= mark && covers(visible, &base.book.numbers)
    };
    let needs = |base: &Base| needs(&base.book);
    let serving = || bases.iter().enumerate().filter(|(_, base)| serves(base));
    let mut readable = serving().filter(|(_, base)| needs(base) >= *input_start);
    if let Some((first, base)) = readable.next() {
        let enough = if base.book.place == Place::default() { 0 } else { NEARER_RECORDS };
        let is_nearer = |(_, other): &(usize, &Base)| other.book.place.next > base.book.place.next + enough;
        return Ok(Decision::From(readable.find(is_nearer).map_or(first, |(nearer, _)| nearer)));
    }
    if !incarnations.is_empty() && serving().next().is_none() {
        return Err(Stop::NoState { incarnation: incarnations.len() });
    }
    match *input_start {
        0 if incarnations.is_empty() => Ok(Decision::FromStart),
        start => Err(Stop::InputTrimmed { start, needed: serving().map(|(_, base)| needs(base)).max().unwrap_or(0) }),
    }
}

/// First offset of the input that is read from a book on: the last record that was taken is read again, to see that the
/// input is the same.
pub(crate) fn needs(book: &Book) -> u64 {
    book.last.map_or(book.place.next, |last| last.offset)
}

/// Every number that was given is visible.
pub(crate) fn covers(visible: &[u64], given: &[u64]) -> bool {
    given.iter().enumerate().all(|(slot, number)| visible.get(slot).is_some_and(|visible| visible >= number))
}

/// Follows one task's records through a partition and finds up to which number all of them are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// All up to this number are there.
    pub number: u64,
    /// Offset behind the record of that number.
    pub behind: u64,
}

impl Tail {
    pub fn from(floor: Floor) -> Tail {
        Tail { number: floor.number, behind: floor.offset }
    }

    /// What lies beyond a gap does not count, even when the gap is filled behind it: it is sent once more.
    pub fn see(&mut self, offset: u64, number: u64) {
        if number == self.number + 1 {
            (self.number, self.behind) = (number, offset + 1);
        }
    }

    /// The floor that follows when the partition was read up to `end`.
    pub fn floor(&self, end: u64) -> Floor {
        Floor { offset: end.max(self.behind), number: self.number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Approval, Cause, Seen};

    fn base(next: u64, numbers: &[u64]) -> Base {
        let last = next.checked_sub(1).map(|offset| Seen { offset, hash: [0; 32] });
        let place = Place { next, slice: 0 };
        Base { book: Book { place, last, numbers: numbers.to_vec(), ..Book::default() } }
    }

    fn decided(
        mark: Option<(u64, &[u64])>,
        bases: &[Base],
        visible: &[u64],
        input_start: u64,
    ) -> Result<Decision, Stop> {
        let mark = mark.map(|(next, numbers)| (Place { next, slice: 0 }, numbers));
        decide(&Situation { mark, bases, visible, input_start, incarnations: &[] })
    }

    #[test]
    fn a_store_at_or_behind_its_mark_goes_on() {
        assert_eq!(decided(Some((9, &[4])), &[base(9, &[4])], &[4], 0), Ok(Decision::From(0)));
        assert_eq!(decided(Some((9, &[4])), &[base(7, &[3])], &[4], 5), Ok(Decision::From(0)));
        assert_eq!(decided(Some((9, &[4])), &[base(7, &[3])], &[3], 5), Ok(Decision::From(0)));
    }

    #[test]
    fn a_store_ahead_of_its_mark_does_not_serve() {
        let ahead = [base(10, &[5]), base(7, &[3])];
        assert_eq!(decided(Some((9, &[4])), &ahead, &[4], 5), Ok(Decision::From(1)));
        assert_eq!(decided(Some((9, &[4])), &ahead[..1], &[4], 0), Ok(Decision::FromStart));
        assert_eq!(decided(Some((9, &[4])), &ahead, &[4], 8), Err(Stop::InputTrimmed { start: 8, needed: 6 }));
    }

    #[test]
    fn a_store_without_a_mark_stops() {
        assert!(matches!(decided(None, &[base(1, &[0])], &[0], 0), Err(Stop::NoMark { .. })));
    }

    #[test]
    fn nothing_yet_starts_at_the_start() {
        assert_eq!(decided(None, &[], &[0], 0), Ok(Decision::FromStart));
        assert_eq!(decided(None, &[base(0, &[0])], &[0], 0), Ok(Decision::From(0)));
        assert_eq!(decided(Some((9, &[4])), &[], &[4], 0), Ok(Decision::FromStart));
    }

    #[test]
    fn what_is_missing_is_sent_from_an_older_base() {
        let bases = [base(9, &[4]), base(5, &[3]), base(2, &[1])];
        assert_eq!(decided(Some((9, &[4])), &bases, &[2], 0), Ok(Decision::From(2)));
        assert_eq!(decided(Some((9, &[4])), &bases, &[0], 0), Ok(Decision::FromStart));
        assert_eq!(decided(Some((9, &[4])), &bases, &[2], 3), Err(Stop::InputTrimmed { start: 3, needed: 1 }));
        assert!(matches!(decided(Some((9, &[4])), &[], &[4], 1), Err(Stop::InputTrimmed { .. })));
    }

    #[test]
    fn a_checkpoint_is_taken_where_the_own_store_is_far_behind() {
        let mark = NEARER_RECORDS + 40;
        let bases = |own, checkpoint| [base(own, &[1]), base(checkpoint, &[3])];
        assert_eq!(decided(Some((mark, &[4])), &bases(9, mark - 20), &[4], 0), Ok(Decision::From(1)));
        assert_eq!(decided(Some((mark, &[4])), &bases(30, mark - 20), &[4], 0), Ok(Decision::From(0)));
        assert_eq!(decided(Some((mark, &[4])), &bases(9, mark - 20), &[2], 0), Ok(Decision::From(0)));
    }

    #[test]
    fn a_lost_disk_is_folded_from_a_checkpoint_however_short_the_way() {
        let bases = [base(0, &[0]), base(7, &[3]), base(5, &[2])];
        assert_eq!(decided(Some((9, &[4])), &bases, &[4], 0), Ok(Decision::From(1)));
        assert_eq!(decided(Some((9, &[4])), &bases, &[2], 0), Ok(Decision::From(2)));
        assert_eq!(decided(Some((9, &[4])), &bases, &[1], 0), Ok(Decision::From(0)));
    }

    #[test]
    fn only_states_of_the_marks_incarnation_serve_and_none_is_folded_from_nothing() {
        let approval = Approval::new("ann", "bob", "a test").unwrap();
        let (from, at) = (Place { next: 9, slice: 0 }, Place { next: 3, slice: 0 });
        let opened = [Incarnation { cause: Cause::Input, approval, from, hash: [0; 32], at }];
        let of_now = |next| {
            let Base { book } = base(next, &[4]);
            Base { book: Book { incarnations: opened.to_vec(), ..book } }
        };
        let decided = |bases: &[Base], incarnations: &[Incarnation], input_start| {
            let mark = Some((Place { next: 7, slice: 0 }, &[4][..]));
            decide(&Situation { mark, bases, visible: &[4], input_start, incarnations })
        };
        assert_eq!(decided(&[base(5, &[4]), of_now(5)], &opened, 0), Ok(Decision::From(1)));
        assert_eq!(decided(&[of_now(5), base(5, &[4])], &[], 0), Ok(Decision::From(1)));
        assert_eq!(decided(&[base(5, &[4])], &opened, 0), Err(Stop::NoState { incarnation: 1 }));
        assert_eq!(decided(&[of_now(5)], &opened, 6), Err(Stop::InputTrimmed { start: 6, needed: 4 }));
    }

    #[test]
    fn a_tail_ends_at_its_first_gap_and_goes_on_when_it_is_filled() {
        let mut tail = Tail::from(Floor { offset: 10, number: 3 });
        for (offset, number) in [(11, 2), (12, 4), (15, 6), (16, 7)] {
            tail.see(offset, number);
        }
        assert_eq!((tail.number, tail.floor(20)), (4, Floor { offset: 20, number: 4 }));
        for (offset, number) in [(21, 5), (22, 6), (23, 7)] {
            tail.see(offset, number);
        }
        assert_eq!(tail.number, 7);
        let mut whole = Tail::from(Floor { offset: 10, number: 3 });
        whole.see(12, 4);
        assert_eq!(whole.floor(20), Floor { offset: 20, number: 4 });
    }
}
