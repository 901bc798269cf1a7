//! Any bytes as the answer to a login.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poskeeper::model::Outcome;
use poskeeper::vendors::v8std::parse_login;

fuzz_target!(|body: &[u8]| {
    match parse_login(body) {
        Ok(answer) => {
            assert!(!answer.key.expose().contains(char::is_control));
            for hours in [answer.live_hours, answer.relogin_hours].into_iter().flatten() {
                assert!(hours > 0.0 && hours <= 87_600.0, "{hours}");
            }
            let words = answer.first_error.unwrap_or_default();
            assert!(!words.contains(char::is_control), "{words:?}");
            // A short key may stand in a message by chance.
            let key = answer.key.expose().trim();
            assert!(key.len() < 12 || !words.contains(key), "{words:?}");
        }
        Err(failure) => {
            assert!(matches!(failure.outcome, Outcome::Refused | Outcome::Unexpected));
            assert!(!failure.message.is_empty() && !failure.message.contains(char::is_control), "{failure:?}");
            assert!(!failure.error_code.unwrap_or_default().contains(char::is_control));
        }
    }
});
