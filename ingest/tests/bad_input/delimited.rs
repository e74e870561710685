//! Text with cells.

use crate::Case;

pub(crate) const CSV: &str = "
format: delimited
columns: {document: Invoice, date: Date, code: Item, quantity: Qty, unit_price: Price, amount: Amount, customer: Customer, serials: Serials}
";
const HEADER: &str = "Invoice,Date,Item,Qty,Price,Amount,Customer,Serials\n";
const ROW: &str = "I1,2013-02-01,A-1,2,3.50,7.00,Acme,\n";

pub(crate) fn good() -> String {
    format!("{HEADER}{ROW}{}", ROW.replace("I1", "I2"))
}

/// A good row, the bad one, a good row.
fn between(row: &str) -> String {
    format!("{HEADER}{ROW}{row}\n{}", ROW.replace("I1", "I3"))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("csv: good", CSV, good()),
        Case::new("csv: header only", CSV, HEADER),
        Case::new("csv: no line end at the end", CSV, good().trim_end()),
        Case::new("csv: CR only", CSV, good().replace('\n', "\r")),
        Case::new("csv: mixed line ends", CSV, good().replacen('\n', "\r\n", 1)),
        Case::new("csv: Ctrl-Z at the end", CSV, good() + "\u{1a}"),
        Case::new("csv: byte-order mark", CSV, "\u{feff}".to_owned() + &good()),
        Case::new("csv: UTF-16 LE with mark", CSV, utf16(&good(), true, u16::to_le_bytes)),
        Case::new("csv: UTF-16 BE with mark", CSV, utf16(&good(), true, u16::to_be_bytes)),
        Case::new("csv: UTF-16 without mark", CSV, utf16(&good(), false, u16::to_le_bytes)),
        Case::new(
            "csv: latin-1 in UTF-8",
            CSV,
            between("I2,2013-02-01,A-1,2,3.50,7.00,M\u{fc}ller,")
                .replace('\u{fc}', "#")
                .bytes()
                .map(|b| if b == b'#' { 0xfc } else { b })
                .collect::<Vec<u8>>(),
        ),
        Case::new("csv: cut inside a character", CSV, {
            let mut b = between("x").into_bytes();
            b.extend(b"I4,2013-02-01,A-1,1,1,1,M\xc3");
            b
        }),
        Case::new("csv: overlong UTF-8", CSV, {
            let mut b = good().into_bytes();
            b.extend(b"I4,2013-02-01,A\xc0\xaf,1,1,1,,\n");
            b
        }),
        Case::new("csv: surrogate in UTF-8", CSV, {
            let mut b = good().into_bytes();
            b.extend(b"I4,2013-02-01,A\xed\xa0\x80,1,1,1,,\n");
            b
        }),
        Case::new("csv: wrong delimiter", CSV, good().replace(',', ";")),
        Case::new("csv: delimiter changes", CSV, format!("{HEADER}{ROW}{}", ROW.replace(',', ";"))),
        Case::new("csv: key column missing", CSV, good().replace("Item", "Thing")),
        Case::new("csv: other column missing", CSV, good().replace("Price", "Thing")),
        Case::new("csv: column twice", CSV, good().replace("Customer", "Item")),
        Case::new("csv: reordered header", CSV, "Qty,Item,Date,Invoice\n1,A,2013-02-01,I1\n"),
        Case::new("csv: header in other case", CSV, good().replace("Invoice", " INVOICE ")),
        Case::new("csv: header repeated", CSV, format!("{HEADER}{ROW}{HEADER}{ROW}")),
        Case::new("csv: header after seven lines", CSV, "report\n".repeat(7) + &good()),
        Case::new("csv: header after 200 lines", CSV, "report\n".repeat(200) + &good()),
        Case::new("csv: blank lines between", CSV, good().replace('\n', "\n\n")),
        Case::new("csv: totals line", CSV, good() + "Total,,,4,,14.00,,\n"),
        Case::new("csv: totals line with a date is a record", CSV, good() + "Total,2013-02-01,A,4,,14.00,,\n"),
        Case::new("csv: 100,000 commas", CSV, good() + &",".repeat(100_000) + "\n"),
        Case::new("csv: 60,000 commas", CSV, good() + &",".repeat(60_000) + "\n"),
        Case::new("csv: million columns in the header", CSV, "a,".repeat(1_000_000) + "\n" + &good()),
        Case::new(
            "csv: 10,000 serials",
            CSV,
            between(&format!("I2,2013-02-01,A-1,2,3.50,7.00,Acme,{}", "S1;".repeat(10_000))),
        ),
        Case::new("csv: unbalanced quote in the first row of 300", CSV, format!("{HEADER}\"{}", ROW.repeat(300))),
        Case::new(
            "csv: unbalanced quote in a middle row of 300",
            CSV,
            format!("{HEADER}{}\"{}", ROW.repeat(150), ROW.repeat(150)),
        ),
        Case::new("csv: unbalanced quote in the last row", CSV, format!("{HEADER}{}\"{}", ROW.repeat(299), ROW)),
        Case::new("csv: unbalanced quote in the header", CSV, format!("\"{}", good())),
        Case::new("csv: line end in quotes", CSV, between("I2,2013-02-01,A-1,2,3.50,7.00,\"Ac\nme\",")),
        Case::new(
            "csv: 30 line ends in quotes",
            CSV,
            between(&format!("I2,2013-02-01,A-1,2,3.50,7.00,\"{}\",", "x\n".repeat(30))),
        ),
    ];
    for (what, row) in [
        ("too few cells", "I2,2013-02-01"),
        ("trailing cells left out", "I2,2013-02-01,A-1,2"),
        ("too many cells", "I2,2013-02-01,A-1,2,3.50,7.00,Acme,,extra"),
        ("empty cells too many", "I2,2013-02-01,A-1,2,3.50,7.00,Acme,,,,"),
        ("only separators", ",,,,,,,"),
        ("no document", ",2013-02-01,A-1,2,3.50,7.00,,"),
        ("no date", "I2,,A-1,2,3.50,7.00,,"),
        ("no code", "I2,2013-02-01,,2,3.50,7.00,,"),
        ("no quantity", "I2,2013-02-01,A-1,,3.50,7.00,,"),
        ("no key at all", ",,,,3.50,7.00,,"),
        ("quote in an unquoted cell", "I2,2013-02-01,A-1,2,3.50,7.00,5\" bolt,"),
        ("doubled quotes", "I2,2013-02-01,A-1,2,3.50,7.00,\"5\"\" bolt\","),
        ("backslash quote", "I2,2013-02-01,A-1,2,3.50,7.00,\"5\\\" bolt\","),
        ("text behind a closing quote", "\"I2\"x,2013-02-01,A-1,2,3.50,7.00,,"),
        ("zero byte", "I2,2013-02-01,A\0-1,2,3.50,7.00,,"),
        ("line separator U+2028", "I2,2013-02-01,A-1,2,3.50,7.00,a\u{2028}b,"),
        ("vertical tab", "I2,2013-02-01,A-1,2,3.50,7.00,a\u{b}b,"),
        ("zero width characters", "I2,2013-02-01,A-1,2,3.50,7.00,Ac\u{200b}me,"),
        ("formula", "I2,2013-02-01,A-1,2,3.50,7.00,=cmd|' /C calc'!A0,"),
        ("code cut by a spreadsheet", "I2,2013-02-01,4.01235E+12,2,3.50,7.00,,"),
        ("code with leading zeros", "I2,2013-02-01,00123,2,3.50,7.00,,"),
    ] {
        cases.push(Case::new(format!("csv: {what}"), CSV, between(row)));
    }
    for number in [
        "1,234.56",
        "1 234",
        "1'234",
        "(5)",
        "5-",
        "+5",
        "\u{2212}5",
        "1e3",
        "0x10",
        "1_000",
        "\u{bd}",
        "\u{663}",
        "NaN",
        "inf",
        "#N/A",
        "-0",
        "0",
        "1234567890123456789012345678901234567890",
        "0.00000000000000000000000000001",
        "99999999999",
        "EUR 5",
    ] {
        let row = format!("I2,2013-02-01,A-1,\"{number}\",3.50,7.00,,");
        cases.push(Case::new(format!("csv: quantity {number}"), CSV, between(&row)));
    }
    for date in [
        "2023-02-29",
        "1900-02-29",
        "2013-13-01",
        "2013-00-10",
        "2013-2-1",
        "01.02.2013",
        "02/01/2013",
        "20130201",
        "41306",
        "1359676800",
        "2013-02-01T24:00:00",
        "2013-02-01T10:00:00+14:00",
        "2013-W05",
        "#VALUE!",
        "-1",
        "0000-00-00",
        "tomorrow",
    ] {
        let row = format!("I2,{date},A-1,2,3.50,7.00,,");
        cases.push(Case::new(format!("csv: date {date}"), CSV, between(&row)));
    }
    cases
}

fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}
