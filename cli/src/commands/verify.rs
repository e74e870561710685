//! `paidonce verify`

use std::path::PathBuf;
use std::process::ExitCode;

use super::look_at;
use crate::overview::grouped;
use crate::say::show;
use crate::verify::verify;

#[derive(clap::Args)]
pub struct Arguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let checks = verify(&look_at(&arguments.data)?)?;
    for check in &checks {
        let word = match (check.violations, check.evaluations) {
            (0, 0) => "nothing",
            (0, _) => "holds",
            _ => "BROKEN",
        };
        show!("{word:<8} {:>11}  {}", grouped(check.evaluations), check.name);
        check.examples.iter().for_each(|example| show!("                      {example}"));
    }
    let broken = checks.iter().filter(|c| c.violations > 0).count();
    let evaluations: u64 = checks.iter().map(|c| c.evaluations).sum();
    show!("{} invariants, {} evaluations, {broken} broken", checks.len(), grouped(evaluations));
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
