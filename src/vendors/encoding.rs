//! Compressed answers, undone while they arrive and under a size limit: the compressed bytes are never kept.

use crate::model::make_room;
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

/// What one step of inflating brings at most.
const STEP: usize = 32 * 1024;

/// Undoes `content_encoding` of a whole body; see [`Decoder`].
///
/// # Errors
/// Where the coding is unknown, the data broken, or the result too large.
pub fn decode(content_encoding: &str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, EncodingError> {
    let mut decoder = Decoder::new(content_encoding, limit)?;
    decoder.push(&body)?;
    decoder.finish()
}

/// Undoes a `Content-Encoding`. Stops as soon as more than the limit has come out, so that a small bomb
/// stays small.
#[derive(Debug)]
pub struct Decoder {
    /// The last coding that was applied comes first.
    codings: Vec<Coding>,
    plain: Plain,
}

impl Decoder {
    /// `content_encoding`: the header's value; empty: none.
    ///
    /// # Errors
    /// Where a coding is unknown.
    pub fn new(content_encoding: &str, limit: usize) -> Result<Self, EncodingError> {
        let mut names: Vec<String> = content_encoding.split(',').map(|name| name.trim().to_lowercase()).collect();
        names.retain(|name| !name.is_empty() && name != "identity");
        if names.len() > MOST_CODINGS {
            return Err(EncodingError::Unknown(content_encoding.to_owned()));
        }
        // The header names them in the order in which they were applied.
        let codings = names.iter().rev().map(|name| match name.as_str() {
            "gzip" | "x-gzip" => Ok(Coding::new(true, limit)),
            "deflate" => Ok(Coding::new(false, limit)),
            other => Err(EncodingError::Unknown(other.to_owned())),
        });
        Ok(Self { codings: codings.collect::<Result<_, _>>()?, plain: Plain { bytes: Vec::new(), limit } })
    }

    /// Takes what arrived.
    ///
    /// # Errors
    /// Where it is broken, or inflates to too much.
    pub fn push(&mut self, arrived: &[u8]) -> Result<(), EncodingError> {
        feed(&mut self.codings, &mut self.plain, arrived)
    }

    /// How much has come out so far.
    pub fn inflated(&self) -> usize {
        self.plain.bytes.len()
    }

    /// The whole body.
    ///
    /// # Errors
    /// Where the compressed data ends too early.
    pub fn finish(self) -> Result<Vec<u8>, EncodingError> {
        self.codings.iter().try_for_each(Coding::check_end)?;
        Ok(self.plain.bytes)
    }
}

/// What came out.
#[derive(Debug)]
struct Plain {
    bytes: Vec<u8>,
    limit: usize,
}

impl Plain {
    fn append(&mut self, fresh: &[u8]) -> Result<(), EncodingError> {
        let length = self.bytes.len() + fresh.len();
        if length > self.limit {
            return Err(EncodingError::TooLarge(self.limit));
        }
        make_room(&mut self.bytes, fresh.len());
        self.bytes.extend_from_slice(fresh);
        Ok(())
    }
}

/// Sends bytes through the codings that are left, into `plain`.
fn feed(codings: &mut [Coding], plain: &mut Plain, bytes: &[u8]) -> Result<(), EncodingError> {
    match codings.split_first_mut() {
        None => plain.append(bytes),
        Some((coding, rest)) => coding.push(bytes, |fresh| feed(rest, plain, fresh)),
    }
}

/// One coding that is being undone.
#[derive(Debug)]
struct Coding {
    is_gzip: bool,
    limit: usize,
    made: usize,
    state: State,
    /// The first bytes of a stream, as long as they do not tell yet what it is.
    head: Vec<u8>,
    has_ended_once: bool,
}

#[derive(Debug)]
enum State {
    /// A stream may begin here.
    Between,
    Inside(&'static str, Decompress),
    /// What follows is ignored, as gzip does.
    Padding,
}

impl Coding {
    fn new(is_gzip: bool, limit: usize) -> Self {
        Self { is_gzip, limit, made: 0, state: State::Between, head: Vec::new(), has_ended_once: false }
    }

    /// One gzip member after the other, or a single deflate stream.
    fn push(
        &mut self,
        mut bytes: &[u8],
        mut next: impl FnMut(&[u8]) -> Result<(), EncodingError>,
    ) -> Result<(), EncodingError> {
        while !bytes.is_empty() && !matches!(self.state, State::Padding) {
            if matches!(self.state, State::Between) {
                let missing = bytes.len().min(2 - self.head.len());
                self.head.extend_from_slice(&bytes[..missing]);
                bytes = &bytes[missing..];
                if self.head.len() < 2 {
                    return Ok(());
                }
                self.begin();
                let head = std::mem::take(&mut self.head);
                self.inflate(&head, &mut next)?;
            } else {
                let used = self.inflate(bytes, &mut next)?;
                bytes = &bytes[used..];
            }
        }
        Ok(())
    }

    /// Decides by its first two bytes what a stream is.
    fn begin(&mut self) {
        self.state = match self.is_gzip {
            true if self.has_ended_once && self.head != [0x1f, 0x8b] => State::Padding,
            true => State::Inside("gzip", Decompress::new_gzip(15)),
            false if has_zlib_header(&self.head) => State::Inside("zlib", Decompress::new(true)),
            false => State::Inside("deflate", Decompress::new(false)),
        };
    }

    /// Inflates what it can; tells how many bytes of `packed` that took.
    fn inflate(
        &mut self,
        packed: &[u8],
        next: &mut impl FnMut(&[u8]) -> Result<(), EncodingError>,
    ) -> Result<usize, EncodingError> {
        let State::Inside(name, engine) = &mut self.state else { return Ok(0) };
        let start = engine.total_in();
        let mut step = [0; STEP];
        loop {
            let (used, made) = ((engine.total_in() - start) as usize, engine.total_out());
            let status = engine.decompress(&packed[used..], &mut step, FlushDecompress::None);
            let status = status.map_err(|_| EncodingError::Damaged(name))?;
            let (now_used, fresh) = ((engine.total_in() - start) as usize, (engine.total_out() - made) as usize);
            self.made += fresh;
            if self.made > self.limit {
                return Err(EncodingError::TooLarge(self.limit));
            }
            next(&step[..fresh])?;
            if status == Status::StreamEnd {
                self.has_ended_once = true;
                self.state = if self.is_gzip { State::Between } else { State::Padding };
                return Ok(now_used);
            }
            if now_used == packed.len() && fresh < step.len() {
                return Ok(now_used);
            }
            if now_used == used && fresh == 0 {
                return Err(EncodingError::Damaged(name));
            }
        }
    }

    fn check_end(&self) -> Result<(), EncodingError> {
        match &self.state {
            State::Between if self.has_ended_once => Ok(()),
            State::Between => Err(EncodingError::Truncated(if self.is_gzip { "gzip" } else { "deflate" })),
            State::Inside(name, _) => Err(EncodingError::Truncated(name)),
            State::Padding => Ok(()),
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
    fn what_arrives_byte_by_byte_gives_the_same_text() {
        let plain = sample();
        let two_members = [gzip(&plain[..100]), gzip(&plain[100..]), vec![0; 9]].concat();
        for (coding, body) in [
            ("gzip", two_members),
            ("deflate", zlib(&plain)),
            ("deflate", raw_deflate(&plain, 6)),
            ("deflate, gzip", gzip(&zlib(&plain))),
        ] {
            let mut decoder = Decoder::new(coding, LIMIT).unwrap();
            body.iter().for_each(|byte| decoder.push(&[*byte]).unwrap());
            assert_eq!(decoder.finish().as_deref(), Ok(plain.as_slice()), "{coding}");
        }
        assert_eq!(decode("deflate", raw_deflate(b"", 6), LIMIT).as_deref(), Ok(b"".as_slice()));
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
