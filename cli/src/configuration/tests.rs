//! Configurations, right and wrong, and what is said about them.

use std::path::Path;

use contract::{AccountingClass, Benefit};

use super::load;

const TENANT: &str = "name: Test\nfunctional-currency: USD\n";
const PRODUCTS: &str = "product,name,category,list_price\naw/A-1,Axle,Parts,10.50\naw/B-1,Bike,Bikes,900\n";
const PARTNERS: &str = "partner,name,kind,source,parent,country,region,currency\n\
    P1,Wholesale,distributor,aw,,US,West,USD\nP2,Shop,reseller,aw,P1,DE,South,EUR\n";
const PROGRAM: &str = "program: STEP\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    select: { categories: [Bikes] }\n    \
    earn:\n      type: volume-marginal\n      measure: amount\n      tiers:\n        - { from: 0, rate: 1% }\n        \
    - { from: 500, rate: 2.5% }\n    period: quarter\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = [("tenant.yaml", TENANT), ("products.csv", PRODUCTS), ("partners.csv", PARTNERS)];
    for (name, text) in good.iter().chain(files) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Every problem as `file:line:column message (hint)`.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let problems = load(folder.path()).err().unwrap_or_default();
    let line = |p: &super::Problem| {
        let hint = if p.hint.is_empty() { String::new() } else { format!(" ({})", p.hint) };
        format!("{}:{}:{} {}{hint}", p.file, p.place.line, p.place.column, p.message)
    };
    problems.iter().map(line).collect()
}

fn problems_of_program(change: (&str, &str)) -> Vec<String> {
    assert!(PROGRAM.contains(change.0), "{change:?}");
    problems(&[("programs/step.yaml", &PROGRAM.replace(change.0, change.1))])
}

#[test]
fn a_configuration_becomes_sorted_reference_data() {
    let folder = folder(&[("programs/step.yaml", PROGRAM), ("accounts.yaml", "LI-PAY: \"2100\"\nCASH: \"1000\"\n")]);
    let configuration = load(folder.path()).unwrap();
    let reference = &configuration.reference;
    assert_eq!(reference.accounts, [("CASH".into(), "1000".into()), ("LI-PAY".into(), "2100".into())]);
    assert_eq!(reference.products[0].list_price.unwrap().to_string(), "10.5");
    let program = &reference.programs[0];
    assert_eq!((program.id.as_str(), program.version, program.grace_days), ("STEP", 1, 15));
    let contract::Mechanism::VolumeMarginal { tiers, .. } = &program.mechanism else { panic!("{program:?}") };
    assert_eq!(tiers[1].rate.to_string(), "0.025");
}

#[test]
fn what_is_deducted_is_settled_over_versions_of_one_group() {
    let version = |from: &str, to: &str, more: &str| {
        format!("  - from: {from}\n    to: {to}\n{more}    earn: {{ type: percent, rate: 1% }}\n    period: quarter\n")
    };
    let (first, second) = (version("2013-01-01", "2013-02-14", ""), "    group: front\n    priority: 1\n");
    let deductions = |period: &str| {
        format!("deduction,program,partner,period,invoice,amount,currency\nD1,STEP,P1,{period},88,1.50,USD\n")
    };
    for (more, period, found) in [("", "2013-Q1", 0), (second, "2013-Q1", 1), (second, "2013-Q3", 0)] {
        let program = format!("program: STEP\nversions:\n{first}{}", version("2013-02-15", "2013-12-31", more));
        let told = problems(&[("programs/step.yaml", program.as_str()), ("deductions.csv", &deductions(period))]);
        assert_eq!(told.iter().filter(|told| told.contains("stand in different groups")).count(), found, "{told:?}");
    }
}

#[test]
fn conditions_are_read_and_what_they_name_must_be_known() {
    let asking = PROGRAM.replace(
        "    earn:",
        "    conditions: { members-only: yes, end-users-only: true, customers: [aw/2, aw/1], territory: DE, \
         proof: [customer, serials], paid-invoices-only: yes }\n    earn:",
    );
    let outlets = ("outlets.csv", "outlet,name,country\naw/1,One,DE\naw/2,Two,US\n");
    let members = ("memberships.csv", "program,partner,from,to\nSTEP,P2,2013-02-01,\nSTEP,P1,2013-01-01,2013-03-31\n");
    let persons = ("persons.csv", "partner,person,from\nP1,Ann Lee,2013-01-01\n");
    let restricted = ("restricted.csv", "name,list\nEvil Ltd,EU 2013-01\n");
    let program = ("programs/step.yaml", asking.as_str());
    let taxes = ("taxes.csv", "country,from,rate\nDE,2007-01-01,19%\n");
    let good = folder(&[program, outlets, members, persons, restricted, taxes]);
    let reference = load(good.path()).unwrap().reference;
    let conditions = &reference.programs[0].conditions;
    assert!(conditions.members_only && conditions.end_users && !conditions.registered_persons);
    assert!(conditions.paid_invoices && !conditions.stock_sales);
    assert_eq!(conditions.customers, ["aw/1", "aw/2"]);
    assert_eq!(conditions.proof, [contract::Proof::Serials, contract::Proof::Customer]);
    assert_eq!(reference.taxes[0].rate.to_string(), "0.19");
    assert_eq!(reference.memberships.iter().map(|m| m.partner.as_str()).collect::<Vec<_>>(), ["P1", "P2"]);
    assert_eq!((reference.persons.len(), reference.restricted.len()), (1, 1));
    let bad = [
        program,
        ("outlets.csv", "outlet,name,country\naw/1,One,US\n"),
        ("memberships.csv", "program,partner,from,to\nSTEP,P2,2013-02-01,2013-01-01\nSTEPS,P1,2013-01-01,\n"),
        ("persons.csv", "partner,person,from\nP9,Ann Lee,2013-01-01\n"),
        ("taxes.csv", "country,from,rate\nFR,2007-01-01,20%\nSouth,2007-01-01,20%\n"),
        ("tax_thresholds.csv", "country,currency,from,amount\nDE,EUR,2007-01-01,0\nSouth,USD,2007-01-01,600\n"),
        (
            "customer_payments.csv",
            "partner,document,date,status\nP1,R-1,2013-02-03,payed\nP1,R-2,2013-02-03,paid\nP9,R-1,2013-02-03,unpaid\n\
             P1,R-2,2013-02-03,cancelled\n",
        ),
        (
            "deductions.csv",
            "deduction,program,partner,period,invoice,amount,currency\nD1,STEPS,P1,2013-Q1,88,1.50,USD\n\
             D2,STEP,P1,2013-01,88,1.50,USD\nD3,STEP,P1,2013-Q1,88,1.50,USD\n",
        ),
        ("payees.csv", "partner,from,account\nP9,2013-01-01,a1\n"),
        ("amendments.csv", "program,version,approved_by,to\nSTEP,1,Ann,2012-12-31\nSTEP,2,Ann,\nSTEPS,1,Ann,\n"),
    ];
    assert_eq!(
        problems(&bad),
        [
            "amendments.csv:2:1 `to` is 2012-12-31, before the first day of version 1, 2013-01-01 (approve sales up to a day \
             of the version, or leave `to` empty)",
            "amendments.csv:3:1 program `STEP` has no version 2 (they are counted from 1, in order of `from`)",
            "amendments.csv:4:1 nobody knows the program `STEPS` (did you mean `STEP`?)",
            "customer_payments.csv:2:19 `payed` is none of paid, unpaid, cancelled",
            "customer_payments.csv:4:1 nobody knows the partner `P9` (did you mean `P1`?)",
            "customer_payments.csv:5:1 this key stands in the table twice (keep one of the two rows)",
            "deductions.csv:2:1 nobody knows the program `STEPS` (did you mean `STEP`?)",
            "deductions.csv:3:1 `2013-01` is no period of program `STEP` (write a month as 2013-04, a quarter as 2013-Q2, a year \
             as 2013)",
            "memberships.csv:2:20 the last day lies before the first, 2013-02-01 (swap the two dates)",
            "memberships.csv:3:1 nobody knows the program `STEPS` (did you mean `STEP`?)",
            "payees.csv:2:1 nobody knows the partner `P9` (did you mean `P1`?)",
            "persons.csv:2:1 nobody knows the partner `P9` (did you mean `P1`?)",
            "programs/step.yaml:6:72 no outlet is called `aw/2` (did you mean `aw/1`?)",
            "programs/step.yaml:6:96 no country or region of an outlet is called `DE`",
            "tax_thresholds.csv:2:19 `0` must be above zero",
            "tax_thresholds.csv:3:1 no partner is in the country `South`",
            "taxes.csv:2:1 no partner is in the country `FR`",
            "taxes.csv:3:1 no partner is in the country `South`",
        ]
    );
}

#[test]
fn a_program_selects_by_what_the_tables_say() {
    let select = "select: { attributes: { colour: [red, blue], size: S }, partners-under: P1, partner-tiers: [gold], \
        customers: [aw/1, Acme  Sports, '?Novo A/S'], customer-segments: retail, customer-regions: [DE], \
        currencies: [USD, EUR], promotions: DEAL }";
    let selecting = PROGRAM.replace("select: { categories: [Bikes] }", select);
    let program = ("programs/step.yaml", selecting.as_str());
    let outlets = ("outlets.csv", "outlet,name,country,segment\naw/1,One,DE,retail\n");
    let attributes = "product,attribute,value\naw/A-1,colour,red\naw/B-1,colour,blue\naw/B-1,size,S\n";
    let tiers = "partner,tier,from,to\nP1,gold,2013-01-01,\n";
    let good = folder(&[program, outlets, ("product_attributes.csv", attributes), ("partner_tiers.csv", tiers)]);
    let reference = load(good.path()).unwrap().reference;
    let selector = &reference.programs[0].selector;
    let attributes: Vec<String> =
        selector.attributes.iter().map(|(name, values)| format!("{name} {values:?}")).collect();
    assert_eq!(attributes, ["colour [\"blue\", \"red\"]", "size [\"S\"]"]);
    assert_eq!(selector.customers, ["?acme sports", "?novo a/s", "aw/1"]);
    assert_eq!((selector.currencies.len(), selector.promotions[0].as_str()), (2, "DEAL"));
    assert_eq!(reference.partner_tiers[0].to, None);
    let bad = [
        program,
        ("outlets.csv", "outlet,name,country,segment\naw/2,Two,US,\n"),
        ("product_attributes.csv", "product,attribute,value\naw/A-1,colour,rad\naw/A-1,colour,red\naw/C-1,size,M\n"),
        ("partner_tiers.csv", "partner,tier,from,to\nP9,golden,2013-01-01,2012-01-01\nP9,goldy,2013-01-01,\n"),
    ];
    assert_eq!(
        problems(&bad),
        [
            "partner_tiers.csv:2:1 nobody knows the partner `P9` (did you mean `P1`?)",
            "partner_tiers.csv:2:22 the last day lies before the first, 2013-01-01 (swap the two dates)",
            "product_attributes.csv:3:1 this key stands in the table twice (keep one of the two rows)",
            "product_attributes.csv:4:1 nobody knows the product `aw/C-1` (did you mean `aw/A-1`?)",
            "programs/step.yaml:5:38 no attribute of a product is called `colour: red` (did you mean `colour: rad`?)",
            "programs/step.yaml:5:43 no attribute of a product is called `colour: blue`",
            "programs/step.yaml:5:56 no attribute of a product is called `size: S` (did you mean `size: M`?)",
            "programs/step.yaml:5:97 no tier of a partner is called `gold` (did you mean `goldy`?)",
            "programs/step.yaml:5:116 no outlet is called `aw/1` (did you mean `aw/2`?)",
            "programs/step.yaml:5:169 no segment of an outlet is called `retail`",
            "programs/step.yaml:5:196 no country or region of an outlet is called `DE`",
        ]
    );
}

#[test]
fn what_is_eligible_names_what_is_known() {
    let with = |test: &str| PROGRAM.replace("    earn:", &format!("    eligible: {test}\n    earn:"));
    let good = with("amount >= 100 and partner.country = 'DE' and category != \"Parts\"");
    let reference = load(folder(&[("programs/step.yaml", &good)]).path()).unwrap().reference;
    let test = reference.programs[0].eligible.as_ref().map(ToString::to_string);
    assert_eq!(test.unwrap(), "amount >= 100 and partner.country = 'DE' and not (category = 'Parts')");
    for (test, problem) in [
        ("category = 'Bike'", "6:26 no category is called `Bike` (did you mean `Bikes`?)"),
        ("product.size = 'S'", "6:15 no attribute of a product is called `size`"),
        ("customer in ['Acme', 'aw/9']", "6:36 no outlet is called `aw/9`"),
        ("amont > 1", "6:15 `amont` is no field of a sale (did you mean `amount`?)"),
    ] {
        let found = problems(&[("programs/step.yaml", &with(test))]);
        assert_eq!(found[0], format!("programs/step.yaml:{problem}"));
    }
}

#[test]
fn equal_content_has_an_equal_digest_and_other_content_another() {
    let digest = |files: &[(&str, &str)]| load(folder(files).path()).unwrap().digest;
    let shuffled = "product,name,category,list_price\naw/B-1,Bike,Bikes,900\naw/A-1,Axle,Parts,10.50\n";
    let dearer = PRODUCTS.replace("900", "901");
    assert_eq!(digest(&[]), digest(&[("products.csv", shuffled)]));
    assert_ne!(digest(&[]), digest(&[("products.csv", &dearer)]));
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let tenant = "name: Test\nfunctional-curency: USD\npartitions: 0\n";
    let products = "product,name,category,list_price\nA-1,Axle,Parts,ten\n";
    let partners = "partner,nme,kind,source\nP1,Shop,reseler,aw\n";
    let found = problems(&[("tenant.yaml", tenant), ("products.csv", products), ("partners.csv", partners)]);
    let expected = [
        "partners.csv:1:1 column `name` is missing (did you mean `nme`?)",
        "products.csv:2:1 `A-1` is not of the form source/code",
        "products.csv:2:16 `ten`: not a number (write plain digits with a dot, such as 1250.50)",
        "tenant.yaml:1:1 key `functional-currency` is missing",
        "tenant.yaml:2:1 unknown key `functional-curency` (did you mean `functional-currency`?)",
        "tenant.yaml:3:13 `0` is not a number of partitions (1 to 256; 4 suits up to eight cores)",
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_fault_of_a_row_is_told_and_what_names_it_is_right() {
    let feed = "partner: P2\nformat: delimited\ncolumns: { document: Doc, date: Day, code: Item, quantity: Qty }\n";
    let partners =
        "partner,name,kind,source,parent,currency\nP1,Wholesale,distributor,aw,,USD\nP2,Shop,reseler,aw,P9,USDD\n";
    let expected = [
        "partners.csv:3:1 nobody knows the parent `P9` (did you mean `P1`?)",
        "partners.csv:3:9 `reseler` is none of distributor, reseller (did you mean `reseller`?)",
        "partners.csv:3:23 `USDD` is not a currency",
    ];
    let found = problems(&[("partners.csv", partners), ("feeds/p2.yaml", feed)]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected)), "{found:#?}");
}

#[test]
fn programs_are_checked() {
    let cases = [
        (("from: 500,", "from: 0,"), "11:19 tiers must rise: 0 is not above 0 (order the tiers, or raise it above 0)"),
        (
            ("from: 0,", "from: 1,"),
            "10:19 the first tier must start at 0 (below it nothing would be defined; rate 0% is fine)",
        ),
        (("2.5%", "250%"), "11:30 `250%` is not between 0 % and 100 % (two percent is `2%` or `0.02`)"),
        (("2.5%", "2..5%"), "11:30 `2..5`: not a number (write plain digits with a dot, such as 1250.50)"),
        (("2013-12-31", "2012-12-31"), "4:9 the version ends before it starts on 2013-01-01 (swap the two dates)"),
        (("2013-12-31", "2013-02-30"), "4:9 `2013-02-30` is not a date (write it as 2013-01-31)"),
        (
            ("    period: quarter", "    period: quarter\n    fx: 1.05"),
            "13:9 a fixed rate needs a `currency` (say which one it converts)",
        ),
        (
            ("    period: quarter", "    period: quarter\n    fx: month-avrage"),
            "13:9 `month-avrage` is none of sale-date, month-average, period-end (did you mean `month-average`?)",
        ),
        (
            ("    period: quarter", "    period: quarter\n    fx: 1..05"),
            "13:9 `1..05`: not a number (write plain digits with a dot, such as 1250.50)",
        ),
        (("quarter", "quater"), "12:13 `quater` is none of month, quarter, year (did you mean `quarter`?)"),
        (("Bikes", "Bike"), "5:28 no category is called `Bike` (did you mean `Bikes`?)"),
        (("measure: amount", "rate: 1%"), "7:7 key `measure` is missing"),
        (("period: quarter", "perod: quarter"), "3:5 key `period` is missing"),
    ];
    for (change, expected) in cases {
        let found = problems_of_program(change);
        let expected = format!("programs/step.yaml:{expected}");
        assert!(found.contains(&expected), "{change:?}: {found:#?}");
    }
}

const GROWTH: &str = "program: GROW\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn:\n      type: growth\n      \
    measure: amount\n      paid-on: growth\n      baseline:\n        P2: 200000\n        P1: { 2013-Q1: 500, 2013-Q2: 600 }\n      \
    tiers:\n        - { from: 110%, rate: 5% }\n    period: quarter\n    currency: EUR\n";

#[test]
fn baselines_stand_in_the_program_or_in_a_table_beside_it() {
    let in_file = folder(&[("programs/grow.yaml", GROWTH)]);
    let (before, after) = GROWTH.split_once("\n        P2").unwrap();
    let tiers = after.split_once("      tiers").unwrap().1;
    let program = format!("{before} grow.csv\n      tiers{tiers}");
    let table = "partner,period,baseline\nP1,2013-Q1,500\nP2,,200000\nP1,2013-Q2,600\n";
    let beside = folder(&[("programs/grow.yaml", &program), ("programs/grow.csv", table)]);
    let programs = |folder: &tempfile::TempDir| load(folder.path()).unwrap().reference.programs;
    assert_eq!(programs(&in_file), programs(&beside));
    let contract::Mechanism::Growth(growth) = &programs(&beside)[0].mechanism else { panic!() };
    let baseline = |partner: &str, period: &str| {
        contract::Figure::find(&growth.baselines, partner, period).map(|figure| figure.to_string())
    };
    assert_eq!(baseline("P1", "2013-Q2").as_deref(), Some("600"));
    assert_eq!(baseline("P1", "2013-Q3"), None);
    assert_eq!(baseline("P2", "2013-Q3").as_deref(), Some("200000"));
    let wrong = "partner,period,baseline\nP1,2013-01,500\nP1,,0\nP3,,7\nP2,,1\nP2,,2\n";
    let found = problems(&[("programs/grow.yaml", &program), ("programs/grow.csv", wrong)]);
    let expected = [
        "programs/grow.csv:2:4 `2013-01` is no quarter, which is the program's period (write it as 2013-Q2)",
        "programs/grow.csv:3:5 `0` must be above zero",
        "programs/grow.csv:4:1 nobody knows the partner `P3` (did you mean `P1`?)",
        "programs/grow.csv:6:1 this key stands in the table twice (keep one of the two rows)",
    ];
    assert_eq!(found, expected);
    assert_eq!(problems(&[("programs/grow.yaml", &program)]), ["programs/grow.csv:0:0 this file is missing"]);
}

#[test]
fn types_of_programs_say_what_they_need() {
    let cases = [
        (
            "110%",
            "90%",
            "13:19 the first tier starts below the baseline (growth is from 100% on: 110% is ten percent more)",
        ),
        ("P2: 2", "P3: 2", "10:9 no partner is called `P3` (did you mean `P1`?)"),
        ("2013-Q2", "2013-Q5", "11:29 `2013-Q5` is no quarter, which is the program's period (write it as 2013-Q2)"),
        ("2013-Q2", "2013-Q1", "11:29 key `2013-Q1` stands here twice (keep one of them)"),
        ("paid-on: growth", "paid-on: groth", "8:16 `groth` is none of growth, excess, all (did you mean `growth`?)"),
        ("    currency: EUR\n", "", "3:5 growth of an amount needs a `currency` (say which one the baselines are in)"),
        ("type: growth", "type: volume-total", "10:9 `baseline` has no meaning for this type of program (take it out)"),
        ("type: growth", "type: volume-excess", "6:7 key `above` is missing"),
        ("type: growth", "type: fixed", "6:7 key `amount` is missing"),
    ];
    for (from, to, expected) in cases {
        let found = problems(&[("programs/grow.yaml", &GROWTH.replacen(from, to, 1))]);
        let expected = format!("programs/grow.yaml:{expected}");
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
    let fixed = "program: FIX\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
        earn: { type: fixed, measure: amount, amount: 500 }\n    caps: { per-unit: 1 }\n    period: quarter\n";
    let found = problems(&[("programs/fix.yaml", fixed)]);
    assert_eq!(found, ["programs/fix.yaml:6:23 `per-unit` has no meaning for this type of program (take it out)"]);
}

#[test]
fn a_cap_on_the_measure_leaves_nothing_that_is_never_reached() {
    let quarter = "    period: quarter";
    let capped = |caps: &str| format!("    caps: {{ measure: {caps} }}\n{quarter}");
    let told = |caps: &str| problems_of_program((quarter, &capped(caps)));
    assert_eq!(told("501"), [] as [&str; 0]);
    let hint = "raise the cap of the measure, or take out what it keeps from being reached";
    assert_eq!(told("500"), [format!("programs/step.yaml:12:22 the tier from 500 lies above 500 ({hint})")]);
    let with = |more: &str| problems_of_program((quarter, &format!("    caps: {{ measure: 600 }}\n{more}{quarter}")));
    assert_eq!(
        with("    threshold: 601\n"),
        [format!("programs/step.yaml:12:22 the threshold of 601 lies above 600 ({hint})")]
    );
    assert_eq!(with("    prorate: [thresholds, caps]\n"), [] as [&str; 0]);
    let shrinks = "the cap of the measure shrinks with the days in force, the threshold and tiers below it do not";
    assert!(with("    prorate: [caps]\n")[0].contains(shrinks));
    assert_eq!(told("0"), ["programs/step.yaml:12:22 `0` must be above zero"]);
    let of = |earn: &str, cap: u32| {
        let program = format!(
            "program: P\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn: {earn}\n    \
             caps: {{ measure: {cap} }}\n    period: quarter\n"
        );
        problems(&[("programs/p.yaml", &program)])
    };
    assert_eq!(of("{ type: percent, rate: 1% }", 9), [] as [&str; 0]);
    let excess = "{ type: volume-excess, measure: amount, above: 9, tiers: [{ from: 0, rate: 1% }] }";
    assert_eq!(of(excess, 9), [format!("programs/p.yaml:6:22 nothing above 9 is paid below 9 ({hint})")]);
    let free = "{ type: free-goods, every: 10, free: 1, value: 5 }";
    assert_eq!(of(free, 9), [format!("programs/p.yaml:6:22 10 units are never bought below 9 ({hint})")]);
    for senseless in ["{ type: fixed, measure: amount, amount: 500 }", "{ type: ship-and-debit, resale: strict }"] {
        let message = "what this type of program gives does not grow with a measure of the period";
        assert_eq!(of(senseless, 9), [format!("programs/p.yaml:6:22 {message} (take `measure` out of the caps)")]);
    }
}

const SCORE: &str = "program: SCORE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn:\n      type: score\n      \
    weights: { sales: 50%, service: 30%, training: 20% }\n      score:\n        \
    P1: { sales: 80, service: 90, training: 50 }\n        \
    P2: { 2013-Q1: { sales: 70, service: 0, training: 100 } }\n      tiers:\n        - { from: 70, rate: 1.5% }\n        \
    - { from: 85, rate: 2% }\n    period: quarter\n";

#[test]
fn scores_are_numbers_or_weighted_parts() {
    let table = "partner,period,sales,service,training\nP1,,80,90,50\nP2,2013-Q1,70,0,100\n";
    let (before, after) = SCORE.split_once("\n        P1").unwrap();
    let program = format!("{before} scores.csv\n      tiers{}", after.split_once("      tiers").unwrap().1);
    let in_file = folder(&[("programs/score.yaml", SCORE)]);
    let beside = folder(&[("programs/score.yaml", &program), ("programs/scores.csv", table)]);
    for folder in [in_file, beside] {
        let programs = load(folder.path()).unwrap().reference.programs;
        let contract::Mechanism::Score(score) = &programs[0].mechanism else { panic!() };
        let of = |partner: &str, period: &str| {
            contract::Figure::find(&score.scores, partner, period).map(|figure| figure.to_string())
        };
        assert_eq!(of("P1", "2013-Q3").as_deref(), Some("77"));
        assert_eq!(of("P2", "2013-Q1").as_deref(), Some("55"));
        assert_eq!(of("P2", "2013-Q2"), None);
    }
    let cases = [
        ("50%", "40%", "7:16 the weights come to 90 %, not to 100 %"),
        (", service: 90", "", "9:13 key `service` is missing"),
        ("service: 90", "sevice: 90", "9:26 unknown key `sevice` (did you mean `service`?)"),
        ("sales: 80", "sales: -1", "9:22 `-1` must be zero or more"),
        ("2013-Q1", "2013-01", "10:15 `2013-01` is no quarter, which is the program's period (write it as 2013-Q2)"),
        ("from: 85", "from: 70", "13:19 tiers must rise: 70 is not above 70 (order the tiers, or raise it above 70)"),
        ("P2:", "P9:", "10:9 no partner is called `P9` (did you mean `P1`?)"),
        (
            "    earn:",
            "    earn:\n      measure: amount",
            "6:16 `measure` has no meaning for this type of program (take it out)",
        ),
    ];
    for (from, to, expected) in cases {
        let found = problems(&[("programs/score.yaml", &SCORE.replacen(from, to, 1))]);
        let expected = format!("programs/score.yaml:{expected}");
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
    let found =
        problems(&[("programs/score.yaml", &program), ("programs/scores.csv", "partner,sales,service\nP1,80,90\n")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("training"), "{found:?}");
}

const SPIFF: &str = "program: SPIFF\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn:\n      type: spiff\n      \
    rate: 5\n      split: [60%, 40%]\n      \
    late: { free-days: 30, step-days: 30, lose: 10%, steps: started, nothing-after-days: 330 }\n    period: month\n";

#[test]
fn a_deduction_is_from_a_settlement_that_can_be() {
    let in_dollars = PROGRAM.replace("    period: quarter", "    currency: USD\n    period: quarter");
    let rows = "deduction,program,partner,period,invoice,amount,currency\nD1,SPIFF,P1,2013-01,88,1.50,USD\n\
        D2,STEP,P1,2013-Q1,88,1.50,EUR\nD3,STEP,P1,2013-Q5,88,1.50,USD\nD4,STEP,P1,2013-Q4,88,1.50,USD\n";
    let programs = [("programs/spiff.yaml", SPIFF), ("programs/step.yaml", in_dollars.as_str())];
    assert_eq!(
        problems(&[programs[0], programs[1], ("deductions.csv", rows)]),
        [
            "deductions.csv:2:1 program `SPIFF` pays persons, not the partner (a partner deducts its own rebates)",
            "deductions.csv:3:1 program `STEP` is not in EUR (name the currency in which it pays)",
            "deductions.csv:4:1 `2013-Q5` is no period of program `STEP` (write a month as 2013-04, a quarter as 2013-Q2, a \
             year as 2013)",
        ]
    );
}

#[test]
fn a_deduction_is_in_whole_units_of_its_currency() {
    let header = "deduction,program,partner,period,invoice,amount,currency";
    let rows =
        ["D1,STEP,P1,2013-Q1,88,1.505,USD", "D2,STEP,P1,2013-Q1,88,1500.5,JPY", "D3,STEP,P1,2013-Q1,88,1.505,KWD"];
    let table = format!("{header}\n{}\n", rows.join("\n"));
    assert_eq!(
        problems(&[("programs/step.yaml", PROGRAM), ("deductions.csv", &table)]),
        [
            "deductions.csv:2:23 `1.505` is finer than the smallest unit of USD (USD has 2 decimals)",
            "deductions.csv:3:23 `1500.5` is finer than the smallest unit of JPY (JPY has no decimals)",
        ]
    );
}

#[test]
fn a_spiff_says_who_gets_what_and_until_when() {
    let spiff = |from: &str, to: &str| problems(&[("programs/spiff.yaml", &SPIFF.replacen(from, to, 1))]);
    assert_eq!(spiff("", ""), [""; 0]);
    assert_eq!(spiff("[60%, 40%]", "equal"), [""; 0]);
    let hint = "the shares of the first named, the second and so on: `[60%, 40%]`";
    let cases = [
        ("[60%, 40%]", "[60%, 30%]", format!("8:14 the shares come to 90 %, not to 100 % ({hint})")),
        ("40%]", "0.4]", "8:20 `0.4` is no whole percentage (write it as 60%)".to_owned()),
        ("[60%, 40%]", "equally", "8:14 `equally` is none of equal (did you mean `equal`?)".to_owned()),
        (
            "lose: 10%",
            "lose: 110%",
            "9:51 `110%` is not between 0 % and 100 % (two percent is `2%` or `0.02`)".to_owned(),
        ),
        ("step-days: 30", "step-days: 0", "9:41 a step has at least one day (write 30 for months)".to_owned()),
        (", steps: started", "", "9:13 key `steps` is missing".to_owned()),
        ("days: 330", "days: 20", "9:92 nothing is paid after 20 days, before the 30 free ones end".to_owned()),
        (
            "    period",
            "    caps: { partner-year: 600, budget: 900 }\n    ties: pro-rata\n    period",
            "11:11 a budget of which persons have their part pro rata cannot be shared with the cap of their year (write `by-sale`, \
             or take `partner-year` out)"
                .to_owned(),
        ),
        (
            "type: spiff",
            "type: per-unit",
            "8:14 `split` has no meaning for this type of program (take it out)".to_owned(),
        ),
        (
            "    period:",
            "    unusual: hold\n    period:",
            "10:14 what persons sell is not compared with what is usual for them (take `unusual` out: a SPIFF is not held \
             for that)"
                .to_owned(),
        ),
    ];
    for (from, to, expected) in cases {
        let found = spiff(from, to);
        let expected = format!("programs/spiff.yaml:{expected}");
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
}

const SPECIAL: &str = "program: SPA\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: ship-and-debit, resale: partial }\n    period: quarter\n";
const PRICES: &str = "authorisation,program,partner,product,customer,from,to,quantity,cost,amount,resale,currency\n\
    A-1,SPA,P1,aw/B-1,Acme  GmbH,2013-01-01,2013-06-30,100,7.40,,8,EUR\n";

#[test]
fn special_prices_name_what_is_known_and_fit_their_program() {
    let of = |prices: &str| problems(&[("programs/spa.yaml", SPECIAL), ("special_prices.csv", prices)]);
    assert_eq!(of(PRICES), [""; 0]);
    let cases = [
        (
            "7.40,,",
            ",,",
            "2:1 a special price has either a `cost` or an `amount` (`cost` is the authorised one for ship and debit, \
             `amount` what a pass-through gives for a unit)",
        ),
        (
            "7.40,",
            ",7.40",
            "2:1 program `SPA` is no pass-through (an `amount` is for a pass-through, a `cost` for ship and debit)",
        ),
        ("SPA", "SPB", "2:1 no program is called `SPB`"),
        ("P1", "P9", "2:1 nobody knows the partner `P9` (did you mean `P1`?)"),
        ("Acme  GmbH", "aw/9", "2:1 nobody knows the outlet `aw/9`"),
        ("aw/B-1", "aw/B-2", "2:1 nobody knows the product `aw/B-2` (did you mean `aw/B-1`?)"),
        ("2013-06-30", "2012-06-30", "2:41 the authorisation ends before it starts on 2013-01-01 (swap the two dates)"),
        ("100", "0", "2:52 `0` must be above zero"),
    ];
    for (from, to, expected) in cases {
        let found = of(&PRICES.replacen(from, to, 1));
        let expected = format!("special_prices.csv:{expected}");
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
    let broken = problems(&[
        ("programs/spa.yaml", &SPECIAL.replace("2013-12-31", "2013-13-31")),
        ("special_prices.csv", PRICES),
    ]);
    assert_eq!(broken.len(), 1, "the table is not told of as well: {broken:?}");
    let twice = format!("{PRICES}A-1,SPA,P1,aw/B-1,,2013-01-01,2013-06-30,,5,,,EUR\n");
    assert_eq!(of(&twice), ["special_prices.csv:3:1 this key stands in the table twice (keep one of the two rows)"]);
    let book = problems(&[("price_book.csv", "product,currency,from,cost\naw/B-9,EUR,2013-01-01,5\n")]);
    assert_eq!(book, ["price_book.csv:2:1 nobody knows the product `aw/B-9` (did you mean `aw/B-1`?)"]);
}

#[test]
fn a_special_price_in_force_may_be_amended_in_quantity_and_last_day_only() {
    let of =
        |prices: &str| load(folder(&[("programs/spa.yaml", SPECIAL), ("special_prices.csv", prices)]).path()).unwrap();
    let before = of(PRICES).reference;
    let told = |prices: &str| match of(prices).keeps_terms(&before, Some(contract::Day::new(2013, 2, 1).unwrap())) {
        Ok(()) => String::new(),
        Err(changed) => changed.0.iter().map(|problem| problem.message.clone()).collect(),
    };
    assert_eq!(told(&PRICES.replace("06-30,100", "09-30,250")), "");
    let what = "special price A-1 of P1 for aw/B-1 was in force and";
    assert_eq!(told(&PRICES.replace("7.40", "7.00")), format!("{what} says something else: cost or amount"));
    assert_eq!(told(&PRICES.replace("Acme  GmbH", "")), format!("{what} says something else: customer"));
    assert_eq!(told(&PRICES.replace("Acme  ", "ACME ")), "", "customers go by their words");
    assert_eq!(told(PRICES.split_once("A-1").unwrap().0), format!("{what} is gone"));
}

const PROTECT: &str = "program: PROTECT\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: price-protection, look-back-days: 90 }\n    period: quarter\n    currency: USD\n";

#[test]
fn price_protection_counts_all_that_leaves_a_stock() {
    let of = |program: &str| problems(&[("programs/protect.yaml", program)]);
    assert_eq!(of(PROTECT), [""; 0]);
    let class =
        |program: &str| load(folder(&[("programs/protect.yaml", program)]).path()).unwrap().reference.programs[0].class;
    assert_eq!(class(PROTECT), AccountingClass::PriceProtection);
    let rebate = PROTECT.replace("    period", "    class: contra-revenue\n    period");
    assert_eq!(class(&rebate), AccountingClass::ContraRevenue);
    let with = |key: &str| (String::from("    period"), format!("    {key}\n    period"));
    let cases = [
        (
            (String::from("90"), String::from("0")),
            "5:53 nothing is bought within 0 days (say for how many days before a cut what was bought is protected)",
        ),
        (
            (String::from("    currency: USD\n"), String::new()),
            "3:5 price protection needs a `currency` (say which price book it follows)",
        ),
        (with("group: front"), "6:12 `group` has no meaning for this type of program (take it out)"),
        (
            with("conditions: { members-only: yes }"),
            "6:17 `conditions` has no meaning for this type of program (take it out)",
        ),
        (
            with("select: { partners: [P1], promotions: [DEAL-7] }"),
            "6:31 `promotions` has no meaning for price protection (whatever a partner sells is gone from its stock: select \
             products and partners)",
        ),
    ];
    for ((from, to), expected) in cases {
        let found = of(&PROTECT.replacen(&from, &to, 1));
        assert!(found.contains(&format!("programs/protect.yaml:{expected}")), "{to}: {found:#?}");
    }
    let bought =
        "partner,product,date,units\nP1,aw/A-1,2013-01-10,25\nP3,aw/A-1,2013-01-31,7\nP1,aw/A-1,2013-02-31,7\n";
    let found = problems(&[("programs/protect.yaml", PROTECT), ("purchases.csv", bought)]);
    let expected = [
        "purchases.csv:3:1 nobody knows the partner `P3` (did you mean `P1`?)",
        "purchases.csv:4:11 `2013-02-31` is not a date (write it as 2013-01-31)",
    ];
    assert_eq!(found, expected);
    let barcode = "partner,product,date,units\nP1,aw/A-1,2013-01-10,25\nP1,aw/A-1,2013-01-31,12345678905\n";
    let book = "product,currency,from,cost\naw/A-1,USD,2013-01-01,700\naw/A-1,USD,2013-02-01,750\n";
    let found = problems(&[("programs/protect.yaml", PROTECT), ("purchases.csv", barcode), ("price_book.csv", book)]);
    let told = "purchases.csv:3:1 what `P1` bought of `aw/A-1` is worth 9259259197500 (correct the units, their `unit_cost`, \
                the price book, or what is estimated for a unit)";
    assert_eq!(found, [told]);
}

#[test]
fn what_a_unit_cost_stands_with_its_currency() {
    let of = |rows: &str| {
        let table = format!("partner,product,date,document,units,unit_cost,currency\n{rows}");
        problems(&[("purchases.csv", &table)])
    };
    // Two invoices of one day are two layers; what goes back has a row as well.
    let rows =
        "P1,aw/A-1,2013-01-10,4711,25,9.40,USD\nP1,aw/A-1,2013-01-10,4712,5,9.60,USD\nP1,aw/A-1,2013-02-01,,-3,,\n";
    assert_eq!(of(rows), [""; 0]);
    let hint = "what a unit cost stands in both columns, or in none";
    for (from, to, expected) in [
        (",USD\n", ",\n", format!("2:35 `currency` is empty ({hint})")),
        ("9.40", "", format!("2:30 `unit_cost` is empty ({hint})")),
        ("9.40", "0", "2:30 `0` must be above zero".to_owned()),
        ("4712", "4711", "3:1 this key stands in the table twice (keep one of the two rows)".to_owned()),
        (
            "-3,,",
            "-3,9.40,USD",
            "4:26 `9.40` stands at units that went back (they are taken off the latest layers: leave `unit_cost` and \
             `currency` empty)"
                .to_owned(),
        ),
    ] {
        let expected = format!("purchases.csv:{expected}");
        let found = of(&rows.replacen(from, to, 1));
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
    // A cost that is mistyped is told at its row.
    let found = of("P1,aw/A-1,2013-01-10,4711,1000000000,9,USD\nP1,aw/A-1,2013-01-11,4712,1,9999,USD\n");
    let worth =
        "purchases.csv:3:1 what `P1` bought of `aw/A-1` is worth 9999000009999 (correct the units, their `unit_cost`, ";
    assert!(found[0].starts_with(worth), "{found:?}");
}

#[test]
fn ship_and_debit_goes_by_the_book_or_by_cost_layers() {
    let of = |program: &str| problems(&[("programs/spa.yaml", program)]);
    let mechanism = |program: &str| {
        let loaded = load(folder(&[("programs/spa.yaml", program)]).path()).unwrap();
        loaded.reference.programs[0].mechanism.clone()
    };
    assert!(!mechanism(SPECIAL).goes_by_layers());
    let by = |cost: &str| SPECIAL.replacen("resale: partial", &format!("resale: partial, cost: {cost}"), 1);
    assert!(!mechanism(&by("book")).goes_by_layers());
    assert!(mechanism(&by("layers")).goes_by_layers());
    let found = of(&by("list"));
    assert!(found[0].contains("`list`"), "{found:?}");
    let compared = by("layers").replace("    period", "    group: front\n    choose: best-for-partner\n    period");
    let found = of(&compared);
    assert!(found[0].contains("what this type of program gives for one sale cannot be compared"), "{found:?}");
    let team = by("layers").replace("ship-and-debit", "pass-through");
    assert!(of(&team)[0].contains("`cost` has no meaning for this type of program"), "{:?}", of(&team));
}

#[test]
fn what_was_on_hand_at_a_later_program_is_no_purchase_of_an_earlier_one() {
    let layers = SPECIAL.replacen("resale: partial", "resale: partial, cost: layers", 1);
    let of = |debit: &str, protect_from: &str, rows: &str| {
        let protect = PROTECT.replacen("from: 2013-01-01", &format!("from: {protect_from}"), 1);
        let table = format!("partner,product,date,document,units,unit_cost,currency\n{rows}");
        let files = [("programs/spa.yaml", debit), ("programs/protect.yaml", &protect), ("purchases.csv", &table)];
        let mut found = problems(&files);
        found.retain(|problem| problem.starts_with("purchases.csv"));
        found
    };
    let opening = "P1,aw/A-1,2013-01-01,,25,9.40,USD\nP1,aw/A-1,2013-03-01,,20,9.40,USD\n";
    let hint = "(an invoice has a `document`; for what was on hand let both begin on one day)";
    let told = format!("purchases.csv:3:1 `PROTECT` begins on 2013-03-01: for `SPA` this row is a purchase {hint}");
    assert_eq!(of(&layers, "2013-03-01", opening), [told]);
    assert_eq!(of(&layers, "2013-01-01", opening), [""; 0]);
    assert_eq!(of(SPECIAL, "2013-03-01", opening), [""; 0], "by the price book nobody counts");
    assert_eq!(of(&layers, "2013-03-01", &opening.replace("03-01,,", "03-01,4711,")), [""; 0]);
}

const SELL_IN: &str = "program: SELLIN\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: sell-in, rate: 1%, not-with: [RESALE] }\n    period: quarter\n    currency: USD\n";
const RESALE: &str = "program: RESALE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    select: { products: [aw/A-1] }\n    earn: { type: percent, rate: 1.5% }\n    period: quarter\n";

#[test]
fn a_program_for_purchases_names_programs_for_sales() {
    let of = |program: &str| problems(&[("programs/resale.yaml", RESALE), ("programs/sellin.yaml", program)]);
    assert_eq!(of(SELL_IN), [""; 0]);
    assert_eq!(of(&SELL_IN.replace(", not-with: [RESALE]", "")), [""; 0]);
    let cases = [
        ("[RESALE]", "[RESALES]", "5:49 no program is called `RESALES` (did you mean `RESALE`?)"),
        ("[RESALE]", "[SELLIN]", "5:49 `SELLIN` pays for no sales (name programs under which units earn at resale)"),
        ("[RESALE]", "[]", "5:48 `not-with` lists nothing (name something, or leave the key out)"),
        ("    currency: USD\n", "", "3:5 a program for purchases needs a `currency` (say which price book it follows)"),
        (
            "    period",
            "    group: front\n    period",
            "6:12 `group` has no meaning for this type of program (take it out)",
        ),
        (
            "    period",
            "    select: { partners: [P1], currencies: [USD] }\n    period",
            "6:31 `currencies` has no meaning for a program for purchases (it pays for what partners buy: select products \
             and partners)",
        ),
    ];
    for (from, to, expected) in cases {
        let found = of(&SELL_IN.replacen(from, to, 1));
        assert!(found.contains(&format!("programs/sellin.yaml:{expected}")), "{to}: {found:#?}");
    }
}

const ESTIMATE: &str = "program: REBATE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: per-unit, rate: 2 }\n    estimate-at-sell-in: { per-unit: 1.90, lapses-after-days: 90 }\n    \
    period: quarter\n    currency: USD\n";

#[test]
fn an_estimate_at_sell_in_is_for_units_that_earn_in_one_currency() {
    let of = |program: &str| problems(&[("programs/rebate.yaml", program)]);
    let sell_in = |program: &str| {
        let loaded = load(folder(&[("programs/rebate.yaml", program)]).path());
        loaded.unwrap().reference.programs[0].estimate.unwrap()
    };
    let read = sell_in(ESTIMATE);
    assert_eq!((read.benefit, read.rate.to_string().as_str(), read.lapses_after_days), (Benefit::PerUnit, "1.9", 90));
    let read = sell_in(&ESTIMATE.replace("per-unit: 1.90", "percent: 2%"));
    assert_eq!((read.benefit, read.rate.to_string().as_str()), (Benefit::Percent, "0.02"));
    let one_of_two = "6:26 an estimate is an amount `per-unit`, or a `percent` of the book cost (write one of the two, such as \
                      `per-unit: 2.50`)";
    let cases = [
        ("per-unit: 1.90, ", "", one_of_two),
        ("per-unit: 1.90", "per-unit: 1.90, percent: 2%", one_of_two),
        ("1.90", "0", "6:38 `0` must be above zero"),
        (", lapses-after-days: 90", "", "6:26 key `lapses-after-days` is missing"),
        (
            "    currency: USD\n",
            "",
            "6:26 an estimate at sell-in needs a `currency` (purchases have none: say what it is in)",
        ),
        (
            "{ type: per-unit, rate: 2 }",
            "{ type: fixed, amount: 2, measure: quantity }",
            "6:26 this type of program earns nothing by units that a partner buys and sells through (take \
             `estimate-at-sell-in` out)",
        ),
    ];
    for (from, to, expected) in cases {
        let found = of(&ESTIMATE.replacen(from, to, 1));
        assert_eq!(found, [format!("programs/rebate.yaml:{expected}")], "{to}");
    }
    let (head, version) = ESTIMATE.split_at(ESTIMATE.find("  - from").unwrap());
    let next = version.replace("2013-", "2014-").replace("    period", "    group: front\n    period");
    let told = "programs/rebate.yaml:9:5 this version estimates at sell-in in another `group` than one before it (what was \
                bought under one version is sold under the next: keep the group)";
    assert_eq!(of(&[head, version, &next].concat()), [told]);
    let bought = "partner,product,date,units\nP1,aw/A-1,2013-01-31,98765432109\n";
    let found = problems(&[("programs/rebate.yaml", ESTIMATE), ("purchases.csv", bought)]);
    assert!(found[0].starts_with("purchases.csv:2:1 what `P1` bought of `aw/A-1` is worth 187654321007 "), "{found:?}");
}

const EXPECTED: &str = "program: PRICE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: volume-retroactive, measure: quantity, benefit: per-unit, tiers: [{ from: 0, rate: 0 }, { from: 601, rate: 48 }] }\n    \
    accrue: expected\n    period: year\n    currency: USD\n";

#[test]
fn what_is_expected_is_for_rates_on_everything_sold() {
    let rows = "program,partner,period,from,measure\nPRICE,P1,2013,2013-05-02,700\nPRICE,P1,2013,2013-01-01,500\n";
    let good = folder(&[("programs/price.yaml", EXPECTED), ("expectations.csv", rows)]);
    let reference = load(good.path()).unwrap().reference;
    assert_eq!(reference.programs[0].accrue, contract::Accrue::Expected);
    let read = reference.expectations.iter().map(|row| format!("{} {}", row.from, row.measure));
    assert_eq!(read.collect::<Vec<_>>(), ["2013-01-01 500", "2013-05-02 700"]);
    let cases = [
        ("volume-retroactive", "volume-marginal", "only a rate on everything sold hangs on what a whole period"),
        ("rate: 0 }", "rate: 50 }", "the rate falls from tier to tier"),
        ("    currency: USD\n", "", "what is expected needs a `currency`"),
        ("    period", "    estimate-at-sell-in: { per-unit: 1, lapses-after-days: 9 }\n    period", "units would be"),
        (
            "    period",
            "    caps: { budget: 9000 }\n    period",
            "what is expected of one period says nothing of a budget",
        ),
        ("    period", "    caps: { partner-year: 900 }\n    period", "what is expected of one period says nothing"),
        ("    period", "    caps: { measure: 900 }\n    period", "what lies above the cap of the measure counts for"),
    ];
    for (from, to, expected) in cases {
        let found = problems(&[("programs/price.yaml", &EXPECTED.replacen(from, to, 1))]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("programs/price.yaml:") && found[0].contains(expected), "{to}: {found:?}");
    }
    let rows = "program,partner,period,from,measure\nPRICE,P9,2013,2013-05-02,700\nPRICE,P1,2013-Q1,2013-01-01,500\n\
                STEP,P1,2013-Q1,2013-01-01,500\nPRICE,P1,2013,2013-05-02,-1\n";
    let all = [("programs/price.yaml", EXPECTED), ("programs/step.yaml", PROGRAM), ("expectations.csv", rows)];
    assert_eq!(
        problems(&all),
        [
            "expectations.csv:2:1 nobody knows the partner `P9` (did you mean `P1`?)",
            "expectations.csv:3:1 `2013-Q1` is no period of program `PRICE` (write a month as 2013-04, a quarter as 2013-Q2, a \
             year as 2013)",
            "expectations.csv:4:1 program `STEP` accrues what sales have earned (write `accrue: expected` in its file, or take \
             the row out)",
            "expectations.csv:5:26 `-1` must be zero or more",
        ]
    );
}

const POINTS: &str = "program: POINTS\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: points, measure: amount, every: 10, points: 1, value: 0.01, breakage: 12% }\n    period: month\n    \
    currency: USD\n    close-days: 90\n";
const FUND: &str = "program: FUND\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
    earn: { type: coop-fund, rate: 2%, share: 50% }\n    period: quarter\n    currency: USD\n    close-days: 90\n";
const ORDERS: &str = "order,program,partner,date,points\nR-1,POINTS,P1,2013-03-01,800\n";
const ACTIVITIES: &str = "activity,program,partner,date,approved,spent,proof\nA-1,FUND,P1,2013-05-01,500,800,Print 7\n";

#[test]
fn points_and_funds_say_what_draws_need() {
    let of = |program: &str| problems(&[("programs/drawn.yaml", program)]);
    assert_eq!((of(POINTS), of(FUND)), (vec![], vec![]));
    let cases = [
        ("    currency: USD\n", "", "3:5 a program that is drawn on needs `currency` (say what is drawn in)"),
        (
            "    close-days: 90\n",
            "",
            "3:5 a program that is drawn on needs `close-days` (say for how many days behind the freeze it can be drawn \
             on; then it expires)",
        ),
        (
            "12%",
            "100%",
            "5:89 points that nobody redeems cost nothing (the share that is never redeemed is below 100%)",
        ),
        ("every: 10", "every: 0", "5:51 `0` must be above zero"),
        (
            "    period",
            "    caps: { budget: 100 }\n    period",
            "6:11 `caps` has no meaning for this type of program (take it out)",
        ),
        (
            "    period",
            "    minimum-payout: 5\n    period",
            "6:21 `minimum-payout` has no meaning for this type of program (take it out)",
        ),
        (
            "    period",
            "    paid: claim\n    claim: { days: 45, late: reject }\n    period",
            "6:11 what is drawn on a program is not claimed as well (leave `paid` out: what is drawn on it is paid)",
        ),
    ];
    for (from, to, expected) in cases {
        let found = of(&POINTS.replacen(from, to, 1));
        assert!(found.contains(&format!("programs/drawn.yaml:{expected}")), "{to}: {found:#?}");
    }
    let other = FUND.split_once("versions:\n").unwrap().1.replace("2013-", "2014-");
    let found = of(&format!("{POINTS}{other}"));
    assert_eq!(
        found,
        ["programs/drawn.yaml:9:5 this version is drawn on in another way than the one before it (points, a fund, \
          their currency and group last over all versions)"]
    );
}

#[test]
fn what_is_drawn_names_what_is_known_and_fits_its_program() {
    let of = |orders: &str, activities: &str| {
        problems(&[
            ("programs/drawn.yaml", POINTS),
            ("programs/fund.yaml", FUND),
            ("redemptions.csv", orders),
            ("activities.csv", activities),
        ])
    };
    assert_eq!(of(ORDERS, ACTIVITIES), [""; 0]);
    let cases = [
        ("POINTS", "POINT", "2:1 nobody knows the program `POINT` (did you mean `POINTS`?)"),
        ("POINTS", "FUND", "2:1 program `FUND` gives no points"),
        ("P1", "P9", "2:1 nobody knows the partner `P9` (did you mean `P1`?)"),
        (",800", ",0", "2:26 `0` must be above zero"),
    ];
    for (from, to, expected) in cases {
        let found = of(&ORDERS.replacen(from, to, 1), ACTIVITIES);
        assert!(found.contains(&format!("redemptions.csv:{expected}")), "{to}: {found:#?}");
    }
    let found = of(ORDERS, &ACTIVITIES.replace("FUND", "POINTS"));
    assert_eq!(found, ["activities.csv:2:1 program `POINTS` is no coop-fund"]);
    for (column, amount) in [("approved", "500"), ("spent", "800")] {
        let found = of(ORDERS, &ACTIVITIES.replacen(&format!(",{amount},"), &format!(",{amount}.005,"), 1));
        let message = format!("`{column}` is {amount}.005, finer than the smallest unit of USD (USD has 2 decimals)");
        assert_eq!(found, [format!("activities.csv:2:1 {message}")]);
    }
    let documented = |sha256: &str| {
        let lines = ACTIVITIES.lines().zip(["document", sha256]);
        of(ORDERS, &lines.map(|(line, cell)| format!("{line},{cell}\n")).collect::<String>())
    };
    assert_eq!(documented(&"0aF".repeat(22)[..64]), [""; 0]);
    let hint = "64 hexadecimal digits, as `sha256sum` writes them";
    for sha256 in [&"0a".repeat(31), &"0g".repeat(32)] {
        assert_eq!(documented(sha256), [format!("activities.csv:2:40 `{sha256}` is no SHA-256 ({hint})")]);
    }
    let twice = format!("{ORDERS}R-1,POINTS,P1,2013-04-01,5\n");
    assert_eq!(
        of(&twice, ACTIVITIES),
        ["redemptions.csv:3:1 this key stands in the table twice (keep one of the two rows)"]
    );
}

#[test]
fn breakage_is_an_estimate_and_the_rest_of_points_are_terms() {
    let of = |program: &str| load(folder(&[("programs/drawn.yaml", program)]).path()).unwrap();
    let before = of(POINTS).reference;
    let keeps = |program: &str| of(program).keeps_terms(&before, None).is_ok();
    assert!(keeps(&POINTS.replace("12%", "15%")));
    assert!(!keeps(&POINTS.replace("value: 0.01", "value: 0.02")));
}

#[test]
fn what_is_estimated_at_sell_in_is_a_term() {
    let of = |program: &str| load(folder(&[("programs/rebate.yaml", program)]).path()).unwrap();
    let before = of(ESTIMATE).reference;
    let keeps = |program: &str| of(program).keeps_terms(&before, None).is_ok();
    assert!(keeps(ESTIMATE));
    assert!(!keeps(&ESTIMATE.replace("1.90", "1.80")));
    assert!(!keeps(&ESTIMATE.replace("    estimate-at-sell-in: { per-unit: 1.90, lapses-after-days: 90 }\n", "")));
}

#[test]
fn versions_count_units_in_one_way() {
    let (head, version) = ESTIMATE.split_at(ESTIMATE.find("  - from").unwrap());
    let next = SELL_IN.split_at(SELL_IN.find("  - from").unwrap()).1.replace("2013-", "2014-");
    let next = next.replace(", not-with: [RESALE]", "");
    let told = "programs/rebate.yaml:9:5 this version counts units by purchases, one before it by estimates at sell-in (what one \
                version counted as sold is not what another means: make it a program of its own)";
    assert_eq!(problems(&[("programs/rebate.yaml", &[head, version, &next].concat())]), [told]);
    let plain = version.replace("2013-", "2014-");
    let plain = plain.replace("    estimate-at-sell-in: { per-unit: 1.90, lapses-after-days: 90 }\n", "");
    assert_eq!(problems(&[("programs/rebate.yaml", &[head, version, &plain].concat())]), [""; 0]);
}

#[test]
fn scores_are_known_late_and_their_bands_are_terms() {
    let of = |program: &str| load(folder(&[("programs/score.yaml", program)]).path()).unwrap();
    let before = of(SCORE).reference;
    let keeps = |from: &str, to: &str| of(&SCORE.replacen(from, to, 1)).keeps_terms(&before, None).is_ok();
    assert!(keeps("sales: 80", "sales: 90"));
    assert!(keeps("    P2: { 2013-Q1:", "    P2: { 2013-Q2:"));
    assert!(!keeps("from: 85", "from: 84"));
}

#[test]
fn baselines_are_put_right_and_their_bands_are_terms() {
    let of = |program: &str| load(folder(&[("programs/grow.yaml", program)]).path()).unwrap();
    let before = of(GROWTH).reference;
    let keeps = |from: &str, to: &str| {
        assert!(GROWTH.contains(from));
        of(&GROWTH.replacen(from, to, 1)).keeps_terms(&before, None).is_ok()
    };
    assert!(keeps("P2: 200000", "P2: 230000"));
    assert!(keeps("        P2: 200000\n", ""));
    assert!(!keeps("paid-on: growth", "paid-on: all"));
    let now = of(&GROWTH.replacen("P2: 200000", "P2: 230000", 1)).reference;
    let told = super::terms::news(&before.programs, &now.programs);
    assert_eq!(
        told,
        [
            "version 1 of program GROW has other baselines: periods that are open go by them, periods that are frozen keep theirs \
         until the version stands in amendments.csv"
        ]
    );
}

#[test]
fn what_is_too_little_is_carried_over_where_it_is_paid_by_itself() {
    let of = |to: &str| problems_of_program(("    period", &format!("    {to}\n    period")));
    let carry = "minimum-payout: { amount: 200, below: carry }";
    assert_eq!(of(carry), [""; 0]);
    assert_eq!(of("minimum-payout: { amount: 200 }"), [""; 0]);
    let by_claim = format!("{carry}\n    paid: claim\n    claim: {{ days: 45, late: reject }}");
    let by_nobody = format!("{carry}\n    auto-authorise: no");
    for (to, expected) in [
        (by_claim.as_str(), "what is claimed is of one period, and is paid or let go with it"),
        (by_nobody.as_str(), "nothing is authorised by itself under `auto-authorise: no`"),
        ("minimum-payout: { below: carry }", "key `amount` is missing"),
        ("minimum-payout: { amount: 200, below: keep }", "`keep` is none of forfeit, carry"),
        ("minimum-payout: { amount: 0 }", "`0` must be above zero"),
    ] {
        let found = of(to);
        assert!(found.iter().any(|told| told.contains(expected)), "{to}: {found:#?}");
    }
}

#[test]
fn programs_on_one_sale_say_how_they_get_along() {
    let of = |from: &str, to: &str| problems_of_program((from, to));
    let cases = [
        ("    period", "    choose: best-for-partner\n    period", "`choose` has no meaning without a `group`"),
        ("    period", "    group: g\n    choose: best-for-partner\n    period", "cannot be compared"),
        ("    period", "    stack: { name: s, base: net }\n    period", "cannot reduce another's base"),
        (
            "    period",
            "    group: g\n    stack: { name: s, base: net, reduces: no }\n    period",
            "a program stands in a `group` or in a `stack`",
        ),
        (
            "    period",
            "    stack: { name: s, base: net, reduces: no, at-most: 9% }\n    period",
            "only shares of the amount",
        ),
        ("    period", "    rounding: line\n    period", "`line` is none of total, sale"),
        ("    period", "    headroom: free\n    period", "`free` is none of kept, given-back"),
        (
            "    period",
            "    headroom: kept\n    period",
            "`headroom` has no meaning without a `budget` or a `partner-year`",
        ),
        ("    period", "    grace-days: 36526\n    period", "`36526` is more than a century of days"),
        ("    period", "    ties: none\n    period", "`none` is none of by-sale, pro-rata"),
        ("    period", "    ties: pro-rata\n    period", "`ties` has no meaning without a `budget`"),
        ("    period", "    rounding-mode: even\n    period", "`even` is none of half-up, half-even"),
        ("    period", "    bonus: [{ from: 0, rate: 5% }]\n    period", "`0` must be above zero"),
        (
            "    period",
            "    bonus: [{ from: 9, rate: 5% }, { from: 9, rate: 6% }]\n    period",
            "tiers must rise: 9 is not above 9",
        ),
    ];
    for (from, to, expected) in cases {
        let found = of(from, to);
        assert!(found.iter().any(|told| told.contains(expected)), "{to}: {found:#?}");
    }
    assert_eq!(of("    period", "    stack: { name: s, base: net, reduces: no }\n    period"), [""; 0]);
    let unit = "program: A\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn: { type: per-unit, rate: 1 }\n    \
        period: month\n    group: g\n    priority: 1\n    choose: best-for-partner\n";
    let other = unit.replace("program: A", "program: B").replace("priority: 1", "priority: 2");
    assert_eq!(problems(&[("programs/a.yaml", unit), ("programs/b.yaml", &other)]), [""; 0]);
    let vendor = other.replace("best-for-partner", "best-for-vendor");
    let found = problems(&[("programs/a.yaml", unit), ("programs/b.yaml", &vendor)]);
    let told =
        "programs/b.yaml:3:5 `A` of group `g` chooses in another way (all programs of a group have the same `choose`)";
    assert_eq!(found, [told]);
    let stacked = |id: &str, at_most: &str| {
        format!(
            "program: {id}\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn: {{ type: percent, rate: 1% }}\n    \
             period: month\n    stack: {{ name: s, base: gross, at-most: {at_most} }}\n"
        )
    };
    let net =
        |id: &str, priority: u32| stacked(id, "9%").replace("gross", "net") + &format!("    priority: {priority}\n");
    let strung = |a: &str, b: &str| problems(&[("programs/a.yaml", a), ("programs/b.yaml", b)]);
    assert_eq!(strung(&net("A", 1), &net("B", 2)), [""; 0]);
    let told = "programs/b.yaml:3:5 priority 1 of stack `s` belongs to `A` too (one of them is on net of the other: say which \
        goes first)";
    assert_eq!(strung(&net("A", 1), &net("B", 1)), [told]);
    assert_eq!(strung(&net("A", 0), &stacked("B", "9%")), [""; 0]);
    let both =
        |other: &str| problems(&[("programs/a.yaml", &stacked("A", "9%")), ("programs/b.yaml", &stacked("B", other))]);
    assert_eq!(both("0.09"), [""; 0]);
    let told =
        "programs/b.yaml:3:5 `A` of stack `s` says another `at-most` (all programs of a stack have the same one)";
    assert_eq!(both("8%"), [told]);
    let later = stacked("B", "8%").replace("2013-", "2014-");
    assert_eq!(problems(&[("programs/a.yaml", &stacked("A", "9%")), ("programs/b.yaml", &later)]), [""; 0]);
}

#[test]
fn an_interim_lies_inside_a_period_that_pays_by_itself() {
    let version = |earn: &str, terms: &str| {
        format!(
            "program: A\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn: {{ {earn} }}\n    currency: USD\n{terms}"
        )
    };
    let of = |earn: &str, terms: &str| problems(&[("programs/a.yaml", &version(earn, terms))]);
    let percent = "type: percent, rate: 2%";
    for terms in ["    period: year\n    interim: month\n", "    period: quarter\n    interim: month\n"] {
        assert_eq!(of(percent, terms), [""; 0]);
    }
    let fund = "    period: year\n    close-days: 90\n    interim: month\n";
    for (earn, terms, expected) in [
        (percent, "    period: quarter\n    interim: quarter\n", "8:14 a quarter does not lie inside a quarter"),
        (percent, "    period: month\n    interim: quarter\n", "8:14 a quarter does not lie inside a month"),
        (percent, "    period: year\n    interim: week\n", "8:14 `week` is none of month, quarter"),
        (
            percent,
            "    period: year\n    interim: month\n    paid: claim\n    claim: { days: 45, late: reject }\n",
            "8:14 what is paid by claim is not paid by itself before",
        ),
        (
            percent,
            "    period: year\n    interim: month\n    auto-authorise: no\n",
            "8:14 nothing is authorised by itself under `auto-authorise: no`",
        ),
        ("type: coop-fund, rate: 2%, share: 50%", fund, "9:14 what is drawn on a program is paid as it is drawn"),
        (
            "type: pass-through, resale: strict",
            "    period: year\n    interim: month\n",
            "8:14 balances of special prices are shared until the period freezes",
        ),
    ] {
        let found = of(earn, terms);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("programs/a.yaml:{expected}")),
            "{terms}: {found:#?}"
        );
    }
}

const TESTS: &str = "tests:\n  - name: growth above 110 %\n    sales:\n      \
    - { partner: P1, date: 2013-02-01, quantity: 4, price: 150 }\n      \
    - { name: more, partner: P2, date: 2013-02-01, amount: 260000, product: aw/B-1 }\n      \
    - { partner: P2, date: 2013-03-01, amount: -10000, of: more }\n    expect:\n      \
    - { partner: P1, amount: 5 }\n      - { partner: P2, period: 2013-Q1, amount: 2500 }\n";

/// Every failure of the tests in a program file, as `file:line:column message (hint)`.
fn failures(program: &str) -> Vec<String> {
    failures_of(&[("programs/grow.yaml", program)])
}

fn failures_of(files: &[(&str, &str)]) -> Vec<String> {
    let configuration = load(folder(files).path()).unwrap();
    let known = compliance::references::Known::new(configuration.reference.clone());
    let failures = configuration.tests.iter().flat_map(|test| crate::trial::failures(test, &known).unwrap());
    failures.map(|p| format!("{}:{}:{} {} ({})", p.file, p.place.line, p.place.column, p.message, p.hint)).collect()
}

#[test]
fn tests_in_a_program_file_run_on_the_ledger() {
    let program = format!("{GROWTH}{TESTS}");
    assert_eq!(failures(&program), [""; 0]);
    assert_eq!(
        failures(&program.replace("amount: 2500 ", "amount: 2600 ")),
        ["programs/grow.yaml:24:9 growth above 110 %: 2500.00 EUR is due, not 2600.00 EUR \
          (sale more brings 3000, sale 3 brings -500)"]
    );
    assert_eq!(
        failures(&program.replace("      - { partner: P1, amount: 5 }\n", "")),
        ["programs/grow.yaml:17:5 growth above 110 %: 5.00 EUR is due to partner:P1 for 2013-Q1 \
          (the test expects nothing of it: add it under `expect`)"]
    );
    let selective = program.replacen("    earn:", "    select: { categories: [Parts] }\n    earn:", 1);
    assert_eq!(
        failures(&selective)[0],
        "programs/grow.yaml:25:9 growth above 110 %: 0.00 EUR is due, not 2500.00 EUR \
         (no sale is paid to this beneficiary)"
    );
}

/// Domain notes 4.2, g: 25 bought at 500, cut to 450, 20 on hand. The stock of `P2` is not the test's.
#[test]
fn a_test_of_price_protection_is_about_the_stocks_that_it_sells_from() {
    let tests = "tests:\n  - name: on hand\n    sales:\n      \
                 - { partner: P1, date: 2013-02-01, product: aw/A-1, quantity: 5, price: 520 }\n    expect:\n      \
                 - { partner: P1, period: 2013-Q1, amount: 1000 }\n";
    let program = format!("{PROTECT}{tests}");
    let failed = |program: &str| {
        failures_of(&[
            ("programs/protect.yaml", program),
            ("price_book.csv", "product,currency,from,cost\naw/A-1,USD,2013-01-01,500\naw/A-1,USD,2013-02-15,450\n"),
            ("purchases.csv", "partner,product,date,units\nP1,aw/A-1,2013-01-10,25\nP2,aw/A-1,2013-01-10,7\n"),
        ])
    };
    assert_eq!(failed(&program), [""; 0]);
    assert_eq!(
        failed(&program.replace("quantity: 5", "quantity: 6")),
        ["programs/protect.yaml:13:9 on hand: 950.00 USD is due, not 1000.00 USD (stock brings 950)"]
    );
}

/// Domain notes 3.3, DD-26: 1,000 bought and 800 sold; the sales of the other product are not paid for.
#[test]
fn a_test_of_a_program_for_purchases_is_about_all_that_its_partners_bought() {
    let tests = "tests:\n  - name: left\n    sales:\n      \
                 - { partner: P1, date: 2013-02-01, product: aw/A-1, quantity: 800, price: 12 }\n      \
                 - { partner: P1, date: 2013-02-01, product: aw/B-1, quantity: 3, price: 12 }\n    expect:\n      \
                 - { partner: P1, period: 2013-Q1, amount: 20.50 }\n";
    let program = format!("{SELL_IN}{tests}");
    let failed = |program: &str| {
        failures_of(&[
            ("programs/resale.yaml", RESALE),
            ("programs/sellin.yaml", program),
            ("price_book.csv", "product,currency,from,cost\naw/A-1,USD,2013-01-01,10\naw/B-1,USD,2013-01-01,10\n"),
            (
                "purchases.csv",
                "partner,product,date,units\nP1,aw/A-1,2013-01-10,1000\nP1,aw/B-1,2013-01-10,5\nP2,aw/A-1,2013-01-10,7\n",
            ),
        ])
    };
    assert_eq!(failed(&program), [""; 0]);
    assert_eq!(
        failed(&program.replace("quantity: 800", "quantity: 700")),
        ["programs/sellin.yaml:14:9 left: 30.50 USD is due, not 20.50 USD (stock brings 30, stock brings 0.5)"]
    );
}

#[test]
fn a_test_that_cannot_be_read_is_a_problem_of_the_configuration() {
    let cases = [
        (
            "of: more",
            "of: most",
            "21:62 no sale before this one is called `most` (a sale without a name has its number)",
        ),
        ("price: 150", "prise: 150", "19:55 unknown key `prise` (did you mean `price`?)"),
        (", price: 150", "", "19:9 a sale has either an `amount` or a `price` (the price is that of one unit)"),
        ("partner: P1, date", "partner: P9, date", "19:20 no partner is called `P9` (did you mean `P1`?)"),
        ("aw/B-1", "aw/B-2", "20:79 no product is called `aw/B-2` (did you mean `aw/B-1`?)"),
        ("    expect:", "    expected:", "17:5 key `expect` is missing"),
    ];
    for (from, to, expected) in cases {
        let found = problems(&[("programs/grow.yaml", &format!("{GROWTH}{TESTS}").replacen(from, to, 1))]);
        let expected = format!("programs/grow.yaml:{expected}");
        assert!(found.contains(&expected), "{to}: {found:#?}");
    }
}

#[test]
fn an_empty_list_does_not_mean_everything() {
    let told = problems_of_program(("categories: [Bikes]", "categories: []"));
    assert_eq!(told, ["programs/step.yaml:5:27 `categories` lists nothing (name something, or leave the key out)"]);
}

#[test]
fn each_file_has_one_definition_and_each_number_a_column() {
    const FEED: &str =
        "partner: P1\nformat: delimited\ncolumns: { document: Doc, date: Day, code: Item, quantity: Qty }\n";
    let twice = problems(&[("feeds/a.yaml", FEED), ("feeds/b.yaml", FEED)]);
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert!(
        twice[0].starts_with("feeds/b.yaml:") && twice[0].contains("are read by feeds/a.yaml already"),
        "{twice:?}"
    );
    let one_column = problems(&[("feeds/a.yaml", &FEED.replace("document: Doc", "document: Qty"))]);
    assert_eq!(one_column.len(), 1, "{one_column:?}");
    assert!(one_column[0].contains("document and quantity are given by one column"), "{one_column:?}");
}

#[test]
fn versions_of_a_program_follow_each_other() {
    let second = PROGRAM
        .split_once("versions:\n")
        .unwrap()
        .1
        .replace("2013-01-01", "2013-12-31")
        .replace("to: 2013-12-31", "to: 2014-12-31");
    let both = format!("{PROGRAM}{second}");
    let found = problems(&[("programs/step.yaml", &both)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("this version starts on 2013-12-31, before another ends on 2013-12-31"), "{found:#?}");
    let later = both.replace("from: 2013-12-31", "from: 2014-01-01");
    assert_eq!(problems(&[("programs/step.yaml", &later)]), [""; 0]);
}

#[test]
fn programs_of_a_group_need_an_order() {
    let grouped = PROGRAM.replace("    period", "    group: front\n    period");
    let other = grouped.replace("STEP", "STEP-2");
    let found = problems(&[("programs/a.yaml", &grouped), ("programs/b.yaml", &other)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("programs/b.yaml:3:5 priority 100 of group `front` belongs to `STEP` too"));
    let elsewhere = other.replace("Bikes", "Parts");
    assert_eq!(problems(&[("programs/a.yaml", &grouped), ("programs/b.yaml", &elsewhere)]), [""; 0]);
    assert!(problems(&[("programs/a.yaml", &grouped), ("programs/b.yaml", &grouped)])[0].contains("stands in"));
}

#[test]
fn tables_name_only_what_is_known() {
    let partners = PARTNERS.replace(",P1,DE", ",P2,DE");
    let found = problems(&[
        ("partners.csv", &partners),
        ("sku_xref.csv", "partner,code,product\nP1,77,aw/A-1\nP3,78,aw/A-2\n"),
        ("sell_in.csv", "partner,product,year,units\nP1,aw/A-1,2013,5\nP1,aw/A-1,2013,6\n"),
    ]);
    let expected = [
        "partners.csv:3:1 the parent `P2` is no distributor",
        "sell_in.csv:3:1 this key stands in the table twice (keep one of the two rows)",
        "sku_xref.csv:3:1 nobody knows the partner `P3` (did you mean `P1`?)",
        "sku_xref.csv:3:1 nobody knows the product `aw/A-2` (did you mean `aw/A-1`?)",
    ];
    assert_eq!(found, expected);
}

#[test]
fn who_operates_an_outlet_is_known() {
    let of = |partner: &str| problems(&[("outlets.csv", &format!("outlet,name,operated_by\naw/1,One,{partner}\n"))]);
    assert_eq!(of("P1"), [""; 0]);
    assert_eq!(of("P9"), ["outlets.csv:2:1 nobody knows the partner `P9` (did you mean `P1`?)"]);
}

#[test]
fn who_releases_has_one_limit_in_a_currency() {
    let of = |row: &str| problems(&[("approvers.csv", &format!("person,currency,limit\nann,USD,500\n{row}\n"))]);
    for row in ["ann,EUR,0", "bo,USD,500"] {
        assert_eq!(of(row), [""; 0], "{row}");
    }
    for (row, expected) in [
        ("ann,USD,600", ":1 this key stands in the table twice (keep one of the two rows)"),
        ("bo,USD,-1", ":8 `-1` must be zero or more"),
        ("bo,US,1", ":4 "),
        (",USD,1", ":1 "),
    ] {
        let found = of(row);
        assert!(found.len() == 1 && found[0].starts_with(&format!("approvers.csv:3{expected}")), "{row}: {found:#?}");
    }
}

#[test]
fn accounts_are_symbols_of_the_journal_templates() {
    let found = problems(&[("accounts.yaml", "LI-ACK: \"2000\"\nCASH: \"1000\"\nCASH: \"1001\"\n")]);
    let expected = [
        "accounts.yaml:1:9 no journal template uses the account symbol `LI-ACK` (did you mean `LI-ACC`?)",
        "accounts.yaml:3:7 `CASH` stands here twice (keep one of them)",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_missing_folder_is_one_clear_problem_a_file() {
    let found = load(Path::new("/nowhere/at/all")).unwrap_err();
    let files: Vec<_> = found.iter().map(|p| p.file.as_str()).collect();
    assert_eq!(files, ["partners.csv", "products.csv", "tenant.yaml"]);
}

#[test]
fn a_topic_belongs_to_one_feed() {
    let feed = "format: json-lines\ntopic: rows\ncolumns: { document: d, date: t, code: c, quantity: q }\n";
    let found = problems(&[("feeds/P1.yaml", feed), ("feeds/P2.yaml", feed)]);
    assert_eq!(found, ["feeds/P2.yaml:0:0 topic `rows` is that of feeds/P1.yaml too (give each partner a topic)"]);
}
