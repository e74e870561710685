//! Was this unit already paid for? Takes sales, keyed by product, and sends entitlements.
//!
//! The state is a set of facts; every verdict is a function of that set. When a sale comes or goes, the few sales it may
//! have to do with are judged again, and what differs from what stood before is sent: entitlements granted and revoked,
//! findings published and withdrawn. So partners may be interleaved in any way. Winners and losers go by
//! (event time, sale id).
//!
//! A sale that is held, by doubts about its data or by a rule here, earns nothing and still counts as a fact. A return
//! that is held still takes back: what is granted must never exceed what is sold. Claims go through to the ledger.
//!
//! Tables that come late, or say something of days gone by, judge the sales anew that they concern ([`review`]); what persons
//! decide about a finding does so for its sale ([`persons`]).

mod circles;
mod claims;
pub(crate) mod conditions;
mod denials;
mod desk;
pub(crate) mod facts;
pub(crate) mod filing;
mod findings;
mod flows;
pub(crate) mod grants;
mod judge;
pub(crate) mod market;
pub(crate) mod names;
mod persons;
mod returns;
mod review;
mod rolls;
mod shelf;
mod tiers;
pub(crate) mod told;
mod verify;
mod years;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod permutations;
#[cfg(test)]
pub(crate) mod trial;

use std::sync::Arc;

use contract::{Control, EntitlementEvent, Publication, Risk, Sale, SaleEvent};
use stream::{Blobs, Input, Outbox, Progress, Stage, StageError, State, StorageError, TableId};

use crate::clock::Clock;
use crate::references::References;
use crate::rulings;
use desk::{Desk, Shelves, view};
use facts::{DOCUMENTS, PARTIES, SALES, SELLERS, SERIALS, SaleKey, TIERS, TRADES, YEARS};
pub use flows::flows;
pub use grants::using_layers;
use judge::Touched;
use market::{Offers, at_risk};
pub use names::same_words;
pub use returns::taken_back;
use review::Reviewing;
use told::Told;
pub use verify::{Verified, verify};

/// The stage. Its fields are caches; what must survive is in the state.
pub struct UnitsStage {
    references: References,
    offers: Offers,
    shelves: Shelves,
    clock: Clock,
    review: Option<Reviewing>,
    /// Persons have said something about some finding of this partition.
    ruled: bool,
}

impl UnitsStage {
    pub fn new(blobs: Arc<dyn Blobs>) -> UnitsStage {
        let (references, offers, shelves) = (References::new(blobs), Offers::default(), Shelves::default());
        UnitsStage { references, offers, shelves, clock: Clock::default(), review: None, ruled: false }
    }
}

impl Stage for UnitsStage {
    type In = SaleEvent;
    type Out = EntitlementEvent;

    fn prefetch(&self, input: &SaleEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        let sale = match input {
            SaleEvent::Appraise { .. } | SaleEvent::Dismiss { .. } => return,
            SaleEvent::Company(sale) => {
                wanted.push(SALES.wanted(&SaleKey::of(sale)));
                return;
            }
            SaleEvent::Retract(sale) => {
                wanted.push(SALES.wanted(&SaleKey::of(sale)));
                sale
            }
            SaleEvent::Assert(sale) if claims::is_claim(sale) => return,
            SaleEvent::Assert(sale) => sale,
        };
        let known = self.references.as_of(sale.stamp);
        let market = known.market();
        wanted.push(DOCUMENTS.wanted(&filing::document_key(market, sale, &sale.document)));
        wanted.push(PARTIES.wanted(&filing::party_key(sale)));
        wanted.push(YEARS.wanted(&filing::year_key(sale)));
        wanted.extend(
            filing::tier_keys(known, sale).iter().flat_map(|keys| keys.lists(sale.date)).map(|key| TIERS.wanted(&key)),
        );
        if let Some(trade) = circles::trade(market, sale) {
            wanted.extend([trade.sold, trade.bought].map(|key| TRADES.wanted(&key)));
            wanted.push(SELLERS.wanted(&trade.sellers()));
        }
        wanted.extend(filing::lives(sale).iter().map(|(life, _)| SERIALS.wanted(life)));
    }

    fn process(
        &mut self,
        input: Input<'_, SaleEvent>,
        state: &mut dyn State,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<(), StageError> {
        let mut desk = self.desk(input.stamp, state);
        match input.item {
            SaleEvent::Assert(sale) if claims::is_claim(sale) => claims::pass(sale, true, outbox),
            SaleEvent::Retract(sale) if claims::is_claim(sale) => claims::pass(sale, false, outbox),
            SaleEvent::Assert(sale) => {
                assert(&mut desk, sale)?;
                publish_holds(&mut desk, sale, true, outbox);
            }
            SaleEvent::Retract(sale) => {
                retract(&mut desk, SaleKey::of(sale))?;
                publish_holds(&mut desk, sale, false, outbox);
            }
            SaleEvent::Company(sale) => company(&mut desk, SaleKey::of(sale))?,
            SaleEvent::Appraise { sale, finding } => publish_risk(&mut desk, sale, *finding, true, outbox),
            SaleEvent::Dismiss { finding, .. } => outbox.publish(view(&Publication::RiskWithdrawn(*finding))),
        }
        Ok(desk.close(outbox)?)
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<(), StageError> {
        let control = postcard::from_bytes(payload)
            .map_err(|error| StageError::Unknown { stage: "units", what: format!("control {number}: {error}") })?;
        match control {
            Control::Configure { reference } => {
                self.references.configure(number, reference, state)?;
            }
            Control::Tick { as_of } => self.clock.tick(number, as_of, state)?,
            Control::Command(command) => {
                let heard = persons::decide(&mut self.desk(number, state), &command, outbox)?;
                self.ruled |= heard;
            }
            Control::Settle => {}
        }
        self.review = Reviewing::begin(number, &self.references, &self.clock, state)?;
        Ok(())
    }

    fn slice(
        &mut self,
        number: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<Progress, StageError> {
        let Some(mut reviewing) = self.review.take() else { return Ok(Progress::Done) };
        let progress = reviewing.advance(&mut self.desk(number, state), outbox)?;
        self.review = Some(reviewing).filter(|_| progress == Progress::More);
        Ok(progress)
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.references.resume(state)?;
        self.clock = Clock::resume(state)?;
        self.review = Reviewing::resume(&self.references, &self.clock, state)?;
        self.ruled = rulings::any(state)?;
        Ok(())
    }
}

impl UnitsStage {
    fn desk<'a>(&'a mut self, stamp: u64, state: &'a mut dyn State) -> Desk<'a> {
        let UnitsStage { references, offers, shelves, clock, ruled, .. } = self;
        Desk { state, references, offers, shelves, clock, stamp, ruled: *ruled }
    }
}

fn assert(desk: &mut Desk<'_>, sale: &Arc<Sale>) -> Result<(), StorageError> {
    let key = desk.open_new(sale.clone());
    if findings::is_never_sale(sale) {
        return Ok(());
    }
    desk.file(sale, true)?;
    judge(desk, key, Vec::new())
}

fn retract(desk: &mut Desk<'_>, key: SaleKey) -> Result<(), StorageError> {
    let Some(sale) = desk.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
    desk.remove(key)?;
    if findings::is_never_sale(&sale) {
        return Ok(());
    }
    let twins = desk.twins(&sale)?.sales;
    desk.file(&sale, false)?;
    judge(desk, key, twins)
}

/// The document of a sale turned out to have other lines.
fn company(desk: &mut Desk<'_>, key: SaleKey) -> Result<(), StorageError> {
    let Some(sale) = desk.edit_sale(key)? else { return Ok(()) };
    sale.alone = false;
    if findings::is_never_sale(sale) {
        return Ok(());
    }
    judge(desk, key, Vec::new())
}

/// Judges a sale that came, went or changed, and all that it has to do with.
fn judge(desk: &mut Desk<'_>, key: SaleKey, twins: Vec<SaleKey>) -> Result<(), StorageError> {
    desk.settle_doubles(key, twins)?;
    desk.settle(Touched::default())
}

/// What the doubts about the data of a sale keep from being paid.
fn publish_holds(desk: &mut Desk<'_>, sale: &Sale, stands: bool, outbox: &mut Outbox<EntitlementEvent>) {
    for (_, finding) in &sale.holds {
        publish_risk(desk, sale, *finding, stands, outbox);
    }
}

fn publish_risk(
    desk: &mut Desk<'_>,
    sale: &Sale,
    finding: contract::Id,
    stands: bool,
    outbox: &mut Outbox<EntitlementEvent>,
) {
    let known = desk.known(sale);
    let programs = desk.offers.programs(Told::as_read(known), &[], sale);
    let Some(money) = at_risk(programs.into_iter(), sale) else { return };
    let said = if stands { Publication::Risk(Risk { finding, money }) } else { Publication::RiskWithdrawn(finding) };
    outbox.publish(view(&said));
}
