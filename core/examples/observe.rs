//! Logs the events of a session, and shows its status as a health check would.
//!
//! Set `EMNIFY_APPLICATION_TOKEN`, then: `cargo run -p emnify-core --example observe`

use emnify_core::{Client, Event, Level};

fn main() -> Result<(), emnify_core::Error> {
    // Runs on a thread that calls the client, shortly before the call returns.
    let log = |event: &Event| match event.level() {
        Level::Info => println!("{}: {event}", event.kind()),
        // Something failed. An `Error` does not pass without a person.
        level => eprintln!("{level}: {}: {event}", event.kind()),
    };
    // Without calls, a thread of the client renews the auth token on time.
    let client = Client::builder().observer(log).auto_renew(true).build()?;

    // Signs in, and causes the event `authenticated`.
    client.authenticate()?;

    let status = client.status();
    println!("signed in: {}, until {:?}", status.signed_in, status.valid_until);
    println!("requests to sign in: {}", status.calls_made);
    if let Some(error) = &status.last_error {
        println!("the last attempt failed: {error}; next attempt in {:?}", status.next_attempt);
    }
    Ok(())
}
