//! What a stage sends on and what it publishes.

/// Collects the outputs of one step, in order.
#[derive(Debug)]
pub struct Outbox<T> {
    sent: Vec<Routed<T>>,
    published: Vec<View>,
    /// From where on outputs are for another key.
    actors: Vec<Actor>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Actor {
    emitter: u64,
    sent: usize,
    published: usize,
}

/// An output at a control: hash of the key it is sent for, its ordinal among that key's outputs from 1, itself.
pub(crate) type Acted<T> = (u64, u32, Routed<T>);

/// An output for the partition of the next stage that owns its key.
#[derive(Debug)]
pub struct Routed<T> {
    /// Hash of the routing key; partition = `hash % partitions`.
    pub route: u64,
    pub item: T,
}

/// A record for a view that readers outside see: the latest value under a key; no value deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub topic: u8,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Outbox<T> {
        Outbox { sent: Vec::new(), published: Vec::new(), actors: Vec::new() }
    }
}

impl<T> Outbox<T> {
    /// Sends `item` to the partition of the next stage that `key` belongs to.
    pub fn send(&mut self, key: &str, item: T) {
        self.sent.push(Routed { route: route(key), item });
    }

    /// Says at a control on behalf of which of the stage's own keys the next outputs are sent.
    ///
    /// At a control a stage walks through all keys of its partition, and outputs of different partitions for one
    /// receiver are put in order by these keys. Call it before the first output of each key, once a key. Without it
    /// the order hangs on the number of partitions. While a record is processed it says nothing.
    pub fn acting_for(&mut self, key: &str) {
        self.acting_in(0, key);
    }

    /// As [`Outbox::acting_for`], for a stage that walks through its keys more than once at a control: all outputs of
    /// a lower round stand in front of those of a higher one, whatever their keys.
    pub fn acting_in(&mut self, round: u8, key: &str) {
        let emitter = u64::from(round) << 56 | route(key) >> 8;
        self.actors.push(Actor { emitter, sent: self.sent.len(), published: self.published.len() });
    }

    /// Publishes a record on a view. The records of one key come from one partition of a stage alone, and at a control
    /// for one of its keys, or for keys in their order: between others, only the embedded engine knows the later one.
    pub fn publish(&mut self, view: View) {
        self.published.push(view);
    }

    /// Takes what was sent and published since the last call.
    pub fn drain(&mut self) -> (Vec<Routed<T>>, Vec<View>) {
        self.actors.clear();
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.published))
    }

    pub fn drain_sent(&mut self) -> std::vec::Drain<'_, Routed<T>> {
        self.sent.drain(..)
    }

    pub fn drain_published(&mut self) -> std::vec::Drain<'_, View> {
        self.published.drain(..)
    }
}

impl<T> Outbox<T> {
    /// The next outputs are sent for no key until one is named.
    pub(crate) fn act_for_nobody(&mut self) {
        self.actors.push(Actor { emitter: 0, sent: self.sent.len(), published: self.published.len() });
    }

    pub(crate) fn forget_actors(&mut self) {
        self.actors.clear();
    }

    /// Takes what was sent and published at a control, with the keys it is for.
    pub(crate) fn drain_with_actors(&mut self) -> (Vec<Acted<T>>, Vec<(u64, View)>) {
        let sent_for = labels(self.actors.iter().map(|actor| (actor.sent, actor.emitter)), self.sent.len());
        let published = self.actors.iter().map(|actor| (actor.published, actor.emitter));
        let published_for = labels(published, self.published.len());
        let (sent, published) = self.drain();
        let sent = sent.into_iter().zip(sent_for).map(|(routed, (emitter, ordinal))| (emitter, ordinal, routed));
        let published = published.into_iter().zip(published_for).map(|(view, (emitter, _))| (emitter, view));
        (sent.collect(), published.collect())
    }
}

/// For each of `count` outputs its emitter and its ordinal from 1, given where each emitter's outputs start.
fn labels(starts: impl Iterator<Item = (usize, u64)>, count: usize) -> Vec<(u64, u32)> {
    let mut starts = starts.peekable();
    let mut current = (0, 0);
    let label = |place| {
        while let Some((_, emitter)) = starts.next_if(|(start, _)| *start <= place) {
            current = (emitter, 0);
        }
        current.1 += 1;
        current
    };
    (0..count).map(label).collect()
}

/// The hash that decides about a key's partition; fixed for ever (FNV-1a, 64 bits).
pub fn route(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_at_a_control_know_whom_they_are_for() {
        let mut outbox = Outbox::default();
        outbox.send("x", 'a');
        outbox.acting_for("empty");
        outbox.acting_for("one");
        outbox.send("x", 'b');
        outbox.send("y", 'c');
        outbox.acting_for("two");
        outbox.publish(View { topic: 1, key: vec![], value: None });
        outbox.send("x", 'd');
        let (sent, published) = outbox.drain_with_actors();
        let sent: Vec<_> = sent.into_iter().map(|(emitter, ordinal, routed)| (emitter, ordinal, routed.item)).collect();
        let (one, two) = (route("one") >> 8, route("two") >> 8);
        assert_eq!(sent, [(0, 1, 'a'), (one, 1, 'b'), (one, 2, 'c'), (two, 1, 'd')]);
        assert_eq!(published.iter().map(|(emitter, _)| *emitter).collect::<Vec<_>>(), [two]);
    }
}
