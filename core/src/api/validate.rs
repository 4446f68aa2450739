//! Checks an application token and its properties before anything is sent. A failed check returns
//! [`ErrorKind::InvalidInput`](crate::ErrorKind) with a message that starts with the argument's
//! name and never repeats a secret.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;

use crate::types::date;
use crate::types::error::{Error, Result};
use crate::types::expiry_date::{self, Expiry, ExpiryDate};
use crate::types::secret::Secret;

/// The longest application token, in bytes. Real ones have about 490 characters. Proxies accept
/// headers of this length.
const LONGEST_TOKEN: usize = 8 * 1024;

/// The longest description, in bytes. emnify documents no limit.
const LONGEST_DESCRIPTION: usize = 1024;

/// Returns the date in the form that the API accepts, if it is valid and after `now`, which is the
/// time on this machine's clock, or for a time from now that on emnify's.
pub(crate) fn expiry_date(expiry: &ExpiryDate, now: SystemTime) -> Result<String> {
    const NAME: &str = "expiry_date";
    let instant = match &expiry.0 {
        Expiry::In(lifetime) => return expires_in(*lifetime, Some(now)),
        Expiry::Instant(instant) => *instant,
        Expiry::Text(text) => expiry_date::instant(text)?,
    };
    let is_date = matches!(&expiry.0, Expiry::Text(text) if date::is_date_only(text));
    let wire = match &expiry.0 {
        Expiry::Text(text) if is_date => text.clone(),
        _ => date::wire(instant)
            .ok_or_else(|| Error::invalid_input(NAME, "must not be after the year 9999"))?,
    };
    if instant <= now {
        // A date means 00:00 UTC on that day, so today's date has passed.
        let now = date::wire(now).unwrap_or_default();
        let problem = match now.split_once('T') {
            Some((today, _)) if is_date => {
                format!("{wire} must be after today, {today} (UTC, by this machine's clock)")
            }
            _ => format!("{wire} must be after now, {now} (by this machine's clock)"),
        };
        return Err(Error::invalid_input(NAME, problem));
    }
    Ok(wire)
}

/// Returns the date in the form that the API accepts. `now` is the time on emnify's clock, if it is
/// known.
pub(crate) fn expires_in(lifetime: Duration, now: Option<SystemTime>) -> Result<String> {
    const NAME: &str = "expires_in";
    if lifetime.is_zero() {
        return Err(Error::invalid_input(NAME, "must be longer than zero"));
    }
    let now = now.ok_or_else(|| {
        let problem = "needs the time, but neither emnify's auth token nor this machine's clock \
                       shows it; set the clock, or pass expiry_date";
        Error::invalid_input(NAME, problem)
    })?;
    now.checked_add(lifetime)
        .and_then(date::wire)
        .ok_or_else(|| Error::invalid_input(NAME, "must not end after the year 9999"))
}

/// Checks an application token. It may be a JWT or opaque, but it is always one line of visible
/// ASCII. `name` is the name of the argument.
pub(crate) fn application_token(name: &str, token: &Secret) -> Result<()> {
    let text = token.reveal();
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST_TOKEN {
        "is longer than 8192 bytes; application tokens are shorter"
    } else if let Some(position) = text.bytes().position(|b| !b.is_ascii_graphic()) {
        return Err(Error::invalid_input(
            name,
            format_args!(
                "contains a character at byte {position} that is not visible ASCII, such as a \
                 space, a line break or a typographic quotation mark"
            ),
        ));
    } else {
        return Ok(());
    };
    Err(Error::invalid_input(name, problem))
}

/// Checks the description of an application token.
pub(crate) fn description(text: &str) -> Result<()> {
    let problem = if text.len() > LONGEST_DESCRIPTION {
        format!("is {} bytes long; at most {LONGEST_DESCRIPTION} are allowed", text.len())
    } else if text.chars().any(char::is_control) {
        "must not contain control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid_input("description", problem))
}

/// Checks an address, or a range in CIDR notation.
pub(crate) fn ip(text: &str) -> Result<()> {
    if IpAddr::from_str(text).is_ok() || IpNet::from_str(text).is_ok() {
        return Ok(());
    }
    let shown: String = text.chars().take(64).collect();
    let problem = format!(
        "\"{shown}\" must be an address such as 192.0.2.7 or a range such as 192.0.2.0/24 or \
         2001:db8::/48"
    );
    Err(Error::invalid_input("ip", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        date::instant("2026-11-24T12:00:00Z").unwrap()
    }

    #[test]
    fn dates_and_instants_are_sent_in_the_apis_form() {
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
    fn a_time_from_now_is_counted_from_the_time_that_is_passed() {
        let lifetime = Duration::from_secs(90 * 86_400);
        assert_eq!(expires_in(lifetime, Some(now())).unwrap(), "2027-02-22T12:00:00.000Z");
        assert_eq!(expiry_date(&lifetime.into(), now()).unwrap(), "2027-02-22T12:00:00.000Z");
        for (lifetime, now) in
            [(Duration::ZERO, Some(now())), (Duration::MAX, Some(now())), (lifetime, None)]
        {
            let error = expires_in(lifetime, now).unwrap_err();
            assert!(error.to_string().starts_with("expires_in: "), "{error}");
        }
    }

    #[test]
    fn the_message_about_a_past_date_names_today() {
        for (text, problem) in [
            ("2026-11-24", "2026-11-24 must be after today, 2026-11-24 (UTC, by"),
            (
                "2026-11-24T11:00:00Z",
                "2026-11-24T11:00:00.000Z must be after now, 2026-11-24T12:00:00.000Z (by",
            ),
        ] {
            let message = expiry_date(&text.into(), now()).unwrap_err().to_string();
            assert!(message.starts_with(&format!("expiry_date: {problem}")), "{message}");
        }
    }

    #[test]
    fn invalid_and_past_dates_are_refused_by_name() {
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
