//! Looks for a request that the page answers otherwise than it may, or never.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::http(bytes));
