//! Calls emnify from tasks of tokio, with both of its schedulers.

use std::error::Error;

use emnify_core::{Client, Method};
use tokio::runtime::Builder;

/// Blocking calls, made in a task by mistake or because they are short.
fn block() -> emnify_core::Result<()> {
    let client = Client::from_env()?;
    let auth_token = client.authenticate()?;
    client.application_tokens().list()?;
    client.invalidate(&auth_token);
    client.authenticate()?;
    Ok(())
}

async fn call() -> Result<(), Box<dyn Error>> {
    block()?;
    tokio::spawn(async { block() }).await??;
    let client = Client::from_env()?;
    let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(client.authenticate_async())).collect();
    for task in tasks {
        task.await??;
    }
    assert_eq!(client.status().calls_made, 1, "all tasks share one sign-in");
    let sim = client.request(Method::Get, "/api/v1/sim/500001").send_async().await?;
    assert_eq!(sim.status(), 200);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        runtime.build()?.block_on(call())?;
    }
    Ok(())
}
