//! Runs the graph on threads: one reads, some work, the caller's commits.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::commit::Committer;
use crate::engine::gather::Gather;
use crate::engine::graph::Graph;
use crate::engine::{Ending, Engine, EngineError, Summary, caught};
use crate::observe::Observer;
use crate::store::Store;
use crate::{Committed, Source};

/// What the threads share. Steps are few (some tens an epoch), so one lock serves all.
struct Shared<'a> {
    inner: Mutex<Inner<'a>>,
    changed: Condvar,
    store: Arc<dyn Store>,
    names: &'a [&'static str],
    epochs_in_flight: usize,
    observer: Option<Arc<dyn Observer>>,
}

struct Inner<'a> {
    graph: &'a mut Graph,
    ending: Option<Ending>,
    failure: Option<EngineError>,
}

pub(crate) fn run<T: Send + Sync + 'static>(
    engine: &mut Engine<T>,
    source: impl Source<T>,
    stop: &AtomicBool,
    acknowledge: &mut dyn FnMut(&Committed),
) -> Result<Summary, EngineError> {
    let mut gather = engine.gather(source, stop);
    let threads = engine.options.threads.max(1);
    let shared = Shared {
        inner: Mutex::new(Inner { graph: &mut engine.graph, ending: None, failure: None }),
        changed: Condvar::new(),
        store: engine.directory.store(),
        names: &engine.names,
        epochs_in_flight: engine.options.epochs_in_flight.max(1),
        observer: engine.observer.clone(),
    };
    let observer = engine.observer.clone();
    let mut committer = Committer::new(&mut engine.directory, &engine.names, observer);
    std::thread::scope(|scope| {
        scope.spawn(|| shared.part("source", |shared| shared.take_in(&mut gather)));
        for _ in 0..threads {
            scope.spawn(|| shared.part("worker", Shared::work));
        }
        shared.part("committer", |shared| shared.commit(&mut committer, acknowledge));
    });
    let inner = shared.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
    match inner.failure {
        Some(failure) => Err(failure),
        None => Ok(committer.summary(inner.ending.expect("a run without failure ends"))),
    }
}

impl<'a> Shared<'a> {
    /// Runs one thread's part; its failure ends all of them.
    fn part(&self, part: &'static str, run: impl FnOnce(&Self) -> Result<(), EngineError>) {
        if let Err(error) = caught(part, || run(self)) {
            self.lock().failure.get_or_insert(error);
        }
        self.changed.notify_all();
    }

    fn take_in<T: Send + 'static, S: Source<T>>(&self, gather: &mut Gather<'_, T, S>) -> Result<(), EngineError> {
        while gather.ending().is_none() && self.lock().failure.is_none() {
            let Some(gathered) = gather.next()? else {
                continue;
            };
            let room = |inner: &mut Inner<'a>| (inner.graph.in_flight() < self.epochs_in_flight).then_some(());
            let Some((mut inner, ())) = self.wait(room) else {
                return Ok(());
            };
            if let Some(observer) = &self.observer {
                observer.taken_in(gathered.records, gathered.cost);
            }
            inner.graph.take_in(gathered);
            drop(inner);
            self.changed.notify_all();
        }
        self.lock().ending = gather.ending();
        Ok(())
    }

    fn work(&self) -> Result<(), EngineError> {
        loop {
            let next = self.wait(|inner| {
                let place = inner.graph.ready().next();
                match place {
                    Some(place) => Some(Some(inner.graph.start(place))),
                    None => (inner.ending.is_some() && !inner.graph.is_working()).then_some(None),
                }
            });
            let Some((inner, Some(mut task))) = next else {
                return Ok(());
            };
            let stage = self.names[inner.graph.stage_of(task.place)];
            drop(inner);
            let span = tracing::debug_span!("work", stage, epoch = task.work.epoch);
            let done = span.in_scope(|| {
                caught(stage, || {
                    task.node.run(task.work, self.store.as_ref()).map_err(|source| EngineError::Stage { stage, source })
                })
            })?;
            self.lock().graph.finish(task.place, task.node, done);
            self.changed.notify_all();
        }
    }

    fn commit(
        &self,
        committer: &mut Committer<'_>,
        acknowledge: &mut dyn FnMut(&Committed),
    ) -> Result<(), EngineError> {
        loop {
            let next = self.wait(|inner| match inner.graph.take_finished() {
                Some(finished) => Some(Some(finished)),
                None => (inner.ending.is_some() && inner.graph.in_flight() == 0).then_some(None),
            });
            let Some((inner, Some(finished))) = next else {
                return Ok(());
            };
            drop(inner);
            let committed = committer.commit(finished)?;
            self.lock().graph.commit(committed.epoch);
            self.changed.notify_all();
            acknowledge(&committed);
        }
    }

    /// Waits until `ready` has something; `None` when the run has failed.
    fn wait<R>(&self, mut ready: impl FnMut(&mut Inner<'a>) -> Option<R>) -> Option<(MutexGuard<'_, Inner<'a>>, R)> {
        let mut inner = self.lock();
        while inner.failure.is_none() {
            if let Some(found) = ready(&mut inner) {
                return Some((inner, found));
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Inner<'a>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
