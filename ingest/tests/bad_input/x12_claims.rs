//! X12 844.

use crate::Case;

const CLAIMS: &str = "format: x12-844";
const ISA: &str =
    "ISA*00*          *00*          *ZZ*P004           *ZZ*VENDOR         *110104*0600*U*00401*000000001*0*P*>~";

/// The segments of one interchange with one set; counts fit.
fn file(segments: &str) -> String {
    let segments = segments.trim_end_matches('~');
    let count = segments.matches('~').count() + 3;
    format!(
        "{ISA}GS*CF*P004*VENDOR*20110104*0600*1*X*004010~ST*844*0001~{segments}~SE*{count}*0001~GE*1*1~IEA*1*000000001~"
    )
}

const HEAD: &str = "BAA*00*RC*20130301*CR*C1~CUR*SE*USD~";
const LINE: &str = "PAD*1*SD~LIN**VP*A-1~QTY*39*2*EA~AMT*S*7.00~REF*IV*I1~DTM*003*20130205~";

fn good() -> String {
    file(&format!("{HEAD}CON*CT*K1*VA~{LINE}CTT*1~"))
}

/// The line in front of a good one.
fn line(from: &str, to: &str) -> String {
    assert!(LINE.contains(from), "{from}");
    file(&format!("{HEAD}CON*CT*K1*VA~{}{}CTT*2~", LINE.replace(from, to), LINE.replace("PAD*1", "PAD*2")))
}

fn changed(from: &str, to: &str) -> String {
    assert!(good().contains(from), "{from}");
    good().replacen(from, to, 1)
}

pub(crate) fn cases() -> Vec<Case> {
    let cases = [
        ("good", good()),
        ("terminator is a bracket", good().replace('~', "]")),
        ("report of sales in place of claims", good().replace("ST*844", "ST*867")),
        (
            "acknowledgement beside",
            changed("ST*844", "ST*997*0009~AK1*PT*1~SE*3*0009~ST*844").replace("GE*1*", "GE*2*"),
        ),
        ("cut inside a segment", good()[..230].to_owned()),
        ("cut between segments", good().split_inclusive('~').take(9).collect()),
        ("SE count wrong", changed("SE*12*", "SE*11*")),
        ("no BAA", file(&format!("CON*CT*K1*VA~{LINE}CTT*1~"))),
        ("no lines", file(&format!("{HEAD}CTT*0~"))),
        ("no contract", file(&format!("{HEAD}{LINE}CTT*1~"))),
        ("PAD without anything", line("*1*SD", "")),
        ("PAD alone", file(&format!("{HEAD}CON*CT*K1*VA~PAD~PAD~PAD~CTT*3~"))),
        ("LIN without PAD", line("PAD*1*SD~", "")),
        ("two LIN in one PAD", line("LIN**VP*A-1~", "LIN**VP*A-1~LIN**VP*A-2~")),
        ("segments of nothing known", line("LIN", "XYZ*1*2~SSS*A~RCD*1~LIN")),
        ("CTT twice", changed("CTT*1~", "CTT*1~CTT*1~").replace("SE*12", "SE*13")),
        (
            "line behind CTT",
            changed("CTT*1~", &format!("CTT*1~{}", LINE.replace("PAD*1", "PAD*2"))).replace("SE*12", "SE*18"),
        ),
        ("cancellation", changed("BAA*00", "BAA*01")),
        (
            "original and replacement in one file",
            good() + &changed("BAA*00", "BAA*05").replace("000000001", "000000002"),
        ),
        ("serials by the thousand", line("REF*IV*I1~", &format!("REF*IV*I1~{}", "REF*SE*S1~".repeat(70_000)))),
        ("element of 100,000 bytes", line("REF*IV*I1", &format!("REF*IV*{}", "I".repeat(100_000)))),
        (
            "100 sums of the largest number",
            file(&format!(
                "{HEAD}CON*CT*K1*VA~{}CTT*200*1~AMT*TT*1~",
                LINE.replace("*7.00", "*99999999999").replace("*2*", "*99999999999*").repeat(200)
            )),
        ),
    ];
    cases.map(|(what, text)| Case::new(format!("x12 claims: {what}"), CLAIMS, text)).into()
}
