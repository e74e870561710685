//! Workbooks.

use std::io::{Cursor, Write};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Formula, Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::Case;

pub(crate) const XLSX: &str = "
format: xlsx
columns: {document: Invoice, date: Date, code: Item, quantity: Qty, unit_price: Price, amount: Amount, customer: Customer, serials: Serials}
";
const HEADER: [&str; 8] = ["Invoice", "Date", "Item", "Qty", "Price", "Amount", "Customer", "Serials"];

/// What fills a sheet.
type Fill = fn(&mut Worksheet) -> Result<(), rust_xlsxwriter::XlsxError>;

fn header(sheet: &mut Worksheet, row: u32) {
    sheet.write_row(row, 0, HEADER).unwrap();
}

/// A good row.
fn sale(sheet: &mut Worksheet, row: u32) {
    let date = ExcelDateTime::from_ymd(2013, 2, 1).unwrap();
    sheet.write(row, 0, format!("I{row}")).unwrap();
    sheet.write_with_format(row, 1, &date, &Format::new().set_num_format("dd.mm.yyyy")).unwrap();
    sheet.write(row, 2, "A-1").unwrap();
    sheet.write_row(row, 3, [2.0, 3.5, 7.0]).unwrap();
}

/// A header, a good row, a good row that is changed, a good row.
fn changed(fill: Fill) -> Vec<u8> {
    book(|sheet| {
        header(sheet, 0);
        (1..=3).for_each(|row| sale(sheet, row));
        fill(sheet)
    })
}

fn book(fill: impl FnOnce(&mut Worksheet) -> Result<(), rust_xlsxwriter::XlsxError>) -> Vec<u8> {
    let mut book = workbook();
    fill(book.add_worksheet()).unwrap();
    book.save_to_buffer().unwrap()
}

/// One that is the same at any time of making.
fn workbook() -> Workbook {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_ymd(2013, 2, 1).unwrap();
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    book
}

pub(crate) fn good() -> Vec<u8> {
    changed(|_| Ok(()))
}

pub(crate) fn cases() -> Vec<Case> {
    let cells: [(&str, Fill); 22] = [
        ("good", |_| Ok(())),
        ("numbers as texts", |s| s.write(2, 3, "2").and_then(|s| s.write(2, 4, "3.50")).map(drop)),
        ("date as text", |s| s.write(2, 1, "2013-02-01").map(drop)),
        ("date in another style", |s| s.write(2, 1, "01.02.2013").map(drop)),
        ("date as plain number", |s| s.write(2, 1, 41306).map(drop)),
        ("GTIN as number", |s| s.write(2, 2, 4_012_345_000_009.0).map(drop)),
        ("code of 17 digits as number", |s| s.write(2, 2, 40_123_450_000_091_234.0).map(drop)),
        ("code made a date", |s| {
            let date = ExcelDateTime::from_ymd(2013, 3, 1)?;
            s.write_with_format(2, 2, &date, &Format::new().set_num_format("d-mmm")).map(drop)
        }),
        ("sum of tenths", |s| s.write(2, 5, 0.1 + 0.2).map(drop)),
        ("third of a price", |s| s.write(2, 4, 1.0 / 3.0).map(drop)),
        ("huge number", |s| s.write(2, 3, 1e300).map(drop)),
        ("boolean quantity", |s| s.write(2, 3, true).map(drop)),
        ("formula with value", |s| s.write_formula(2, 5, Formula::new("=D3*E3").set_result("7")).map(drop)),
        ("formula without value", |s| s.write_formula(2, 3, Formula::new("=1+1").set_result("")).map(drop)),
        ("formula with error", |s| s.write_formula(2, 3, Formula::new("=NA()").set_result("#N/A")).map(drop)),
        ("code is an error", |s| s.write_formula(2, 2, Formula::new("=NA()").set_result("#N/A")).map(drop)),
        ("no document", |s| s.write_blank(2, 0, &Format::new()).map(drop)),
        ("no quantity", |s| s.write_blank(2, 3, &Format::new()).map(drop)),
        ("note beside the table", |s| s.write(2, 20, "checked by Ann").map(drop)),
        ("totals row", |s| s.write(5, 0, "Total").and_then(|s| s.write(5, 5, 21)).map(drop)),
        ("hidden row", |s| s.set_row_hidden(2).map(drop)),
        ("header again", |s| {
            header(s, 5);
            Ok(())
        }),
    ];
    let mut cases: Vec<Case> =
        cells.into_iter().map(|(what, fill)| Case::new(format!("xlsx: {what}"), XLSX, changed(fill))).collect();
    cases.extend(sheets());
    cases.extend(archives());
    cases
}

fn sheets() -> Vec<Case> {
    let table = |sheet: &mut Worksheet| {
        header(sheet, 0);
        sale(sheet, 1);
    };
    let case = |what: &str, definition: &str, fill: &dyn Fn(&mut Workbook)| {
        let mut book = workbook();
        fill(&mut book);
        Case::new(format!("xlsx: {what}"), definition, book.save_to_buffer().unwrap())
    };
    let named = format!("{XLSX}sheet: Feb\n");
    vec![
        case("header below a preamble", XLSX, &|book| {
            let sheet = book.add_worksheet();
            sheet.write(0, 0, "Sales report - REPLACEMENT").unwrap();
            sheet.write(2, 0, "Period").unwrap();
            header(sheet, 6);
            sale(sheet, 7);
        }),
        case("empty first sheet", XLSX, &|book| {
            book.add_worksheet();
            table(book.add_worksheet());
        }),
        case("hidden first sheet", XLSX, &|book| {
            let hidden = book.add_worksheet();
            table(hidden);
            hidden.set_hidden(true);
            table(book.add_worksheet());
            book.worksheet_from_index(1).unwrap().set_active(true);
        }),
        case("two sheets with the header", XLSX, &|book| {
            table(book.add_worksheet().set_name("Jan").unwrap());
            table(book.add_worksheet().set_name("Feb").unwrap());
        }),
        case("two sheets, one named", &named, &|book| {
            table(book.add_worksheet().set_name("Jan").unwrap());
            table(book.add_worksheet().set_name("Feb").unwrap());
        }),
        case("named sheet missing", &named, &|book| table(book.add_worksheet().set_name("March").unwrap())),
        case("no header", XLSX, &|book| sale(book.add_worksheet(), 0)),
        case("empty workbook", XLSX, &|book| drop(book.add_worksheet().set_name("Empty"))),
        case("merged header", XLSX, &|book| {
            let sheet = book.add_worksheet();
            sheet.merge_range(0, 0, 0, 7, "All of February", &Format::new()).unwrap();
            header(sheet, 1);
            sale(sheet, 2);
        }),
        case("cells in opposite corners", XLSX, &|book| {
            let sheet = book.add_worksheet();
            table(sheet);
            sheet.write(1_048_575, 16_383, "far").unwrap();
        }),
        case("more cells than allowed", XLSX, &|book| {
            let sheet = book.add_worksheet();
            table(sheet);
            (2..20_000).for_each(|row| sale(sheet, row));
        }),
        case("300 rows", XLSX, &|book| {
            let sheet = book.add_worksheet();
            header(sheet, 0);
            (1..=300).for_each(|row| sale(sheet, row));
        }),
    ]
}

/// Archives that are no workbooks, or none that may be unpacked.
fn archives() -> Vec<Case> {
    let good = good();
    let sheet = |rows: &str| {
        archive(&[
            ("[Content_Types].xml", r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#.into()),
            ("_rels/.rels", r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.into()),
            ("xl/workbook.xml", r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#.into()),
            ("xl/_rels/workbook.xml.rels", r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#.into()),
            ("xl/worksheets/sheet1.xml", format!(r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>"#)),
        ])
    };
    let text = |at: &str, text: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#);
    let head: String = ["A", "B", "C", "D"]
        .iter()
        .zip(["Invoice", "Date", "Item", "Qty"])
        .map(|(c, t)| text(&format!("{c}1"), t))
        .collect();
    let row = |n: u32, extra: &str| {
        format!(
            r#"<row r="{n}">{}{}{}<c r="D{n}"><v>2</v></c>{extra}</row>"#,
            text(&format!("A{n}"), "I1"),
            text(&format!("B{n}"), "2013-02-01"),
            text(&format!("C{n}"), "A-1")
        )
    };
    let with = |rows: String| sheet(&format!(r#"<row r="1">{head}</row>{rows}"#));
    let flipped = {
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        bytes
    };
    let cases = vec![
        ("by hand", with(row(2, ""))),
        ("dimension lies, two corners", with(row(2, "") + r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#)),
        ("row number too large", with(row(2, "") + r#"<row r="1048577"><c r="A1048577"><v>1</v></c></row>"#)),
        ("rows out of order", with(row(5, "") + &row(2, ""))),
        ("cells out of order", with(row(2, r#"<c r="B2"><v>1</v></c>"#))),
        ("shared text without table", with(row(2, r#"<c r="G2" t="s"><v>99999</v></c>"#))),
        ("shared text negative", with(row(2, r#"<c r="G2" t="s"><v>-1</v></c>"#))),
        ("unknown cell type", with(row(2, r#"<c r="G2" t="zz"><v>1</v></c>"#))),
        ("cell reference is nonsense", with(row(2, r#"<c r="!!"><v>1</v></c>"#))),
        ("number is a text", with(row(2, r#"<c r="F2"><v>abc</v></c>"#))),
        ("row of a megabyte", with(row(2, &text("G2", &"x".repeat(1_100_000))))),
        ("XML without end", with("<row r=\"2\"><c".to_owned())),
        ("entities that multiply", with(row(2, &text("G2", "&a;&a;")))),
        ("empty archive", archive(&[])),
        ("archive of something else", archive(&[("readme.txt", "hello".into())])),
        ("path out of the archive", archive(&[("../../etc/x", "hello".into())])),
        (
            "3,000 parts",
            archive(
                &(0..3000)
                    .map(|_| "")
                    .enumerate()
                    .map(|(n, t)| (Box::leak(format!("p{n}").into_boxed_str()) as &str, t.to_owned()))
                    .collect::<Vec<_>>(),
            ),
        ),
        ("unpacks to 64 MiB", archive(&[("xl/sharedStrings.xml", " ".repeat(64 << 20))])),
        ("cut in half", good[..good.len() / 2].to_vec()),
        ("without its last bytes", good[..good.len() - 10].to_vec()),
        ("a byte is wrong", flipped),
        ("text behind", [good.as_slice(), b"trailing"].concat()),
    ];
    cases.into_iter().map(|(what, bytes)| Case::new(format!("xlsx: {what}"), XLSX, bytes)).collect()
}

fn archive(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
