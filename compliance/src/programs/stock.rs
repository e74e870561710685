//! What a partner has of a product, as one program counts it.

use contract::{Day, Debit, Entitlement, Id, Micros, Program, Purchase, Sale, Text};

/// The units of a product that a partner bought and has not sold, under one program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock {
    pub program: Text,
    pub partner: Text,
    pub product: Text,
}

impl Stock {
    /// What its sales are added up under.
    pub fn id(&self) -> Id {
        stock_id(&self.program, &self.partner, &self.product)
    }
}

/// [`Stock::id`].
pub fn stock_id(program: &str, partner: &str, product: &str) -> Id {
    Id::of("stock", &[program, partner, product])
}

/// Whether a version follows no other of its program without a gap: what was on hand on its first day is a purchase of that day for a
/// program that follows stocks.
pub fn begins(version: &Program, versions: &[&Program]) -> bool {
    !versions.iter().any(|v| v.id == version.id && v.from < version.from && version.from <= v.to.plus(1))
}

/// Units bought on each day, of purchases of one partner and product, which come by their days.
pub fn by_day(purchases: &[Purchase]) -> Vec<(Day, Micros)> {
    let of_days = purchases.chunk_by(|a, b| a.date == b.date);
    of_days.map(|of_day| (of_day[0].date, of_day.iter().map(|bought| bought.units).sum())).collect()
}

/// A sale as it takes units from a stock of the program, or gives them back to it, and earns nothing by that.
pub fn taken(program: &Program, sale: &Sale) -> Debit {
    Debit {
        program: program.id.clone(),
        special_price: stock_id(&program.id, &sale.at.partner, &sale.product),
        credit: Micros::ZERO,
        short: Micros::ZERO,
    }
}

/// A sale as it uses the cost layers of a stock up, or gives units back to them, and earns nothing by that.
pub fn of_layers(program: &Program, sale: &Sale) -> Debit {
    let debit = taken(program, sale);
    Debit { special_price: layers_id(debit.special_price), ..debit }
}

/// The stock whose cost layers an entitlement uses up, where it does that alone; `None` for one that may earn.
pub fn used_up(entitlement: &Entitlement) -> Option<Id> {
    let Entitlement { at, product, debits, .. } = entitlement;
    let [debit] = &debits[..] else { return None };
    if product.is_empty() {
        return None;
    }
    let stock = stock_id(&debit.program, &at.partner, product);
    (debit.special_price == layers_id(stock)).then_some(stock)
}

/// What the cost layers of a stock are used up under.
fn layers_id(stock: Id) -> Id {
    Id::of("cost layers", &[&stock.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_bought_on_a_day_is_added_up() {
        let bought = |day, document: &str, units| Purchase {
            partner: "L".into(),
            product: "s/p".into(),
            date: Day(day),
            document: document.into(),
            units: Micros::units(units),
            cost: None,
        };
        let all = [bought(1, "A", 5), bought(1, "B", -2), bought(4, "", 7)];
        assert_eq!(by_day(&all), [(Day(1), Micros::units(3)), (Day(4), Micros::units(7))]);
        assert_eq!(by_day(&[]), []);
    }
}
