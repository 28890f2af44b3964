//! Looks for a line that the sidecar reads otherwise than it was meant, or answers with none.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::pipe(bytes));
