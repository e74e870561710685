//! Units and oracle grant the same on histories that nobody thought of, whatever the order in which they come in.

mod draw;
#[path = "../seeds/mod.rs"]
mod seeds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compliance::UnitsStage;
use contract::{Code, Control, Entitlement, EntitlementEvent, Finding, Id, Reference, Sale, SaleEvent, Text, Topic};
use oracle::{Granted, Grants, granted};
use stream::{Blobs, Input, MemoryState, Outbox, Stage, StorageError};

use crate::seeds::{Seeds, is_brief};

/// Seeds that are tried, and how many events each has.
const USUAL: (u64, usize) = (60, 150);

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
    /// By the product whose sales it was told of.
    standing: BTreeMap<Text, Vec<Entitlement>>,
    found: BTreeSet<Code>,
}

impl Real {
    fn new(reference: &Reference) -> Real {
        let bytes = postcard::to_stdvec(reference).unwrap();
        // Stages share what they have read under a hash.
        let hash = Id(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap());
        let mut stage = UnitsStage::new(Arc::new(OneBlob(bytes)));
        let mut state = MemoryState::default();
        let control = Control::Configure { reference: hash };
        stage.control(1, &control.encode(), &mut state, &mut Outbox::default()).unwrap();
        Real { stage, state, standing: BTreeMap::new(), found: BTreeSet::new() }
    }

    fn hear(&mut self, event: &SaleEvent) {
        let mut outbox = Outbox::default();
        self.stage.process(Input { stamp: 1, item: event }, &mut self.state, &mut outbox).unwrap();
        let (sent, published) = outbox.drain();
        let standing = self.standing.entry(product_of(event).cloned().unwrap_or_default()).or_default();
        for routed in sent {
            match routed.item {
                EntitlementEvent::Grant(grant) => standing.push(*grant),
                EntitlementEvent::Revoke(gone) => {
                    let at = standing.iter().position(|grant| *grant == *gone);
                    standing.swap_remove(at.expect("only what was granted is revoked"));
                }
                _ => {}
            }
        }
        let findings = published.into_iter().filter(|view| view.topic == Topic::Findings as u8);
        let findings = findings.filter_map(|view| view.value);
        self.found.extend(findings.map(|bytes| postcard::from_bytes::<Finding>(&bytes).unwrap().code));
    }

    fn grants(&self, product: &Text) -> Grants {
        let granted = |entitlement: &Entitlement| Granted {
            programs: entitlement.programs.clone(),
            quantity: entitlement.quantity,
            amount: entitlement.amount,
            origin: entitlement.origin.map(|(sale, _)| sale),
        };
        let standing = self.standing.get(product).map_or(&[][..], Vec::as_slice);
        let place = |e: &Entitlement| (e.sale, e.ledger_key.clone(), e.at.partner.clone());
        let grants: Grants = standing.iter().map(|e| (place(e), granted(e))).collect();
        assert_eq!(grants.len(), standing.len(), "a sale is granted once under a key, a return once for each partner");
        grants
    }
}

fn product_of(event: &SaleEvent) -> Option<&Text> {
    match event {
        SaleEvent::Assert(sale) | SaleEvent::Retract(sale) | SaleEvent::Company(sale) => Some(&sale.product),
        SaleEvent::Appraise { .. } | SaleEvent::Dismiss { .. } => None,
    }
}

/// Sales as they stand, by product.
#[derive(Default)]
struct Standing(BTreeMap<Text, BTreeMap<Id, Sale>>);

impl Standing {
    fn hear(&mut self, event: &SaleEvent) {
        let Some(product) = product_of(event) else { return };
        let sales = self.0.entry(product.clone()).or_default();
        match event {
            SaleEvent::Assert(sale) => drop(sales.insert(sale.id, Sale::clone(sale))),
            SaleEvent::Retract(sale) => drop(sales.remove(&sale.id)),
            SaleEvent::Company(sale) => {
                if let Some(sale) = sales.get_mut(&sale.id) {
                    sale.alone = false;
                }
            }
            SaleEvent::Appraise { .. } | SaleEvent::Dismiss { .. } => {}
        }
    }

    /// Whether what stands granted is its own partner's.
    fn is_of(&self, product: &Text, (sale, _, partner): &(Id, Text, Text)) -> bool {
        self.0[product][sale].at.partner == *partner
    }

    fn sales(&self, product: &Text) -> impl Iterator<Item = &Sale> {
        self.0.get(product).into_iter().flat_map(BTreeMap::values)
    }
}

/// What a history came upon.
struct Reached {
    codes: BTreeSet<Code>,
    /// A return took from what another partner earned.
    from_another: bool,
}

/// What was come upon on the way; or the first event behind which the two grant something else, and what.
///
/// No sale has to do with one of another product: behind an event those of its own are compared, in the end all of them.
fn compared(reference: &Reference, events: &[SaleEvent]) -> Result<Reached, String> {
    let (mut real, mut standing) = (Real::new(reference), Standing::default());
    let mut from_another = false;
    for (number, event) in (1..).zip(events) {
        real.hear(event);
        standing.hear(event);
        if let Some(product) = product_of(event) {
            let (ours, theirs) = (granted(standing.sales(product), reference), real.grants(product));
            from_another |= ours.keys().any(|place| !standing.is_of(product, place));
            if ours != theirs {
                let places: BTreeSet<&(Id, Text, Text)> = ours.keys().chain(theirs.keys()).collect();
                let unlike = |place: &&(Id, Text, Text)| ours.get(place) != theirs.get(place);
                let place = places.into_iter().find(unlike).expect("they are unlike");
                let (ours, theirs) = (ours.get(place), theirs.get(place));
                return Err(format!("behind {number}, {place:?}: the oracle grants {ours:?}, the stage {theirs:?}"));
            }
        }
    }
    let together = granted(standing.0.values().flat_map(BTreeMap::values), reference);
    let theirs: Grants = real.standing.keys().flat_map(|product| real.grants(product)).collect();
    match together == theirs {
        true => Ok(Reached { codes: real.found, from_another }),
        false => Err(format!("in the end the oracle grants {together:?}, the stage {theirs:?}")),
    }
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
    let seeds = Seeds::wanted(USUAL);
    let from_another = AtomicU64::new(0);
    let told = |seed: u64, found: &mut BTreeMap<Code, u64>| {
        let (reference, events) = draw::history(seed, seeds.events);
        let reached = compared(&reference, &events).map_err(|first| {
            if is_brief() {
                return first;
            }
            let few = shortest(&reference, &events);
            let last = compared(&reference, &few).err().unwrap_or_default();
            format!("{first}\nin short:\n{few:#?}\n{:#?}\n{last}", reference.programs)
        })?;
        reached.codes.into_iter().for_each(|code| *found.entry(code).or_default() += 1);
        from_another.fetch_add(u64::from(reached.from_another), Ordering::Relaxed);
        Ok(())
    };
    let mut found: BTreeMap<Code, u64> = BTreeMap::new();
    for (code, times) in seeds.each(told).into_iter().flatten() {
        *found.entry(code).or_default() += times;
    }
    let from_another = from_another.into_inner();
    println!("{found:?}, from another partner {from_another}");
    if seeds.count() >= 50 {
        let missing: Vec<&Code> = CHECKS.iter().filter(|code| !found.contains_key(code)).collect();
        assert!(missing.is_empty(), "no history comes upon {missing:?}");
        assert!(from_another > 0, "no return takes from what another partner earned");
    }
}
