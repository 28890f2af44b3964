//! Looks for a configuration that is accepted and means nothing, or is refused without a word.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::config(bytes));
