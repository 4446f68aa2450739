//! Calls each check with the inputs in its corpus, on the compiler that the library is built with.

use std::fs;
use std::panic::{self, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a thread panicked, perhaps one of the library's, which catches some panics.
static PANICKED: AtomicBool = AtomicBool::new(false);

#[test]
fn every_input_of_the_corpus_passes() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICKED.store(true, Ordering::Relaxed);
        print(info);
    }));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, check) in emnify_fuzz::CHECKS {
        let mut count = 0;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::read(&path).unwrap();
            let result = catch_unwind(|| check(&data));
            let failed = result.is_err() || PANICKED.load(Ordering::Relaxed);
            assert!(!failed, "{} fails", path.display());
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}
