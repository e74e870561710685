//! One JSON object a line.

use crate::Case;

pub(crate) const JSON: &str = "
format: json-lines
columns: {document: doc.number, date: doc.date, code: item, quantity: qty, unit_price: price, amount: amount, serials: serials}
";
const ROW: &str = r#"{"doc":{"number":"I1","date":"2013-02-01"},"item":"A-1","qty":2,"price":3.5,"amount":7}"#;

pub(crate) fn good() -> String {
    format!("{ROW}\n{ROW}\n")
}

/// A good line, the bad one, a good line.
fn between(line: &str) -> String {
    format!("{ROW}\n{line}\n{ROW}\n")
}

pub(crate) fn cases() -> Vec<Case> {
    let with = |from: &str, to: &str| ROW.replace(from, to);
    let lines = [
        ("duplicate key", with(r#""qty":2"#, r#""qty":2,"qty":3"#)),
        ("duplicate key below", with(r#""number":"I1""#, r#""number":"I1","number":"I9""#)),
        ("key in other case", with(r#""qty""#, r#""Qty""#)),
        ("number beyond a double", with(r#""amount":7"#, r#""amount":9007199254.740993"#)),
        ("number with 20 digits", with(r#""amount":7"#, r#""amount":9007199254740993.0"#)),
        ("1e400", with(r#""amount":7"#, r#""amount":1e400"#)),
        ("1e-400", with(r#""amount":7"#, r#""amount":1e-400"#)),
        ("huge exponent", with(r#""amount":7"#, r#""amount":1e99999999999"#)),
        ("negative zero", with(r#""qty":2"#, r#""qty":-0"#)),
        ("number as string", with(r#""qty":2"#, r#""qty":"2""#)),
        ("code as number", with(r#""A-1""#, "123")),
        ("code as boolean", with(r#""A-1""#, "true")),
        ("code as object", with(r#""A-1""#, r#"{"a":1}"#)),
        ("code as list", with(r#""A-1""#, r#"["A","B"]"#)),
        ("code null", with(r#""A-1""#, "null")),
        ("code empty", with(r#""A-1""#, r#""""#)),
        ("quantity null", with(r#""qty":2"#, r#""qty":null"#)),
        ("document missing", with(r#""number":"I1","#, "")),
        ("parent is no object", with(r#"{"number":"I1","date":"2013-02-01"}"#, "5")),
        ("unknown fields", with(r#""qty":2"#, r#""qty":2,"x":{"y":[1,2,{"z":null}]}"#)),
        ("lone surrogate", with("A-1", r"A\ud800")),
        ("zero in a text", with("A-1", r"A\u0000B")),
        ("trailing comma", with("}", ",}")),
        ("comment", with(r#""qty":2"#, r#"/* two */"qty":2"#)),
        ("NaN", with(r#""qty":2"#, r#""qty":NaN"#)),
        ("single quotes", ROW.replace('"', "'")),
        ("cut line", ROW[..40].to_owned()),
        ("two objects", format!("{ROW}{ROW}")),
        ("text behind the object", format!("{ROW} end")),
        ("a list", format!("[{ROW}]")),
        ("a number", "5".to_owned()),
        ("a text", "\"x\"".to_owned()),
        ("null", "null".to_owned()),
        ("empty object", "{}".to_owned()),
        ("1,000 nested lists", with("2,", &format!("{}{},", "[".repeat(1000), "]".repeat(1000)))),
        ("30,000 nested lists", "[".repeat(30_000)),
        ("30,000 nested objects", r#"{"a":"#.repeat(8_000)),
        ("long text", with("A-1", &"x".repeat(200_000))),
        ("10,000 serials", with(r#""qty":2"#, &format!(r#""qty":2,"serials":[{}"S"]"#, r#""S","#.repeat(10_000)))),
        ("serials of objects", with(r#""qty":2"#, r#""qty":2,"serials":[{"a":1}]"#)),
        ("raw control character", with("A-1", "A\u{1}B")),
    ];
    let mut cases = vec![
        Case::new("json: good", JSON, good()),
        Case::new("json: byte-order mark", JSON, "\u{feff}".to_owned() + &good()),
        Case::new("json: blank lines", JSON, good().replace('\n', "\n\n  \n")),
        Case::new("json: CRLF", JSON, good().replace('\n', "\r\n")),
        Case::new("json: no end", JSON, good().trim_end()),
        Case::new("json: broken UTF-8", JSON, {
            let mut b = good().into_bytes();
            b.extend(b"{\"item\":\"\xff\"}\n");
            b
        }),
    ];
    cases.extend(lines.into_iter().map(|(what, line)| Case::new(format!("json: {what}"), JSON, between(&line))));
    cases
}
