//! The codes that are known: the catalogue's and each partner's own.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::OnceLock;

use contract::{Product, Text, code_of};
use rustc_hash::{FxHashMap, FxHashSet};

use super::index::Index;
use super::shape::{Shape, gtin14};
use super::text::normal_code;

/// A product by its place in the reference data.
pub(crate) type ProductNo = u32;
pub(crate) type Gtin = [u8; 14];

/// What one source sells.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// Normal maker code → product.
    codes: Unique<Text>,
    /// The same without leading zeros, for partners that pad.
    unpadded: Unique<Text>,
    pub gtins: Unique<Gtin>,
    pub products: Vec<ProductNo>,
    /// The characters of the codes.
    pub alphabet: Vec<u8>,
    /// Names, built when the first description is searched.
    pub index: OnceLock<Index>,
}

impl Catalogue {
    pub(crate) fn add(&mut self, product: &Product, at: ProductNo) {
        let normal = normal_code(code_of(&product.id));
        self.unpadded.insert(Text::from(normal.trim_start_matches('0')), at);
        self.codes.insert(normal, at);
        if let Some(gtin) = gtin14(&product.gtin) {
            self.gtins.insert(gtin, at);
        }
        self.products.push(at);
    }

    pub(crate) fn close(&mut self) {
        self.alphabet = alphabet(self.codes.keys());
    }

    /// The product of a normal code, as it stands or padded with zeros.
    pub(crate) fn maker_code(&self, normal: &str) -> Option<ProductNo> {
        self.codes.get(normal).or_else(|| {
            let padded = normal.starts_with('0') && !self.codes.has(normal);
            if padded { self.unpadded.get(normal.trim_start_matches('0')) } else { None }
        })
    }
}

/// What is known of one partner.
#[derive(Debug, Default)]
pub(crate) struct PartnerCodes {
    /// Codes as the cross-reference has them.
    pub exact: Unique<Text>,
    pub normal: Unique<Text>,
    pub gtins: Unique<Gtin>,
    /// The characters of the codes.
    pub alphabet: Vec<u8>,
    pub shape: Shape,
    coded: FxHashSet<ProductNo>,
    shipped: FxHashSet<ProductNo>,
}

impl PartnerCodes {
    pub(crate) fn add(&mut self, code: &Text, at: ProductNo) {
        self.exact.insert(code.clone(), at);
        self.normal.insert(normal_code(code), at);
        if let Some(gtin) = gtin14(code) {
            self.gtins.insert(gtin, at);
        }
        self.coded.insert(at);
    }

    pub(crate) fn ship(&mut self, at: ProductNo) {
        self.shipped.insert(at);
    }

    pub(crate) fn close(&mut self) {
        self.alphabet = alphabet(self.normal.keys());
        self.shape = Shape::learn(self.normal.keys().map(Text::as_str));
    }

    pub(crate) fn has_code_for(&self, at: ProductNo) -> bool {
        self.coded.contains(&at)
    }

    /// Whether the partner has ever got the product; true where no shipments are known at all.
    pub(crate) fn may_have_got(&self, at: ProductNo) -> bool {
        self.shipped.is_empty() || self.shipped.contains(&at)
    }
}

/// A map that answers only where one product claims the key.
#[derive(Debug)]
pub(crate) struct Unique<K>(FxHashMap<K, ProductNo>);

impl<K> Default for Unique<K> {
    fn default() -> Unique<K> {
        Unique(FxHashMap::default())
    }
}

/// Several products claim the key.
const CONTESTED: ProductNo = ProductNo::MAX;

impl<K: Hash + Eq> Unique<K> {
    fn insert(&mut self, key: K, at: ProductNo) {
        let claim = |known: &mut ProductNo| *known = if *known == at { at } else { CONTESTED };
        self.0.entry(key).and_modify(claim).or_insert(at);
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<ProductNo>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).copied().filter(|at| *at != CONTESTED)
    }

    fn has<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.0.keys()
    }
}

/// The ASCII characters that occur, in order.
fn alphabet<'a>(codes: impl Iterator<Item = &'a Text>) -> Vec<u8> {
    let mut seen = [false; 128];
    codes.flat_map(|code| code.bytes()).filter(u8::is_ascii).for_each(|byte| seen[usize::from(byte)] = true);
    (0..128).filter(|byte| seen[usize::from(*byte)]).collect()
}
