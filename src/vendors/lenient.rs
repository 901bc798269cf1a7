//! Other people's JSON, read forgivingly: wrong types spoil a field or a row, never the whole answer.
//!
//! Fields are kept as raw text and read one by one, because a parser that reads them on the way gives
//! up on the whole answer at a number like `1e999` or at half a surrogate pair in one row.

use super::Rows;
use super::failure::{Secrets, unexpected};
use super::fault::Fault;
use super::room::{Room, Texts};
use super::scalar::Raw;
use crate::model::{AppId, CallFailure, make_room};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// What stands where something else was expected: "a list", "null".
pub(super) type Shape = &'static str;

/// A longer text has no place in any answer; a parser that undoes its escapes holds it in memory twice.
const MOST_TEXT_BYTES: usize = 2 << 20;

/// A parser takes note of every level.
const MOST_LEVELS: usize = 1_000_000;

/// Reads all of `body` through `seed`.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(body: &'de [u8], seed: S) -> Result<S::Value, CallFailure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| unexpected("the answer is not JSON: it is not UTF-8 text"))?;
    if let Some(excess) = Some(body).filter(|body| body.len() > MOST_TEXT_BYTES).and_then(excess) {
        return Err(unexpected(format!("the answer has {excess} in it")));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| {
        unexpected(match text.trim_start().chars().next() {
            None => "the answer is empty".into(),
            Some('<') => "the answer is not JSON: an HTML page (captive portal? is base_url right?)".into(),
            // Syntax errors only: they name a place, never what stands there.
            Some(_) => format!("the answer is not JSON: {error}"),
        })
    })
}

/// What in a large answer a parser would need more memory for than the answer has.
fn excess(json: &[u8]) -> Option<String> {
    let (mut depth, mut start, mut is_escaped) = (0_usize, None, false);
    for (place, byte) in json.iter().enumerate() {
        match (start, byte) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(begin), b'"') if place - begin > MOST_TEXT_BYTES => break,
            (Some(_), b'"') => start = None,
            (None, b'"') => start = Some(place),
            (None, b'[' | b'{') => depth += 1,
            (None, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_LEVELS {
            return Some(format!("lists more than {MOST_LEVELS} levels deep"));
        }
    }
    let is_endless = start.is_some_and(|begin| json.len() - begin > MOST_TEXT_BYTES);
    is_endless.then(|| format!("a text of more than {MOST_TEXT_BYTES} bytes"))
}

/// Generates the visits of whatever is not the one shape that a visitor wants.
macro_rules! refuse_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Err("a boolean"))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Err("a number"))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Err("a number"))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Err("a number"))
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Err("a text"))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Err("null"))
        }
    };
}

pub(super) use refuse_scalars;

pub(super) fn skip_list<'de, A: SeqAccess<'de>, T>(mut list: A) -> Result<Result<T, Shape>, A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(Err("a list"))
}

/// Picks fields by name out of an object; several names mean the same field; the last of duplicates
/// wins; other fields are ignored.
pub(super) struct Pick<'n, const N: usize>(pub &'n [&'n [&'n str]; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Pick<'_, N> {
    type Value = Result<[Raw<'de>; N], Shape>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Pick<'_, N> {
    type Value = Result<[Raw<'de>; N], Shape>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(place) = object.next_key_seed(Name(self.0))? {
            match place {
                Some(place) => picked[place] = Some(object.next_value()?),
                None => _ = object.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Ok(picked))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list)
    }

    refuse_scalars!();
}

/// The place of a field's name among the wanted ones.
pub(super) struct Name<'n>(pub &'n [&'n [&'n str]]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|names| names.contains(&name)))
    }
}

/// A list of objects, read row by row with `read`, as far as there is room.
pub(super) struct ReadRows<'a, T, F, const N: usize> {
    pub fields: &'a [&'a [&'a str]; N],
    pub read: &'a F,
    /// Whose a row is.
    pub owner: fn(&T) -> &AppId,
    /// Stores whose rows are wanted most.
    pub configured: &'a HashSet<AppId>,
    pub secrets: &'a Secrets<'a>,
    pub room: Room,
}

impl<T, F, const N: usize> Clone for ReadRows<'_, T, F, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, F, const N: usize> Copy for ReadRows<'_, T, F, N> {}

impl<'de, T, F, const N: usize> DeserializeSeed<'de> for ReadRows<'_, T, F, N>
where
    F: Fn(&mut Texts, [Raw<'de>; N]) -> Result<T, Fault<'de>>,
{
    type Value = Result<Rows<T>, Shape>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T, F, const N: usize> Visitor<'de> for ReadRows<'_, T, F, N>
where
    F: Fn(&mut Texts, [Raw<'de>; N]) -> Result<T, Fault<'de>>,
{
    type Value = Result<Rows<T>, Shape>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Rows { good: Vec::new(), bad_rows: 0, first_error: None };
        let (mut texts, mut room) = (Texts::default(), self.room);
        while let Some(row) = list.next_element_seed(Pick(self.fields))? {
            let before = texts.bytes();
            let row = row.map(|fields| (self.read)(&mut texts, fields));
            if let Ok(Ok(good)) = row {
                let taken = rows.good.len() * size_of::<T>() + texts.bytes();
                if room.takes(rows.good.len(), taken, || self.configured.contains((self.owner)(&good))) {
                    make_room(&mut rows.good, 1);
                    rows.good.push(good);
                    continue;
                }
                rows.refuse(self.secrets, |index| format!("data[{index}]: {}", Room::FULL));
            } else if let Ok(Err(Fault { field, problem, sent })) = row {
                rows.refuse(self.secrets, |index| format!("data[{index}].{field}: {problem} {sent}"));
            } else if let Err(shape) = row {
                rows.refuse(self.secrets, |index| format!("data[{index}]: {shape}, not an object"));
            }
            texts.back_to(before);
        }
        Ok(Ok(rows))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err("an object"))
    }

    refuse_scalars!();
}

impl<T> Rows<T> {
    /// Counts a bad row; `words` are those of the first.
    fn refuse(&mut self, secrets: &Secrets<'_>, words: impl FnOnce(usize) -> String) {
        let index = self.good.len() + self.bad_rows;
        self.bad_rows += 1;
        self.first_error.get_or_insert_with(|| secrets.clean(&words(index)));
    }
}
