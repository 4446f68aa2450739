#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| emnify_fuzz::address_ranges::check(data));
