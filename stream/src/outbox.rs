//! What a stage sends on and what it publishes.

/// Collects the outputs of one step, in order.
#[derive(Debug)]
pub struct Outbox<T> {
    sent: Vec<Routed<T>>,
    published: Vec<View>,
}

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
        Outbox { sent: Vec::new(), published: Vec::new() }
    }
}

impl<T> Outbox<T> {
    /// Sends `item` to the partition of the next stage that `key` belongs to.
    pub fn send(&mut self, key: &str, item: T) {
        self.sent.push(Routed { route: route(key), item });
    }

    pub fn publish(&mut self, view: View) {
        self.published.push(view);
    }

    /// Takes what was sent and published since the last call.
    pub fn drain(&mut self) -> (Vec<Routed<T>>, Vec<View>) {
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.published))
    }

    pub fn drain_sent(&mut self) -> std::vec::Drain<'_, Routed<T>> {
        self.sent.drain(..)
    }

    pub fn drain_published(&mut self) -> std::vec::Drain<'_, View> {
        self.published.drain(..)
    }
}

/// The hash that decides about a key's partition; fixed for ever (FNV-1a, 64 bits).
pub fn route(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
