//! What a child must not share with the process that it was forked from. A connection's thread is
//! not there in the child, and a lock that was held at the moment of the fork stays held for ever;
//! so each process gets its own, and an inherited one is neither used nor dropped.

use std::convert::Infallible;
use std::fmt;
use std::process;

use once_cell::race::OnceBox;

/// A value made anew in each process that asks for it.
///
/// A list with one node for each process down the line of forks. It takes no lock, since that
/// could be held by a thread which the fork left behind.
pub(crate) struct PerProcess<T>(OnceBox<Node<T>>);

struct Node<T> {
    process: u32,
    value: Option<T>,
    next: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(OnceBox::new())
    }

    /// This process's value, made if there is none. Threads that ask for the first time at once may
    /// each make one; one is kept and the others are dropped.
    pub(crate) fn get_or_try_init<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let process = process::id();
        let mut list = self;
        loop {
            let node = list.0.get_or_try_init(|| {
                let value = Some(make()?);
                Ok(Box::new(Node { process, value, next: PerProcess::new() }))
            })?;
            match &node.value {
                Some(value) if node.process == process => return Ok(value),
                _ => list = &node.next,
            }
        }
    }

    /// The same for a value that can always be made.
    pub(crate) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(make())) {
            Ok(value) => value,
        }
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        if self.process != process::id() {
            // Inherited: dropping it could wait for a thread that is not here.
            std::mem::forget(self.value.take());
        }
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerProcess")
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
    fn an_inherited_value_is_passed_over() {
        let list = PerProcess(OnceBox::with_value(Box::new(Node {
            process: process::id() + 1,
            value: Some("inherited"),
            next: PerProcess::new(),
        })));
        assert_eq!(*list.get_or_init(|| "own"), "own");
    }
}
