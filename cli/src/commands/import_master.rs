//! `paidonce import-master`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::import_master::{Imported, import_master};
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder with the tables: partners, products, outlets, sku_xref, sell_in, programs
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Folder of the configuration to write
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    tell(&import_master(&arguments.from, &arguments.config)?);
    Ok(ExitCode::SUCCESS)
}

/// Says on stderr what was imported.
pub fn tell(imported: &Imported) {
    for (file, rows) in &imported.tables {
        say!("{file:<14} {rows:>7} rows");
    }
    say!("{:<14} {:>7}", "programs", imported.programs);
    for file in &imported.kept {
        say!("kept {file}: it was changed by hand; delete it to take the imported one");
    }
    if imported.left_out > 0 {
        say!("left out: {} rows with a key that stood before, or of a partner nobody knows", imported.left_out);
    }
}
