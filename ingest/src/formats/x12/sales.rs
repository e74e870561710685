//! Transaction set 867: which facts hold for a quantity, gathered over header, transfer (PTD) and quantity (QTY).

use contract::Text;

use super::options::X12Options;
use super::segment::Segment;

/// A record with more serials than this is unreadable.
pub(crate) const SERIALS_MAX: usize = 65_536;

/// What DTM, REF, N1 and CUR said at one level. Empty is: not said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// By position in [`X12Options::documents`].
    pub(crate) documents: Vec<Text>,
    /// By position in [`X12Options::dates`].
    pub(crate) dates: Vec<Text>,
    pub(crate) original: Text,
    pub(crate) rep: Text,
    pub(crate) document_line: Text,
    pub(crate) promotion: Text,
    pub(crate) currency: Text,
    pub(crate) buyer: Text,
    pub(crate) ship_to: Text,
    pub(crate) end_customer: Text,
    pub(crate) outlet: Text,
    pub(crate) outlet_id: Text,
    pub(crate) city: Text,
    /// The last N1 named the selling outlet, so its N4 holds the outlet's city.
    is_at_outlet: bool,
}

impl Said {
    pub(crate) fn new(options: &X12Options) -> Said {
        Said {
            documents: vec![Text::default(); options.documents.len()],
            dates: vec![Text::default(); options.dates.len()],
            ..Said::default()
        }
    }

    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        let (mut documents, mut dates) = (std::mem::take(&mut self.documents), std::mem::take(&mut self.dates));
        documents.iter_mut().chain(&mut dates).for_each(Text::clear);
        *self = Said { documents, dates, ..Said::default() };
    }

    /// Takes what a segment says on documents, dates, parties or the currency; false where it is none of these.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, options: &X12Options) -> bool {
        match segment.id() {
            b"REF" => self.reference(segment.element(1), reference_text(segment), options),
            b"DTM" => self.date(segment, options),
            b"CUR" => self.currency = Text::from(segment.text(2)),
            b"N1" => self.party(segment),
            b"N4" if self.is_at_outlet => self.city = Text::from(segment.text(1)),
            b"N2" | b"N3" | b"N4" | b"PER" => {}
            _ => return false,
        }
        true
    }

    /// Takes a reference number by its qualifier (REF01, PTD02, PTD04).
    pub(crate) fn reference(&mut self, qualifier: &[u8], number: Text, options: &X12Options) {
        let slot = match qualifier {
            b"OI" => &mut self.original,
            b"SA" => &mut self.rep,
            b"LI" => &mut self.document_line,
            b"PD" | b"CT" => &mut self.promotion,
            _ => match options.documents.iter().position(|d| d.as_bytes() == qualifier) {
                Some(at) => &mut self.documents[at],
                None => return,
            },
        };
        *slot = number;
    }

    fn date(&mut self, segment: &Segment<'_>, options: &X12Options) {
        if let Some(at) = options.dates.iter().position(|d| d.as_bytes() == segment.element(1)) {
            self.dates[at] = date_text(segment);
        }
    }

    fn party(&mut self, segment: &Segment<'_>) {
        self.is_at_outlet = false;
        let name = party_name(segment);
        match segment.element(1) {
            b"BY" => self.buyer = name,
            b"EN" => self.end_customer = name,
            // Some distributors send the end customer as a second ship-to.
            b"ST" if self.ship_to.is_empty() => self.ship_to = name,
            b"ST" => self.end_customer = name,
            b"SF" => {
                self.is_at_outlet = true;
                self.outlet = Text::from(segment.text(2));
                self.outlet_id = Text::from(segment.text(4));
                self.city.clear();
            }
            _ => {}
        }
    }

    /// Who bought: the buying party, else where it was shipped to, else the end customer.
    pub(crate) fn customer(&self) -> Option<&Text> {
        [&self.buyer, &self.ship_to, &self.end_customer].into_iter().find(|name| !name.is_empty())
    }
}

/// The name of a party, else its number.
pub(crate) fn party_name(segment: &Segment<'_>) -> Text {
    let name = segment.text(2);
    Text::from(if name.is_empty() { segment.text(4) } else { name })
}

/// REF02, else the free text of REF03.
pub(crate) fn reference_text(segment: &Segment<'_>) -> Text {
    let number = segment.text(2);
    Text::from(if number.is_empty() { segment.text(3) } else { number })
}

/// DTM02, else the date that DTM06 gives in the format of DTM05.
pub(crate) fn date_text(segment: &Segment<'_>) -> Text {
    let date = segment.text(2);
    Text::from(if date.is_empty() && segment.element(5) == b"D8" { segment.text(6) } else { date })
}

/// What LIN, PID, QTY, UIT, CTP, AMT and REF SE say on one quantity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    pub(crate) facts: Said,
    pub(crate) code: Text,
    pub(crate) description: Text,
    pub(crate) price: Text,
    pub(crate) amount: Text,
    pub(crate) serials: Vec<Text>,
    pub(crate) has_too_many_serials: bool,
    code_rank: Option<usize>,
    price_rank: Option<usize>,
    amount_rank: Option<usize>,
}

impl Item {
    pub(crate) fn new(options: &X12Options) -> Item {
        Item { facts: Said::new(options), ..Item::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.facts.clear();
        let facts = std::mem::take(&mut self.facts);
        *self = Item { facts, ..Item::default() };
    }

    /// Takes what a segment says on this item; what is unknown here says nothing that a sale needs.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, options: &X12Options) {
        match segment.id() {
            b"LIN" => self.codes(segment, options),
            b"PID" if self.description.is_empty() => self.description = Text::from(segment.text(5)),
            b"UIT" => self.price(segment.element(3), &segment.text(2), 0, options),
            b"CTP" => self.price(segment.element(2), &segment.text(3), 1, options),
            b"AMT" => {
                let rank = options.amounts.iter().position(|a| a.as_bytes() == segment.element(1));
                if rank.is_some() && (self.amount_rank.is_none() || rank < self.amount_rank) {
                    self.amount_rank = rank;
                    self.amount = Text::from(segment.text(2));
                }
            }
            b"REF" if segment.element(1) == b"SE" => self.serial(segment),
            _ => _ = self.facts.take(segment, options),
        }
    }

    /// Takes the best of the pairs LIN02/03, 04/05 … and so on.
    fn codes(&mut self, segment: &Segment<'_>, options: &X12Options) {
        let mut at = 2;
        while at < segment.elements() {
            let qualifier = segment.element(at);
            if let Some(rank) = options.codes.iter().position(|c| c.as_bytes() == qualifier) {
                let code = segment.text(at + 1);
                if !code.is_empty() && self.code_rank.is_none_or(|best| rank < best) {
                    self.code_rank = Some(rank);
                    self.code = Text::from(code);
                }
            }
            at += 2;
        }
    }

    /// Takes a price where its basis is a better one than before; bases that nobody named come last.
    fn price(&mut self, basis: &[u8], price: &str, penalty: usize, options: &X12Options) {
        let named = options.price_bases.iter().position(|b| b.as_bytes() == basis);
        let rank = 2 * named.unwrap_or(options.price_bases.len()) + penalty;
        if !price.is_empty() && self.price_rank.is_none_or(|best| rank < best) {
            self.price_rank = Some(rank);
            self.price = Text::from(price);
        }
    }

    fn serial(&mut self, segment: &Segment<'_>) {
        if self.serials.len() == SERIALS_MAX {
            self.has_too_many_serials = true;
            return;
        }
        let serial = reference_text(segment);
        if !serial.is_empty() {
            self.serials.push(serial);
        }
    }
}
