//! Goods that two partners sell to each other.

use std::sync::Arc;

use contract::{Day, Id, Sale};
use stream::{Order, StorageError};

use super::desk::Desk;
use super::facts::{Circle, SaleKey, TradeEntry, hash};
use super::market::Market;
use super::rolls::Entry;
use crate::rules::circular_sale::CIRCLE_DAYS;
use crate::rules::{Check, RULES};

/// Keys of the lists of what one partner sold of a product to another, and of what it bought from there.
pub struct Trade {
    pub sold: u64,
    pub bought: u64,
}

/// `None` for a sale whose buyer is no other partner.
pub fn trade(market: &Market, sale: &Sale) -> Option<Trade> {
    let buyer = market.partner_of(&sale.customer)?;
    let seller = &sale.at.partner;
    if buyer == seller || sale.is_return() || sale.quantity.is_zero() {
        return None;
    }
    let key = |from: &str, to: &str| hash(&[sale.product.as_bytes(), from.as_bytes(), to.as_bytes()]);
    Some(Trade { sold: key(seller, buyer), bought: key(buyer, seller) })
}

impl Desk<'_> {
    /// Decides anew about sales between partners that came or went, and about those that brought their goods back.
    pub fn settle_circles(&mut self, traded: &[(Arc<Sale>, bool)]) -> Result<(), StorageError> {
        let mut touched = Vec::new();
        for (sale, counts) in traded {
            let Some(trade) = trade(self.known(sale).market(), sale) else { continue };
            let entry = TradeEntry { sale: SaleKey::of(sale) };
            self.shelves.trades.take(self.state, trade.sold, entry.place())?;
            touched.extend(self.brought_back(&trade, entry.sale)?);
            if *counts {
                touched.push(entry.sale);
                self.shelves.trades.put(self.state, trade.sold, entry)?;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched.into_iter().try_for_each(|sale| self.settle_circle(sale))
    }

    /// Sales the other way whose latest one out is this, or would be if it stood: up to the next one out.
    fn brought_back(&mut self, trade: &Trade, out: SaleKey) -> Result<Vec<SaleKey>, StorageError> {
        let (from, mut to) = (TradeEntry { sale: out }.place(), from_day(out.0.plus(CIRCLE_DAYS + 1)));
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
        let within = (from_day(key.0.plus(-CIRCLE_DAYS)), TradeEntry { sale: key }.place());
        let latest = self.shelves.trades.page(self.state, trade.bought, within, Order::Down, 1)?;
        let comes_back = |out: &&TradeEntry| {
            RULES.iter().any(|rule| match rule.check {
                Check::Circle(check) => check(key, out.sale),
                _ => false,
            })
        };
        let circle = match latest.first().filter(comes_back) {
            Some(out) => {
                let out = self.sale(out.sale)?;
                let (at, document) = (out.at.clone(), out.document.clone());
                Some(Circle { at, document, date: out.date, quantity: out.quantity })
            }
            None => None,
        };
        self.verdict(key)?.circle = circle;
        Ok(())
    }
}

/// The first place of a day.
fn from_day(day: Day) -> (i32, [u8; 16]) {
    TradeEntry { sale: SaleKey(day, Id([0; 16])) }.place()
}
