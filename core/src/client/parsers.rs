//! What reads untrusted bytes, for the fuzz tests: functions behind the feature `__parsers`, which
//! only call those of the lower floors.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, LINK};
use zeroize::Zeroizing;

use crate::api::application_token::ApplicationToken;
use crate::api::bodies::{self, Signed};
use crate::api::list::read_all;
use crate::api::paging::{self, Page};
use crate::api::validate;
use crate::calls::failures::SignInFailure;
use crate::http::status_error::StatusError;
use crate::http::{gzip, retry_after as http_retry_after, url};
use crate::store::Store;
use crate::store::encryption::EntryKey;
use crate::types::claims::Claims;
use crate::types::date;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// Returns the lifetime of an auth token.
#[must_use]
pub fn lifetime(auth_token: &str) -> Duration {
    Claims::read(auth_token).lifetime()
}

/// Reads a date or an instant.
#[must_use]
pub fn instant(text: &str) -> Option<SystemTime> {
    date::instant(text)
}

/// Returns an instant in the API's form.
#[must_use]
pub fn wire(instant: SystemTime) -> Option<String> {
    date::wire(instant)
}

/// Returns an instant for a person.
#[must_use]
pub fn readable(instant: SystemTime) -> String {
    date::readable(instant)
}

/// Reads a `Retry-After`.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    http_retry_after::retry_after(value, now)
}

/// Decompresses a body of at most `limit` bytes; `None` if it is damaged or longer.
#[must_use]
pub fn decompress(bytes: &[u8], limit: usize) -> Option<Zeroizing<Vec<u8>>> {
    gzip::decompress(bytes, limit).ok()
}

/// Checks an address or a range.
pub fn ip(text: &str) -> Result<()> {
    validate::ip(text)
}

/// Splits and checks the path of a request.
pub fn path(text: &str) -> Result<(&str, Vec<(String, String)>)> {
    url::path(text)
}

/// Checks a base URL, and returns it as calls use it.
pub fn base_url(text: &str) -> Result<String> {
    url::base_url("base_url", text).map(String::from)
}

/// Reads the response to a sign-in. Returns all its secrets that are used.
pub fn signed_in(body: &[u8]) -> Result<Vec<Secret>> {
    Ok(match Signed::read("sign in", body)? {
        Signed::In { auth_token, refresh_token } => {
            [auth_token].into_iter().chain(refresh_token).collect()
        }
        Signed::Mfa { mfa_token } => vec![mfa_token],
    })
}

/// Reads the response to the creation of an application token.
pub fn created(body: &[u8]) -> Result<(Secret, Option<u64>)> {
    bodies::created("create", body)
}

/// Reads the rows of a list. `link` is the header of that name on each page.
pub fn rows(pages: &[&[u8]], link: &[u8]) -> Result<Vec<String>> {
    let page = Cell::new(0);
    let fetch = |_: &[(&str, String)]| {
        let body = pages.get(page.replace(page.get() + 1)).copied().unwrap_or(b"[]");
        let link = HeaderValue::from_bytes(link).ok();
        let headers: HeaderMap = link.into_iter().map(|link| (LINK, link)).collect();
        Ok(Page { headers, body: Zeroizing::new(body.to_vec()) })
    };
    read_all("list", &[], fetch, |row| Some(row.to_owned()))
}

/// Reads a row of the list of application tokens.
#[must_use]
pub fn application_token(row: &str) -> Option<ApplicationToken> {
    ApplicationToken::read(row)
}

/// Reads an event about a refused sign-in.
#[must_use]
pub fn sign_in_failure(row: &str) -> Option<SignInFailure> {
    SignInFailure::read(row)
}

/// Returns JSON without the white space between its tokens.
#[must_use]
pub fn compact(json: &str) -> String {
    let mut line = String::new();
    paging::push_compact(&mut line, json);
    line
}

/// Returns the error that a response means.
#[must_use]
pub fn status_error(authenticating: bool, status: u16, body: &[u8], secrets: &[&str]) -> Error {
    let (action, refused, retry_after) = ("try", "emnify refused it", None);
    StatusError { action, authenticating, refused, status, body, retry_after, secrets }.into_error()
}

/// Writes an entry of a store as the library would: `purpose` is "session" or "rotation".
pub fn write_entry(
    store: &Store,
    credential: &Secret,
    base_url: &str,
    purpose: &str,
    plain: &[u8],
) -> Result<()> {
    store.write(&EntryKey::new(credential, base_url)?, purpose, plain)
}
