//! The fuzz targets over their corpus and over changes of it, the same ones in every run.

use std::path::Path;

use ingest::fuzzing;

const CHANGES: u32 = 20_000;

/// Numbers that look random and are not (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// Bytes that matter to some format.
const BYTES: &[u8] = b"\0\n\r\",;*~'\\{}[]<>&/=+-.eE0195ISA\x1a\x7f\x80\xc3\xef\xff \t";

fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty(), "{target} has no corpus");
    corpus.iter().for_each(|bytes| check(bytes));
    let mut numbers = Numbers(1);
    for _ in 0..CHANGES {
        let mut bytes = corpus[numbers.below(corpus.len())].clone();
        for _ in 0..=numbers.below(4) {
            change(&mut bytes, &corpus, &mut numbers);
        }
        check(&bytes);
    }
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len());
    let end = (at + numbers.below(16)).min(bytes.len());
    let byte = BYTES[numbers.below(BYTES.len())];
    match numbers.below(7) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.insert(at, byte),
        3 => bytes.splice(at..at, std::iter::repeat_n(byte, 600)).for_each(drop),
        4 => {
            let other = &corpus[numbers.below(corpus.len())];
            let from = numbers.below(other.len());
            bytes.splice(at..end, other[from..].iter().copied()).for_each(drop);
        }
        5 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (byte & 7)),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = byte),
    }
}

#[test]
fn delimited() {
    run("delimited", fuzzing::delimited);
}

#[test]
fn json_lines() {
    run("json_lines", fuzzing::json_lines);
}

#[test]
fn x12() {
    run("x12", fuzzing::x12);
}

#[test]
fn xlsx() {
    run("xlsx", fuzzing::xlsx);
}

#[test]
fn numbers() {
    run("numbers", fuzzing::numbers);
}

#[test]
fn dates() {
    run("dates", fuzzing::dates);
}

#[test]
fn definitions() {
    run("definitions", fuzzing::definitions);
}

#[test]
fn names() {
    run("names", fuzzing::names);
}
