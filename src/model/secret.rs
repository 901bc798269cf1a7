//! Secrets, of types that cannot be printed.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;

/// Any secret text of the settings. `Debug` prints a placeholder; there is no `Display`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself: for the request and for blanking, never for a line of log.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The live key (`loginSecretId`), which opens every other V8STD service.
#[derive(Clone)]
pub struct ApiKey(Secret);

impl ApiKey {
    /// Longer than this is no key.
    pub const MAX_BYTES: usize = 4096;

    /// Takes the vendor's text; `None` where it could not be published as one line: empty, with
    /// control characters, or over [`ApiKey::MAX_BYTES`].
    pub fn parse(text: &str) -> Option<Self> {
        let usable = !text.trim().is_empty() && text.len() <= Self::MAX_BYTES && !text.chars().any(char::is_control);
        usable.then(|| Self(Secret::new(text)))
    }

    /// The key itself: for the two files that may hold it and for `poskeeper apikey`.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The first 8 hex digits of its SHA-256: enough to tell two keys apart, useless to an attacker.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.expose())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.fingerprint())
    }
}

/// First 8 hex digits of the SHA-256 of `text`.
pub fn fingerprint(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let key = ApiKey::parse("#56A011").expect("a key");
        let shown = format!("{:?} {:?}", Secret::new("hunter2"), key);
        assert!(!shown.contains("hunter2") && !shown.contains("56A011"), "{shown}");
    }

    #[test]
    fn a_key_that_would_break_the_published_line_is_no_key() {
        for bad in ["", " ", "a\nb", "a\0b", "\t"] {
            assert!(ApiKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
