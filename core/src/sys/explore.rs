//! Visits all states that a model can reach, for tests: breadth first, each state once.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash, RandomState};

/// How much was visited.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visited {
    pub(crate) states: usize,
    pub(crate) steps: usize,
}

/// Visits all states that can be reached from `start`. `next` returns each possible step with the
/// state after it, or with the invariant that the step breaks. States with the same `key` are the
/// same.
///
/// # Panics
///
/// If a step breaks an invariant, with one of the shortest ways to get there.
pub(crate) fn explore<S, L: Debug, K: Hash>(
    start: S,
    key: impl Fn(&S) -> K,
    next: impl Fn(&S) -> Vec<(L, Result<S, String>)>,
) -> Visited {
    // Of each key only its hash is kept: of a million states, two collide once in 30 million runs.
    let hasher = RandomState::new();
    let mut seen = HashSet::from([hasher.hash_one(key(&start))]);
    let mut waiting = VecDeque::from([(start, 0)]);
    // The step to each state, and the index of the state before it.
    let mut taken: Vec<Option<(L, usize)>> = vec![None];
    let mut steps = 0;
    while let Some((state, index)) = waiting.pop_front() {
        for (step, result) in next(&state) {
            steps += 1;
            match result {
                Ok(reached) => {
                    if seen.insert(hasher.hash_one(key(&reached))) {
                        waiting.push_back((reached, taken.len()));
                        taken.push(Some((step, index)));
                    }
                }
                Err(broken) => {
                    let (mut path, mut at) = (vec![format!("{step:?}")], index);
                    while let Some((step, before)) = &taken[at] {
                        path.push(format!("{step:?}"));
                        at = *before;
                    }
                    path.reverse();
                    panic!("{broken}, after {}", path.join(", "));
                }
            }
        }
    }
    Visited { states: taken.len(), steps }
}

#[test]
fn all_states_are_visited_and_the_shortest_way_to_a_broken_one_is_shown() {
    let next = |limit: u32| {
        move |state: &u32| {
            let steps = [("one", state + 1), ("three", state + 3)];
            let check =
                |to: u32| if to == limit { Err(format!("{to} broke")) } else { Ok(to % 10) };
            steps.into_iter().map(|(step, to)| (step, check(to))).collect()
        }
    };
    let visited = explore(0, |state| *state, next(99));
    assert_eq!(visited, Visited { states: 10, steps: 20 });
    let broken = std::panic::catch_unwind(|| explore(0, |state| *state, next(7))).unwrap_err();
    let text = broken.downcast_ref::<String>().unwrap();
    assert_eq!(text, r#"7 broke, after "one", "three", "three""#);
}
