//! Looks for a stream of slices that is read otherwise than it was written, or in other pieces otherwise.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| director_service_fuzz::frame(bytes));
