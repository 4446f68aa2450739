//! In asynchronous runtimes blocking calls work, and futures never hold a thread of the runtime up.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use emnify_core::{ErrorKind, Method, SystemClock};
use emnify_sandbox::{Fault, FaultKind, Sandbox};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::common::{AUTHENTICATE, TOKENS, builder, client, eventually, sandbox, sign_ins};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn delayed(sandbox: &Sandbox, milliseconds: u64) {
    sandbox.fault(Fault::once(AUTHENTICATE, FaultKind::Delay { milliseconds }));
}

#[test]
fn blocking_calls_work_in_asynchronous_runtimes() {
    let multi_thread = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for runtime in [current_thread(), multi_thread] {
        let sandbox = sandbox();
        let client = client(&sandbox);
        runtime.block_on(async {
            let first = client.authenticate().unwrap();
            assert!(client.application_tokens().list().is_ok());
            client.invalidate(&first);
            assert_ne!(client.authenticate().unwrap().reveal(), first.reveal());
            assert!(client.request(Method::Get, TOKENS).send().is_ok());
            drop(client);
        });
    }
}

#[test]
fn a_thousand_tasks_share_one_sign_in_and_no_thread_of_the_runtime_waits() {
    let sandbox = sandbox();
    delayed(&sandbox, 500);
    let client = client(&sandbox);
    current_thread().block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..1_000 {
            let client = client.clone();
            tasks.spawn(async move { client.authenticate_async().await.is_ok() });
        }
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        while tasks.try_join_next().is_none() {
            sleep(Duration::from_millis(1)).await;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        assert!(longest < Duration::from_millis(300), "{longest:?}");
        assert!(tasks.join_all().await.into_iter().all(|is_ok| is_ok));
    });
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_cached_token_is_ready_at_once() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let token = client.authenticate().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    match pin!(client.authenticate_async()).poll(&mut context) {
        Poll::Ready(Ok(ready)) => assert_eq!(ready.reveal(), token.reveal()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_that_is_dropped_does_not_take_the_sign_in_of_the_others_with_it() {
    let sandbox = sandbox();
    delayed(&sandbox, 400);
    let client = client(&sandbox);
    current_thread().block_on(async {
        let first = timeout(Duration::from_millis(100), client.authenticate_async()).await;
        assert!(first.is_err(), "it was to be dropped while it waits");
        assert!(client.authenticate_async().await.is_ok());
    });
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn a_thread_and_a_task_share_one_sign_in() {
    let sandbox = sandbox();
    delayed(&sandbox, 300);
    let client = client(&sandbox);
    thread::scope(|scope| {
        let thread = scope.spawn(|| client.authenticate().unwrap());
        eventually("the sign-in", || sign_ins(&sandbox) == 1);
        let token = current_thread().block_on(client.authenticate_async()).unwrap();
        assert_eq!(thread.join().unwrap().reveal(), token.reveal());
    });
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn the_timeout_of_a_task_starts_with_its_call() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(AUTHENTICATE, FaultKind::Delay { milliseconds: 3_000 }));
    let client = builder(&sandbox).timeout(Duration::from_millis(500)).build().unwrap();
    let started = Instant::now();
    let call = client.authenticate_async();
    thread::sleep(Duration::from_millis(300));
    let error = current_thread().block_on(call).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() < Duration::from_millis(700), "{:?}", started.elapsed());
}

#[test]
fn more_requests_than_threads_all_succeed() {
    let sandbox = sandbox();
    let client = builder(&sandbox).max_exchanges(4).pacing(false).build().unwrap();
    current_thread().block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..50 {
            tasks.spawn(client.request(Method::Get, "/api/v1/sim/500001").send_async());
        }
        for result in tasks.join_all().await {
            assert_eq!(result.unwrap().status(), 200);
        }
    });
    assert_eq!(sign_ins(&sandbox), 1);
}

#[test]
fn cancelling_the_client_ends_a_task_that_waits_to_retry() {
    let sandbox = sandbox();
    sandbox.fault(Fault::new(
        TOKENS,
        FaultKind::Status {
            status: 429,
            body: String::new(),
            content_type: "application/json".into(),
            headers: BTreeMap::from([("Retry-After".into(), "10".into())]),
        },
    ));
    let client = builder(&sandbox).clock(Arc::new(SystemClock)).build().unwrap();
    let error = current_thread().block_on(async {
        let call = client.request(Method::Get, TOKENS).send_async();
        let call = tokio::spawn(call);
        while sandbox.calls("GET", TOKENS) == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        client.cancel();
        call.await.unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
}

#[test]
fn a_sign_in_does_not_wait_behind_the_requests_that_wait_for_it() {
    let sandbox = sandbox();
    let client = builder(&sandbox).max_exchanges(1).pacing(false).build().unwrap();
    let first = client.authenticate().unwrap();
    // A request that holds the only thread, and needs the sign-in after its 401.
    sandbox.revoke_auth_tokens();
    sandbox.fault(Fault::once(TOKENS, FaultKind::Delay { milliseconds: 500 }));
    let started = Instant::now();
    current_thread().block_on(async {
        let request = tokio::spawn(client.request(Method::Get, TOKENS).send_async());
        while sandbox.calls("GET", TOKENS) == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        client.invalidate(&first);
        assert!(client.authenticate_async().await.is_ok());
        assert!(request.await.unwrap().is_ok());
    });
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn cancelling_a_cancellable_client_ends_a_task_that_waits_for_a_response() {
    let sandbox = sandbox();
    sandbox.fault(Fault::once(TOKENS, FaultKind::Delay { milliseconds: 3_000 }));
    let client = builder(&sandbox).cancellable(true).build().unwrap();
    let started = Instant::now();
    let error = current_thread().block_on(async {
        let call = tokio::spawn(client.request(Method::Get, TOKENS).send_async());
        while sandbox.calls("GET", TOKENS) == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        client.cancel();
        call.await.unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_task_waits_for_another_sign_in_no_longer_than_its_own_timeout() {
    let sandbox = sandbox();
    delayed(&sandbox, 3_000);
    let client = client(&sandbox);
    thread::scope(|scope| {
        let thread = scope.spawn(|| client.authenticate());
        eventually("the sign-in", || sign_ins(&sandbox) == 1);
        let started = Instant::now();
        let hasty = client.with_timeout(Duration::from_millis(200));
        let error = current_thread().block_on(hasty.authenticate_async()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert!(thread.join().unwrap().is_ok());
    });
}

#[test]
fn cancelling_the_client_ends_a_task_that_waits_for_another_sign_in() {
    let sandbox = sandbox();
    delayed(&sandbox, 3_000);
    let client = client(&sandbox);
    thread::scope(|scope| {
        let thread = scope.spawn(|| client.authenticate());
        eventually("the sign-in", || sign_ins(&sandbox) == 1);
        let started = Instant::now();
        let canceller = client.clone();
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(200));
            canceller.cancel();
        });
        let error = current_thread().block_on(client.authenticate_async()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        let _ = thread.join();
    });
}
