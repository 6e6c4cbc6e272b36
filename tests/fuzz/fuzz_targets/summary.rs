//! See `fuzz::summary`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::summary(data));
