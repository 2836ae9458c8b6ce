#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchfire::fuzz::run("engine", data));
