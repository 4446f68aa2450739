//! Simulates fleets of clients behind one address, with and without a hint of their size, and prints
//! how many calls they make and how soon they are signed in. `make fleet` runs it.

mod fleet;

use std::error::Error;
use std::time::Duration;

use fleet::{Scenario, alone};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const CLIENTS: [usize; 2] = [300, 1_000];
const ALONE: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    // Each client has its own connection.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    println!("clients  hint  429s count  calls  signed in after (half, all but 1 %, all)");
    for clients in CLIENTS {
        for hint in [false, true] {
            for count_limited in [false, true] {
                let outcome = Scenario { clients, hint, count_limited }.run()?;
                let after = |count: usize| match outcome.signed_in.get(count - 1) {
                    Some(time) => minutes(*time),
                    None => "never".to_owned(),
                };
                println!(
                    "{clients:>7}  {:<4}  {:<10}  {:>5}  {}, {}, {}",
                    yes(hint),
                    yes(count_limited),
                    outcome.calls,
                    after(clients / 2),
                    after(clients - clients / 100),
                    after(clients),
                );
            }
        }
    }
    println!("\n{ALONE} clients alone, each after another program used up the limit");
    println!("hint      signed in after (half, all)");
    for hint in [None, Some(1), Some(1_000)] {
        let times = alone(ALONE, hint)?;
        let at = |count: usize| times.get(count - 1).map_or("never".to_owned(), |t| minutes(*t));
        let hint = hint.map_or("none".to_owned(), |size| size.to_string());
        println!("{hint:<8}  {}, {}", at(ALONE / 2), at(ALONE));
    }
    Ok(())
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn minutes(time: Duration) -> String {
    format!("{:.0} min", time.as_secs_f64() / 60.0)
}
