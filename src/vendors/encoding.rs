//! Compressed answers, undone under a size limit.

use flate2::{Decompress, FlushDecompress, Status};

/// Why a body cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// A coding that nobody asked for.
    #[error("its Content-Encoding {0:?} is unknown")]
    Unknown(String),
    /// The compressed data ends too early.
    #[error("its {0} data ends too early")]
    Truncated(&'static str),
    /// The compressed data or its checksum is wrong.
    #[error("its {0} data is damaged")]
    Damaged(&'static str),
    /// More than the limit, once inflated.
    #[error("it inflates to more than {0} bytes")]
    TooLarge(usize),
}

/// More codings than this on top of each other are a trap, not an answer.
const MOST_CODINGS: usize = 2;

/// Undoes `content_encoding` (the header's value; empty: none). Stops as soon as more than `limit`
/// bytes have come out, so that a small bomb stays small.
///
/// # Errors
/// Where the coding is unknown, the data broken, or the result too large.
pub fn decode(content_encoding: &str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, EncodingError> {
    let mut codings: Vec<String> = content_encoding.split(',').map(|coding| coding.trim().to_lowercase()).collect();
    codings.retain(|coding| !coding.is_empty() && coding != "identity");
    if codings.len() > MOST_CODINGS {
        return Err(EncodingError::Unknown(content_encoding.to_owned()));
    }
    // The header names them in the order in which they were applied.
    codings.iter().rev().try_fold(body, |body, coding| match coding.as_str() {
        "gzip" | "x-gzip" => gunzip(&body, limit),
        "deflate" if has_zlib_header(&body) => inflate("zlib", Decompress::new(true), &body, limit),
        "deflate" => inflate("deflate", Decompress::new(false), &body, limit),
        other => Err(EncodingError::Unknown(other.to_owned())),
    })
}

/// One gzip member after the other. What follows the last and is none (padding) is ignored, as gzip does.
fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, EncodingError> {
    let mut out = Vec::new();
    let mut rest = body;
    loop {
        let used = inflate_into(&mut out, "gzip", Decompress::new_gzip(15), rest, limit)?;
        rest = &rest[used..];
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok(out);
        }
    }
}

fn inflate(name: &'static str, engine: Decompress, body: &[u8], limit: usize) -> Result<Vec<u8>, EncodingError> {
    let mut out = Vec::new();
    inflate_into(&mut out, name, engine, body, limit)?;
    Ok(out)
}

/// Appends one stream to `out` and tells how many bytes of `body` it was.
fn inflate_into(
    out: &mut Vec<u8>,
    name: &'static str,
    mut engine: Decompress,
    body: &[u8],
    limit: usize,
) -> Result<usize, EncodingError> {
    let mut chunk = vec![0; 32 * 1024];
    let (mut used, mut made) = (0, 0);
    loop {
        let status = engine.decompress(&body[used..], &mut chunk, FlushDecompress::None);
        let status = status.map_err(|_| EncodingError::Damaged(name))?;
        let (now_used, now_made) = (engine.total_in() as usize, engine.total_out() as usize);
        let idle = now_used == used && now_made == made;
        let fresh = &chunk[..now_made - made];
        if out.len() + fresh.len() > limit {
            return Err(EncodingError::TooLarge(limit));
        }
        out.extend_from_slice(fresh);
        (used, made) = (now_used, now_made);
        match status {
            Status::StreamEnd => return Ok(used),
            Status::Ok | Status::BufError if idle => return Err(EncodingError::Truncated(name)),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// "deflate" means zlib by the standard and raw deflate by the habit of some servers. A zlib header is
/// a multiple of 31 and names method 8; no sane raw stream starts like that.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write;

    const LIMIT: usize = 1 << 20;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(plain: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn sample() -> Vec<u8> {
        (0..5000).flat_map(|n| format!("{{\"appId\":\"{n}\"}},").into_bytes()).collect()
    }

    #[test]
    fn every_coding_that_servers_use_gives_the_same_text() {
        let plain = sample();
        for (coding, body) in [
            ("", plain.clone()),
            ("identity", plain.clone()),
            ("gzip", gzip(&plain)),
            ("X-GZip", gzip(&plain)),
            ("deflate", zlib(&plain)),
            ("deflate", raw_deflate(&plain, 6)),
            ("deflate", raw_deflate(&plain, 0)),
            ("gzip, identity", gzip(&plain)),
            ("deflate, gzip", gzip(&zlib(&plain))),
        ] {
            assert_eq!(decode(coding, body, LIMIT).as_deref(), Ok(plain.as_slice()), "{coding}");
        }
    }

    #[test]
    fn gzip_members_are_joined_and_padding_after_them_is_ignored() {
        let mut body = [gzip(b"[1,"), gzip(b""), gzip(b"2]")].concat();
        assert_eq!(decode("gzip", body.clone(), LIMIT).as_deref(), Ok(b"[1,2]".as_slice()));
        body.extend([0; 512]);
        assert_eq!(decode("gzip", body, LIMIT).as_deref(), Ok(b"[1,2]".as_slice()));
    }

    #[test]
    fn a_stream_cut_at_any_byte_is_never_taken_for_whole() {
        let plain = &sample()[..300];
        for (coding, body) in
            [("gzip", gzip(plain)), ("deflate", zlib(plain)), ("deflate", raw_deflate(plain, 6)), ("gzip", gzip(b""))]
        {
            for length in 0..body.len() {
                let cut = decode(coding, body[..length].to_vec(), LIMIT);
                assert!(matches!(cut, Err(EncodingError::Truncated(_))), "{coding} cut at {length}: {cut:?}");
            }
        }
    }

    #[test]
    fn a_wrong_checksum_and_plain_text_under_a_false_flag_are_damage() {
        let mut flipped = gzip(b"hello, hello");
        let checksum = flipped.len() - 6;
        flipped[checksum] ^= 1;
        assert_eq!(decode("gzip", flipped, LIMIT), Err(EncodingError::Damaged("gzip")));
        let mut flipped = zlib(b"hello, hello");
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(decode("deflate", flipped, LIMIT), Err(EncodingError::Damaged("zlib")));
        assert_eq!(decode("gzip", b"{\"status\":1}".to_vec(), LIMIT), Err(EncodingError::Damaged("gzip")));
    }

    #[test]
    fn unknown_codings_and_towers_of_codings_are_named() {
        for coding in ["br", "zstd", "gzip, br", "gzip, gzip, gzip"] {
            assert!(matches!(decode(coding, gzip(b"x"), LIMIT), Err(EncodingError::Unknown(_))), "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_put_out_at_the_limit() {
        let zeros = vec![0; LIMIT];
        for bomb in [gzip(&vec![0; 3 * LIMIT]), gzip(&zeros).repeat(1000)] {
            assert_eq!(decode("gzip", bomb, LIMIT), Err(EncodingError::TooLarge(LIMIT)));
        }
        assert_eq!(decode("gzip", gzip(&zeros), LIMIT), Ok(zeros), "the limit itself is allowed");
    }
}
