//! Looks for a candidate's request that it did not sign and that verifies, or a stake proof beyond its bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::request(bytes));
