//! How long handing out a cached auth token takes: `cargo bench -p emnify-core`.
//!
//! The median over batches, since a single call is shorter than a reading of the clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that fails says so")]

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use emnify_core::Client;
use emnify_sandbox::Sandbox;

const BATCHES: usize = 2_000;
const CALLS: u32 = 1_000;

/// Nanoseconds a call, the median.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            (0..CALLS).for_each(|_| call());
            started.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

fn main() {
    let sandbox = Sandbox::start().unwrap();
    let client = Client::builder()
        .base_url(sandbox.url())
        .ca_bundle(sandbox.ca_file())
        .application_token(sandbox.application_token())
        .build()
        .unwrap();
    client.authenticate().unwrap();

    let ask = || drop(black_box(client.authenticate().unwrap()));
    println!("{:<45} {:>8.1} ns", "Rust    Client::authenticate", measure(ask));
    let medians: Vec<f64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| measure(ask))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // A batch is so short that its thread is hardly ever interrupted.
    let worst = medians.into_iter().fold(0.0, f64::max);
    println!(
        "{:<45} {worst:>8.1} ns of a core",
        format!("Rust    the same, 8 threads on {cores} cores")
    );
    let clock = measure(|| {
        use emnify_core::Clock;
        black_box(emnify_core::SystemClock.steady());
    });
    println!("{:<45} {clock:>8.1} ns", "Rust    of which the steady clock");
}
