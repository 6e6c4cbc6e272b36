//! See `fuzz::typed`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::typed(data));
