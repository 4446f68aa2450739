//! Simulates fleets of clients behind one address, prints what they cost and how soon they are
//! signed in, draws pictures of them, and fails if a number is worse than required. `make fleet`
//! runs it; its argument is the folder of the pictures.

mod draws;
mod fleet;
mod machine;
mod model;
mod picture;
mod scenarios;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use model::{CANDIDATES, Cost, WITH_HINT, WITHOUT_HINT};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scenarios::{MACHINES, Outcome, SEED};

const ALONE: u32 = 50;

/// Scenarios that run at the same time.
const AT_ONCE: usize = 2;

type Scenario = fn() -> Result<Outcome, Box<dyn Error>>;

/// All scenarios, in the order of the table. Of those with the same picture, the last one is drawn.
const SCENARIOS: [Scenario; 11] = [
    || scenarios::cold_start(false, false),
    || scenarios::cold_start(false, true),
    || scenarios::cold_start(true, false),
    || scenarios::cold_start(true, true),
    scenarios::half_leaves,
    || scenarios::warm_restart(false),
    || scenarios::warm_restart(true),
    || scenarios::outage(false),
    || scenarios::outage(true),
    scenarios::start_in_outage,
    scenarios::rotation,
];

fn main() -> Result<(), Box<dyn Error>> {
    let pictures = PathBuf::from(std::env::args().nth(1).ok_or("the argument is a folder")?);
    fs::create_dir_all(&pictures)?;
    // Each client has its own connection.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;

    println!("{MACHINES} clients behind one address\n");
    println!(
        "| scenario | sign-ins | refused (429) | failed otherwise | calls without a token | all \
         signed in after |\n|---|---|---|---|---|---|"
    );
    let mut outcomes = Vec::new();
    let mut missed = Vec::new();
    for scenarios in SCENARIOS.chunks(AT_ONCE) {
        for outcome in run(scenarios)? {
            let title = &outcome.title;
            let (all, lost) = (outcome.sign_ins.len(), outcome.lost_calls);
            let (good, limited) = (outcome.accepted(), outcome.limited());
            let other = all - good - limited;
            let after = outcome.all_after.map_or("–".to_owned(), minutes);
            println!("| {title} | {all} | {limited} | {other} | {lost} | {after} |");
            fs::write(pictures.join(format!("{}.svg", outcome.name)), picture::draw(&outcome))?;
            missed.extend(outcome.missed.iter().cloned());
            outcomes.push(outcome);
        }
    }

    println!("\n{ALONE} clients alone, each after another program used up the limit\n");
    println!("| fleet_size | half signed in after | all |\n|---|---|---|");
    for hint in [None, Some(1)] {
        let times = scenarios::alone(ALONE, hint)?;
        let after = |time: Option<&Duration>| time.map_or("never".to_owned(), |t| seconds(*t));
        let (half, all) = (times.get(times.len() / 2), times.last());
        let hint_text = hint.map_or("none".to_owned(), |size| size.to_string());
        println!("| {hint_text} | {} | {} |", after(half), after(all));
        if hint.is_none() && all.is_none_or(|time| *time > Duration::from_secs(300)) {
            missed.push(format!("a client alone was signed in after {all:?}, not 300 s"));
        }
    }

    println!("\nSchedules after a 429, by a model: the worst of nine cold starts\n");
    print_schedules();
    missed.extend(differences(&outcomes));
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n").into()) }
}

/// Runs the scenarios at the same time.
fn run(scenarios: &[Scenario]) -> Result<Vec<Outcome>, Box<dyn Error>> {
    thread::scope(|scope| {
        let threads: Vec<_> = scenarios
            .iter()
            .map(|scenario| scope.spawn(|| scenario().map_err(|error| error.to_string())))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().map_err(|_| "a panic")?);
        results.map(|result: Result<Outcome, String>| Ok(result?)).collect()
    })
}

fn print_schedules() {
    let columns = [(1_000, false), (1_000, true), (2_000, false), (2_000, true)];
    print!("| wait after a 429 | a client alone is back after |");
    for (clients, counted) in columns {
        let count = if counted { "count" } else { "do not count" };
        print!(" {clients} clients, refused calls {count} |");
    }
    println!("\n|---|---|---|---|---|---|");
    for schedule in CANDIDATES {
        print!("| {schedule} | {} |", seconds(schedule.alone()));
        for (clients, counted) in columns {
            match schedule.worst(clients, counted) {
                Cost { calls, all_after: Some(time) } => {
                    print!(" {calls} calls, {} |", minutes(time))
                }
                Cost { all_after: None, .. } => print!(" never |"),
            }
        }
        println!();
    }
}

/// Returns where the model and the simulation of the library's own schedules differ.
fn differences(outcomes: &[Outcome]) -> Vec<String> {
    let cold_starts = outcomes.iter().take(4);
    let schedules =
        [(WITHOUT_HINT, false), (WITHOUT_HINT, true), (WITH_HINT, false), (WITH_HINT, true)];
    let pairs = cold_starts.zip(schedules).map(|(outcome, (schedule, counted))| {
        let real = Cost { calls: outcome.sign_ins.len(), all_after: outcome.all_after };
        (outcome, real, schedule.cold_start(MACHINES, counted, SEED))
    });
    pairs
        .filter(|(_, real, model)| real != model)
        .map(|(outcome, real, model)| {
            format!("{}: {real:?}, but the model: {model:?}", outcome.name)
        })
        .collect()
}

fn minutes(time: Duration) -> String {
    format!("{:.0} min", time.as_secs_f64() / 60.0)
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}
