//! A `Content-Encoding` up to the first line end, and the bytes that came under it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poskeeper::vendors::encoding::decode;

const LIMIT: usize = 10_000;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (coding, body) = (String::from_utf8_lossy(&input[..end]), input.get(end + 1..).unwrap_or_default());
    if let Ok(out) = decode(&coding, body.to_vec(), LIMIT) {
        assert!(out.len() <= LIMIT || out == body, "{} bytes", out.len());
    }
});
