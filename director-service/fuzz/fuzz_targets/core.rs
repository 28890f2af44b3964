//! Looks for what directors, validators and the chain can say that makes a director do what it must not.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::core(bytes));
