#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outlay_server::fuzz::run("otlp_json", bytes));
