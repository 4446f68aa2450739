//! The bodies of responses with an error status.

use emnify_core::parsers;

use crate::text::check_shown;

/// The most that a message may have: 50 error objects with 500 characters for each of two texts.
const LONGEST: usize = 50 * 1_100 * 4;

/// Checks the body `data`. The request contained secrets that the server may quote.
pub fn check(data: &[u8]) {
    let secrets = ["canary", "canary-2", "an\"d\\canary"];
    for (status, authenticating) in [(401, true), (422, false), (302, true)] {
        let error = parsers::status_error(authenticating, status, data, &secrets);
        check_shown(&error, &secrets);
        assert!(error.to_string().len() <= LONGEST);
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}
