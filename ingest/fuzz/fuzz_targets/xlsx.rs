#![no_main]

use std::sync::Once;

/// A panic of the spreadsheet parser ends a child process only, so that it must not end the fuzzer.
static QUIET: Once = Once::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    ingest::fuzzing::xlsx(bytes);
});
