//! X12 867.

use crate::Case;

pub(crate) const X12: &str = "format: x12-867";
const ISA: &str =
    "ISA*00*          *00*          *ZZ*P004           *ZZ*VENDOR         *110104*0600*U*00401*000000001*0*P*>~";

/// The segments of one interchange with one set; counts fit.
fn file(segments: &str) -> String {
    let segments = segments.trim_end_matches('~');
    let count = segments.matches('~').count() + 3;
    format!(
        "{ISA}GS*PT*P004*VENDOR*20110104*0600*1*X*004010~ST*867*0001~{segments}~SE*{count}*0001~GE*1*1~IEA*1*000000001~"
    )
}

const HEAD: &str = "BPT*00*R1*20130301*02~CUR*SE*USD~DTM*090*20130201~DTM*091*20130228~N1*SE*SHOP*92*P004~";
const SALE: &str =
    "PTD*SS~DTM*003*20130205~REF*IV*I1~QTY*32*2*EA~LIN**VP*A-1~UIT*EA*3.50~AMT*1*7.00~REF*SE*S1~REF*SE*S2~";

pub(crate) fn good() -> String {
    file(&format!("{HEAD}{SALE}CTT*1~"))
}

fn sale(from: &str, to: &str) -> String {
    assert!(SALE.contains(from), "{from}");
    file(&format!("{HEAD}{}{SALE}CTT*2~", SALE.replace(from, to)))
}

fn changed(from: &str, to: &str) -> String {
    assert!(good().contains(from), "{from}");
    good().replacen(from, to, 1)
}

pub(crate) fn cases() -> Vec<Case> {
    let other = good().replacen("000000001", "000000002", 2).replacen(">~", ">!", 1);
    let second = other[..ISA.len()].to_owned() + &other[ISA.len()..].replace('~', "!");
    let cases = [
        ("good", good()),
        ("line ends behind segments", good().replace('~', "~\r\n")),
        ("segments end with line ends", good().replace('~', "\n")),
        ("segments end with CR LF", good().replace('~', "\r\n")),
        ("separator of group separators", good().replace('*', "\u{1d}").replace('~', "\u{1c}")),
        ("terminator is a bracket", good().replace('~', "]")),
        ("5010 with repetition", good().replace("*U*00401*", "*^*00501*").replace("004010", "005010")),
        ("two interchanges with other separators", good() + "\r\n" + &second),
        ("garbage between interchanges", good() + "hello" + &good()),
        ("garbage behind", good() + "-- sent by mail gateway --"),
        ("blanks and Ctrl-Z behind", good() + "\r\n\r\n \u{1a}\0"),
        ("the same interchange twice", good() + &good()),
        ("ISA is short", changed("VENDOR         *", "VENDOR*")),
        ("ISA only", ISA.to_owned()),
        ("ISA is cut", ISA[..60].to_owned()),
        ("ISA in lower case", changed("ISA", "isa")),
        ("element separator is a letter", good().replace('*', "x")),
        ("separators are equal", changed(">~", ">*")),
        ("component separator is the terminator", changed("*>~", "*~~")),
        ("separator of more bytes", good().replace('*', "\u{b7}")),
        ("separator in a text", sale("LIN**VP*A-1", "LIN**VP*A-1~PID*F****5*6 BOLT")),
        ("terminator in a text", sale("LIN**VP*A-1", "LIN**VP*A-1~PID*F****A~B")),
        ("cut inside a segment", good()[..300].to_owned()),
        ("cut between segments", good().split_inclusive('~').take(12).collect()),
        ("IEA missing", good().replace("IEA*1*000000001~", "")),
        ("GE missing", good().replace("GE*1*1~", "")),
        ("SE missing", changed("SE*17*0001~", "")),
        ("SE twice", changed("SE*17*0001~", "SE*17*0001~SE*17*0001~")),
        ("SE count wrong", changed("SE*17*", "SE*16*")),
        ("SE count is a text", changed("SE*17*", "SE*many*")),
        ("SE control number wrong", changed("SE*17*0001", "SE*17*0002")),
        ("SE control number unpadded", changed("SE*17*0001", "SE*17*1")),
        ("GE count wrong", changed("GE*1*", "GE*2*")),
        ("IEA count wrong", changed("IEA*1*", "IEA*9*")),
        ("IEA control number wrong", changed("IEA*1*000000001", "IEA*1*000000009")),
        ("ST inside a set", changed("CTT*1~", "CTT*1~ST*867*0002~")),
        ("ST without GS", changed("GS*PT*P004*VENDOR*20110104*0600*1*X*004010~", "")),
        ("segment outside of a set", changed("ST*867", "REF*IV*X~ST*867")),
        ("no segment id", changed("CTT*1~", "CTT*1~~*~")),
        ("lower-case id", sale("QTY*32", "qty*32")),
        ("another set only", good().replace("ST*867", "ST*846")),
        ("another set beside", changed("ST*867", "ST*997*0009~AK1*PT*1~SE*3*0009~ST*867")),
        ("acknowledgement", file("AK1*PT*1~AK9*A*1*1*1").replace("ST*867", "ST*997")),
        ("no rows", file(&format!("{HEAD}CTT*0"))),
        ("no BPT", good().replace("BPT*00*R1*20130301*02~", "").replace("SE*17", "SE*16")),
        ("replacement", changed("BPT*00", "BPT*05")),
        ("cancellation", changed("BPT*00", "BPT*01")),
        ("single changes", changed("BPT*00", "BPT*04")),
        ("original and replacement in one file", good() + &changed("BPT*00", "BPT*05")),
        ("replacements of two reports in one file", changed("BPT*00", "BPT*05") + &changed("BPT*00*R1", "BPT*05*R2")),
        ("CTT count constant", changed("CTT*1~", "CTT*3~")),
        ("CTT hash right", changed("CTT*1~", "CTT*1*2~")),
        ("CTT hash wrong", changed("CTT*1~", "CTT*1*3~")),
        ("AMT total right", changed("CTT*1~", "CTT*1~AMT*TT*7~").replace("SE*17", "SE*18")),
        ("AMT total wrong", changed("CTT*1~", "CTT*1~AMT*TT*70~").replace("SE*17", "SE*18")),
        ("QTY total in the header wrong", changed("CUR*SE*USD~", "CUR*SE*USD~QTY*TO*3~").replace("SE*17", "SE*18")),
        ("no document", sale("REF*IV*I1~", "")),
        ("order number only", sale("REF*IV", "REF*PO")),
        ("no date", sale("DTM*003*20130205~", "")),
        ("shipping date only", sale("DTM*003", "DTM*011")),
        ("impossible date", sale("20130205", "20130231")),
        ("date of six digits", sale("20130205", "130205")),
        ("date is a text", sale("20130205", "FEB-05")),
        ("no code", sale("LIN**VP*A-1~", "")),
        ("code without qualifier", sale("LIN**VP*A-1", "LIN***A-1")),
        ("code of unknown qualifier", sale("LIN**VP*A-1", "LIN**ZZ*A-1")),
        ("pairs in another order", sale("LIN**VP*A-1", "LIN*1*BP*99*UP*614141007349*VP*A-1")),
        ("no quantity", sale("QTY*32*2*EA", "QTY*32")),
        ("quantity is a text", sale("QTY*32*2*EA", "QTY*32*two*EA")),
        ("quantity negative", sale("QTY*32*2*EA", "QTY*32*-2*EA")),
        ("quantity of a return negative", sale("QTY*32*2*EA", "QTY*76*-2*EA")),
        ("quantity is huge", sale("QTY*32*2*EA", "QTY*32*99999999999999999999*EA")),
        ("cases instead of units", sale("QTY*32*2*EA", "QTY*32*2*CA")),
        ("unit with components", sale("QTY*32*2*EA", "QTY*32*2*EA>1>2")),
        ("stock on hand", sale("QTY*32", "QTY*17")),
        ("price is a text", sale("UIT*EA*3.50", "UIT*EA*free")),
        ("amount with comma", sale("AMT*1*7.00", "AMT*1*7,00")),
        ("currency is none", sale("UIT*EA*3.50", "UIT*EA*3.50~CUR*SE*DOLLAR")),
        ("unknown transfer type", sale("PTD*SS", "PTD*QQ")),
        ("interbranch transfer", sale("PTD*SS", "PTD*IB")),
        ("return by transfer type", sale("PTD*SS", "PTD*RP")),
        ("two ship-tos", sale("QTY*32", "N1*ST*RESELLER~N1*ST*END CUSTOMER~QTY*32")),
        ("LIN in front of QTY", sale("QTY*32*2*EA~LIN**VP*A-1~", "LIN**VP*A-1~QTY*38*9*EA~QTY*32*2*EA~")),
        ("trailing separators", good().replace("QTY*32*2*EA~", "QTY*32*2*EA****~")),
        ("empty elements", good().replace("REF*SE*S1", "REF*SE*")),
        ("latin-1 name", sale("LIN**VP*A-1", "LIN**VP*A-1~PID*F****M\u{fc}LLER")),
        ("QTY without PTD", sale("PTD*SS~DTM*003*20130205~REF*IV*I1~", "")),
        ("5,000 serials", sale("REF*SE*S1~", &"REF*SE*S1~".repeat(5000))),
        ("70,000 serials", sale("REF*SE*S1~", &"REF*SE*S1~".repeat(70_000))),
        ("element of 100,000 bytes", sale("REF*SE*S1", &format!("REF*SE*{}", "S".repeat(100_000)))),
        ("60,000 elements", sale("REF*SE*S1", &format!("REF*SE{}", "*".repeat(60_000)))),
        ("300,000 segments without end", ISA.to_owned() + &"REF*SE*S1~".repeat(300_000)),
        (
            "100 sums of the largest number",
            file(&format!(
                "{HEAD}{}CTT*200",
                SALE.replace("*7.00", "*99999999999").replace("*2*", "*99999999999*").repeat(200)
            )),
        ),
    ];
    let mut all: Vec<Case> = cases.map(|(what, text)| Case::new(format!("x12: {what}"), X12, text)).into();
    for rule in ["finding", "ignore"] {
        let definition = format!("{X12}\ncontrol_totals: {rule}");
        all.push(Case::new(format!("x12: SE count wrong, {rule}"), &definition, changed("SE*17*", "SE*16*")));
    }
    all
}
