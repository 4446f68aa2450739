//! Uses rustls, whose default provider is aws-lc-rs, beside emnify-core.

use std::panic;

use emnify_core::Client;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

fn main() -> emnify_core::Result<()> {
    let can_choose = || {
        panic::set_hook(Box::new(|_| {})); // prints nothing
        let result = panic::catch_unwind(ClientConfig::builder);
        drop(panic::take_hook());
        result.is_ok()
    };
    Client::from_env()?.authenticate()?;
    assert!(CryptoProvider::get_default().is_none(), "emnify-core installs none");
    // As its documentation says, rustls cannot choose a provider if two are enabled.
    assert_eq!(can_choose(), cfg!(not(feature = "ring")));
    // If rustls could choose, it has installed its choice.
    let _ = aws_lc_rs::default_provider().install_default();
    assert!(can_choose(), "the program has chosen");
    Client::from_env()?.authenticate()?;
    Ok(())
}
