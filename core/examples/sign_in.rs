//! Signs in to emnify, and creates, lists and revokes an application token.
//!
//! Set `EMNIFY_APPLICATION_TOKEN`, then: `cargo run -p emnify-core --example sign_in`

use std::time::{Duration, SystemTime};

use emnify_core::{Client, NewApplicationToken};

fn main() -> Result<(), emnify_core::Error> {
    // Everything comes from the environment; `Client::builder()` sets it in code.
    let client = Client::from_env()?;

    // An auth token that is valid now. Ask each time you need one: it is cached.
    let auth_token = client.authenticate()?;
    let organisation = auth_token.organisation_id().map_or("?".into(), |id| id.to_string());
    println!("Signed in to organisation {organisation}.");
    // Your own calls carry this header; never print it whole.
    let header = format!("Authorization: Bearer {}", auth_token.reveal());
    println!("The header for your own calls has {} characters.", header.len());

    // A new application token for a gateway. Its value is shown this once: store it.
    let tokens = client.application_tokens();
    let in_a_year = SystemTime::now() + Duration::from_secs(365 * 86_400);
    let new = NewApplicationToken::new().description("gateway 7").expiry_date(in_a_year);
    let created = tokens.create(&new)?;
    println!("Created an application token of {} characters.", created.reveal().len());

    println!("The application tokens of this workspace:");
    for token in tokens.list()? {
        let status = token.status().map_or("?".into(), |status| status.to_string());
        println!("  {:>8}  {status:<9}  {}", token.id(), token.description().unwrap_or("-"));
    }

    // From here on nobody can sign in with it.
    if let Some(id) = created.id() {
        tokens.revoke(id)?;
        println!("Revoked the application token {id}.");
    }
    Ok(())
}
