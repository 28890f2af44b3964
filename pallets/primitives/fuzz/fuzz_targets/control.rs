//! Looks for a control message that is read otherwise than it was written, or that costs more than its length.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_primitives_fuzz::control(bytes));
