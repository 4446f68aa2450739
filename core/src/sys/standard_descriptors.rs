//! The descriptors 0, 1 and 2, which every program takes for its standard input, output and error.

use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};

/// Opens `/dev/null` in place of each standard descriptor that is closed, and never closes it.
/// Otherwise a connection or a file would get its number, and what the program prints would be sent
/// there. For other programs that this process starts the descriptor is closed, as before.
pub(crate) fn occupy() {
    // The system gives out the lowest number that is free. If it is not a standard one, none was.
    while let Ok(file) = File::open("/dev/null") {
        if file.as_raw_fd() > 2 {
            return;
        }
        let _ = file.into_raw_fd();
    }
}
