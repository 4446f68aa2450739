//! A web service with axum, whose handlers call emnify's API.
//!
//! Set `EMNIFY_APPLICATION_TOKEN`, then: `cargo run -p emnify-core --example axum`, and open
//! <http://127.0.0.1:8080/sims/500001> or <http://127.0.0.1:8080/health>.

use std::env;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use emnify_core::{Client, Error, ErrorKind, Method};

/// Returns a SIM, as emnify describes it. No thread of the runtime waits for emnify.
async fn sim(State(emnify): State<Client>, Path(id): Path<u64>) -> Result<Response, Failed> {
    let sim = emnify.request(Method::Get, &format!("/api/v1/sim/{id}")).send_async().await?;
    Ok(([(CONTENT_TYPE, "application/json")], sim.body().to_vec()).into_response())
}

/// Whether this service can call emnify. Signs in if that is necessary, once for all requests.
async fn health(State(emnify): State<Client>) -> Result<String, Failed> {
    let auth_token = emnify.authenticate_async().await?;
    Ok(format!("signed in to workspace {:?}\n", auth_token.organisation_id()))
}

/// An error of a call to emnify, as a response of this service.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Failed(error) = self;
        eprintln!("{error}");
        if error.is_retryable() {
            let wait = error.retry_after().unwrap_or_default().as_secs().max(1);
            return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, wait)]).into_response();
        }
        match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            // The credentials are this service's, not those of its caller.
            _ => StatusCode::BAD_GATEWAY,
        }
        .into_response()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    // Each handler gets a clone; all share one session.
    let emnify = Client::builder().auto_renew(true).build()?;
    let service = Router::new()
        .route("/sims/{id}", get(sim))
        .route("/health", get(health))
        .with_state(emnify);
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        println!("http://{}", listener.local_addr()?);
        Ok(axum::serve(listener, service).await?)
    })
}
