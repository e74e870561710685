//! The ledger stage over memory, and what it has said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use compliance::LedgerStage;
use contract::{AccrualEvent, AccrualMovement, Control, EntitlementEvent, Id, Reference, Settlement};
use oracle::{Order, Verdict};
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Stage, StorageError};

/// Reference data in memory.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<Vec<u8>, Arc<[u8]>>>);

impl Blobs for Shelf {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(hash).cloned().ok_or_else(|| StorageError::new("no such blob"))
    }
}

pub struct Real {
    shelf: Arc<Shelf>,
    stage: LedgerStage,
    state: MemoryState,
    number: u64,
    movements: BTreeMap<Id, AccrualMovement>,
    orders: BTreeMap<Settlement, Vec<Order>>,
}

impl Real {
    pub fn new() -> Real {
        let shelf = Arc::new(Shelf::default());
        let stage = LedgerStage::new(shelf.clone());
        let (state, movements, orders) = (MemoryState::default(), BTreeMap::new(), BTreeMap::new());
        Real { shelf, stage, state, number: 0, movements, orders }
    }

    pub fn hear(&mut self, event: &EntitlementEvent) {
        let input = Input { stamp: self.number, item: event };
        self.stage.process(input, &mut self.state, &mut Outbox::default()).unwrap();
    }

    pub fn configure(&mut self, reference: &Reference) {
        let bytes = postcard::to_stdvec(reference).unwrap();
        let hash = Id(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap());
        self.shelf.0.lock().unwrap().insert(hash.0.to_vec(), bytes.into());
        self.control(&Control::Configure { reference: hash });
    }

    pub fn control(&mut self, control: &Control) {
        self.number += 1;
        let mut outbox = Outbox::default();
        self.stage.control(self.number, &control.encode(), &mut self.state, &mut outbox).unwrap();
        while self.stage.slice(self.number, &mut self.state, &mut outbox).unwrap() == Progress::More {}
        for routed in outbox.drain().0 {
            self.said(routed.item);
        }
    }

    fn said(&mut self, event: AccrualEvent) {
        match event {
            AccrualEvent::Moved(movement) if movement.amount.is_zero() => drop(self.movements.remove(&movement.id)),
            AccrualEvent::Moved(movement) => drop(self.movements.insert(movement.id, *movement)),
            AccrualEvent::Authorised(order) => {
                let orders = self.orders.entry(order.settlement).or_default();
                orders.push(Order { day: order.date, amount: order.amount });
            }
            AccrualEvent::Closed { .. } => {}
        }
    }

    pub fn verdicts(&self) -> BTreeMap<Settlement, Verdict> {
        let mut verdicts = BTreeMap::<Settlement, Verdict>::new();
        for movement in self.movements.values() {
            verdicts.entry(movement.settlement.clone()).or_default().accrued += movement.amount;
        }
        for (settlement, orders) in &self.orders {
            verdicts.entry(settlement.clone()).or_default().orders.clone_from(orders);
        }
        verdicts.retain(|_, verdict| *verdict != Verdict::default());
        verdicts
    }
}
