//! Looks for nodes of a trie that prove what the state does not have.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::stake_proof(bytes));
