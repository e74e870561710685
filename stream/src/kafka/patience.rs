//! Waiting for what passes by itself, and saying so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::kafka::{TaskError, TransportError};

/// How often it is said what is waited for.
const SAID_EVERY: Duration = Duration::from_secs(5);
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);
/// By then every broker has heard of a topic that is there.
const HEARD_OF: Duration = Duration::from_secs(15);
/// Troubles that are farther apart are two, each of which has passed. An attempt counts from end to end, and may wait for its
/// writer, then for a transaction in front of what it reads, before it gives up: that is well above both.
const LASTS: Duration = Duration::from_secs(90);

/// Asks again while the error passes: brokers may come up later than this process, one may take long to answer, and may not
/// have heard yet of topics that were made a moment ago. `say` hears every few seconds what is waited for, and that it has come.
/// `None` when the process is to stop.
///
/// # Errors
/// One that does not pass by itself.
pub fn patiently<R, E: Passing>(
    stop: &AtomicBool,
    brokers: &str,
    say: &(dyn Fn(&str) + Sync),
    mut ask: impl FnMut() -> Result<R, E>,
) -> Result<Option<R>, E> {
    let (why, since) = (&Mutex::new(format!("brokers {brokers} have not answered yet")), Instant::now());
    let is_said = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Gone when this ends, and heard of at once.
        let (_waits, over) = channel::<()>();
        scope.spawn(move || {
            while over.recv_timeout(SAID_EVERY) == Err(RecvTimeoutError::Timeout) {
                say(&format!("waiting: {}", why.lock().unwrap_or_else(PoisonError::into_inner)));
                is_said.store(true, Ordering::Relaxed);
            }
        });
        while !stop.load(Ordering::Relaxed) {
            match ask() {
                Err(error) if error.passes(since.elapsed()) => {
                    *why.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
                }
                answer => {
                    if answer.is_ok() && is_said.load(Ordering::Relaxed) {
                        say(&format!("brokers {brokers} have answered after {} s", since.elapsed().as_secs()));
                    }
                    return answer.map(Some);
                }
            }
            std::thread::sleep(PAUSE);
        }
        Ok(None)
    })
}

/// An error that may be gone when one asks again.
pub trait Passing: std::fmt::Display {
    /// Whether to ask again, after so long.
    fn passes(&self, asked: Duration) -> bool;
}

impl Passing for TransportError {
    fn passes(&self, asked: Duration) -> bool {
        match self {
            TransportError::Trouble(_) | TransportError::Hanging { .. } => true,
            TransportError::Absent(_) => asked < HEARD_OF,
            TransportError::Fenced(_) | TransportError::Broken(_) | TransportError::Ended => false,
        }
    }
}

impl Passing for TaskError {
    fn passes(&self, _asked: Duration) -> bool {
        matches!(self, TaskError::Again(_) | TaskError::Hanging { .. })
    }
}

/// Tells a trouble that lasts from one that passes at once: of the first people hear every few seconds, and that it is over.
#[derive(Debug, Default)]
pub struct Lasting {
    /// When it began, as long as it is not over.
    since: Option<Instant>,
    last: Option<Instant>,
    said: Option<Instant>,
}

impl Lasting {
    /// Notes one more time that it has not worked; whether it is to be said now.
    pub fn again(&mut self) -> bool {
        self.again_at(Instant::now())
    }

    fn again_at(&mut self, now: Instant) -> bool {
        let is_near = |then: Option<Instant>, within| then.is_some_and(|then| now.duration_since(then) < within);
        let is_to_be_said = is_near(self.last, LASTS) && !is_near(self.said, SAID_EVERY);
        if !is_near(self.last, LASTS) {
            (self.since, self.said) = (None, None);
        }
        self.since.get_or_insert(now);
        self.last = Some(now);
        if is_to_be_said {
            self.said = self.last;
        }
        is_to_be_said
    }

    /// Notes that it works; how long it had not, where that was said.
    pub fn over(&mut self) -> Option<Duration> {
        self.over_at(Instant::now())
    }

    fn over_at(&mut self, now: Instant) -> Option<Duration> {
        let since = self.since.take()?;
        self.said.take().map(|_| now.duration_since(since))
    }
}

/// Something that was begun and has not come to its end: once that lasts, people hear of it every few seconds.
#[derive(Debug)]
pub(crate) struct Pending {
    since: Instant,
    said: Option<Instant>,
}

impl Pending {
    /// Above what it takes where all is well.
    const LASTS: Duration = Duration::from_secs(10);

    pub fn begin() -> Pending {
        Pending { since: Instant::now(), said: None }
    }

    /// Whether it is to be said now that it has not ended.
    pub fn is_to_be_said(&mut self) -> bool {
        self.is_to_be_said_at(Instant::now())
    }

    /// Notes that it has come to its end; how long that took, where it was said.
    pub fn over(&mut self) -> Option<Duration> {
        self.said.take().map(|_| self.since.elapsed())
    }

    fn is_to_be_said_at(&mut self, now: Instant) -> bool {
        let is_due = self.said.is_none_or(|said| now.duration_since(said) >= SAID_EVERY);
        let says = is_due && now.duration_since(self.since) >= Pending::LASTS;
        if says {
            self.said = Some(now);
        }
        says
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::client::{ASK, SETTLED_WITHIN, TAKE_OVER};
    use crate::kafka::group::PAUSE_MAX;

    #[test]
    fn what_is_waited_for_is_said_while_it_is_asked_and_between() {
        let said = Mutex::new(Vec::new());
        let say = |text: &str| said.lock().unwrap().push(text.to_owned());
        let mut asked = 0;
        let answer = patiently(&AtomicBool::new(false), "here:1", &say, || {
            asked += 1;
            // The first question takes long.
            std::thread::sleep(Duration::from_millis(if asked == 1 { 5_200 } else { 0 }));
            if asked < 7 { Err(TransportError::Trouble(format!("no {asked}"))) } else { Ok(asked) }
        });
        assert_eq!(answer.unwrap(), Some(7));
        let said = said.into_inner().unwrap();
        assert_eq!(said[0], "waiting: brokers here:1 have not answered yet");
        assert!(said.len() == 3 && said[1].starts_with("waiting: no "), "{said:?}");
        assert!(said[2].starts_with("brokers here:1 have answered after 1"), "{said:?}");
    }

    #[test]
    fn what_does_not_pass_is_told_at_once_and_a_stop_ends_it() {
        let broken = || Err::<(), _>(TransportError::Broken("b".into()));
        assert!(patiently(&AtomicBool::new(false), "", &|_| (), broken).is_err());
        let trouble = || Err::<(), _>(TransportError::Trouble("t".into()));
        assert_eq!(patiently(&AtomicBool::new(true), "", &|_| (), trouble).unwrap(), None);
    }

    #[test]
    fn a_topic_that_is_not_there_is_waited_for_at_the_start_and_not_for_long() {
        let mut asked = 0;
        let answer = patiently(&AtomicBool::new(false), "", &|_| (), || {
            asked += 1;
            if asked < 3 { Err(TransportError::Absent("a".into())) } else { Ok(asked) }
        });
        assert_eq!(answer.unwrap(), Some(3));
        let absent = TransportError::Absent("a".into());
        assert!(absent.passes(Duration::ZERO) && !absent.passes(HEARD_OF));
    }

    #[test]
    fn a_trouble_that_comes_again_at_once_is_said_every_few_seconds() {
        let (mut lasting, start) = (Lasting::default(), Instant::now());
        let seconds = [0, 1, 2, 6, 7, 100, 101];
        let said = seconds.map(|second| lasting.again_at(start + Duration::from_secs(second)));
        assert_eq!(said, [false, true, false, true, false, false, true]);
    }

    #[test]
    fn that_a_trouble_is_over_is_said_where_the_trouble_was() {
        let (mut lasting, start) = (Lasting::default(), Instant::now());
        let second = |second| start + Duration::from_secs(second);
        lasting.again_at(second(0));
        assert_eq!(lasting.over_at(second(1)), None, "it has passed at once");
        assert_eq!([2, 8].map(|at| lasting.again_at(second(at))), [true, true]);
        assert_eq!(lasting.over_at(second(45)), Some(Duration::from_secs(43)));
        assert_eq!(lasting.over_at(second(46)), None, "once");
    }

    #[test]
    fn what_does_not_come_to_its_end_is_said_after_a_while_and_every_few_seconds() {
        let mut pending = Pending::begin();
        let start = pending.since;
        let said =
            [0, 9, 10, 11, 14, 15, 30].map(|second| pending.is_to_be_said_at(start + Duration::from_secs(second)));
        assert_eq!(said, [false, false, true, false, false, true, true]);
    }

    #[test]
    fn a_trouble_is_said_however_long_an_attempt_takes_to_give_up() {
        for attempt in [TAKE_OVER, TAKE_OVER + SETTLED_WITHIN + ASK] {
            let (mut lasting, start) = (Lasting::default(), Instant::now());
            let every = attempt + PAUSE_MAX;
            let said = [0, 1, 2].map(|attempts| lasting.again_at(start + every * attempts));
            assert_eq!(said, [false, true, true], "{attempt:?}");
        }
    }
}
