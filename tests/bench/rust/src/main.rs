//! Measures calls with emnify-core, bare reqwest and ureq, and handing out a cached auth token.
//!
//! ```text
//! emnify-bench emnify|reqwest|ureq    the first call of this process, and calls after it
//! emnify-bench cached THREADS         nanoseconds of a core per Client::authenticate
//! ```

mod calls;

use std::error::Error;
use std::time::Instant;
use std::{env, fs, hint, thread};

use emnify_core::Client;

const WARM_CALLS: usize = 2_000;
const CACHED_CALLS: u32 = 5_000_000;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("emnify") => measure(calls::emnify),
        Some("reqwest") => measure(calls::reqwest),
        Some("ureq") => measure(calls::ureq),
        Some("cached") => cached(arguments.next().unwrap_or_default().parse()?),
        _ => Err("usage: emnify-bench emnify|reqwest|ureq, or emnify-bench cached THREADS".into()),
    }
}

/// Prints the milliseconds of the first call with the sign-in, the microseconds of a later call
/// (the median), and the kilobytes of memory that the first call adds.
fn measure<C: FnMut() -> Result<usize>>(sign_in: fn() -> Result<C>) -> Result<()> {
    let before = resident()?;
    let started = Instant::now();
    let mut call = sign_in()?;
    let length = call()?;
    let first = started.elapsed();
    let memory = resident()? - before;
    let mut times = Vec::with_capacity(WARM_CALLS);
    for _ in 0..WARM_CALLS {
        let started = Instant::now();
        if call()? != length {
            return Err("the body changed".into());
        }
        times.push(started.elapsed());
    }
    times.sort();
    let warm = times.get(WARM_CALLS / 2).ok_or("no call")?;
    println!("{:.2} {:.1} {memory}", first.as_secs_f64() * 1e3, warm.as_secs_f64() * 1e6);
    Ok(())
}

/// Prints how many nanoseconds of a core a call takes, in this many threads at once.
fn cached(threads: u32) -> Result<()> {
    let client = Client::builder().pacing(false).build()?;
    client.authenticate()?;
    let calls = CACHED_CALLS / threads;
    let before = processor_time()?;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..calls {
                    drop(hint::black_box(client.authenticate()));
                }
            });
        }
    });
    println!("{:.1}", (processor_time()? - before) * 1e9 / f64::from(calls * threads));
    Ok(())
}

/// Returns the resident memory of this process in kilobytes.
fn resident() -> Result<i64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    Ok(statm.split(' ').nth(1).ok_or("statm")?.parse::<i64>()? * 4)
}

/// Returns the seconds that this process has spent on a core.
fn processor_time() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().ok_or("stat")?.split(' ').collect();
    let ticks: f64 = fields.get(11).ok_or("utime")?.parse::<f64>()?
        + fields.get(12).ok_or("stime")?.parse::<f64>()?;
    Ok(ticks / 100.0)
}
