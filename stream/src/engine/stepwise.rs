//! Runs the graph on one thread, in an order that the caller chooses.

use std::sync::atomic::AtomicBool;

use crate::Source;
use crate::engine::commit::Committer;
use crate::engine::{Engine, EngineError, Summary, caught};

/// Something that could be done now.
enum Step {
    TakeIn,
    Work(usize),
    Commit,
}

pub(crate) fn run<T: Send + Sync + 'static>(
    engine: &mut Engine<T>,
    source: impl Source<T>,
    stop: &AtomicBool,
    choose: &mut dyn FnMut(usize) -> usize,
) -> Result<Summary, EngineError> {
    let mut gather = engine.gather(source, stop);
    let store = engine.directory.store();
    let room = engine.options.epochs_in_flight.max(1);
    let mut committer = Committer::new(&mut engine.directory, &engine.names, engine.observer.clone());
    let graph = &mut engine.graph;
    loop {
        let mut steps: Vec<Step> = graph.ready().map(Step::Work).collect();
        if gather.ending().is_none() && graph.in_flight() < room {
            steps.push(Step::TakeIn);
        }
        if graph.is_finished() {
            steps.push(Step::Commit);
        }
        if steps.is_empty() {
            break;
        }
        match steps.swap_remove(choose(steps.len()) % steps.len()) {
            Step::TakeIn => {
                if let Some(gathered) = caught("source", || Ok(gather.next()?))? {
                    if let Some(observer) = &engine.observer {
                        observer.taken_in(gathered.records, gathered.cost);
                    }
                    graph.take_in(gathered);
                }
            }
            Step::Work(place) => {
                let mut task = graph.start(place);
                let stage = engine.names[graph.stage_of(place)];
                let run = || task.node.run(task.work, store.as_ref());
                let done = caught(stage, || run().map_err(|source| EngineError::Stage { stage, source }))?;
                graph.finish(place, task.node, done);
            }
            Step::Commit => {
                let finished = graph.take_finished().expect("just seen");
                graph.commit(committer.commit(finished)?.epoch);
            }
        }
    }
    let ending = gather.ending().expect("the input has come to its end");
    Ok(committer.summary(ending))
}
