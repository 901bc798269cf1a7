//! `[[devices]]`

use super::Device;
use super::address::parse_base_url;
use super::faults::Complaint;
use super::paths::Folders;
use super::published::Published;
use super::secrets::SecretReader;
use super::section::Section;
use super::sections::file_name;
use super::unique::Unique;
use crate::model::Secret;

const MAX_NAME_CHARS: usize = 64;
const MAX_TEXT_CHARS: usize = 256;

/// Reads all of them; one that is faulty is missing in the result.
pub(super) fn devices<'a>(
    root: &Section<'a>,
    folders: &Folders,
    secrets: &mut SecretReader<'_>,
    published: &mut Published<'a>,
) -> Vec<Device> {
    let mut names = Unique::default();
    let read = |section| device(&section, folders, secrets, &mut names, published);
    root.items("devices").into_iter().filter_map(read).collect()
}

fn device<'a>(
    section: &Section<'a>,
    folders: &Folders,
    secrets: &mut SecretReader<'_>,
    names: &mut Unique,
    published: &mut Published<'a>,
) -> Option<Device> {
    let name = section.required("name", "till-1", name);
    if let Some(name) = &name {
        names.claim(section, "name", name.clone());
    }
    let base_url = section.required("base_url", "http://127.0.0.1:18080", parse_base_url);
    let program_name = section.parsed("program_name", "APIEXTERNAL", plain_text);
    let location_code = section.required_id("location_code", "HKCB", plain_text);
    let device_id = section.required_id("device_id", "1", plain_text);
    let activation_code = secrets.optional(section, "activation_code");
    let login_api_key = secrets.optional(section, "login_api_key");
    let login_api_key = login_api_key.and_then(|key| fit_for_a_header(section, key));
    let api_key_file = section.parsed("api_key_file", "", |text| match text {
        "" => Ok(None),
        _ => file_name(text, "till-1.apikey").map(|name| Some(folders.published(&name))),
    });
    if let Some(Some(file)) = &api_key_file {
        published.add(section, file);
    }
    let api_key_file_mode = section.parsed("api_key_file_mode", "0640", file_mode);
    Some(Device {
        name: name?,
        base_url: base_url?,
        program_name: program_name?,
        location_code: location_code?,
        device_id: device_id?,
        activation_code: activation_code?,
        login_api_key: login_api_key?,
        api_key_file: api_key_file?,
        api_key_file_mode: api_key_file_mode?,
    })
}

/// A device's name is a command line argument, a log field and a column.
fn name(text: &str) -> Result<String, Complaint> {
    let wrong = |wrong: &str| Complaint::new(wrong, "write a short name like till-1");
    if text.trim().is_empty() {
        Err(wrong("is empty"))
    } else if text.chars().count() > MAX_NAME_CHARS {
        Err(wrong(&format!("is over {MAX_NAME_CHARS} characters long")))
    } else if text.contains(|c: char| c.is_control() || c == '/') {
        Err(wrong("has control characters or a slash in it"))
    } else if text.trim() != text {
        Err(wrong("begins or ends with white space"))
    } else {
        Ok(text.to_owned())
    }
}

fn plain_text(text: &str) -> Result<String, Complaint> {
    let wrong = |wrong: &str| Complaint::new(wrong, "write it as the vendor gave it");
    if text.trim().is_empty() {
        Err(wrong("is empty"))
    } else if text.chars().count() > MAX_TEXT_CHARS {
        Err(wrong(&format!("is over {MAX_TEXT_CHARS} characters long")))
    } else if text.contains(char::is_control) {
        Err(wrong("has control characters in it"))
    } else {
        Ok(text.to_owned())
    }
}

/// Of the key that is sent as a header: HTTP would cut white space off, and refuse the rest.
fn fit_for_a_header(section: &Section<'_>, key: Option<Secret>) -> Option<Option<Secret>> {
    let unfit = |text: &str| !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.trim() != text;
    if key.as_ref().is_some_and(|key| unfit(key.expose())) {
        let wrong = "cannot be sent as an HTTP header: only printable ASCII without white space around it can";
        section.report("login_api_key", None, Complaint::new(wrong, "copy the key anew"));
        return None;
    }
    Some(key)
}

fn file_mode(text: &str) -> Result<u32, Complaint> {
    let cure = "write it in octal digits like \"0640\"";
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| octal);
    match mode {
        None => Err(Complaint::new("is no file mode", cure)),
        Some(mode) if mode > 0o777 => Err(Complaint::new("has more than permission bits in it", cure)),
        Some(mode) if mode & 0o400 == 0 => {
            Err(Complaint::new("does not let the owner, poskeeper itself, read the file", cure))
        }
        Some(mode) => Ok(mode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_mode_is_octal_and_lets_the_owner_read() {
        for (text, mode) in [("0640", 0o640), ("600", 0o600), ("0o444", 0o444), ("0777", 0o777)] {
            assert_eq!(file_mode(text), Ok(mode));
        }
        for bad in ["", "0", "640 ", "+640", "0648", "rw-r-----", "1777", "4640", "0040", "0o", "77777777777777"] {
            assert!(file_mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_fits_a_command_line_a_log_field_and_a_column() {
        for good in ["till-1", "Kasse 2", "收银机", &"x".repeat(64)] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", " ", " a", "a\n", "a/b", "../a", "a\u{1b}[0m", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
