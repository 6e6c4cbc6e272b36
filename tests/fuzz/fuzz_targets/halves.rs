//! See `fuzz::halves`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::halves(data));
