//! Visits all orders in which three threads can ask, wait, finish, fail, panic and cancel. The steps
//! are those of the real `SingleFlight`, which is created anew for each order.

use super::*;
use crate::sys::explore::explore;

const THREADS: usize = 3;

/// How often each thread asks.
const ASKS: u32 = 2;

#[derive(Debug, Clone, Copy)]
enum Step {
    Ask(usize),
    /// Asks whether the attempt that it waits for has ended.
    Poll(usize),
    Finish(usize),
    /// Ends without a result: it panics, or its caller cancelled.
    Drop(usize),
    /// Could not start.
    Withdraw(usize),
    /// Its caller cancels, but the response may still arrive.
    Cancel(usize),
    /// It arrives, or the connection breaks.
    LateFinish,
    LateDrop,
}

enum At {
    Idle,
    Leads(Arc<Attempt<u64>>),
    /// Waits for the attempt of that number. Asleep until it is woken.
    Waits(u64, bool),
}

#[derive(Default)]
struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Run {
    flight: Arc<SingleFlight<u64>>,
    at: [At; THREADS],
    asks_left: [u32; THREADS],
    woken: [Arc<Woken>; THREADS],
    /// The attempt whose caller cancelled.
    late: Option<Arc<Attempt<u64>>>,
    /// The results of all attempts that ended; `None` without one.
    ended: Vec<Option<u64>>,
}

impl Run {
    fn new() -> Self {
        Run {
            flight: SingleFlight::new(Waker::noop().clone()),
            at: [(); THREADS].map(|()| At::Idle),
            asks_left: [ASKS; THREADS],
            woken: [(); THREADS].map(|()| Arc::default()),
            late: None,
            ended: Vec::new(),
        }
    }

    fn possible(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (thread, at) in self.at.iter().enumerate() {
            match at {
                At::Idle if self.asks_left[thread] > 0 => steps.push(Step::Ask(thread)),
                At::Idle => {}
                At::Leads(_) => {
                    steps.extend(
                        [Step::Finish, Step::Drop, Step::Withdraw].map(|step| step(thread)),
                    );
                    steps.extend(self.late.is_none().then_some(Step::Cancel(thread)));
                }
                At::Waits(_, asleep) => {
                    let is_woken = self.woken[thread].0.load(Ordering::SeqCst);
                    steps.extend((is_woken || !asleep).then_some(Step::Poll(thread)));
                }
            }
        }
        if self.late.is_some() {
            steps.extend([Step::LateFinish, Step::LateDrop]);
        }
        steps
    }

    fn take(&mut self, step: Step) -> std::result::Result<(), String> {
        let number = self.ended.len() as u64;
        let leader =
            |run: &mut Run, thread: usize| match mem::replace(&mut run.at[thread], At::Idle) {
                At::Leads(attempt) => attempt,
                _ => panic!("{thread} does not lead"),
            };
        match step {
            Step::Ask(thread) => {
                self.asks_left[thread] -= 1;
                self.ask(thread);
            }
            Step::Poll(thread) => return self.poll(thread),
            Step::Finish(thread) => {
                leader(self, thread).finish(number);
                self.ended.push(Some(number));
            }
            Step::Drop(thread) => {
                drop(leader(self, thread));
                self.ended.push(None);
            }
            Step::Withdraw(thread) => {
                leader(self, thread).withdraw();
                self.ended.push(None);
            }
            Step::Cancel(thread) => self.late = Some(leader(self, thread)),
            Step::LateFinish => {
                self.late.take().unwrap().finish(number);
                self.ended.push(Some(number));
            }
            Step::LateDrop => {
                self.late = None;
                self.ended.push(None);
            }
        }
        self.check()
    }

    fn ask(&mut self, thread: usize) {
        self.at[thread] = match self.flight.start() {
            Start::Ours(attempt) => At::Leads(attempt),
            Start::UnderWay(number) => At::Waits(number, false),
        };
    }

    fn poll(&mut self, thread: usize) -> std::result::Result<(), String> {
        let At::Waits(number, _) = self.at[thread] else { panic!("{thread} does not wait") };
        self.woken[thread].0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken[thread]));
        match self.flight.poll(number, &waker) {
            None => self.at[thread] = At::Waits(number, true),
            Some(Some(result)) => {
                let of_later = self.ended.get(number as usize..).unwrap_or_default();
                if !of_later.contains(&Some(result)) {
                    return Err(format!("a waiter got the result of an earlier attempt, {result}"));
                }
                self.at[thread] = At::Idle;
            }
            // It takes over, unless another one has.
            Some(None) => self.ask(thread),
        }
        self.check()
    }

    fn check(&self) -> std::result::Result<(), String> {
        let lead = self.at.iter().filter(|at| matches!(at, At::Leads(_))).count();
        let under_way = lead + usize::from(self.late.is_some());
        if under_way > 1 {
            return Err("two attempts are under way".into());
        }
        if self.flight.progress() != (under_way == 1, self.ended.len() as u64) {
            return Err("an attempt's end is not noticed".into());
        }
        for (thread, at) in self.at.iter().enumerate() {
            let is_woken = self.woken[thread].0.load(Ordering::SeqCst);
            if let At::Waits(number, true) = at {
                if *number != self.ended.len() as u64 && !is_woken {
                    return Err("a waiter sleeps although its attempt has ended".into());
                }
            }
        }
        if under_way == 0
            && self.possible().is_empty()
            && self.at.iter().any(|at| !matches!(at, At::Idle))
        {
            return Err("no thread leads, and none can continue".into());
        }
        Ok(())
    }

    fn key(&self) -> Vec<u64> {
        let mut key = vec![self.ended.len() as u64, u64::from(self.late.is_some())];
        key.push(self.ended.last().copied().flatten().unwrap_or(u64::MAX));
        for (thread, at) in self.at.iter().enumerate() {
            let is_woken = self.woken[thread].0.load(Ordering::SeqCst);
            key.extend(match at {
                At::Idle => [0, 0],
                At::Leads(_) => [1, 0],
                At::Waits(number, asleep) => [2 + u64::from(*asleep), *number],
            });
            key.extend([u64::from(self.asks_left[thread]), u64::from(is_woken)]);
        }
        key
    }
}

fn replayed(steps: &[Step]) -> Run {
    let mut run = Run::new();
    steps.iter().for_each(|step| run.take(*step).unwrap());
    run
}

#[test]
fn in_any_order_one_attempt_is_under_way_and_no_waiter_sleeps_on() {
    let next = |steps: &Vec<Step>| {
        let after = |step: Step| {
            let reached = steps.iter().copied().chain([step]).collect();
            (step, replayed(steps).take(step).map(|()| reached))
        };
        replayed(steps).possible().into_iter().map(after).collect()
    };
    let visited = explore(Vec::new(), |steps| replayed(steps).key(), next);
    println!("single flight: {visited:?}");
    assert!(visited.states > 1_000, "{visited:?}");
}
