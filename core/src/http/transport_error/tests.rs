use super::*;

#[test]
fn a_request_that_could_not_be_written_fails_in_sending() {
    let wait = Wait::new(Duration::from_secs(1));
    let context = Context {
        action: "test",
        host: "cdn.example:443",
        proxy: None,
        binding: &Binding::default(),
        connect_timeout: Duration::from_secs(1),
        wait: &wait,
        wall: SystemTime::UNIX_EPOCH,
    };
    for (kind, reason) in [
        (io::ErrorKind::BrokenPipe, ErrorReason::Send),
        (io::ErrorKind::ConnectionReset, ErrorReason::Receive),
    ] {
        let error = TransportError::of(&io::Error::from(kind)).into_error(&context, None);
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Some(reason)));
    }
}
