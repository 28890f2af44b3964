//! Looks for an envelope that its origin did not sign and that verifies, or one that costs more than its length.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::envelope(bytes));
