//! See `fuzz::uri`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::uri(data));
