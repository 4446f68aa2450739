//! Iterates over the rows of a collection.

use std::ffi::{CString, c_char};
use std::ptr;

use emnify_core::{Client, Pages};

use crate::boundary::{Result, c_text, call, emnify_error, free, needed_mut, text};
use crate::client::{Users, check, emnify_client, produce};

/// An iterator over the rows of a collection. It reads page after page and returns each row once.
///
/// Created by emnify_paginate(); free it with emnify_pages_free(). It continues to work after its
/// client is freed.
pub struct emnify_pages {
    rows: Pages,
    /// To check whether it was cancelled.
    client: Client,
    /// The row that C borrows.
    row: CString,
    /// For the functions that the client may call.
    _users: Users,
}

/// Creates an iterator over the collection at `path` in `*pages`. `path` is a path such as
/// /api/v1/sim and may contain a query. `per_page` is the number of rows to read with each request;
/// 0 means 100.
///
/// Sends nothing; emnify_pages_next() checks the path.
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
        let (client, users) = (client.core.clone(), client.users.clone());
        Ok(emnify_pages { rows, client, row: CString::default(), _users: users })
    };
    // SAFETY: the contract.
    unsafe { produce(client, ("pages", pages), error, body) }
}

/// Returns the next row in `*row`: its JSON as the server sent it, in one line that ends with a
/// NUL. If `length` is not NULL, `*length` is set to the length in bytes without the NUL. After the
/// last row the call succeeds, with NULL in `*row` and 0 in `*length`. Blocks when it reads the
/// next page.
///
/// The row is borrowed from `pages` until the next call with it.
///
/// Temporary failures are retried. Fails like emnify_request(), and with EMNIFY_ERR_PROTOCOL if the
/// response is neither a list nor an object with a list in `data`. After an error there are no more
/// rows.
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
            // SAFETY: it is not NULL, and so may be written to.
            unsafe { length.write(its_length) };
        }
        Ok(())
    };
    // SAFETY: the contract.
    unsafe { call(error, body) }
}

/// Frees the iterator and the row borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn emnify_pages_free(pages: *mut emnify_pages) {
    // SAFETY: the contract.
    unsafe { free(pages) }
}

impl emnify_pages {
    /// Returns the text of the next row.
    fn next(&mut self) -> Result<Option<CString>> {
        // Also refuses rows that were already read.
        check(&self.client)?;
        let row = self.rows.next_text().transpose()?;
        Ok(row.map(|row| c_text(&row)))
    }
}
