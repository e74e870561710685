//! Units and oracle grant the same on histories that nobody thought of, whatever the order in which they come in.

mod draw;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compliance::UnitsStage;
use contract::{Code, Control, Entitlement, EntitlementEvent, Finding, Id, Reference, Sale, SaleEvent, Text, Topic};
use oracle::{Granted, Grants, granted};
use stream::{Blobs, Input, MemoryState, Outbox, Stage, StorageError};

/// Seeds that are tried: 10,000 of 1,000 events each in the long run.
fn seeds() -> std::ops::Range<u64> {
    if let Some(seed) = said("PAIDONCE_SEED") {
        return seed..seed + 1;
    }
    let (first, usual) = (said("PAIDONCE_FROM").unwrap_or(0), if is_long() { 10_000 } else { 60 });
    first..first + said("PAIDONCE_SEEDS").unwrap_or(usual)
}

fn events() -> usize {
    said("PAIDONCE_EVENTS").map_or(if is_long() { 1_000 } else { 150 }, |events| events as usize)
}

fn is_long() -> bool {
    std::env::var_os("PAIDONCE_LONG").is_some()
}

fn said(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What a history must come upon somewhere, for the comparison to mean something.
const CHECKS: [Code; 11] = [
    Code::CircularSale,
    Code::InventoryExceeded,
    Code::NearDuplicateDocument,
    Code::OverlappingFeeds,
    Code::PackAndPieces,
    Code::ReturnAboveSold,
    Code::ReturnAndResell,
    Code::SaleInTwoPeriods,
    Code::SerialTwiceSamePartner,
    Code::SerialTwoPartners,
    Code::TwoTiersReport,
];

/// One blob, whatever is asked for.
struct OneBlob(Vec<u8>);

impl Blobs for OneBlob {
    fn load(&self, _hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        Ok(self.0.as_slice().into())
    }
}

/// The stage over memory, with what it has granted and found.
struct Real {
    stage: UnitsStage,
    state: MemoryState,
    standing: Vec<Entitlement>,
    found: BTreeSet<Code>,
}

impl Real {
    fn new(reference: &Reference) -> Real {
        let mut stage = UnitsStage::new(Arc::new(OneBlob(postcard::to_stdvec(reference).unwrap())));
        let mut state = MemoryState::default();
        let control = Control::Configure { reference: Id::of("reference", &[]) };
        stage.control(1, &control.encode(), &mut state, &mut Outbox::default()).unwrap();
        Real { stage, state, standing: Vec::new(), found: BTreeSet::new() }
    }

    fn hear(&mut self, event: &SaleEvent) {
        let mut outbox = Outbox::default();
        self.stage.process(Input { stamp: 1, item: event }, &mut self.state, &mut outbox).unwrap();
        let (sent, published) = outbox.drain();
        for routed in sent {
            match routed.item {
                EntitlementEvent::Grant(grant) => self.standing.push(*grant),
                EntitlementEvent::Revoke(gone) => {
                    let at = self.standing.iter().position(|grant| *grant == *gone);
                    self.standing.swap_remove(at.expect("only what was granted is revoked"));
                }
                EntitlementEvent::Claim(_) | EntitlementEvent::Unclaim(_) => {}
            }
        }
        let findings = published.into_iter().filter(|view| view.topic == Topic::Findings as u8);
        let findings = findings.filter_map(|view| view.value);
        self.found.extend(findings.map(|bytes| postcard::from_bytes::<Finding>(&bytes).unwrap().code));
    }

    fn grants(&self) -> Grants {
        let granted = |entitlement: &Entitlement| Granted {
            programs: entitlement.programs.clone(),
            quantity: entitlement.quantity,
            amount: entitlement.amount,
            origin: entitlement.origin.map(|(sale, _)| sale),
        };
        let grants: Grants = self.standing.iter().map(|e| ((e.sale, e.ledger_key.clone()), granted(e))).collect();
        assert_eq!(grants.len(), self.standing.len(), "a sale is granted once under a key");
        grants
    }
}

/// Sales as they stand.
#[derive(Default)]
struct Standing(BTreeMap<Id, Sale>);

impl Standing {
    fn hear(&mut self, event: &SaleEvent) {
        match event {
            SaleEvent::Assert(sale) => drop(self.0.insert(sale.id, Sale::clone(sale))),
            SaleEvent::Retract(sale) => drop(self.0.remove(&sale.id)),
            SaleEvent::Company(sale) => {
                if let Some(sale) = self.0.get_mut(&sale.id) {
                    sale.alone = false;
                }
            }
            SaleEvent::Appraise { .. } | SaleEvent::Dismiss { .. } => {}
        }
    }

    fn sales(&self) -> Vec<Sale> {
        self.0.values().cloned().collect()
    }
}

/// What was found on the way; or the first event behind which the two grant something else, and what.
fn compared(reference: &Reference, events: &[SaleEvent]) -> Result<BTreeSet<Code>, String> {
    let (mut real, mut standing) = (Real::new(reference), Standing::default());
    for (number, event) in (1..).zip(events) {
        real.hear(event);
        standing.hear(event);
        let (ours, theirs) = (granted(&standing.sales(), reference), real.grants());
        let places: BTreeSet<&(Id, Text)> = ours.keys().chain(theirs.keys()).collect();
        if let Some(place) = places.into_iter().find(|place| ours.get(place) != theirs.get(place)) {
            let (ours, theirs) = (ours.get(place), theirs.get(place));
            return Err(format!("behind {number}, {place:?}: the oracle grants {ours:?}, the stage {theirs:?}"));
        }
    }
    Ok(real.found)
}

/// The events of as few sales as it takes to tell the two apart.
fn shortest(reference: &Reference, events: &[SaleEvent]) -> Vec<SaleEvent> {
    let of = |event: &SaleEvent| match event {
        SaleEvent::Assert(sale) | SaleEvent::Retract(sale) | SaleEvent::Company(sale) => Some(sale.id),
        SaleEvent::Appraise { .. } | SaleEvent::Dismiss { .. } => None,
    };
    let mut left = events.to_vec();
    let sales: BTreeSet<Id> = events.iter().filter_map(of).collect();
    for sale in sales {
        let fewer: Vec<SaleEvent> = left.iter().filter(|event| of(event) != Some(sale)).cloned().collect();
        if compared(reference, &fewer).is_err() {
            left = fewer;
        }
    }
    left
}

#[test]
fn units_and_oracle_agree() {
    let seeds = seeds();
    let mut found: BTreeMap<Code, u64> = BTreeMap::new();
    for seed in seeds.clone() {
        let (reference, events) = draw::history(seed, events());
        match compared(&reference, &events) {
            Ok(codes) => codes.into_iter().for_each(|code| *found.entry(code).or_default() += 1),
            Err(first) => {
                if std::env::var_os("PAIDONCE_BRIEF").is_some() {
                    panic!("seed {seed}: {first}");
                }
                let few = shortest(&reference, &events);
                let last = compared(&reference, &few).err().unwrap_or_default();
                panic!("seed {seed}: {first}\nin short:\n{few:#?}\n{:#?}\n{last}", reference.programs);
            }
        }
    }
    println!("{found:?}");
    if seeds.end - seeds.start >= 50 {
        let missing: Vec<&Code> = CHECKS.iter().filter(|code| !found.contains_key(code)).collect();
        assert!(missing.is_empty(), "no history comes upon {missing:?}");
    }
}
