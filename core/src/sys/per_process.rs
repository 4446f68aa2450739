//! Values that a forked child must not share with its parent. The child does not have the thread of
//! a connection, and a lock that was held during the fork is never released there. So each process
//! gets its own value, and an inherited value is neither used nor dropped.
//!
//! This is the only module with `unsafe`, for a memory page that the kernel clears in a forked
//! child.

use std::convert::Infallible;
use std::fmt;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use once_cell::race::OnceBox;

/// Identifies a process. A forked child is another process, even if it has the pid of an ancestor
/// that has ended.
///
/// On Linux since 4.14 a fork is detected by a page that the kernel clears in the child. On other
/// systems, and if the kernel refuses such a page, it is detected by the pid. A descendant that
/// gets the pid of an ancestor that has ended is then taken for that ancestor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(usize);

impl Process {
    /// Returns the calling process. After the first call in a process this makes no system call,
    /// unless forks are detected by the pid.
    pub fn current() -> Self {
        static DETECTION: OnceBox<Detection> = OnceBox::new();
        // Threads that get here at the same time each map a page. One page is used; the others cost
        // four kilobytes each.
        DETECTION.get_or_init(|| Box::new(Detection::new())).process()
    }

    /// Returns a number that differs from those of all ancestors and descendants.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0 as u64
    }
}

/// How a fork is detected. Chosen once, by the first process; its children inherit the choice.
enum Detection {
    /// Contains the number of this process, or 0 in a child that has not drawn its own yet.
    Page(&'static AtomicUsize),
    Pid,
}

impl Detection {
    fn new() -> Self {
        wiped_on_fork().map_or(Detection::Pid, Detection::Page)
    }

    fn process(&self) -> Process {
        let page = match self {
            Detection::Page(page) => page,
            Detection::Pid => return Process(process::id() as usize),
        };
        let number = match page.load(Ordering::Acquire) {
            0 => {
                let drawn = draw_number();
                let set = page.compare_exchange(0, drawn, Ordering::AcqRel, Ordering::Acquire);
                // If another thread of this process was first, its number counts.
                set.map_or_else(|first| first, |_| drawn)
            }
            number => number,
        };
        Process(number)
    }
}

/// Maps a word that is 0 in every forked child.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn wiped_on_fork() -> Option<&'static AtomicUsize> {
    use nix::libc::{
        MADV_WIPEONFORK, MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, madvise,
        mmap, munmap,
    };

    // The kernel rounds up to a page.
    const LENGTH: usize = size_of::<AtomicUsize>();

    // SAFETY: the kernel chooses an address where nothing is mapped.
    let page = unsafe {
        let (access, kind) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        mmap(std::ptr::null_mut(), LENGTH, access, kind, -1, 0)
    };
    if page == MAP_FAILED {
        return None;
    }
    // SAFETY: the range is the page mapped above, and neither advice touches what is there now.
    let is_wiped = unsafe {
        // Miri does not know `madvise`, and cannot fork. Versions of qemu's user mode accept any
        // advice and ignore it.
        cfg!(miri) || madvise(page, LENGTH, -1) != 0 && madvise(page, LENGTH, MADV_WIPEONFORK) == 0
    };
    if !is_wiped {
        // SAFETY: nothing refers to the page mapped above.
        unsafe { munmap(page, LENGTH) };
        return None;
    }
    // SAFETY: the page is aligned, contains zeros, and stays mapped as long as the process lives.
    // From here on it is used only as an atomic. A fork clears only the child's copy, and the child
    // has one thread at that time.
    Some(unsafe { &*page.cast::<AtomicUsize>() })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn wiped_on_fork() -> Option<&'static AtomicUsize> {
    None
}

/// Draws a number that no ancestor has. It combines the pid with the nanoseconds since boot: two
/// processes with the same pid never draw at the same time.
///
/// Where pointers have 32 bits, so has the number, since some of these processors have no atomics of
/// 64 bits. There, one of four thousand million draws equals that of a given ancestor.
fn draw_number() -> usize {
    let number = u64::from(process::id()) << 42 ^ nanoseconds();
    usize::try_from(number).unwrap_or((number ^ number >> 32) as u32 as usize).max(1)
}

#[cfg(unix)]
fn nanoseconds() -> u64 {
    use nix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map(std::time::Duration::from);
    // Enough for five centuries.
    time.map_or(0, |time| time.as_nanos() as u64)
}

#[cfg(not(unix))]
fn nanoseconds() -> u64 {
    0
}

/// A value of which each process creates its own.
///
/// It is a list with one node for each process of a line of forks. It uses no lock, since a thread
/// that does not exist in the child could hold it.
pub(crate) struct PerProcess<T>(OnceBox<Node<T>>);

struct Node<T> {
    process: Process,
    value: Option<T>,
    next: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(OnceBox::new())
    }

    /// Returns the value of this process, if it has created one.
    pub(crate) fn get(&self) -> Option<&T> {
        let process = Process::current();
        let mut list = self;
        while let Some(node) = list.0.get() {
            match &node.value {
                Some(value) if node.process == process => return Some(value),
                _ => list = &node.next,
            }
        }
        None
    }

    /// Returns the value of this process, and creates it at the first call. Threads that call this
    /// at the same time may each create one; one is kept and the others are dropped.
    pub(crate) fn get_or_try_init<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let process = Process::current();
        let mut list = self;
        loop {
            let node = list.0.get_or_try_init(|| {
                // Connections and files that stay open are such values.
                #[cfg(unix)]
                crate::sys::standard_descriptors::occupy();
                let value = Some(make()?);
                Ok(Box::new(Node { process, value, next: PerProcess::new() }))
            })?;
            match &node.value {
                Some(value) if node.process == process => return Ok(value),
                _ => list = &node.next,
            }
        }
    }

    /// Returns the value of this process, and creates it at the first call.
    pub(crate) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(make())) {
            Ok(value) => value,
        }
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        if self.process != Process::current() {
            // Inherited: dropping it could wait for a thread that this process does not have.
            std::mem::forget(self.value.take());
        }
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerProcess")
    }
}

/// Runs `work` in a forked child and returns whether it returned true. Only for a test that has a
/// process of its own, and for work that takes no lock.
#[cfg(all(test, unix))]
pub(crate) fn is_well_in_child(work: impl FnOnce() -> bool) -> bool {
    use nix::libc::{_exit, fork, waitpid};

    // SAFETY: the child does only what the caller promises, and exits without running the exit
    // handlers of the parent.
    unsafe {
        match fork() {
            0 => _exit(i32::from(!work())),
            child => {
                let mut status = -1;
                waitpid(child, &mut status, 0) == child && status == 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_makes_one_value() {
        let list = PerProcess::new();
        let first: *const String = list.get_or_init(|| "first".to_owned());
        assert!(std::ptr::eq(first, list.get_or_init(|| "second".to_owned())));
    }

    #[test]
    fn an_inherited_value_is_not_used() {
        let list = PerProcess(OnceBox::with_value(Box::new(Node {
            process: Process(Process::current().0 + 1),
            value: Some("inherited"),
            next: PerProcess::new(),
        })));
        assert_eq!(list.get(), None);
        assert_eq!(*list.get_or_init(|| "own"), "own");
        assert_eq!(list.get(), Some(&"own"));
    }

    #[test]
    fn a_process_is_itself() {
        assert_eq!(Process::current(), Process::current());
        let by_pid = Detection::Pid;
        assert_eq!(by_pid.process(), by_pid.process());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_same_pid_with_a_wiped_page_is_another_process() {
        let detection = Detection::new();
        let Detection::Page(page) = detection else { panic!("Linux before 4.14") };
        let before = detection.process();
        assert_eq!(before, detection.process());
        page.store(0, Ordering::Release);
        let after = detection.process();
        assert_ne!(before, after);
        assert_eq!(after, detection.process());
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[cfg_attr(miri, ignore = "it cannot fork")]
    fn the_page_is_wiped_in_a_child_and_kept_in_the_parent() {
        let detection = Detection::new();
        let Detection::Page(page) = detection else { panic!("Linux before 4.14") };
        let before = detection.process();
        assert!(is_well_in_child(|| page.load(Ordering::Acquire) == 0));
        assert!(is_well_in_child(|| {
            let own = detection.process();
            own != before && own == detection.process()
        }));
        assert_eq!(before, detection.process());
    }
}
