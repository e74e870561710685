//! Goods that come back to the partner that sold them, from its buyer or by way of others.
//!
//! Of two partners each sale is looked at. Longer circles go through the sellers of a product to each partner, of whom the first
//! [`SELLERS_MAX`] by id count, so that a sale is looked at with at most so many of them squared; which these are follows from
//! the set of sales. A sale that comes or goes judges anew what was sold in [`CIRCLE_DAYS`] days on circles that it stands in.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{Day, Id, Sale, Text};
use stream::{Order, StorageError};

use super::desk::Desk;
use super::facts::{Circle, SaleKey, TradeEntry, hash};
use super::filing::set;
use super::market::Market;
use super::rolls::Entry;
use crate::rules::circular_sale::CIRCLE_DAYS;
use crate::rules::{Check, RULES};

/// Sellers of a product to one partner that longer circles go through. Tests try with few.
const SELLERS_MAX: usize = if cfg!(test) { 3 } else { 16 };

type Place = (i32, [u8; 16]);

/// A sale between partners.
pub struct Trade<'a> {
    product: &'a Text,
    seller: &'a Text,
    buyer: &'a Text,
    /// Key of the list of what the one sold of the product to the other.
    pub sold: u64,
    /// Of what it bought from there.
    pub bought: u64,
}

impl Trade<'_> {
    /// Key of the list of partners that sold the product to the buyer.
    pub fn sellers(&self) -> u64 {
        sellers_key(self.product, self.buyer)
    }
}

fn sold_key(product: &str, from: &str, to: &str) -> u64 {
    hash(&[product.as_bytes(), from.as_bytes(), to.as_bytes()])
}

fn sellers_key(product: &str, buyer: &str) -> u64 {
    hash(&[product.as_bytes(), buyer.as_bytes()])
}

/// `None` for a sale whose buyer is no other partner.
pub fn trade<'a>(market: &'a Market, sale: &'a Sale) -> Option<Trade<'a>> {
    let buyer = market.partner_of(&sale.customer)?;
    let (product, seller) = (&sale.product, &sale.at.partner);
    if buyer == seller || sale.is_return() || sale.quantity.is_zero() {
        return None;
    }
    let (sold, bought) = (sold_key(product, seller, buyer), sold_key(product, buyer, seller));
    Some(Trade { product, seller, buyer, sold, bought })
}

/// Sales by which goods went from one partner to the next, until they came to the one that sells them back.
struct Way {
    first: SaleKey,
    /// The partners between the first buyer and the one that sells them back, that one left out.
    by: Vec<Text>,
}

impl Desk<'_> {
    /// Decides anew about sales between partners that came or went, and about those that brought goods back.
    pub fn settle_circles(&mut self, traded: &[(Arc<Sale>, bool)]) -> Result<(), StorageError> {
        let mut touched = Vec::new();
        for (sale, counts) in traded {
            let Some(trade) = trade(self.known(sale).market(), sale) else { continue };
            let entry = TradeEntry { sale: SaleKey::of(sale) };
            touched.extend(self.on_rings(&trade, trade.seller, within(entry.sale))?);
            self.shelves.trades.take(self.state, trade.sold, entry.place())?;
            touched.extend(self.brought_back(&trade, entry.sale)?);
            if *counts {
                touched.push(entry.sale);
                self.shelves.trades.put(self.state, trade.sold, entry.clone())?;
            }
            self.enter_seller(&trade, &mut touched)?;
            touched.extend(self.on_rings(&trade, trade.seller, within(entry.sale))?);
            touched.retain(|key| *counts || *key != entry.sale);
        }
        touched.sort_unstable();
        touched.dedup();
        touched.into_iter().try_for_each(|sale| self.settle_circle(sale))
    }

    /// Brings the sellers of a partner to the sales that stand. One that comes or goes among many moves another one in or out.
    fn enter_seller(&mut self, trade: &Trade<'_>, touched: &mut Vec<SaleKey>) -> Result<(), StorageError> {
        let any = (from_day(Day(i32::MIN)), from_day(Day(i32::MAX)));
        let sells = !self.shelves.trades.page(self.state, trade.sold, any, Order::Up, 1)?.is_empty();
        let sellers = self.shelves.sellers.get(self.state, trade.sellers())?;
        let place = match sellers.binary_search(trade.seller) {
            Ok(place) if !sells => place,
            Err(place) if sells => place,
            _ => return Ok(()),
        };
        // Where one more stands among the first, the last of them goes; where one less, the next one comes.
        let among = place < SELLERS_MAX;
        let goes = sellers.get(SELLERS_MAX - 1).filter(|_| among && sells).cloned();
        let comes = sellers.get(SELLERS_MAX).filter(|_| among && !sells).cloned();
        if let Some(seller) = goes {
            touched.extend(self.on_rings(trade, &seller, any)?);
        }
        set(self.shelves.sellers.edit(self.state, trade.sellers())?, trade.seller.clone(), sells);
        if let Some(seller) = comes {
            touched.extend(self.on_rings(trade, &seller, any)?);
        }
        Ok(())
    }

    /// The first of the partners that sold a product to one.
    fn sellers(&mut self, product: &str, buyer: &str) -> Result<Vec<Text>, StorageError> {
        let sellers = self.shelves.sellers.get(self.state, sellers_key(product, buyer))?;
        Ok(sellers.iter().take(SELLERS_MAX).cloned().collect())
    }

    /// Sales within some days on the circles of three and four that go from a seller to the buyer of a trade.
    fn on_rings(
        &mut self,
        trade: &Trade<'_>,
        seller: &Text,
        (from, to): (Place, Place),
    ) -> Result<Vec<SaleKey>, StorageError> {
        let Trade { product, buyer, .. } = *trade;
        let mut hops: BTreeSet<(Text, Text)> = BTreeSet::new();
        if !self.sellers(product, buyer)?.contains(seller) {
            return Ok(Vec::new());
        }
        for third in self.sellers(product, seller)? {
            if third == *buyer {
                continue;
            }
            let of_third = self.sellers(product, &third)?;
            if of_third.contains(buyer) {
                hops.extend([(buyer.clone(), third.clone()), (third.clone(), seller.clone())]);
            }
            for fourth in of_third.into_iter().filter(|fourth| fourth != buyer && fourth != seller) {
                if self.sellers(product, &fourth)?.contains(buyer) {
                    let ring = [buyer, &fourth, &third, seller];
                    hops.extend(ring.windows(2).map(|hop| (hop[0].clone(), hop[1].clone())));
                }
            }
        }
        if !hops.is_empty() {
            hops.insert((seller.clone(), buyer.clone()));
        }
        let mut sales = Vec::new();
        for (from_partner, to_partner) in hops {
            let sold = sold_key(product, &from_partner, &to_partner);
            let entries = self.shelves.trades.all(self.state, sold, (from, to))?;
            sales.extend(entries.into_iter().map(|entry| entry.sale));
        }
        Ok(sales)
    }

    /// Sales the other way whose latest one out is this, or would be if it stood: up to the next one out.
    fn brought_back(&mut self, trade: &Trade<'_>, out: SaleKey) -> Result<Vec<SaleKey>, StorageError> {
        let (from, mut to) = within(out);
        let next = self.shelves.trades.page(self.state, trade.sold, (from, to), Order::Up, 1)?;
        if let Some(next) = next.first() {
            to = next.place();
        }
        let back = self.shelves.trades.all(self.state, trade.bought, (from, to))?;
        Ok(back.iter().map(|entry| entry.sale).collect())
    }

    fn settle_circle(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
        let Some(trade) = trade(self.known(&sale).market(), &sale) else { return Ok(()) };
        let comes_back = |way: &Way| {
            RULES.iter().any(|rule| match rule.check {
                Check::Circle(check) => check(key, way.first),
                _ => false,
            })
        };
        let direct = self.latest(trade.product, (trade.buyer, trade.seller), key)?;
        let mut way = direct.map(|first| Way { first, by: Vec::new() }).filter(comes_back);
        if way.is_none() {
            way = self.ways(&trade, key)?.into_iter().filter(comes_back).max_by_key(|way| (way.first, way.by.clone()));
        }
        let circle = match way {
            Some(Way { first, by }) => {
                let out = self.sale(first)?;
                let (at, document) = (out.at.clone(), out.document.clone());
                Some(Circle { at, document, date: out.date, quantity: out.quantity, by })
            }
            None => None,
        };
        self.verdict(key)?.circle = circle;
        Ok(())
    }

    /// The latest way on each circle of three, or, where there is none in time, of four partners that a sale closes.
    fn ways(&mut self, trade: &Trade<'_>, closing: SaleKey) -> Result<Vec<Way>, StorageError> {
        let Trade { product, seller, buyer, .. } = *trade;
        let mut ways = Vec::new();
        if !self.sellers(product, buyer)?.contains(seller) {
            return Ok(ways);
        }
        for last in self.sellers(product, seller)?.into_iter().filter(|last| last != buyer) {
            let Some(came) = self.latest(product, (&last, seller), closing)? else { continue };
            let of_last = self.sellers(product, &last)?;
            if of_last.contains(buyer)
                && let Some(first) = self.latest(product, (buyer, &last), came)?
            {
                ways.push(Way { first, by: vec![last.clone()] });
            }
            for middle in of_last.into_iter().filter(|middle| middle != buyer && middle != seller) {
                let Some(went) = self.latest(product, (&middle, &last), came)? else { continue };
                if self.sellers(product, &middle)?.contains(buyer)
                    && let Some(first) = self.latest(product, (buyer, &middle), went)?
                {
                    ways.push(Way { first, by: vec![middle, last.clone()] });
                }
            }
        }
        Ok(ways)
    }

    /// The latest sale of one partner to another before a sale, of the days of a circle.
    fn latest(
        &mut self,
        product: &str,
        (from, to): (&Text, &Text),
        before: SaleKey,
    ) -> Result<Option<SaleKey>, StorageError> {
        let days = (from_day(before.0.plus(-CIRCLE_DAYS)), TradeEntry { sale: before }.place());
        let latest = self.shelves.trades.page(self.state, sold_key(product, from, to), days, Order::Down, 1)?;
        Ok(latest.first().map(|entry| entry.sale))
    }
}

/// Places behind a sale, of the days of a circle.
fn within(sale: SaleKey) -> (Place, Place) {
    (TradeEntry { sale }.place(), from_day(sale.0.plus(CIRCLE_DAYS + 1)))
}

/// The first place of a day.
fn from_day(day: Day) -> Place {
    TradeEntry { sale: SaleKey(day, Id([0; 16])) }.place()
}
