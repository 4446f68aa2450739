//! Processes that share a session: one of them signs in for all.
//!
//! `cargo run -p emnify-core --features redis --example fleet -- redis://127.0.0.1`, or with a
//! directory for processes of one machine. Set `EMNIFY_APPLICATION_TOKEN`.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};

use emnify_core::{Client, EventKind, Store};

const PROCESSES: usize = 8;

/// What each process of the fleet does. Prints how many requests it sent to sign in.
fn work(store: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::builder()
        .store(Store::at(store)?)
        // About how many clients sign in from the same public address, with other credentials, too.
        .fleet_size(300)
        // Without the store the session continues in memory, and each process signs in.
        .observer(|event| {
            if event.kind() == EventKind::StoreError {
                eprintln!("{event}");
            }
        })
        .build()?;
    client.authenticate()?;
    println!("{}", client.status().calls_made);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(store), None) => {
            let start = || {
                let mut process = Command::new(env::current_exe()?);
                process.args([&store, "work"]).stdout(Stdio::piped()).spawn()
            };
            let processes: Vec<_> = (0..PROCESSES).map(|_| start()).collect::<Result<_, _>>()?;
            let mut sign_ins = 0;
            for process in processes {
                let output = process.wait_with_output()?;
                sign_ins += String::from_utf8(output.stdout)?.trim().parse::<u64>()?;
            }
            println!("{PROCESSES} processes are signed in. Requests to sign in: {sign_ins}.");
            Ok(())
        }
        (Some(store), Some(_)) => work(&store),
        _ => Err("usage: fleet <directory or URL of Redis>".into()),
    }
}
