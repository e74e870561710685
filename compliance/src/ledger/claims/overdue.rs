//! How long a line may be on hold: a person decides by a day, else it is rejected or counts with the next period (CL8, CL24).

use std::collections::BTreeSet;

use contract::{ClaimEvent, ClaimQueue, Day, Id, Program, Review, Unreviewed};
use serde::{Deserialize, Serialize};

use super::verdict::{Verdict, follow};

/// A window is bounded to a century, so that a day stays a day.
const DAYS_MAX: u32 = 36_525;

/// What a line waits for a person for, or would if that had not taken too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub queue: ClaimQueue,
    /// The held sales that it waits for.
    pub sales: BTreeSet<Id>,
    /// Day of the first tick that showed it so.
    since: Day,
    /// Last day for a decision; `None` where the terms name none, where it is past, or where the line is taken back.
    pub decide_by: Option<Day>,
}

impl Hold {
    /// The hold of a line that waits in a queue, for these held sales. It goes on where it is for nothing else than before, also
    /// while the line is taken back; else it begins today.
    pub fn go_on(
        before: Option<Hold>,
        queue: ClaimQueue,
        sales: BTreeSet<Id>,
        is_gone: bool,
        today: Day,
    ) -> Option<Hold> {
        let is_same = |before: &Hold| before.queue == queue && sales.is_subset(&before.sales);
        let since = before.filter(is_same).map(|before| before.since).or((!is_gone).then_some(today))?;
        Some(Hold { queue, sales, since, decide_by: None })
    }

    /// Names the day by which the line is decided, `date` being that of the claim, and ends the hold behind it.
    ///
    /// Nothing is kept of the end: where the line is on hold no longer, because of a sale or of other terms, it comes back.
    pub fn watch(&mut self, verdict: &mut Verdict, programs: &[&Program], date: Day, today: Day) {
        let Some(review) = review(programs) else { return };
        let first = self.since.plus(days(review));
        let newest = programs.last().expect("each line has terms");
        let rolls_to = next_end(newest, date).max(newest.period.range(first).1);
        let last = match review.unreviewed {
            Unreviewed::Reject => first,
            Unreviewed::Roll => rolls_to.plus(days(review)).max(first),
        };
        if today > last {
            verdict.end_hold(format!("nobody decided by {last}"));
            return;
        }
        self.decide_by = Some(if today > first { last } else { first });
        verdict.decide_by = self.decide_by;
        if today > first {
            let again = [ClaimEvent::Rolled, ClaimEvent::Resolved, ClaimEvent::Checked, ClaimEvent::Doubted];
            verdict.state = again.into_iter().fold(verdict.state, follow);
            let period = newest.period.label(rolls_to);
            verdict.remarks.push(format!("nobody decided by {first}: it counts with {period}"));
        }
    }
}

/// Where versions differ the longest time holds; where one of them names none, there is none.
fn review(programs: &[&Program]) -> Option<Review> {
    let reviews: Option<Vec<Review>> =
        programs.iter().filter_map(|program| program.paid.claims()).map(|terms| terms.review).collect();
    let reviews = reviews?;
    let days = reviews.iter().map(|review| review.days).max()?;
    let unreviewed = reviews.iter().map(|review| review.unreviewed).max()?;
    Some(Review { days, unreviewed })
}

fn days(review: Review) -> i32 {
    i32::try_from(review.days.min(DAYS_MAX)).expect("a bounded count fits")
}

/// The last day of the period behind that of a day.
fn next_end(program: &Program, date: Day) -> Day {
    let end = program.period.range(date).1;
    if end < Day::last() { program.period.range(end.plus(1)).1 } else { end }
}
