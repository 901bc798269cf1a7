//! What both Pospal endpoints wrap their rows in.

use super::Rows;
use super::failure::{refused, unexpected};
use super::fault::Fault;
use super::lenient::{Name, ReadRows, Shape, read, refuse_scalars, skip_list};
use super::room::Texts;
use super::scalar::{Raw, Scalar};
use crate::model::CallFailure;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The rows of a success, or the vendor's no.
pub(super) fn read_envelope<'de, T, F>(body: &'de [u8], rows: ReadRows<'_, T, F, 4>) -> Result<Rows<T>, CallFailure>
where
    F: Fn(&mut Texts, [Raw<'de>; 4]) -> Result<T, Fault<'de>>,
{
    let secrets = rows.secrets;
    let envelope =
        read(body, ReadEnvelope(rows))?.map_err(|shape| unexpected(format!("the answer is {shape}, not an object")))?;
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
    let list = messages.and_then(|raw| serde_json::Deserializer::from_str(raw.get()).deserialize_seq(First(MOST)).ok());
    let all = list.unwrap_or_else(|| messages.into_iter().collect());
    let scalars = all.into_iter().map(|raw| Scalar::of(Some(raw)));
    scalars.filter_map(|scalar| scalar.words().map(str::to_owned)).collect::<Vec<_>>().join("; ")
}

/// So many values of a list that may be endless.
struct First(usize);

impl<'de> Visitor<'de> for First {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.0
            && let Some(value) = list.next_element()?
        {
            first.push(value);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

struct Envelope<'de, T> {
    status: Raw<'de>,
    messages: Raw<'de>,
    error_code: Raw<'de>,
    data: Option<Result<Rows<T>, Shape>>,
}

/// Takes the fields in any order, and reads the rows on the way, so that a long answer is gone through
/// once.
struct ReadEnvelope<'a, T, F>(ReadRows<'a, T, F, 4>);

impl<'de, T, F> DeserializeSeed<'de> for ReadEnvelope<'_, T, F>
where
    F: Fn(&mut Texts, [Raw<'de>; 4]) -> Result<T, Fault<'de>>,
{
    type Value = Result<Envelope<'de, T>, Shape>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T, F> Visitor<'de> for ReadEnvelope<'_, T, F>
where
    F: Fn(&mut Texts, [Raw<'de>; 4]) -> Result<T, Fault<'de>>,
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
                Some(_) => {
                    // The last of duplicates wins, and takes the memory of the one before.
                    envelope.data = None;
                    envelope.data = Some(object.next_value_seed(self.0)?);
                }
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

#[cfg(test)]
mod tests {
    use super::super::pospal::parse_daily_access;
    use super::*;
    use crate::model::{Outcome, UsageReading};

    fn usage(body: &[u8]) -> Result<Rows<UsageReading>, CallFailure> {
        parse_daily_access(body, "2026-11-21".parse().expect("a test's day"))
    }

    #[test]
    fn the_envelope_may_come_in_any_order_and_letter_case() {
        let row = r#"{"appId":"A","accessDate":"2026-11-21","limitTimes":300,"haveAcessTimes":7}"#;
        for body in [
            format!("\u{feff}{{\"data\":[{row}],\"status\":\"SUCCESS\"}}\n"),
            format!(r#"{{"status":"error","x":{{}},"data":null,"data":[{row}],"messages":null,"status":"Success"}}"#),
        ] {
            assert_eq!(usage(body.as_bytes()).unwrap().good.len(), 1, "{body}");
        }
        let empty = usage(br#"{"status":"success","messages":[],"data":[]}"#);
        assert_eq!(empty, Ok(Rows { good: vec![], bad_rows: 0, first_error: None }));
    }

    #[test]
    fn a_refusal_carries_the_vendors_code_and_words() {
        for (body, code, message) in [
            (
                r#"{"status":"error","messages":["签名错误","bad\nsign"],"errorCode":1032}"#,
                Some("1032"),
                "签名错误; bad sign",
            ),
            (r#"{"status":"ERROR","messages":"no","errorCode":"E7","data":[]}"#, Some("E7"), "no"),
            (r#"{"status":"error","messages":[null,{"a":1}],"errorCode":null}"#, None, "refused without a reason"),
            (r#"{"status":"error"}"#, None, "refused without a reason"),
        ] {
            let failure = usage(body.as_bytes()).unwrap_err();
            assert_eq!((failure.outcome, failure.error_code.as_deref()), (Outcome::Refused, code), "{body}");
            assert_eq!(failure.message, message);
        }
    }

    #[test]
    fn what_is_not_the_documented_envelope_is_unexpected_and_says_why() {
        let deep = "[".repeat(100_000);
        for (body, why) in [
            ("", "empty"),
            (" \n", "empty"),
            ("<!DOCTYPE html><title>Login</title>", "HTML page"),
            ("{\"status\":\"success\",\"data\":[", "EOF"),
            ("{\"status\":\"success\",\"data\":[]} trailing", "trailing"),
            ("{\"status\":\"success\",\"data\":[{\"appId\":\"a\0b\"}]}", "control character"),
            ("[]", "a list, not an object"),
            ("null", "null, not an object"),
            ("\"success\"", "a text, not an object"),
            ("{}", "absent"),
            (r#"{"status":null,"data":[]}"#, "null"),
            (r#"{"status":"OK","data":[]}"#, "text \"OK\""),
            (r#"{"status":"success"}"#, "without data"),
            (r#"{"status":"success","data":null}"#, "data is null"),
            (r#"{"status":"success","data":{"a":[1]}}"#, "data is an object"),
            (deep.as_str(), "not JSON"),
        ] {
            let failure = usage(body.as_bytes()).unwrap_err();
            assert_eq!(failure.outcome, Outcome::Unexpected, "{body}");
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        let no_text = usage(b"{\"status\":\"\xff\"}").unwrap_err();
        assert!(no_text.message.contains("UTF-8"));
    }
}
