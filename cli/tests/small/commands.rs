//! Command files through the binary: each payment counts once, whatever is sent and when.

use crate::tenant::{AS_OF, HEADER, JANUARY, Tenant, assert_well, told, well};

const PAYMENTS: &str = "authorization_id,date,amount,currency";

/// The id of the shop's authorization for January, of 181.
fn authorization(tenant: &Tenant) -> String {
    let rows = tenant.export("authorizations");
    assert_eq!((rows.len(), rows[0]["amount"].as_str()), (1, "181"));
    rows[0]["authorization_id"].clone()
}

/// `amount date` of each payment that was booked.
fn paid(tenant: &Tenant) -> Vec<String> {
    tenant.export("payments").iter().map(|row| format!("{} {}", row["amount"], row["date"])).collect()
}

#[test]
fn a_list_of_payments_that_grows_pays_what_is_new() {
    let tenant = Tenant::settled();
    let id = authorization(&tenant);
    let instalment = format!("{id},2013-02-21,50,USD\n");
    tenant.write("commands/payments.csv", format!("{PAYMENTS}\n{instalment}{instalment}"));
    assert_well(&tenant.run(&[]));
    assert_eq!(paid(&tenant), ["50 2013-02-21", "50 2013-02-21"]);

    let line_above = format!("{id},2013-02-20,11,USD\n");
    tenant.write("commands/payments.csv", format!("{PAYMENTS}\n{line_above}{instalment}{instalment}"));
    let output = tenant.run(&[]);
    assert_well(&output);
    let note = "note: payments.csv: 2 of 3 payments were taken in before and count once";
    assert!(told(&output).contains(note), "{}", told(&output));
    assert_eq!(paid(&tenant), ["11 2013-02-20", "50 2013-02-21", "50 2013-02-21"]);

    tenant.write("commands/payments again.csv", format!("{PAYMENTS}\n{instalment}"));
    assert_well(&tenant.run(&[]));
    assert_eq!(paid(&tenant).len(), 3);
    let reference = format!("{PAYMENTS},reference\n{},W-7\n", instalment.trim());
    tenant.write("commands/one more of that day.csv", reference);
    assert_well(&tenant.run(&[]));
    assert_eq!(paid(&tenant).len(), 4);
    assert_eq!(tenant.export("authorizations")[0]["status"], "authorised");
    tenant.verify();
}

#[test]
fn a_payment_waits_for_its_authorization_in_sight() {
    let rehearsal = Tenant::settled();
    let id = authorization(&rehearsal);
    let payments = format!("{PAYMENTS}\n{id},2013-02-21,181,USD\n");
    rehearsal.write("commands/payments.csv", &payments);
    assert_well(&rehearsal.run(&["--as-of", "2013-02-21"]));

    let tenant = Tenant::new();
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
    tenant.write("commands/payments.csv", &payments);
    assert_well(&tenant.run(&[]));
    let status = well(&tenant.ask(&["status"]));
    assert!(
        status.contains("1  payment or write-off waits for an authorization to be issued, USD 181.00: finance"),
        "{status}"
    );
    assert_eq!(tenant.export("findings").iter().map(|row| row["code"].as_str()).collect::<Vec<_>>(), ["OP-50"]);
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    assert_eq!(tenant.export("payments"), rehearsal.export("payments"));
    assert_eq!(tenant.export("authorizations"), rehearsal.export("authorizations"));
    assert!(tenant.export("findings").is_empty());
    tenant.verify();
}

#[test]
fn what_cannot_be_read_costs_no_more_than_itself() {
    let tenant = Tenant::settled();
    let id = authorization(&tenant);
    let line = |amount: &str| format!("{id},2013-02-21,{amount},USD,");
    let latin = [line("1").as_bytes(), b"M\xfcller\n"].concat();
    let text = [PAYMENTS.as_bytes(), b",comment\n", &latin, line("2").as_bytes(), b"\n"].concat();
    tenant.write("commands/a.csv", text);
    tenant.write("commands/notes.txt", "Dear all,\nplease find\nthe list\nattached\n");
    let output = tenant.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let warnings: Vec<_> =
        told(&output).lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert_eq!(warnings[0], "warning: a.csv:2: comment \"M\u{fffd}ller\": is not UTF-8");
    assert!(
        warnings[1].starts_with("warning: notes.txt: is no command file, nothing was taken from it"),
        "{warnings:#?}"
    );
    assert_eq!(paid(&tenant), ["2 2013-02-21"]);
}

#[test]
fn a_decision_about_a_claim_that_nobody_knows_is_told_once() {
    let tenant = Tenant::claimed();
    let waits = || tenant.export("claims").into_iter().find(|row| row["program"] == "ASKED").unwrap();
    assert_eq!(waits()["state"], "on-hold");

    let (known, nobody) = (waits()["claim_id"].clone(), "9".repeat(32));
    let decisions = format!("claim_id,action,actor\n{nobody},release,ann\n{known},release,ann\n");
    tenant.write("commands/decisions.csv", decisions);
    let output = tenant.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let warning = format!("warning: decisions.csv:2: claim_id \"{nobody}\": names no claim line of a partner");
    let warnings = |output| told(output).matches("warning: ").count();
    assert!(told(&output).contains(&warning) && warnings(&output) == 1, "{}", told(&output));
    let status = well(&tenant.ask(&["status"]));
    let waiting = "1  decision is about a claim or a finding that nobody knows, first decisions.csv:2: who decided";
    assert!(status.contains(waiting), "{status}");

    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}S3,1,2013-02-05,A-1,1,10,10,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-02-21"]));
    assert_eq!(waits()["state"], "authorised");
    let said = well(&tenant.ask(&["explain", &known]));
    assert!(said.contains("Is claim C1 line \"1\" under ASKED in 2013-01, authorised"), "{said}");
    assert!(!said.contains("No sale of it counts") && !said.contains("It earns nothing"), "{said}");
}
