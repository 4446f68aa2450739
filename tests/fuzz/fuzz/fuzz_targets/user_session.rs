#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| emnify_fuzz::session::check_user(data));
