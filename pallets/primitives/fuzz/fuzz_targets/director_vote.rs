//! Looks for a director's vote that the director did not sign and that verifies, or the reverse.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::director_vote(bytes));
