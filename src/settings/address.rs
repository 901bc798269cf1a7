//! Addresses of servers.

use super::faults::Complaint;
use reqwest::Url;
use std::net::{IpAddr, Ipv6Addr};

/// The address that a vendor's paths are appended to.
pub(super) fn parse_base_url(text: &str) -> Result<Url, Complaint> {
    let wrong = |wrong: &str| Complaint::new(wrong, "write it like http://127.0.0.1:18080 or https://host/path");
    let folded = text.to_ascii_lowercase();
    let Some(rest) = folded.strip_prefix("http://").or_else(|| folded.strip_prefix("https://")) else {
        return Err(wrong("is no http:// or https:// address"));
    };
    // The parser of URLs forgives and repairs; what the operator meant must not be guessed.
    if rest.starts_with(['/', '?', '#', ':']) || rest.is_empty() {
        return Err(wrong("names no host"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(wrong("has white space or a backslash in it"));
    }
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no address ({error})")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Complaint::new("has a user name or password in it", "remove them and the @"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Complaint::new("has a query or fragment in it", "remove everything from the ? or # on"));
    }
    if url.port() == Some(0) {
        return Err(wrong("names port 0"));
    }
    Ok(url)
}

/// Whether requests to `url` stay on this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => is_loopback_v6(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn is_loopback_v6(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().map_or(address.is_loopback(), |mapped| mapped.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_written_or_not_at_all() {
        for good in
            ["http://127.0.0.1:18080", "https://area9-win.pospal.cn/", "HTTP://store:1/v8", "http://[::1]:8/a/b"]
        {
            assert!(parse_base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "till:18080",
            "ftp://till",
            "http:till",
            "http://",
            "http:///till",
            "http://:80",
            " http://till",
            "http://ti ll",
            "http://till\n",
            "http://user@till",
            "http://user:word@till",
            "http://till/?a=b",
            "http://till/#a",
            "http://till:0",
            "http://till:65536",
            "http://[::1",
            "http:\\\\till",
        ] {
            assert!(parse_base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        let judge = |text: &str| is_loopback(&parse_base_url(text).expect(text));
        for near in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]", "http://[::ffff:127.0.0.1]"] {
            assert!(judge(near), "{near}");
        }
        for near in ["http://localhost", "http://LocalHost.", "http://a.localhost"] {
            assert!(judge(near), "{near}");
        }
        for far in ["http://192.168.1.9", "http://0.0.0.0", "http://localhost.example", "http://127.0.0.1.example"] {
            assert!(!judge(far), "{far}");
        }
    }
}
