//! A collection, row by row.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::{Client, Pages};

use crate::boundary::{Result, c_text, call, emnify_error, free, needed_mut, text};
use crate::client::{check, emnify_client, produce};

/// The rows of a collection, each once, whatever pages the server cuts it into.
///
/// Made by emnify_paginate(), owned by the caller, freed with emnify_pages_free(). It may outlive
/// its client, and goes on making calls then. One thread at a time.
pub struct emnify_pages {
    rows: Pages,
    /// Tells whether they are cancelled.
    client: Client,
    /// The text that was lent last.
    row: CString,
}

/// Gives the rows of the collection at `path`, such as /api/v1/sim, to the caller in `*pages`. A
/// query may stand behind the path. `per_page` is how many rows to fetch with each call, of which
/// more are fewer calls; 0 means 100.
///
/// Nothing is sent, and `path` not checked, before emnify_pages_next(). Any thread.
///
/// Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the path is no UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_paginate(
    client: *const emnify_client,
    path: *const c_char,
    per_page: u64,
    pages: *mut *mut emnify_pages,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = |client: &emnify_client| {
        // SAFETY: the contract.
        let path = unsafe { text("path", path) }?;
        let mut rows = client.core.paginate(path);
        if per_page > 0 {
            rows = rows.per_page(per_page);
        }
        Ok(emnify_pages { rows, client: client.core.clone(), row: CString::default() })
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("pages", pages), error, body) }
}

/// Gives the next row in `*row`: its JSON as the server sent it, as one line of text that ends with a
/// NUL. `*length`
/// becomes its length in bytes without that, if `length` is not NULL. After the last row, `*row`
/// becomes NULL and `*length` 0, and the call succeeds.
///
/// Borrowed from `pages`, until the next call with it or until it is freed. One thread at a time.
///
/// A page is fetched when its first row is asked for, which takes at most the configured timeout.
/// What may pass by itself is tried again. Fails as emnify_request() does, and with
/// EMNIFY_ERR_PROTOCOL where the answer is neither a list nor an object with one in `data`; after a
/// failure there are no more rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_pages_next(
    pages: *mut emnify_pages,
    row: *mut *const c_char,
    length: *mut usize,
    error: *mut *mut emnify_error,
) -> i32 {
    let body = || {
        // SAFETY: the contract.
        let pages = unsafe { needed_mut("pages", pages) }?;
        if row.is_null() {
            return Err(emnify_error::null("row"));
        }
        let (text, its_length) = match pages.next()? {
            Some(next) => {
                pages.row = next;
                (pages.row.as_ptr(), pages.row.as_bytes().len())
            }
            None => (ptr::null(), 0),
        };
        // SAFETY: it is not NULL, and so may be written to.
        unsafe { row.write(text) };
        if !length.is_null() {
            // SAFETY: the same.
            unsafe { length.write(its_length) };
        }
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Frees the pages, and with them the row that was borrowed last. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_pages_free(pages: *mut emnify_pages) {
    // SAFETY: the contract.
    unsafe { free(pages) }
}

impl emnify_pages {
    /// The text of the next row.
    fn next(&mut self) -> Result<Option<CString>> {
        // Rows that were fetched before are refused too.
        check(&self.client)?;
        let row = self.rows.next_text().transpose()?;
        Ok(row.map(|row| c_text(&row)))
    }
}
