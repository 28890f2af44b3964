//! Looks for a proof of a double sign that proves nothing and is accepted, or the reverse.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::proof(bytes));
