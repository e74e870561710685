//! What goes wrong outside: each command ends in one clear line and the right exit code, and nothing is damaged.

use std::fs;
use std::process::{Command, Output, Stdio};

use crate::tenant::{AS_OF, HEADER, Tenant, assert_well, paidonce, told};

/// Ends with this exit code and says this in its last line.
fn assert_ends(output: &Output, code: i32, says: &str) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(
        told.trim_end().lines().last().unwrap_or_default().contains(says),
        "{says:?} is not in the last line of\n{told}"
    );
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
fn a_disk_that_is_full_stops_the_run_and_the_same_command_goes_on() {
    let tenant = Tenant::settled();
    let row = |n: u32| format!("F{n},1,2013-02-{:02},B-1,{n},1,{n},\n", n % 28 + 1);
    let rows: String = (1..6000).map(row).collect();
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}{rows}"));
    let expected = {
        let other = Tenant::settled();
        other.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}{rows}"));
        assert_well(&other.run(&["--as-of", "2013-03-20"]));
        other.export("accruals")
    };
    // Files may not grow above so many blocks of 512 bytes: first the copy of the feed does not fit, then the store.
    for blocks in ["128", "1024"] {
        let run = tenant.run_command(&["--as-of", "2013-03-20"]);
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut limited = Command::new("sh");
        limited.args(["-c", &limit, "sh"]).arg(run.get_program()).args(run.get_args());
        assert_ends(&limited.output().unwrap(), 1, "is there space on the disk? Nothing that was committed is lost");
        tenant.verify();
    }
    assert_well(&tenant.run(&["--as-of", "2013-03-20"]));
    assert_eq!(tenant.export("accruals"), expected);
    tenant.verify();
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let tenant = Tenant::settled();
    let lock = fs::File::open(tenant.path("data/lock")).unwrap();
    lock.lock().unwrap();
    assert_ends(&tenant.run(&[]), 1, "wait for its end, or stop it");
    drop(lock);
    assert_well(&tenant.run(&[]));
    tenant.verify();
}

#[test]
fn a_data_directory_that_is_none() {
    let tenant = Tenant::settled();
    let data = |name: &str| vec!["--data".to_owned(), tenant.argument(name)];
    let run = |data: &[String]| {
        let mut command = paidonce();
        command.args(["run", "--until-idle", "--config", &tenant.argument("config")]).args(data).output().unwrap()
    };
    let look = |what: &[&str], data: &[String]| paidonce().args(what).args(data).output().unwrap();
    tenant.write("file", "not a folder");
    assert_ends(&run(&data("file")), 1, "is a file; name a folder");
    tenant.write("photos/holiday.jpg", "");
    assert_ends(&run(&data("photos")), 1, "holds other files; name a new folder");
    assert!(!tenant.path("photos/lock").exists());
    for what in [&["status"][..], &["verify"], &["export", "sales"], &["explain", "a.csv#1"]] {
        assert_ends(&look(what, &data("nowhere")), 1, "is not there; `paidonce run` makes one");
        assert_ends(&look(what, &data("file")), 1, "is no data directory");
        assert_ends(&look(what, &data("photos")), 1, "is no data directory");
    }
    // A place in which nobody can make a folder, not even root.
    assert_ends(&run(&["--data".to_owned(), "/proc/paidonce".to_owned()]), 1, "/proc/paidonce cannot be used");
}

#[test]
fn a_day_before_the_last_one_moves_nothing() {
    let tenant = Tenant::settled();
    let accruals = tenant.export("accruals");
    let output = tenant.run(&["--as-of", "2013-01-31"]);
    assert_eq!(output.status.code(), Some(1));
    let remark = format!("warning: --as-of 2013-01-31 lies before {AS_OF}, which has come already; time stays");
    assert!(told(&output).contains(&remark), "{}", told(&output));
    assert_eq!(tenant.export("accruals"), accruals);
    tenant.verify();
}

#[test]
fn folders_that_are_missing_or_empty() {
    let tenant = Tenant::new();
    let run = |config: &str, more: &[&str]| {
        let mut command = paidonce();
        let data = tenant.argument("data");
        command.args(["run", "--until-idle", "--config", &tenant.argument(config), "--data", &data]).args(more).output()
    };
    fs::create_dir(tenant.path("empty")).unwrap();
    assert_ends(&run("empty", &[]).unwrap(), 78, "holds no configuration: it has no tenant.yaml");
    assert_ends(&run("nowhere", &[]).unwrap(), 78, "is not there");
    tenant.write("file", "");
    assert_ends(&run("file", &[]).unwrap(), 78, "is a file; name the folder of the configuration");
    let nowhere = tenant.argument("nowhere");
    assert_ends(&run("config", &["--feeds", &nowhere]).unwrap(), 1, "nowhere is not there");
    assert_ends(&run("config", &["--commands", &nowhere]).unwrap(), 1, "nowhere is not there");
    assert!(!tenant.path("data").exists());
}

#[test]
fn wrong_arguments_are_told_with_what_would_be_right() {
    let usage = |arguments: &[&str], says: &str| {
        let output = paidonce().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(told(&output).contains(says), "{arguments:?}: {}", told(&output));
    };
    usage(&[], "Usage: paidonce");
    usage(&["rum"], "a similar subcommand exists: 'run'");
    usage(&["run", "--config", "c"], "--data <DIR>");
    usage(&["run", "--config", "c", "--data", "d", "--as-of", "20.02.2013"], "write a date as YYYY-MM-DD");
    usage(&["run", "--config", "c", "--data", "d", "--threads", "0"], "--threads");
    usage(&["export", "payment", "--data", "d"], "a similar value exists: 'payments'");
    usage(&["export", "sales", "--data", "d", "--format", "xml"], "csv, jsonl, parquet");
}

#[test]
fn an_export_whose_reader_has_seen_enough_ends_well_and_one_on_a_full_disk_does_not() {
    let tenant = Tenant::settled();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for format in ["csv", "jsonl", "parquet"] {
        let export = || {
            let mut command = paidonce();
            command.args(["export", "journal", "--format", format, "--data", &tenant.argument("data")]);
            command
        };
        assert_ends(&export().stdout(full()).output().unwrap(), 1, "No space left on device");
        let mut closed = export().stdout(Stdio::piped()).spawn().unwrap();
        drop(closed.stdout.take());
        assert!(closed.wait().unwrap().success(), "{format}");
    }
}
