//! Looks for a checkpoint vote that its key did not sign and that verifies, or a certificate of too few.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::vote(bytes));
