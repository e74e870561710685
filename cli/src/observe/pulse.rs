//! Whether the brokers of a process answer.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use stream::kafka::{Cluster, KafkaTransport, Transport, TransportError};

/// How often they are asked.
const EVERY: Duration = Duration::from_secs(5);
/// A process whose brokers have not answered for so long is not ready.
const SILENT: Duration = Duration::from_secs(30);

/// When brokers answered last.
#[derive(Debug, Default)]
pub struct Pulse {
    heard: Mutex<Option<(String, Instant)>>,
}

impl Pulse {
    /// Asks the brokers now and then, on a thread of its own, for as long as somebody holds the pulse.
    ///
    /// # Errors
    /// A setting of the cluster's is one of ours.
    pub fn watch(self: &Arc<Pulse>, cluster: &Cluster) -> Result<(), TransportError> {
        let transport = KafkaTransport::new(cluster)?;
        let (pulse, topic, brokers) = (Arc::downgrade(self), cluster.marks(), cluster.brokers.clone());
        self.beat(&brokers, Instant::now());
        std::thread::spawn(move || watch(&pulse, &brokers, || transport.partitions(&topic)));
        Ok(())
    }

    pub(super) fn beat(&self, brokers: &str, now: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((brokers.to_owned(), now));
    }

    /// # Errors
    /// Which brokers have been silent for long, and for how long.
    pub fn is_felt(&self, now: Instant) -> Result<(), String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((brokers, at)) = &*heard else { return Ok(()) };
        let silent = now.saturating_duration_since(*at);
        if silent < SILENT {
            return Ok(());
        }
        Err(format!("brokers {brokers} have not answered for {} s", silent.as_secs()))
    }
}

fn watch(pulse: &Weak<Pulse>, brokers: &str, mut ask: impl FnMut() -> Result<u16, TransportError>) {
    loop {
        let answer = ask();
        let Some(pulse) = pulse.upgrade() else { return };
        // Who says that a topic is not there has answered.
        if matches!(answer, Ok(_) | Err(TransportError::Absent(_))) {
            pulse.beat(brokers, Instant::now());
        }
        drop(pulse);
        std::thread::sleep(EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_are_silent_for_long_are_told_until_they_answer() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let felt = |second| pulse.is_felt(start + Duration::from_secs(second));
        assert_eq!(felt(99), Ok(()), "nobody asks them");
        pulse.beat("here:1", start);
        assert_eq!(felt(29), Ok(()));
        assert_eq!(felt(43), Err("brokers here:1 have not answered for 43 s".to_owned()));
        pulse.beat("here:1", start + Duration::from_secs(44));
        assert_eq!(felt(45), Ok(()));
    }
}
