//! V8STD POS service: the login of a device (the vendor's Get_APIKEY).

use super::client::below;
use super::failure::{Secrets, refused, unexpected};
use super::lenient::{Pick, read};
use super::scalar::{Raw, Scalar};
use super::{Client, Reply};
use crate::model::{ApiKey, CallFailure, Secret};
use reqwest::Url;
use serde::Serialize;

const SERVICE: &str = "posservice/rest/posdevice/login";

/// Ten years: a key that lives longer was not thought about by anybody.
const LONGEST_HOURS: f64 = 87_600.0;

/// A millisecond: what is shorter is zero to every clock in the house.
const SHORTEST_HOURS: f64 = 1.0 / 3_600_000.0;

/// Which device logs in, and where.
#[derive(Debug, Clone, Copy)]
pub struct LoginRequest<'a> {
    /// The store's V8STD server.
    pub base_url: &'a Url,
    /// `programName`.
    pub program_name: &'a str,
    /// `locationCode`, the shop number.
    pub location_code: &'a str,
    /// `deviceId`.
    pub device_id: &'a str,
    /// `activationCode`; a pre-registered device has none.
    pub activation_code: Option<&'a Secret>,
    /// Sent as header `apiKey`, where the operator has one.
    pub login_api_key: Option<&'a Secret>,
    /// The key of the login before: not sent, but kept out of what the vendor says.
    pub known_key: Option<&'a ApiKey>,
}

/// A login that the vendor granted.
#[derive(Debug, Clone)]
pub struct LoginAnswer {
    /// `loginSecretId`.
    pub key: ApiKey,
    /// `loginSecretLiveHours`; `None` where the vendor sent nothing usable.
    pub live_hours: Option<f64>,
    /// `reloginDurationHours`; `None` where the vendor sent nothing usable.
    pub relogin_hours: Option<f64>,
    /// Which of the two hour fields are unusable, and what was sent in them.
    pub first_error: Option<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    content: Device<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    program_name: &'a str,
    location_code: &'a str,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_code: Option<&'a str>,
}

/// Logs a device in. Free of charge; whether it ends an older key is not documented.
pub async fn login(client: &Client, request: &LoginRequest<'_>) -> Reply<LoginAnswer> {
    let login_api_key = request.login_api_key.map(Secret::expose);
    let body = match serde_json::to_vec(&request.question()) {
        Ok(body) => body,
        Err(error) => return Reply::failed(unexpected(error.to_string())),
    };
    let agent = concat!("poskeeper/", env!("CARGO_PKG_VERSION"));
    let mut headers = vec![("User-Agent", agent), ("Content-Type", "application/json")];
    headers.extend(login_api_key.map(|key| ("apiKey", key)));
    let (client, known_key) = (client.clone(), request.known_key.cloned());
    let sent = [request.activation_code, request.login_api_key].map(Option::<&Secret>::cloned);
    let url = below(request.base_url, SERVICE);
    let reply = client.post(url, &headers, body, &secrets(&client, &sent, known_key.as_ref())).await;
    reply.read(move |body| read_login(body, &secrets(&client, &sent, known_key.as_ref()))).await
}

fn secrets<'a>(client: &'a Client, sent: &'a [Option<Secret>], known_key: Option<&'a ApiKey>) -> Secrets<'a> {
    let sent = sent.iter().flatten().map(Secret::expose);
    Secrets::of(client.secrets().chain(sent).chain(known_key.map(ApiKey::expose)))
}

/// Reads the answer to a login.
///
/// # Errors
/// Where the vendor refuses, or the answer is not what the vendor documents.
pub fn parse_login(body: &[u8]) -> Result<LoginAnswer, CallFailure> {
    read_login(body, &Secrets::default())
}

impl LoginRequest<'_> {
    fn question(&self) -> Question<'_> {
        Question {
            content: Device {
                program_name: self.program_name,
                location_code: self.location_code,
                device_id: self.device_id,
                activation_code: self.activation_code.map(Secret::expose),
            },
        }
    }
}

fn read_login(body: &[u8], secrets: &Secrets<'_>) -> Result<LoginAnswer, CallFailure> {
    let envelope = Pick(&[&["error"], &["errorCode"], &["errorMessage"], &["asynMessage"], &["content"]]);
    let [error, error_code, error_message, asyn_message, content] =
        read(body, envelope)?.map_err(|shape| unexpected(format!("the answer is {shape}, not an object")))?;
    let content = read_content(content)?;
    let [success, status, key, live, relogin, registration_code, activation_code] =
        content.unwrap_or_default().map(Scalar::of);
    // The registration code is a list; its hash alone is as sensitive.
    let hash = registration_code.words().and_then(|code| code.rsplit(',').next()).filter(|hash| hash.len() >= 16);
    let brought = [&key, &registration_code, &activation_code].into_iter().filter_map(Scalar::words).chain(hash);
    let secrets = secrets.and(brought);

    if Scalar::of(error).flag() == Some(true) || success.flag() == Some(false) {
        let [error_code, error_message, asyn_message] = [error_code, error_message, asyn_message].map(Scalar::of);
        let words = [&error_message, &asyn_message, &status].into_iter().find_map(Scalar::words).unwrap_or_default();
        return Err(refused(error_code.words().map(|code| secrets.clean(code)), secrets.clean(words)));
    }
    content.ok_or_else(|| unexpected("the answer has no content object"))?;
    if success.flag() != Some(true) {
        return Err(unexpected(secrets.clean(&format!("content.success is neither true nor false, but {success}"))));
    }
    let is_success = match &status {
        Scalar::Absent | Scalar::Null => true,
        sent => sent.words().is_some_and(|words| words.eq_ignore_ascii_case("SUCCESS")),
    };
    if !is_success {
        return Err(unexpected(secrets.clean(&format!("content.success is true, but content.status is {status}"))));
    }
    let key = read_key(&key)?;
    let mut errors = Vec::new();
    let mut hours = |field, sent: &Scalar<'_>| {
        let hours = sent.float().filter(|hours| (SHORTEST_HOURS..=LONGEST_HOURS).contains(hours));
        if hours.is_none() {
            errors.push(format!("content.{field}: no usable number of hours: {sent}"));
        }
        hours
    };
    let live_hours = hours("loginSecretLiveHours", &live);
    let relogin_hours = hours("reloginDurationHours", &relogin);
    let first_error = (!errors.is_empty()).then(|| secrets.clean(&errors.join("; ")));
    Ok(LoginAnswer { key, live_hours, relogin_hours, first_error })
}

/// The fields of `content`; `None` where it is no object, which is no fault in a refusal.
fn read_content(content: Raw<'_>) -> Result<Option<[Raw<'_>; 7]>, CallFailure> {
    let fields = Pick(&[
        &["success"],
        &["status"],
        &["loginSecretId"],
        &["loginSecretLiveHours"],
        &["reloginDurationHours"],
        &["registrationCode"],
        &["activationCode"],
    ]);
    content.map_or(Ok(None), |raw| Ok(read(raw.get().as_bytes(), fields)?.ok()))
}

/// Says what is wrong with a key without showing any of it.
fn read_key(sent: &Scalar<'_>) -> Result<ApiKey, CallFailure> {
    const NO_KEY: &str = "no key: it has control characters or is too long";
    let problem = match sent {
        Scalar::Text(text) => match ApiKey::parse(text) {
            Some(key) => return Ok(key),
            None if text.trim().is_empty() => "empty",
            None => NO_KEY,
        },
        Scalar::LongText(_) => NO_KEY,
        Scalar::Absent => "absent",
        Scalar::Null => "null",
        _ => "not a text",
    };
    Err(unexpected(format!("content.loginSecretId is {problem}; the login brought no key")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;
    use serde_json::{Value, json};

    const DOCUMENTED: &[u8] = include_bytes!("../../tests/fixtures/vendor/login-success.json");

    /// The documented answer with some fields replaced; `null` paths are set, not removed.
    fn answer(changes: &[(&str, Value)]) -> Vec<u8> {
        let mut body: Value = serde_json::from_slice(DOCUMENTED).unwrap();
        for (path, value) in changes {
            match path.rsplit_once('/') {
                Some((parent, field)) => body.pointer_mut(parent).unwrap()[field] = value.clone(),
                None => body[*path] = value.clone(),
            }
        }
        serde_json::to_vec(&body).unwrap()
    }

    fn failure(changes: &[(&str, Value)]) -> CallFailure {
        parse_login(&answer(changes)).expect_err("a failure")
    }

    #[test]
    fn the_documented_answer_is_read_digit_for_digit() {
        let login = parse_login(DOCUMENTED).unwrap();
        assert_eq!(login.key.expose(), "#56A011DBFC1F135F9CEB4879AFB5D573BB07DCFF80331015518FECE984CD5D61");
        assert_eq!((login.live_hours, login.relogin_hours, login.first_error), (Some(240.0), Some(6.0), None));
    }

    #[test]
    fn the_documented_request_is_what_is_sent() {
        let (base_url, code) = ("http://pos.example".parse().unwrap(), Secret::new("3204B21A343FCBD07D09FA2EE9D63526"));
        let mut request = LoginRequest {
            base_url: &base_url,
            program_name: "APIEXTERNAL",
            location_code: "HKCB",
            device_id: "1",
            activation_code: Some(&code),
            login_api_key: None,
            known_key: None,
        };
        let documented: Value =
            serde_json::from_slice(include_bytes!("../../tests/fixtures/vendor/login-request.json")).unwrap();
        assert_eq!(serde_json::to_value(request.question()).unwrap(), documented);
        request.activation_code = None;
        assert!(serde_json::to_value(request.question()).unwrap()["content"].get("activationCode").is_none());
        assert!(!format!("{request:?}").contains("3204B"));
    }

    #[test]
    fn hours_may_be_any_number_or_text_and_the_unusable_ones_are_named() {
        for (sent, hours) in [
            (json!(240), Some(240.0)),
            (json!(0.0005), Some(0.0005)),
            (json!(" 6.5 "), Some(6.5)),
            (json!(87600), Some(87600.0)),
            (json!(0), None),
            (json!(-1), None),
            (json!(87600.1), None),
            (json!(1e-12), None),
            (json!("NaN"), None),
            (json!("1e999"), None),
            (json!("six"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!({}), None),
        ] {
            let login = parse_login(&answer(&[("/content/reloginDurationHours", sent.clone())])).unwrap();
            assert_eq!(login.relogin_hours, hours, "{sent}");
            assert_eq!(login.live_hours, Some(240.0));
            assert_eq!(login.first_error.is_some(), hours.is_none(), "{sent}");
        }
        let changes = [("/content/loginSecretLiveHours", json!(-240)), ("/content/reloginDurationHours", json!("six"))];
        assert_eq!(
            parse_login(&answer(&changes)).unwrap().first_error.as_deref(),
            Some(
                "content.loginSecretLiveHours: no usable number of hours: number -240; \
                 content.reloginDurationHours: no usable number of hours: text \"six\""
            )
        );
        let bare = br#"{"content":{"success":"true","loginSecretId":"k","loginSecretLiveHours":1e999}}"#;
        let login = parse_login(bare).unwrap();
        assert_eq!((login.live_hours, login.relogin_hours), (None, None));
        assert!(login.first_error.unwrap().ends_with("hours: absent"));
    }

    #[test]
    fn a_refusal_comes_with_http_200_and_carries_the_vendors_words() {
        let data_failed = "data processing failed";
        for (changes, code, message) in [
            (
                vec![("error", json!(true)), ("errorCode", json!(500)), ("errorMessage", json!(data_failed))],
                "500",
                data_failed,
            ),
            (
                vec![
                    ("error", json!("true")),
                    ("errorCode", json!("E1")),
                    ("content", json!(null)),
                    ("asynMessage", json!("later")),
                ],
                "E1",
                "later",
            ),
            (
                vec![("/content/success", json!(false)), ("/content/status", json!("NOT_REGISTERED"))],
                "0",
                "NOT_REGISTERED",
            ),
            (
                vec![("/content/success", json!("FALSE")), ("/content/status", json!(null))],
                "0",
                "refused without a reason",
            ),
        ] {
            let failure = failure(&changes);
            assert_eq!(failure.outcome, Outcome::Refused, "{changes:?}");
            assert_eq!((failure.error_code.as_deref(), failure.message.as_str()), (Some(code), message), "{changes:?}");
        }
    }

    #[test]
    fn an_answer_that_brings_no_key_is_unexpected_and_says_why() {
        for (changes, why) in [
            (vec![("content", json!(null))], "no content object"),
            (vec![("content", json!([1]))], "no content object"),
            (vec![("/content/success", json!(null))], "content.success"),
            (vec![("/content/success", json!(1))], "content.success"),
            (vec![("/content/status", json!("PENDING"))], "content.status"),
            (vec![("/content/loginSecretId", json!(""))], "loginSecretId is empty"),
            (vec![("/content/loginSecretId", json!(" "))], "loginSecretId is empty"),
            (vec![("/content/loginSecretId", json!(null))], "loginSecretId is null"),
            (vec![("/content/loginSecretId", json!(56))], "loginSecretId is not a text"),
            (vec![("/content/loginSecretId", json!("a\u{0}b"))], "control characters"),
            (vec![("/content/loginSecretId", json!("k".repeat(5000)))], "too long"),
            (vec![("/content/loginSecretId", json!("k".repeat(1 << 20)))], "too long"),
        ] {
            let failure = failure(&changes);
            assert_eq!(failure.outcome, Outcome::Unexpected, "{changes:?}");
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        for body in ["", "<html>", "[]", "{", "{}", "{\"error\":false}", "7"] {
            assert_eq!(parse_login(body.as_bytes()).expect_err(body).outcome, Outcome::Unexpected);
        }
    }

    #[test]
    fn no_secret_of_the_answer_shows_in_what_is_said_about_it() {
        let key = "#56A011DBFC1F135F9CEB4879AFB5D573BB07DCFF80331015518FECE984CD5D61";
        let registration =
            "2024-09-27 17:55:34.160,2024-09-27 17:55:34.160,6,9AB93FBBAD2D828E147695FEDA2EB62CF618733FE686CC95";
        let activation = "3204B21A343FCBD07D09FA2EE9D63526";
        let hash = registration.rsplit(',').next().unwrap();
        for secret in [key, registration, activation, hash, &key.to_lowercase()] {
            let told = failure(&[("error", json!(true)), ("errorMessage", json!(format!("clash with {secret}!")))]);
            assert_eq!(told.message, "clash with [secret]!");
            let told = failure(&[("/content/status", json!(secret))]);
            assert!(told.message.contains("[secret]"), "{}", told.message);
            let told = failure(&[("/content/success", json!(secret))]);
            assert!(told.message.contains("[secret]"), "{}", told.message);
            let told = parse_login(&answer(&[("/content/loginSecretLiveHours", json!(secret))])).unwrap();
            assert!(told.first_error.as_deref().is_some_and(|e| e.ends_with("text \"[secret]\"")), "{told:?}");
        }
    }
}
