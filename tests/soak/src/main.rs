//! Runs clients for hours of simulated time, with random faults, threads, forks and rotations, and
//! fails if something breaks, or if memory, descriptors or threads grow. `make soak` runs it.
//!
//! A process of its own is the machine. It lives several lives, each with new stores. After each,
//! all must work again once the faults have ended. Then its clients are dropped and it is measured.

mod calls;
mod clock;
mod machine;
mod orders;
mod process;
mod world;

use std::error::Error;
use std::time::{Duration, Instant};

use fastrand::Rng;
use orders::{Order, Report};
use process::{Process, Usage};
use world::World;

/// Rounds of a life.
const ROUNDS: u32 = 40;

/// How long it takes at most until all works again: the longest wait, and what an attempt that was
/// on its way at the end of the faults adds.
const RECOVERY: u64 = 3_600;
const RECOVERIES: u32 = 3;

/// How much more memory the process may use at the end than after its first lives.
const WARM_UP: usize = 3;
const MOST_GROWTH_KB: u64 = 2_048;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("machine") {
        return machine::run();
    }
    let minutes = setting("SOAK_MINUTES")?.unwrap_or(3.0);
    let seed = setting("SOAK_SEED")?.unwrap_or_else(|| Rng::new().u64(..));
    println!("SOAK_SEED={seed} SOAK_MINUTES={minutes}\n");
    let end = Instant::now() + Duration::from_secs_f64(60.0 * minutes);
    let directory = std::env::temp_dir().join(format!("emnify-soak-{}", std::process::id()));
    let result = soak(end, seed, &mut World::new(&directory)?);
    let _ = std::fs::remove_dir_all(&directory);
    result
}

/// Reads an environment variable.
fn setting<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Box<dyn Error>> {
    let parse = |text: String| text.parse().map_err(|_| format!("{name}={text} is not a number"));
    Ok(std::env::var(name).ok().map(parse).transpose()?)
}

fn soak(end: Instant, seed: u64, world: &mut World) -> Result<(), Box<dyn Error>> {
    let (mut random, mut machine) = (Rng::with_seed(seed), Process::start()?);
    println!(
        "| life | hours | calls | failed | children | killed | rotations | sign-ins | memory in kB | \
         descriptors | lock files | threads |\n|{}",
        "---|".repeat(12)
    );
    let (mut all, mut usages) = (Report::default(), Vec::new());
    while Instant::now() < end || usages.len() <= WARM_UP {
        let life = live(world, &mut machine, &mut random)?;
        let usage = machine.usage_at_rest()?;
        let sign_ins = world.sandbox.calls("POST", "/api/v1/authenticate");
        print(usages.len() + 1, &life, sign_ins, usage);
        all.add(life);
        usages.push(usage);
        if !all.broken.is_empty() {
            return Err(format!("SOAK_SEED={seed}: {}", all.broken.join("\n")).into());
        }
    }
    println!("\nresults of all calls: {:?}", all.results);
    match growth(&usages) {
        Some(growth) => Err(format!("SOAK_SEED={seed}: {growth}").into()),
        None => Ok(()),
    }
}

/// Lets the machine live one life.
fn live(
    world: &mut World,
    machine: &mut Process,
    random: &mut Rng,
) -> Result<Report, Box<dyn Error>> {
    let mut life = Report::default();
    life.add(machine.order(&Order::Start(world.begin()?))?);
    for _ in 0..ROUNDS {
        let report = machine.order(&Order::Round(world.round(random)))?;
        world.sandbox.move_clock(Duration::from_millis(report.moved));
        life.add(report);
    }
    world.recover();
    for left in (0..RECOVERIES).rev() {
        world.sandbox.move_clock(Duration::from_secs(RECOVERY));
        let order = Order::Recover { pass: RECOVERY, wall: world.sandbox.now() };
        let mut report = machine.order(&order)?;
        let is_well = report.broken.is_empty();
        if left > 0 {
            report.broken.clear();
        }
        life.add(report);
        if is_well {
            life.broken.extend(world.wrong_tokens());
            break;
        }
    }
    life.add(machine.order(&Order::End)?);
    Ok(life)
}

fn print(number: usize, life: &Report, sign_ins: u64, usage: Usage) {
    let calls: u64 = life.results.values().sum();
    let failed = calls - life.results.get("ok").copied().unwrap_or_default();
    let hours = life.moved / 3_600_000;
    let Report { children, killed, rotations, .. } = life;
    let Usage { memory_kb, descriptors, lock_files, threads } = usage;
    println!(
        "| {number} | {hours} | {calls} | {failed} | {children} | {killed} | {rotations} | {sign_ins} | \
         {memory_kb} | {descriptors} | {lock_files} | {threads} |"
    );
}

/// Returns what has grown since the first lives.
fn growth(usages: &[Usage]) -> Option<String> {
    let (first, later) = usages.split_at_checked(WARM_UP)?;
    let most = |of: fn(&Usage) -> u64, usages: &[Usage]| usages.iter().map(of).max();
    for (name, of, allowed) in [
        ("memory in kB", (|usage| usage.memory_kb) as fn(&Usage) -> u64, MOST_GROWTH_KB),
        ("descriptors", |usage| usage.descriptors as u64, 0),
        ("threads", |usage| usage.threads as u64, 0),
    ] {
        let (before, after) = (most(of, first)?, most(of, later)?);
        if after > before + allowed {
            return Some(format!("{name} grew from {before} to {after}"));
        }
    }
    None
}
