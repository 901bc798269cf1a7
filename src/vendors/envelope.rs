//! What both Pospal endpoints wrap their rows in.

use super::Rows;
use super::failure::{Secrets, refused, unexpected};
use super::lenient::{Fault, Name, Raw, ReadRows, Shape, read, refuse_scalars, skip_list};
use super::scalar::Scalar;
use crate::model::CallFailure;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The rows of a success, or the vendor's no.
pub(super) fn read_envelope<'de, T, F>(
    body: &'de [u8],
    secrets: &Secrets<'_>,
    fields: &[&[&str]; 4],
    read_row: F,
) -> Result<Rows<T>, CallFailure>
where
    F: Fn([Raw<'de>; 4]) -> Result<T, Fault> + Copy,
{
    let envelope = read(body, ReadEnvelope(ReadRows { fields, read: read_row, secrets }))?
        .map_err(|shape| unexpected(format!("the answer is {shape}, not an object")))?;
    let status = Scalar::of(envelope.status);
    match &status {
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("success") => match envelope.data {
            Some(Ok(rows)) => Ok(rows),
            Some(Err(shape)) => Err(unexpected(format!("success, but data is {shape}, not a list"))),
            None => Err(unexpected("success, but without data")),
        },
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("error") => {
            let code = Scalar::of(envelope.error_code).words().map(|code| secrets.clean(code));
            Err(refused(code, secrets.clean(&joined(envelope.messages))))
        }
        sent => Err(unexpected(secrets.clean(&format!("status is neither success nor error, but {sent}")))),
    }
}

/// `messages` is documented as a list of strings; one string will do.
fn joined(messages: Raw<'_>) -> String {
    /// More would be cut off anyway.
    const MOST: usize = 20;
    let list = messages.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
    let all = list.unwrap_or_else(|| messages.into_iter().collect());
    let scalars = all.into_iter().take(MOST).map(|raw| Scalar::of(Some(raw)));
    scalars.filter_map(|scalar| scalar.words().map(str::to_owned)).collect::<Vec<_>>().join("; ")
}

struct Envelope<'de, T> {
    status: Raw<'de>,
    messages: Raw<'de>,
    error_code: Raw<'de>,
    data: Option<Result<Rows<T>, Shape>>,
}

/// Takes the fields in any order, and reads the rows on the way, so that a long answer is gone through
/// once.
struct ReadEnvelope<'a, F>(ReadRows<'a, F, 4>);

impl<'de, T, F> DeserializeSeed<'de> for ReadEnvelope<'_, F>
where
    F: Fn([Raw<'de>; 4]) -> Result<T, Fault> + Copy,
{
    type Value = Result<Envelope<'de, T>, Shape>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T, F> Visitor<'de> for ReadEnvelope<'_, F>
where
    F: Fn([Raw<'de>; 4]) -> Result<T, Fault> + Copy,
{
    type Value = Result<Envelope<'de, T>, Shape>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let names: [&[&str]; 4] = [&["status"], &["messages"], &["errorCode"], &["data"]];
        let mut envelope = Envelope { status: None, messages: None, error_code: None, data: None };
        while let Some(place) = object.next_key_seed(Name(&names))? {
            match place {
                Some(0) => envelope.status = Some(object.next_value()?),
                Some(1) => envelope.messages = Some(object.next_value()?),
                Some(2) => envelope.error_code = Some(object.next_value()?),
                Some(_) => envelope.data = Some(object.next_value_seed(self.0)?),
                None => _ = object.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Ok(envelope))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list)
    }

    refuse_scalars!();
}
