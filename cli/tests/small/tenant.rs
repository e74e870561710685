//! A tenant that fits on a page, and the binary to run it with.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A row of an export, by column.
pub type Row = BTreeMap<String, String>;

const CONFIGURATION: &[(&str, &str)] = &[
    ("tenant.yaml", "name: Small\nfunctional-currency: USD\n"),
    ("products.csv", "product,name,category,list_price\naw/A-1,Axle,Parts,10\naw/B-1,Bike,Bikes,900\n"),
    (
        "partners.csv",
        "partner,name,kind,source,parent,country,region,currency\n\
         depot,Depot,distributor,aw,,US,West,USD\nshop,Shop,reseller,aw,depot,US,West,USD\n",
    ),
    ("programs/tenth.yaml", TENTH),
    ("feeds/depot.yaml", "partner: depot\nformat: delimited\ncolumns: *"),
    ("feeds/shop.yaml", "partner: shop\nformat: delimited\ncolumns: *"),
];

/// A tenth of everything, month by month.
pub const TENTH: &str = "program: TENTH\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                         earn: { type: percent, rate: 10% }\n    period: month\n";

const COLUMNS: &str = "\n  document: document\n  document_line: line\n  date: date\n  code: code\n  \
                       quantity: quantity\n  unit_price: price\n  amount: amount\n  serials: serials\n";

pub const HEADER: &str = "document,line,date,code,quantity,price,amount,serials\n";

/// What the shop sold in January: 1,810, of which a tenth is due.
pub const JANUARY: &str =
    "S1,1,2013-01-05,A-1,1,10,10,\nS1,2,2013-01-05,B-1,1,900,900,\nS2,1,2013-01-07,B-1,1,900,900,\n";

/// The day by which January is frozen.
pub const AS_OF: &str = "2013-02-20";

pub struct Tenant(TempDir);

/// A tenth of everything once more, for who asks for it.
const ASKED: &str = "program: ASKED\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                     earn: { type: percent, rate: 10% }\n    period: month\n    \
                     paid: claim\n    claim: { days: 45, late: reject, review-above: 100 }\n";

const CLAIMS: &str = "partner: shop\nformat: delimited\nreports: claims\nfiles: [\"claims*.csv\"]\n\
                      columns: { document: Claim, document_line: Line, code: Program, date: Period, amount: Claimed }\n";

impl Tenant {
    /// The configuration alone.
    pub fn new() -> Tenant {
        let tenant = Tenant(tempfile::tempdir().unwrap());
        for (name, text) in CONFIGURATION {
            tenant.write(&format!("config/{name}"), text.replace(" *", COLUMNS));
        }
        fs::create_dir(tenant.path("feeds")).unwrap();
        fs::create_dir(tenant.path("commands")).unwrap();
        tenant
    }

    /// One that has taken January in, and a claim of all that is due for it.
    pub fn claimed() -> Tenant {
        let tenant = Tenant::new();
        tenant.write("config/programs/asked.yaml", ASKED);
        tenant.write("config/feeds/shop-claims.yaml", CLAIMS);
        tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
        tenant.write("feeds/shop/claims_2013-01.csv", "Claim,Line,Program,Period,Claimed\nC1,1,ASKED,2013-01,181\n");
        assert_well(&tenant.run(&["--as-of", AS_OF]));
        tenant
    }

    /// The shop's January, settled.
    pub fn settled() -> Tenant {
        let tenant = Tenant::new();
        tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
        assert_well(&tenant.run(&["--as-of", AS_OF]));
        tenant
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path as an argument.
    pub fn argument(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub fn run(&self, more: &[&str]) -> Output {
        self.run_command(more).output().unwrap()
    }

    pub fn run_command(&self, more: &[&str]) -> Command {
        let mut command = paidonce();
        command.arg("run").arg("--config").arg(self.path("config")).arg("--data").arg(self.path("data"));
        command.arg("--feeds").arg(self.path("feeds")).arg("--commands").arg(self.path("commands"));
        command.args(["--until-idle", "--threads", "1"]).args(more);
        command
    }

    /// A command on the data directory.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        paidonce().args(arguments).arg("--data").arg(self.path("data")).output().unwrap()
    }

    pub fn export(&self, what: &str) -> Vec<Row> {
        let csv = well(&self.ask(&["export", what]));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        reader.deserialize().map(|row| row.unwrap()).collect()
    }

    pub fn verify(&self) {
        let told = well(&self.ask(&["verify"]));
        assert!(told.trim_end().ends_with(" 0 broken"), "{told}");
    }
}

pub fn paidonce() -> Command {
    Command::new(Path::new(env!("CARGO_BIN_EXE_paidonce")))
}

/// What a command that must end well says on stdout.
pub fn well(output: &Output) -> String {
    assert_well(output);
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn assert_well(output: &Output) {
    assert!(output.status.success(), "{:?}: {}", output.status, told(output));
}

/// What a command says to people.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
