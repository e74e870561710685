//! What may happen to a file of any format.

use crate::Case;
use crate::delimited::CSV;
use crate::json_lines::{JSON, good as good_json};
use crate::x12::{X12, good as good_x12};

pub(crate) fn cases() -> Vec<Case> {
    let page = "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>";
    let blobs: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("one byte", b"x".to_vec()),
        ("only a byte-order mark", b"\xef\xbb\xbf".to_vec()),
        ("only a line end", b"\n".to_vec()),
        ("only blanks", b"  \r\n\t\r\n".to_vec()),
        ("zero bytes", vec![0; 300]),
        ("Ctrl-Z", b"\x1a".to_vec()),
        ("web page", page.into()),
        ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj".to_vec()),
        ("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec()),
        ("archive", b"PK\x03\x04\x14\0\0\0\x08\0garbage".to_vec()),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()),
        ("old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest".to_vec()),
        ("EBCDIC", b"\xc9\xe2\xc1\x5c\xf0\xf0\x25".to_vec()),
        ("random bytes", (0_u32..2000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        ("long line", vec![b'a'; 300_000]),
    ];
    let formats = [("delimited", CSV), ("json", JSON), ("x12", X12), ("xlsx", crate::workbooks::XLSX)];
    let mut cases = Vec::new();
    for (format, definition) in formats {
        for (what, bytes) in &blobs {
            cases.push(Case::new(format!("{format}: {what}"), definition, bytes.clone()));
        }
    }
    cases.push(Case::new("delimited: JSON lines", CSV, good_json()));
    cases.push(Case::new("delimited: X12", CSV, good_x12()));
    cases.push(Case::new("json: CSV", JSON, crate::delimited::good()));
    cases.push(Case::new("x12: CSV", X12, crate::delimited::good()));
    cases.push(Case::new("xlsx: CSV", crate::workbooks::XLSX, crate::delimited::good()));
    cases
}
