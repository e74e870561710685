//! Lines for people. Nobody has to listen: a reader that has gone ends no work.

use std::io::{self, Write};

/// Writes a line to stderr.
macro_rules! say {
    ($($line:tt)*) => { $crate::say::line(&mut std::io::stderr(), format_args!($($line)*)) };
}

/// Writes a line of a result to stdout.
macro_rules! show {
    ($($line:tt)*) => { $crate::say::line(&mut std::io::stdout(), format_args!($($line)*)) };
}

pub(crate) use {say, show};

/// Writes a line; what stands in the way of it is told to `tracing` alone.
pub(crate) fn line(to: &mut dyn Write, line: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(to, "{line}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        tracing::warn!(%error, "a line was not written");
    }
}

/// Writes a whole text to stdout.
///
/// # Errors
/// It cannot be written, for another reason than that its reader has gone.
pub(crate) fn show_text(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
