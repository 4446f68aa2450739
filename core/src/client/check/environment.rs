//! Reports the environment variables that the client reads: which are in use, and which are set in
//! vain. Values that are or may contain secrets are not shown.

use std::env;

use crate::calls::retry::Transport;
use crate::client::builder::credential::VARIABLES_OF_OTHERS;
use crate::http::status_error::clean;
use crate::types::check::{Check, CheckSubject, Verdict};

/// Which settings the program gave, so that their variables are not read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) base_url: bool,
    pub(crate) store: bool,
    pub(crate) fleet_size: bool,
    pub(crate) credential: bool,
    pub(crate) proxy: bool,
    pub(crate) ca_bundle: bool,
}

pub(super) fn check(transport: &Transport, given: Given) -> Check {
    let store = transport.session.store().location();
    let (_, proxy) = transport.http.peers();
    let signs_in_as_user = transport.session.credential() == "user";
    let uses_redis = store.as_ref().is_some_and(|location| location.contains("://"));
    let uses_proxy = !given.proxy && proxy.is_some();
    let certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(is_set);
    let base_url = || transport.http.base_url().trim_end_matches('/').to_owned();

    let (mut used, mut unused) = (Vec::new(), Vec::new());
    let mut note = |name: &str, is_used: bool, value: Option<String>| match (is_set(name), value) {
        (false, _) => {}
        (true, _) if !is_used => unused.push(name.to_owned()),
        (true, Some(value)) => used.push(format!("{name}={value}")),
        (true, None) => used.push(format!("{name} (hidden)")),
    };
    note("EMNIFY_APPLICATION_TOKEN", !given.credential, None);
    let file = "EMNIFY_APPLICATION_TOKEN_FILE";
    note(file, !given.credential && !is_set("EMNIFY_APPLICATION_TOKEN"), shown(file));
    note("EMNIFY_USERNAME", signs_in_as_user, None);
    note("EMNIFY_PASSWORD", signs_in_as_user, None);
    note("EMNIFY_BASE_PATH", !given.base_url, Some(base_url()));
    note("EMNIFY_STORE", !given.store, store);
    for name in ["EMNIFY_STORE_PASSWORD", "EMNIFY_STORE_PASSWORD_FILE"] {
        note(name, uses_redis, None);
    }
    note("EMNIFY_FLEET_SIZE", !given.fleet_size, shown("EMNIFY_FLEET_SIZE"));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        note(name, uses_proxy, proxy.clone());
    }
    for name in ["NO_PROXY", "no_proxy"] {
        note(name, true, shown(name));
    }
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        note(name, !given.ca_bundle, shown(name));
    }
    let bundle = "REQUESTS_CA_BUNDLE";
    note(bundle, !given.ca_bundle && !certificates, shown(bundle));
    for name in VARIABLES_OF_OTHERS {
        note(name, false, None);
    }
    let found = match (used.is_empty(), unused.is_empty()) {
        (true, true) => "none is set".to_owned(),
        (false, true) => used.join(", "),
        (true, false) => format!("set, but not used: {}", unused.join(", ")),
        (false, false) => {
            format!("{}; set, but not used: {}", used.join(", "), unused.join(", "))
        }
    };
    let tried = "looking for environment variables that the client reads";
    Check::new(CheckSubject::Environment, Verdict::Ok, tried, found)
}

/// Whether the variable is set. An empty one counts as unset.
fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Returns the value of a variable, for a message.
fn shown(name: &str) -> Option<String> {
    Some(clean(&env::var_os(name)?.to_string_lossy(), &[]))
}
