//! What is done for a task that must not go on: the table of decisions, without any input or output.

use crate::kafka::recover::{Base, NEXT_GENERATION, covers, needs};
use crate::kafka::{Book, Cause, Mark, Stop};

/// The way out for a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It goes on by itself.
    GoesOn,
    /// A mark is written again from a book whose numbers are all visible.
    MarkAgain { book: Book },
    /// Its state is folded again with this build, from the start of the input.
    FoldAgain,
    /// A new incarnation goes on with the state and the numbers of a book, at another place of the input.
    Anchor {
        book: Book,
        /// Offset of the first record that the state has not taken.
        next: u64,
    },
    /// No repair does it: what people can do.
    ByHand(String),
}

/// What is known of a task when its way is chosen.
pub(super) struct Findings<'a> {
    pub stop: Option<&'a Stop>,
    /// People ask for its state to be folded again.
    pub again: bool,
    pub mark: Option<&'a Mark>,
    /// By slot, up to which number all records can be seen.
    pub visible: &'a [u64],
    /// First offset that the input still has.
    pub input_start: u64,
    /// Everything in front of that is archived, or nothing is.
    pub archived: bool,
}

impl Findings<'_> {
    /// `readable`: where there is no mark, the books behind whose last record the input goes on. `bases`: all of them.
    pub fn way(&self, readable: &[&Book], bases: &[Base]) -> Way {
        match self.stop {
            None if self.again => self.fold_again(),
            None => Way::GoesOn,
            Some(Stop::NoMark { .. }) => self.mark_again(readable),
            Some(Stop::InputTrimmed { .. } | Stop::NoState { .. }) => self.fold_again(),
            Some(Stop::InputDiffers { .. }) => self.anchor(bases),
            Some(stop) => Way::by_hand(stop),
        }
    }

    /// The state that came furthest of those that the task can go on from.
    fn mark_again(&self, readable: &[&Book]) -> Way {
        let serves = |book: &&&Book| covers(self.visible, &book.numbers) && needs(book) >= self.input_start;
        let furthest = readable.iter().filter(serves).max_by_key(|book| (book.incarnations.len(), book.place));
        match furthest {
            Some(book) if book.place.next > 0 => Way::MarkAgain { book: (*book).clone() },
            _ => Way::ByHand(
                "no state is at hand whose outputs can all be seen and whose input is still there; where the input was \
                 never trimmed, take its stores and checkpoints away: it starts from nothing"
                    .into(),
            ),
        }
    }

    fn fold_again(&self) -> Way {
        let Some(mark) = self.mark else {
            return Way::ByHand(format!("it has no mark, so nothing says how far to fold: {NEXT_GENERATION}"));
        };
        if mark.incarnations.iter().any(|incarnation| incarnation.cause == Cause::Input) {
            let what = "its input was another one before, so it cannot be folded again";
            return Way::ByHand(format!("{what}: {NEXT_GENERATION}"));
        }
        if !self.archived {
            let start = self.input_start;
            let what = format!("its input starts at offset {start}: name the archive that holds what was trimmed");
            return Way::ByHand(what);
        }
        Way::FoldAgain
    }

    /// The state at the mark is right whatever the input is now; one in front of it has no way there.
    fn anchor(&self, bases: &[Base]) -> Way {
        let stands = |mark: &Mark, book: &Book| {
            (book.place, book.hash) == (mark.place, mark.hash)
                && book.incarnations == mark.incarnations
                && covers(self.visible, &book.numbers)
        };
        let at_mark = self.mark.and_then(|mark| bases.iter().find(|base| stands(mark, &base.book)));
        match at_mark {
            Some(base) => Way::Anchor { book: base.book.clone(), next: self.input_start },
            None => Way::ByHand(format!(
                "no state is at hand that stands where its mark stands, with all of its outputs visible: name the data \
                 directory of its last owner; if that is lost, {NEXT_GENERATION}"
            )),
        }
    }
}

impl Way {
    /// What people can do about a stop that no repair leads out of, or that a repair itself meets.
    pub fn by_hand(stop: &Stop) -> Way {
        Way::ByHand(match stop {
            Stop::OutputDiffers { .. } => format!("start the build that wrote the mark, or {NEXT_GENERATION}"),
            Stop::InputDiffers { .. } => format!("name the archive of this topic, or {NEXT_GENERATION}"),
            stop => stop.advice().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Approval, Incarnation, Place, TaskId};

    fn book(next: u64, numbers: &[u64]) -> Book {
        Book { place: Place { next, slice: 0 }, numbers: numbers.to_vec(), ..Book::default() }
    }

    fn mark(next: u64) -> Mark {
        Mark::up_to(TaskId { stage: 1, partition: 0 }, next)
    }

    fn way(stop: Option<Stop>, change: impl FnOnce(&mut Findings<'_>), books: &[Book]) -> Way {
        let mark = mark(9);
        let mut findings = Findings {
            stop: stop.as_ref(),
            again: false,
            mark: Some(&mark),
            visible: &[4],
            input_start: 0,
            archived: true,
        };
        change(&mut findings);
        let bases: Vec<Base> = books.iter().map(|book| Base { book: book.clone() }).collect();
        findings.way(&books.iter().collect::<Vec<_>>(), &bases)
    }

    fn is_by_hand(way: &Way) -> bool {
        matches!(way, Way::ByHand(_))
    }

    #[test]
    fn a_mark_is_written_again_from_the_furthest_state_that_is_all_visible() {
        let stop = || Some(Stop::NoMark { store: Place { next: 9, slice: 0 } });
        let books = [book(9, &[5]), book(5, &[3]), book(7, &[4])];
        assert_eq!(way(stop(), |_| {}, &books), Way::MarkAgain { book: book(7, &[4]) });
        assert!(is_by_hand(&way(stop(), |_| {}, &books[..1])));
        assert!(is_by_hand(&way(stop(), |findings| findings.input_start = 8, &books)));
        assert!(is_by_hand(&way(stop(), |_| {}, &[book(0, &[0])])), "nothing is no state");
    }

    #[test]
    fn a_state_is_folded_again_where_all_of_its_input_is_at_hand() {
        let stop = || Some(Stop::InputTrimmed { start: 5, needed: 0 });
        assert_eq!(way(stop(), |_| {}, &[]), Way::FoldAgain);
        assert_eq!(way(Some(Stop::NoState { incarnation: 1 }), |_| {}, &[]), Way::FoldAgain);
        assert!(is_by_hand(&way(stop(), |findings| findings.archived = false, &[])));
        assert!(is_by_hand(&way(stop(), |findings| findings.mark = None, &[])));
        let approval = Approval::new("ann", "bob", "a test").unwrap();
        let (from, at) = (Place::default(), Place::default());
        let opened = Incarnation { cause: Cause::Input, approval, from, hash: [0; 32], at };
        let born = Mark { incarnations: vec![opened], ..mark(9) };
        let findings = Findings {
            stop: stop().as_ref(),
            again: false,
            mark: Some(&born),
            visible: &[],
            input_start: 0,
            archived: true,
        }
        .way(&[], &[]);
        assert!(is_by_hand(&findings), "the input of its first life is gone");
    }

    #[test]
    fn a_healthy_task_is_folded_again_only_when_people_ask() {
        assert_eq!(way(None, |_| {}, &[]), Way::GoesOn);
        assert_eq!(way(None, |findings| findings.again = true, &[]), Way::FoldAgain);
    }

    #[test]
    fn only_a_state_at_the_mark_goes_on_with_another_input() {
        let stop = || Some(Stop::InputDiffers { what: "x".into() });
        let anchored = way(stop(), |_| {}, &[book(7, &[3]), book(9, &[4])]);
        assert_eq!(anchored, Way::Anchor { book: book(9, &[4]), next: 0 });
        assert!(is_by_hand(&way(stop(), |_| {}, &[book(7, &[3])])));
        assert!(is_by_hand(&way(stop(), |findings| findings.visible = &[3], &[book(9, &[4])])));
    }

    #[test]
    fn people_are_told_what_to_do_where_no_repair_helps() {
        let text = || "x".to_owned();
        for stop in [
            Stop::Logic { mark: 3, build: 2 },
            Stop::OldLogic { mark: 3, oldest: 4 },
            Stop::Foreign { found: text(), asked: text() },
            Stop::Order { what: text() },
            Stop::OtherLog { what: text() },
            Stop::Poison { what: text() },
            Stop::OutputDiffers { what: text() },
        ] {
            assert!(is_by_hand(&way(Some(stop), |findings| findings.again = true, &[book(9, &[4])])));
        }
    }
}
