//! Checks of an application token and of what it shall be like, made before anything is sent. Each
//! refuses with [`ErrorKind::InvalidInput`](crate::ErrorKind) and a message that starts with the
//! argument's name, and never repeats a secret.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::SystemTime;

use ipnet::IpNet;

use crate::types::date;
use crate::types::error::{Error, Result};
use crate::types::expiry_date::{Expiry, ExpiryDate};
use crate::types::secret::Secret;

/// Far above the 490 characters that were seen, far below what a proxy refuses in a header.
const LONGEST_TOKEN: usize = 8 * 1024;

/// emnify documents no limit; a label for people has no use for more.
const LONGEST_DESCRIPTION: usize = 1024;

/// The date in the form that the API takes, if it is one and lies after `now`.
pub(crate) fn expiry_date(expiry: &ExpiryDate, now: SystemTime) -> Result<String> {
    const NAME: &str = "expiry_date";
    let instant = match &expiry.0 {
        Expiry::Instant(instant) => *instant,
        Expiry::Text(text) => date::instant(text).ok_or_else(|| {
            let problem = "is neither a date such as 2027-05-29 nor an instant with a time zone \
                           such as 2027-05-29T18:30:00Z";
            Error::invalid_input(NAME, problem)
        })?,
    };
    let wire = match &expiry.0 {
        Expiry::Text(text) if date::is_date_only(text) => text.clone(),
        _ => date::wire(instant)
            .ok_or_else(|| Error::invalid_input(NAME, "is beyond the year 9999"))?,
    };
    if instant <= now {
        let problem = format!("{wire} is in the past, by this machine's clock");
        return Err(Error::invalid_input(NAME, problem));
    }
    Ok(wire)
}

/// An application token may be a JWT or opaque, but it is always one line of visible ASCII.
/// `name` is what the caller passed it as.
pub(crate) fn application_token(name: &str, token: &Secret) -> Result<()> {
    let text = token.reveal();
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST_TOKEN {
        "is longer than 8192 bytes, which no such token is"
    } else if let Some(position) = text.bytes().position(|b| !b.is_ascii_graphic()) {
        return Err(Error::invalid_input(
            name,
            format_args!(
                "has a character at byte {position} that is not visible ASCII (a line break, a \
                 space, a NUL, a quote of a word processor?)"
            ),
        ));
    } else {
        return Ok(());
    };
    Err(Error::invalid_input(name, problem))
}

/// The label of an application token.
pub(crate) fn description(text: &str) -> Result<()> {
    let problem = if text.len() > LONGEST_DESCRIPTION {
        format!("has {} bytes; at most {LONGEST_DESCRIPTION} are sent", text.len())
    } else if text.chars().any(char::is_control) {
        "has a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid_input("description", problem))
}

/// One address, or a range in CIDR notation.
pub(crate) fn ip(text: &str) -> Result<()> {
    if IpAddr::from_str(text).is_ok() || IpNet::from_str(text).is_ok() {
        return Ok(());
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    let problem = format!(
        "\"{shown}\" is neither an address such as 192.0.2.7 nor a range such as 192.0.2.0/24 or \
         2001:db8::/48"
    );
    Err(Error::invalid_input("ip", problem))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> SystemTime {
        date::instant("2026-11-24T12:00:00Z").unwrap()
    }

    #[test]
    fn dates_and_instants_reach_the_wire_in_its_form() {
        for (text, wire) in [
            ("2027-05-29", "2027-05-29"),
            ("2027-05-29T18:30:00Z", "2027-05-29T18:30:00.000Z"),
            ("2027-05-29T18:30:00+02:00", "2027-05-29T16:30:00.000Z"),
            ("2027-05-29T18:30:00.000+0000", "2027-05-29T18:30:00.000Z"),
        ] {
            assert_eq!(expiry_date(&text.into(), now()).unwrap(), wire);
        }
        let instant = ExpiryDate::from(now() + Duration::from_secs(1));
        assert_eq!(expiry_date(&instant, now()).unwrap(), "2026-11-24T12:00:01.000Z");
    }

    #[test]
    fn dates_that_are_none_or_past_are_refused_by_name() {
        for text in [
            "",
            "tomorrow",
            "2027-02-30",
            "2027-13-01",
            "29.05.2027",
            "2027-05-29T18:30:00",
            "2026-11-24",
            "2026-11-24T12:00:00Z",
            "1970-01-01",
            "+27-05-290",
        ] {
            let error = expiry_date(&text.into(), now()).unwrap_err();
            assert!(error.to_string().starts_with("expiry_date: "), "{text}: {error}");
        }
    }

    #[test]
    fn application_tokens_are_visible_ascii_and_never_repeated() {
        assert!(application_token("application_token", &"eyJ.abc-_~+/=".into()).is_ok());
        let long = "x".repeat(LONGEST_TOKEN + 1);
        for token in ["", "canary\n", "can\0ary", "can ary", "canäry", &long] {
            let message =
                application_token("application_token", &token.into()).unwrap_err().to_string();
            assert!(message.starts_with("application_token: "), "{message}");
            assert!(!message.contains("can") || token.is_empty(), "{message}");
        }
    }

    #[test]
    fn addresses_and_ranges_are_checked() {
        for text in ["192.0.2.7", "192.0.2.0/24", "2001:db8::1", "2001:db8::/48", "0.0.0.0/0"] {
            assert!(ip(text).is_ok(), "{text}");
        }
        for text in ["", "300.1.2.3/99", "192.0.2.0/33", "192.0.2", "example.com", "::/129"] {
            assert!(ip(text).unwrap_err().to_string().starts_with("ip: "), "{text}");
        }
    }

    #[test]
    fn descriptions_are_short_and_printable() {
        assert!(description("gateway 7, hall ä").is_ok());
        assert!(description(&"x".repeat(1024 * 1024)).is_err());
        assert!(description("a\nb").is_err());
    }
}
