//! Claims as X12 844 and the answers to them as X12 849.

use std::collections::BTreeMap;

use crate::tenant::{AS_OF, HEADER, JANUARY, TENTH, Tenant, assert_well, told, well};

const FEED: &str = "partner: shop\nfiles: [\"*.edi\"]\nformat: x12-844\nx12: { contracts: { K-10: TENTH } }\n";

const ISA: &str =
    "ISA*00*          *00*          *ZZ*SHOP           *01*123456789      *130215*0600*U*00401*000000031*0*P*>~";

/// Two claims: of January's 181 the first asks for 100 and for the 90 of one sale, for February, and has a line without a
/// day; its second contract is known to nobody. The second claim asks for what the first one left over.
const SETS: [&str; 2] = [
    "BAA*00*RC*20130215*CR*C-1~CUR*SE*USD~CON*CT*K-10*VA~\
     PAD*1*SD~QTY*39*2*EA~AMT*S*100.00~DTM*003*20130107~\
     PAD*2*SD~AMT*S*90~REF*IV*S1~REF*LI*2~DTM*003*20130105~\
     PAD*3~AMT*S*50~DTM*003*20130203~\
     PAD*4~AMT*S*5*~DTM*003*20130231~\
     CON*CT*K-99*VA~PAD*5~AMT*S*7~DTM*003*20130107~CTT*5*2~AMT*TT*252~",
    "BAA*00*RC*20130215*CR*C-2~CUR*SE*USD~CON*CT*K-10*VA~PAD*1~AMT*S*30~DTM*003*20130131~CTT*1~",
];

/// A file of these sets.
fn claims(sets: &[&str]) -> String {
    let count = sets.len();
    let sets = sets
        .iter()
        .zip(1..)
        .map(|(set, number)| format!("ST*844*{number:04}~{set}SE*{}*{number:04}~", set.matches('~').count() + 2));
    format!(
        "{ISA}GS*CF*SHOPAPP*MAKERAPP*20130215*0600*31*X*004010~{}GE*{count}*31~IEA*1*000000031~",
        sets.collect::<Vec<_>>().concat()
    )
}

/// The shop's January, claimed and settled.
fn claimed() -> Tenant {
    let tenant = Tenant::new();
    tenant.write(
        "config/programs/tenth.yaml",
        format!("{TENTH}    paid: claim\n    claim: {{ days: 60, late: reject }}\n"),
    );
    let sales = std::fs::read_to_string(tenant.path("config/feeds/shop.yaml")).unwrap();
    tenant.write("config/feeds/shop.yaml", sales.replace("partner: shop\n", "partner: shop\nfiles: [\"*.csv\"]\n"));
    tenant.write("config/feeds/shop-claims.yaml", FEED);
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
    tenant.write("feeds/shop/claims.edi", claims(&SETS));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    tenant
}

fn answers(tenant: &Tenant, more: &[&str]) -> String {
    well(&tenant.ask(&[&["export", "claims", "--format", "x12-849"], more].concat()))
}

/// The segments of an answer, without the envelopes of the interchange and without the ids of authorizations.
fn segments(text: &str) -> Vec<&str> {
    let is_shown = |segment: &&str| !["ISA", "GS*", "GE*", "IEA", "REF*BB"].iter().any(|id| segment.starts_with(id));
    text.split_terminator('~').filter(is_shown).collect()
}

#[test]
fn each_decided_line_is_answered_under_its_own_names() {
    let tenant = claimed();
    let text = answers(&tenant, &[]);
    let expected = [
        "ST*849*0001",
        "BRC*00*20130220*CR*C-1",
        "CON*CT*K-10*VA",
        "PAD*1*SD",
        "AAA*Y**24",
        "PID*F****100 claimed, 91 is left of what is due; some went to claim C-1 line 2",
        "QTY*38*2*EA",
        "AMT*S*100",
        "AMT*A*91",
        "CUR*SU*USD",
        "PAD*2*SD",
        "AAA*Y",
        "AMT*S*90",
        "AMT*A*90",
        "REF*IV*S1",
        "REF*LI*2",
        "CUR*SU*USD",
        "PAD*4",
        "AAA*N**27",
        "PID*F****date \"20130231\": DTM02 is no day of the calendar from 1900 to 2999; send it as C",
        "PID*F****CYYMMDD",
        "AMT*S*5",
        "AMT*A*0",
        "CUR*SU*USD",
        "CTT*1",
        "AMT*TT*181",
        "AMT*TP*0",
        "SE*30*0001",
        "ST*849*0002",
        "BRC*00*20130220*CR*C-2",
        "CON*CT*K-10*VA",
        "PAD*1",
        "AAA*N**24",
    ];
    let found = segments(&text);
    assert_eq!(found[..expected.len()], expected, "{text}");
    tenant.verify();
}

#[test]
fn envelopes_are_those_of_the_claim_turned_round() {
    let tenant = claimed();
    let text = answers(&tenant, &[]);
    let elements: Vec<Vec<&str>> = text.split_terminator('~').map(|segment| segment.split('*').collect()).collect();
    let [isa, gs] = [&elements[0], &elements[1]];
    assert_eq!(text.find('~'), Some(105), "ISA has its fixed width");
    assert_eq!([isa[5], isa[6].trim(), isa[7], isa[8].trim()], ["01", "123456789", "ZZ", "SHOP"]);
    assert_eq!([isa[9], isa[11], isa[12], isa[15], isa[16]], ["130220", "U", "00401", "P", ">"]);
    assert_eq!([gs[1], gs[2], gs[3], gs[4], gs[8]], ["CF", "MAKERAPP", "SHOPAPP", "20130220", "004010"]);
    let number = isa[13];
    let group = number.trim_start_matches('0');
    assert_eq!((gs[6], number.len()), (group, 9));
    let [.., ge, iea] = elements.as_slice() else { panic!("{text}") };
    assert_eq!([ge.join("*"), iea.join("*")], [format!("GE*2*{group}"), format!("IEA*1*{number}")]);
    let mut begun = 0;
    for (at, segment) in elements.iter().enumerate() {
        match segment[0] {
            "ST" => begun = at,
            "SE" => assert_eq!(segment[1], (at - begun + 1).to_string(), "SE counts its segments"),
            _ => {}
        }
    }
}

#[test]
fn answers_say_what_the_table_says_and_a_payment_makes_another_answer() {
    let tenant = claimed();
    let before = answers(&tenant, &[]);
    assert_eq!(before, answers(&tenant, &["--partner", "shop"]));
    assert_eq!(before, answers(&claimed(), &[]), "the same data, other bytes");
    assert_eq!(answers(&tenant, &["--partner", "depot"]), "");
    let approved: BTreeMap<(String, String), String> = approved(&before);
    let rows = tenant.export("claims");
    assert_eq!(rows.len(), 5, "{rows:#?}");
    let waiting = rows.iter().find(|row| row["state"] == "quarantined").unwrap();
    assert_eq!(["line", "program", "claimed", "codes"].map(|of| waiting[of].as_str()), ["5", "K-99", "7", "DQ-07"]);
    for row in rows.iter().filter(|row| !["deferred", "quarantined"].contains(&row["state"].as_str())) {
        let found = approved.get(&(row["claim"].clone(), row["line"].clone()));
        assert_eq!(found, Some(&row["approved"]), "{row:?}");
    }
    assert!(!approved.contains_key(&("C-1".to_owned(), "3".to_owned())), "February is not decided: {before}");

    let paid = rows.iter().find(|row| row["line"] == "2").unwrap();
    let id = &paid["authorization_ids"];
    assert!(before.contains(&format!("REF*BB**{id}~")), "{before}");
    let payment = format!("authorization_id,date,amount,currency\n{id},2013-02-21,90,USD\n");
    tenant.write("commands/payments.csv", payment);
    assert_well(&tenant.run(&["--as-of", "2013-02-22"]));
    let after = answers(&tenant, &[]);
    assert!(after.contains("AMT*TP*90~"), "{after}");
    assert_ne!(after[90..99], before[90..99], "another answer, the same control number");
}

/// The second claim of the file says less now, and a third one comes late.
#[test]
fn a_claim_is_replaced_alone_whatever_else_its_file_holds() {
    let tenant = claimed();
    let states = |tenant: &Tenant| -> BTreeMap<(String, String), (String, String)> {
        let row = |mut row: BTreeMap<String, String>| {
            let mut of = |name: &str| row.remove(name).unwrap();
            ((of("claim"), of("line")), (of("state"), of("claimed")))
        };
        tenant.export("claims").into_iter().map(row).collect()
    };
    let before = states(&tenant);
    let of = |claim: &str, line: &str| (claim.to_owned(), line.to_owned());
    let replacing = SETS[1].replace("BAA*00", "BAA*05").replace("PAD*1~AMT*S*30", "PAD*2~AMT*S*20");
    tenant.write("feeds/shop/claims-2.edi", claims(&[&replacing]));
    tenant.write("feeds/shop/claims-3.edi", claims(&[&SETS[1].replace("S*30", "S*31")]));
    assert_well(&tenant.run(&["--as-of", "2013-02-22"]));
    let after = states(&tenant);
    assert_eq!(after.get(&of("C-1", "1")), before.get(&of("C-1", "1")));
    assert_eq!(after.get(&of("C-1", "2")), before.get(&of("C-1", "2")));
    assert_eq!(after[&of("C-2", "2")].1, "20");
    assert_eq!(after[&of("C-2", "1")], ("withdrawn".to_owned(), "30".to_owned()));
    let statuses: Vec<(String, String)> = tenant
        .export("receipts")
        .into_iter()
        .map(|mut row| (row.remove("file").unwrap(), row.remove("status").unwrap()))
        .collect();
    let status = |file: &str| statuses.iter().find(|(name, _)| name.ends_with(file)).map(|(_, status)| status.as_str());
    assert_eq!([status("claims.edi"), status("claims-3.edi")], [Some("accepted"), Some("superseded")]);
    tenant.verify();
}

#[test]
fn a_line_that_is_sent_again_is_answered_where_it_comes_again() {
    let tenant = claimed();
    let third = SETS[1].replace("C-2", "C-3").replace("PAD*1~AMT*S*30", "PAD*1~AMT*S*40");
    tenant.write("feeds/shop/claims-2.edi", claims(&[SETS[1], &third]));
    assert_well(&tenant.run(&["--as-of", "2013-02-22"]));
    let text = answers(&tenant, &[]);
    // By path: `claims-2.edi` stands in front of `claims.edi`.
    let (again, _) = text.split_once("IEA*1*").expect("an interchange has an end");
    let found = segments(again);
    let expected = ["BRC*00*20130222*CR*C-2", "CON*CT*K-10*VA", "PAD*1", "AAA*N**12"];
    assert_eq!(found[1..5], expected, "{again}");
    assert!(again.contains("AMT*S*30~AMT*A*0~"), "{again}");
    assert!(again.contains("*C-3~"), "the other claim of the file has its own answer: {again}");
    tenant.verify();
}

/// What is approved of each line, by number of the claim and of the line.
fn approved(text: &str) -> BTreeMap<(String, String), String> {
    let (mut claim, mut line, mut approved) = (String::new(), String::new(), BTreeMap::new());
    for segment in text.split_terminator('~') {
        match segment.split('*').collect::<Vec<_>>().as_slice() {
            ["BRC", _, _, _, number] => claim = (*number).to_owned(),
            ["PAD", number, ..] => line = (*number).to_owned(),
            ["AMT", "A", amount] => _ = approved.insert((claim.clone(), line.clone()), (*amount).to_owned()),
            _ => {}
        }
    }
    approved
}

#[test]
fn only_claims_are_answered() {
    let tenant = Tenant::settled();
    assert_eq!(answers(&tenant, &[]), "", "nobody sent an 844");
    let wrong = tenant.ask(&["export", "sales", "--format", "x12-849"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", told(&wrong));
    let wrong = tenant.ask(&["export", "claims", "--partner", "shop"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", told(&wrong));
}
