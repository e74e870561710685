//! What would go wrong in silence: columns, decisions and files that come to nothing are told.

use crate::tenant::{AS_OF, HEADER, JANUARY, Tenant, assert_well, paidonce, told, well};

/// Warnings, without the word.
fn warnings(output: &std::process::Output) -> Vec<String> {
    told(output).lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_owned).collect()
}

#[test]
fn a_column_that_the_header_does_not_have_is_told_on_the_receipt() {
    let tenant = Tenant::new();
    let feed = std::fs::read_to_string(tenant.path("config/feeds/shop.yaml")).unwrap();
    let misspelt = feed.clone() + "  original_document: Original\n";
    tenant.write("config/feeds/shop.yaml", &misspelt);
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    let message = "the header lacks \"Original\" for original_document, which counts as empty; ";
    let (receipts, findings) = (tenant.export("receipts"), tenant.export("findings"));
    assert!(receipts[0]["remark"].starts_with(message), "{receipts:?}");
    let found = (findings[0]["code"].as_str(), findings[0]["decision"].as_str(), findings[0]["file"].as_str());
    assert_eq!(found, ("DQ-16", "alert", "shop/pos_2013-01.csv"));
    assert!(findings[0]["message"].starts_with(message), "{findings:?}");
    assert_eq!((receipts[0]["accepted"].as_str(), tenant.export("accruals").len()), ("3", 3));

    let optional = Tenant::new();
    optional.write("config/feeds/shop.yaml", misspelt + "optional_columns: [original_document]\n");
    optional.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
    assert_well(&optional.run(&["--as-of", AS_OF]));
    assert_eq!((optional.export("receipts")[0]["remark"].as_str(), optional.export("findings").len()), ("", 0));
}

#[test]
fn a_claim_that_waits_and_a_decision_that_is_refused_are_told() {
    let tenant = Tenant::claimed();
    let status = || well(&tenant.ask(&["status"]));
    let waits = "1  claim line waits for a person to release, adjust or reject, USD 181.00: who reviews claims";
    assert!(status().contains(waits), "{}", status());

    let claim = tenant.export("claims").into_iter().find(|row| row["program"] == "ASKED").unwrap()["claim_id"].clone();
    let decisions = format!(
        "claim_id,action,amount,actor,reason\n{claim},adjust,600,Ann,too much\n{claim},release,,partner/shop,mine\n\
         {claim},reject,,Ann,no proof\n"
    );
    tenant.write("commands/decisions.csv", &decisions);
    let output = tenant.run(&["--as-of", "2013-02-21"]);
    assert_eq!(output.status.code(), Some(1));
    let refused = warnings(&output);
    assert_eq!(refused.len(), 2, "{refused:#?}");
    let begins = |line: u32, action: &str| {
        format!("decisions.csv:{line}: claim_id \"{claim}\": nothing was decided: {action} of claim C1 line 1: ")
    };
    assert!(refused[0].starts_with(&begins(2, "adjust")), "{refused:#?}");
    assert!(refused[1].starts_with(&begins(3, "release")), "{refused:#?}");
    assert!(!status().contains("claim line waits"), "{}", status());

    let output = tenant.run(&["--as-of", "2013-02-21"]);
    assert_well(&output);
    assert!(warnings(&output).is_empty());
    let appeal =
        format!("claim_id,action,actor,reason\n{claim},release,Bo,late\n{claim},appeal,partner/shop,proof sent\n");
    tenant.write("commands/later.csv", appeal);
    let output = tenant.run(&["--as-of", "2013-02-22"]);
    assert_eq!(warnings(&output).len(), 1, "{}", told(&output));
    assert!(warnings(&output)[0].starts_with("later.csv:2: "), "{}", told(&output));
    let waits = "1  appeal waits for a person to uphold, overturn or settle, USD 181.00: who reviews claims";
    assert!(status().contains(waits), "{}", status());
}

#[test]
fn a_decision_names_what_the_master_does_not_know() {
    let tenant = Tenant::settled();
    let meanings =
        "kind,partner,text,identity\nproduct,shopp,A9,aw/A-1\nproduct,shop,A9,aw/A-2\nproduct,shop,A9,aw/A-1\n";
    tenant.write("commands/meanings.csv", meanings);
    tenant.write("commands/words.csv", "file,record_no,decision\nshop/pos_2013-01.csv,1,take\n");
    let output = tenant.run(&["--as-of", "2013-02-21"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        warnings(&output),
        [
            "meanings.csv:2: partner \"shopp\": is not in the master; nothing was decided; did you mean `shop`?",
            "meanings.csv:3: identity \"aw/A-2\": is not in the master; nothing was decided; did you mean `aw/A-1`?",
            "meanings.csv:4: text \"A9\": no record of shop is in doubt about this code; it is kept for records to come",
            "words.csv:2: record_no \"1\": nothing was decided: shop/pos_2013-01.csv#1: no such record waits for a decision",
        ]
    );
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}S9,1,2013-02-05,A9,1,10,10,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-02-22"]));
    assert_eq!(tenant.export("receipts")[1]["accepted"], "1");
}

#[test]
fn what_was_released_is_not_prevented() {
    let tenant = Tenant::new();
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}S1,1,2013-02-05,A-1,10,10,100,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-02-08"]));
    let finding = tenant.export("findings")[0]["finding_id"].clone();
    let prevented = |tenant: &Tenant| {
        let status = well(&tenant.ask(&["status"]));
        let line = |word: &str| status.lines().find(|line| line.contains(word)).unwrap_or_default().trim().to_owned();
        (line("overpayment prevented").split_whitespace().last().unwrap().to_owned(), line("DQ-03"))
    };
    let life = |tenant: &Tenant| well(&tenant.ask(&["explain", "shop/pos_2013-01.csv#1"]));
    assert_eq!(prevented(&tenant).0, "10.00");
    assert!(life(&tenant).contains("held by DQ-03: it counts, but earns nothing"));
    let release =
        format!("finding_id,action,actor,reason\n{finding},release,Ann Moss,ok\n{finding},release,Bert Ode,ok\n");
    tenant.write("commands/a.csv", release);
    assert_well(&tenant.run(&["--as-of", "2013-03-20"]));
    let (amount, found) = prevented(&tenant);
    assert_eq!(amount, "0.00");
    assert!(found.ends_with("(1 released)"), "{found}");
    let life = life(&tenant);
    assert!(life.contains("was held by DQ-03: released by Ann Moss and Bert Ode"), "{life}");
    assert!(!life.contains("earns nothing"), "{life}");
}

#[test]
fn files_that_nothing_reads_are_noted() {
    let tenant = Tenant::new();
    for name in
        ["special_price.csv", "tenants.yaml", "program/w.yaml", "programs/sub/z.yaml", "programs/old.csv", "README.md"]
    {
        tenant.write(&format!("config/{name}"), "garbage: [");
    }
    let output = paidonce().arg("check").arg("--config").arg(tenant.path("config")).output().unwrap();
    assert_well(&output);
    let told = told(&output);
    let notes: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("note: nothing reads ")).collect();
    assert_eq!(
        notes,
        [
            "program/: did you mean `programs/`?",
            "special_price.csv: did you mean `special_prices.csv`?",
            "tenants.yaml: did you mean `tenant.yaml`?",
            "programs/old.csv",
            "programs/sub/",
        ]
    );

    tenant.write("config/accounts.yaml", "CASHH: 1000\n");
    let output = paidonce().arg("check").arg("--config").arg(tenant.path("config")).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("4 problems"), "{output:?}");
}
