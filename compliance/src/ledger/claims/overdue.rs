//! How long a line may be on hold: a person decides by a day, else it is rejected or counts with the next period (CL8, CL24).

use contract::{ClaimEvent, ClaimState, Day, Program, Review, Unreviewed};

use super::verdict::{Verdict, follow};

/// A window is bounded to a century, so that a day stays a day.
const DAYS_MAX: u32 = 36_525;

/// Names the day by which a line on hold is decided, and ends the hold behind it. `since` is the day of the first tick that showed
/// it on hold, `date` that of the claim.
///
/// Nothing is kept of the end: where the line is on hold no longer, because of a sale or of other terms, it comes back.
pub(super) fn watch(verdict: &mut Verdict, programs: &[&Program], date: Day, since: Day, today: Day) {
    let Some(review) = review(programs) else { return };
    let first = since.plus(days(review));
    let newest = programs.last().expect("each line has terms");
    let last = match review.unreviewed {
        Unreviewed::Reject => first,
        Unreviewed::Roll => first.max(next_end(newest, date).plus(days(review))),
    };
    if today > last {
        verdict.state = follow(verdict.state, ClaimEvent::Expired);
        verdict.remarks.push(format!("nobody decided by {last}"));
        return;
    }
    verdict.decide_by = Some(if today > first { last } else { first });
    if today > first {
        let again = [ClaimEvent::Rolled, ClaimEvent::Resolved, ClaimEvent::Checked, ClaimEvent::Doubted];
        verdict.state = again.into_iter().fold(verdict.state, follow);
        let period = newest.period.label(next_end(newest, date));
        verdict.remarks.push(format!("nobody decided by {first}: it counts with {period}"));
    }
}

/// Whether a line is on hold in the end: nothing of it was authorised, and its sender has not taken it back.
pub(super) fn is_on_hold(verdict: &Verdict, gone: bool, is_ordered: bool) -> bool {
    verdict.state == ClaimState::OnHold && !gone && !is_ordered
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
