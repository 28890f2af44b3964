//! Looks for what directors can say that makes a client deliver what it must not, or stop.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::client(bytes));
