//! Signs in to emnify, and creates, lists and revokes an application token.
//!
//! Set `EMNIFY_APPLICATION_TOKEN`, then: `cargo run -p emnify-core --example sign_in`

use std::time::{Duration, SystemTime};

use emnify_core::{Client, NewApplicationToken};

fn main() -> Result<(), emnify_core::Error> {
    // Reads environment variables; `Client::builder()` sets everything in code instead.
    let client = Client::from_env()?;

    // Returns a valid auth token. Call this each time you need one: it is cached.
    let auth_token = client.authenticate()?;
    let organisation = auth_token.organisation_id().map_or("?".into(), |id| id.to_string());
    println!("Signed in to workspace {organisation}.");
    // Send this header with your own calls. Never print it.
    let header = auth_token.authorization();
    println!("The header Authorization has {} characters.", header.reveal().len());

    // Creates an application token for a gateway. Its value cannot be read again: store it.
    let tokens = client.application_tokens();
    let in_a_year = SystemTime::now() + Duration::from_secs(365 * 86_400);
    let new = NewApplicationToken::new().description("gateway 7").expiry_date(in_a_year);
    let created = tokens.create(&new)?;
    println!("Created an application token with {} characters.", created.reveal().len());

    println!("The application tokens of this workspace:");
    for token in tokens.list()? {
        let status = token.status().map_or("?".into(), |status| status.to_string());
        println!("  {:>8}  {status:<9}  {}", token.id(), token.description().unwrap_or("-"));
    }

    // From here on the token cannot be used to sign in.
    if let Some(id) = created.id() {
        tokens.revoke(id)?;
        println!("Revoked the application token {id}.");
    }
    Ok(())
}
