//! See `fuzz::packstream`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::packstream(data));
