//! A `Content-Encoding` up to the first line end, and the bytes that came under it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poskeeper::vendors::encoding::{Decoder, decode};

const LIMIT: usize = 10_000;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (coding, body) = (String::from_utf8_lossy(&input[..end]), input.get(end + 1..).unwrap_or_default());
    let whole = decode(&coding, body.to_vec(), LIMIT);
    if let Ok(out) = &whole {
        assert!(out.len() <= LIMIT || out == body, "{} bytes", out.len());
    }
    let in_pieces = Decoder::new(&coding, LIMIT).and_then(|mut decoder| {
        body.chunks(7).try_for_each(|piece| decoder.push(piece))?;
        decoder.finish()
    });
    assert_eq!(in_pieces.ok(), whole.ok(), "it depends on the pieces that it comes in");
});
