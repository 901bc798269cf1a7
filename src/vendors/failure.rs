//! Failures in the words of the person who has to act.

use super::encoding::EncodingError;
use crate::model::{CallFailure, Outcome, blank_secrets, one_line, single_line};
use rustls::CertificateError;
use std::error::Error;
use std::io;
use std::time::Duration;

/// An answer that is not what the vendor documents.
pub(super) fn unexpected(message: impl Into<String>) -> CallFailure {
    CallFailure { outcome: Outcome::Unexpected, http_status: None, error_code: None, message: message.into() }
}

/// No answer.
pub(super) fn unreachable(message: impl Into<String>) -> CallFailure {
    CallFailure { outcome: Outcome::Unreachable, http_status: None, error_code: None, message: message.into() }
}

/// A well-formed no, in the vendor's own (cleaned) words.
pub(super) fn refused(error_code: Option<String>, message: String) -> CallFailure {
    let message = if message.is_empty() { "refused without a reason".into() } else { message };
    CallFailure { outcome: Outcome::Refused, http_status: None, error_code, message }
}

/// The secrets that a call knows, to be kept out of what the vendor says.
#[derive(Default)]
pub(super) struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    pub(super) fn of(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().map(str::trim).collect())
    }

    /// These, and those that an answer brought.
    pub(super) fn and<'b>(&self, more: impl IntoIterator<Item = &'b str>) -> Secrets<'b>
    where
        'a: 'b,
    {
        Secrets::of(self.0.iter().copied().chain(more))
    }

    /// A vendor's text as one short line. Secrets are blanked before it is cut, as half a secret would
    /// not be found any more, and with white space told as in a line, as the vendor may have changed it.
    pub(super) fn clean(&self, text: &str) -> String {
        /// More than is ever kept, little enough to search.
        const MOST_BYTES: usize = 16 * 1024;
        let secrets: Vec<String> = self.0.iter().map(|secret| one_line(secret)).collect();
        let head = one_line(&text[..text.floor_char_boundary(MOST_BYTES)]);
        let mut head = blank_secrets(&head, secrets.iter().map(String::as_str));
        if text.len() > MOST_BYTES {
            // Written with escapes a secret takes up to three times its length.
            let longest = 3 * secrets.iter().map(String::len).max().unwrap_or(0);
            head.truncate(head.floor_char_boundary(head.len().saturating_sub(longest)));
        }
        single_line(&head)
    }

    /// Whether a value that is to be kept as the vendor wrote it would give a secret away. What looks like
    /// the usual identifier may hold a short secret by chance, so it has to be one as a whole.
    pub(super) fn are_given_away_by(&self, text: &str) -> bool {
        const LONG: usize = 12;
        let is_usual = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.0.iter().filter(|secret| secret.len() >= 4 && secret.len() <= text.len()).any(|secret| {
            let is_in_it = || text.to_ascii_lowercase().contains(&secret.to_ascii_lowercase());
            text.eq_ignore_ascii_case(secret) || !is_usual && secret.len() >= LONG && is_in_it()
        })
    }
}

/// Whom a request went to, and on what terms.
pub(super) struct Peer<'a> {
    /// Host and, where it is not the usual one, port.
    pub host: String,
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// Whether the machine's own CA certificates could be read.
    pub platform_roots: bool,
    /// To be kept out of what its headers say.
    pub secrets: &'a Secrets<'a>,
}

impl Peer<'_> {
    /// Why no usable answer came through the network.
    pub(super) fn transport_failure(&self, error: &reqwest::Error) -> CallFailure {
        let host = &self.host;
        if error.is_builder() {
            return unreachable(format!(
                "the request to {host} cannot be built: base_url or login_api_key holds characters that HTTP cannot carry"
            ));
        }
        if let Some(tls) = cause::<rustls::Error>(error) {
            return unreachable(self.tls_words(tls));
        }
        let os_error = causes(error).filter_map(|e| e.downcast_ref::<io::Error>()).find(|e| e.raw_os_error().is_some());
        if error.is_timeout() && os_error.is_none() {
            return unreachable(self.timeout_words(error));
        }
        if error.is_dns() || causes(error).any(|e| e.to_string().starts_with("dns error")) {
            return unreachable(format!(
                "cannot find {host}: no such name, or no name server; is base_url right, is the network up?"
            ));
        }
        if breaks_http(error) {
            return unexpected(format!("{host} does not speak proper HTTP: {}; is base_url right?", root_words(error)));
        }
        match os_error {
            Some(os) if error.is_connect() => unreachable(self.connect_words(os)),
            Some(os) => unreachable(format!("{host} cut the connection off: {}", os_words(os))),
            None if error.is_connect() => unreachable(format!("cannot connect to {host}: {}", root_words(error))),
            None => {
                let reason = root_words(error);
                unreachable(format!("{host} cut the connection off before the answer was complete: {reason}"))
            }
        }
    }

    /// An answer that came, but with the wrong HTTP status.
    pub(super) fn status_failure(&self, status: reqwest::StatusCode, redirected_to: Option<String>) -> CallFailure {
        let host = &self.host;
        let name = status.canonical_reason().map(|name| format!(" {name}")).unwrap_or_default();
        let answer = format!("HTTP {}{name}", status.as_u16());
        unexpected(match (redirected_to, status.as_u16()) {
            (Some(place), _) => {
                let place = self.secrets.clean(&place);
                format!("redirected to {place} by {host} ({answer}); is base_url right, is there a captive portal?")
            }
            (None, 404) => format!("{answer} from {host}; is base_url right?"),
            (None, 407) => format!("{answer} on the way to {host}; the proxy wants a login"),
            (None, _) => format!("{answer} from {host}"),
        })
    }

    /// An answer that would fill the memory.
    pub(super) fn too_large(&self, limit: usize) -> CallFailure {
        unexpected(format!("the answer of {} is larger than {limit} bytes (network.max_response_bytes)", self.host))
    }

    /// A large answer whose turn did not come in time.
    pub(super) fn no_turn(&self) -> CallFailure {
        let (host, seconds) = (&self.host, self.timeout.as_secs_f64());
        unreachable(format!(
            "no complete answer from {host} within {seconds} s: it is a large one, and another large one is still being \
             taken in; is the network or the disk slow?"
        ))
    }

    /// An answer whose compression is broken.
    pub(super) fn encoding_failure(&self, error: &EncodingError) -> CallFailure {
        match error {
            EncodingError::TooLarge(limit) => self.too_large(*limit),
            broken => unexpected(self.secrets.clean(&format!("the answer of {} cannot be read: {broken}", self.host))),
        }
    }

    fn timeout_words(&self, error: &reqwest::Error) -> String {
        let (host, seconds) = (&self.host, self.timeout.as_secs_f64());
        if error.is_connect() {
            format!("cannot connect to {host} within {} s", self.connect_timeout.as_secs_f64())
        } else if error.is_body() || error.is_decode() {
            format!("no complete answer from {host} within {seconds} s")
        } else {
            format!("no answer from {host} within {seconds} s")
        }
    }

    fn connect_words(&self, os: &io::Error) -> String {
        let hint = match os.kind() {
            io::ErrorKind::ConnectionRefused => "is the server running, is base_url right?",
            _ => "is the network up, is base_url right?",
        };
        format!("cannot connect to {}: {}; {hint}", self.host, os_words(os))
    }

    fn tls_words(&self, error: &rustls::Error) -> String {
        use CertificateError as Bad;
        let host = &self.host;
        match error {
            rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
                format!("the certificate of {host} has expired; is this machine's clock right?")
            }
            rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
                format!("the certificate of {host} is not valid yet; is this machine's clock right?")
            }
            rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                format!("the certificate of {host} is for another name; is base_url right?")
            }
            rustls::Error::InvalidCertificate(_) if !self.platform_roots => format!(
                "cannot check the certificate of {host}: this machine has no CA certificates; install \
                 ca-certificates, or name a file in network.ca_file"
            ),
            rustls::Error::InvalidCertificate(bad) => format!(
                "the certificate of {host} is not trusted ({}); if a private CA signed it, name that CA in \
                 network.ca_file",
                single_line(&bad.to_string())
            ),
            rustls::Error::InvalidMessage(_) => {
                format!("{host} does not speak TLS; should base_url start with http://, is there a captive portal?")
            }
            other => format!("no TLS connection to {host}: {}", single_line(&other.to_string())),
        }
    }
}

/// Whether what came is no HTTP at all, as opposed to too little of it.
fn breaks_http(error: &reqwest::Error) -> bool {
    let mut http_errors = causes(error).filter_map(|e| e.downcast_ref::<hyper::Error>());
    http_errors.any(|http| {
        // A broken chunk is told as an I/O error that no operating system has made; a server that
        // speaks first (SSH, SMTP) has no method of its own to be told by.
        let broken_chunk = cause::<io::Error>(http)
            .is_some_and(|e| matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
        http.is_parse() || broken_chunk || http.to_string().starts_with("received unexpected message")
    })
}

/// The error and what lies behind it. An `io::Error` hides the error that it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = match current.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as _),
            None => current.source(),
        };
        Some(current)
    })
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|e| e.downcast_ref())
}

fn root_words(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(|root| single_line(&root.to_string())).unwrap_or_default()
}

/// What the operating system says, without its number.
fn os_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    /// A secret of one word or several, and as a vendor may echo it: in other letters, with other white
    /// space between its words.
    fn echoed_secret() -> impl Strategy<Value = (String, String)> {
        let word = "[0-9A-Za-z#+/=é$-]{4,20}";
        let space = prop::sample::select(vec![" ", "  ", "\t", "\r\n", "\u{0}"]);
        (prop::collection::vec(word, 1..4), space, any::<bool>()).prop_map(|(words, space, is_upper)| {
            let echo = words.join(space);
            (words.join(" "), if is_upper { echo.to_ascii_uppercase() } else { echo })
        })
    }

    proptest! {
        #![proptest_config(Config { cases: 1000, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() })]

        #[test]
        fn no_secret_stands_in_what_is_left_of_a_vendors_words(
            (secret, echo) in echoed_secret(), before in "[ \\PC]{0,250}", after in "[ \\PC]{0,60}", tail in 4..10_usize,
        ) {
            // Another secret may be the beginning of this one.
            let part = &secret[..secret.floor_char_boundary(tail)];
            let line = Secrets::of([part, &secret]).clean(&format!("{before}{echo}{after} {echo}"));
            let line = line.to_ascii_lowercase();
            prop_assert!(!line.contains(&secret.to_ascii_lowercase()), "{:?} in {:?}", secret, line);
            let end = secret[secret.ceil_char_boundary(tail)..].to_ascii_lowercase();
            prop_assert!(end.len() < 8 || !line.contains(&end), "the end of {:?} in {:?}", secret, line);
            prop_assert!(!line.contains(char::is_control) && line.chars().count() <= 201);
        }
    }

    #[test]
    fn a_secret_is_blanked_even_where_the_vendors_text_is_cut() {
        let secret = "0123456789abcdef0123456789abcdef";
        let secrets = Secrets::of([secret]);
        for padding in (0..400).chain(16_200..16_500) {
            for filler in ["x", " ", "é"] {
                let line = secrets.clean(&format!("{}{secret}", filler.repeat(padding)));
                assert!(!line.contains("0123"), "{padding} times {filler:?}: {line}");
            }
        }
        assert_eq!(secrets.clean(&format!("\tbad {secret}\n")), "bad [secret]");
    }

    #[test]
    fn a_secret_of_two_words_is_blanked_whatever_white_space_a_vendor_puts_between_them() {
        let secrets = Secrets::of(["open  sesame"]);
        assert_eq!(secrets.clean("no: open sesame, OPEN\r\n\tSESAME"), "no: [secret], [secret]");
    }

    #[test]
    fn a_certificate_that_is_out_of_date_sends_one_to_the_clock() {
        let second = Duration::from_secs(1);
        let none = Secrets::default();
        let peer = |platform_roots| Peer {
            host: "pos.example".into(),
            timeout: second,
            connect_timeout: second,
            platform_roots,
            secrets: &none,
        };
        let words = |bad, roots| peer(roots).tls_words(&rustls::Error::InvalidCertificate(bad));
        assert!(words(CertificateError::Expired, true).contains("clock"));
        assert!(words(CertificateError::NotValidYet, true).contains("clock"));
        assert!(words(CertificateError::UnknownIssuer, true).contains("network.ca_file"));
        assert!(words(CertificateError::UnknownIssuer, false).contains("install ca-certificates"));
        assert!(words(CertificateError::NotValidForName, true).contains("base_url"));
    }
}
