//! Signs the calls of your own HTTP client, and replays one after a 401.
//!
//! Set `EMNIFY_APPLICATION_TOKEN`, then: `cargo run -p emnify-core --example reqwest`

use std::error::Error;

use emnify_core::{AuthToken, Client};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response, StatusCode};

/// An HTTP client whose calls carry the auth token.
struct Signed {
    http: reqwest::Client,
    emnify: Client,
}

impl Signed {
    async fn execute(&self, request: Request) -> Result<Response, Box<dyn Error>> {
        // The auth token goes to emnify's API alone.
        if !request.url().as_str().starts_with(&format!("{}/", self.emnify.base_url())) {
            return Err("the URL is not of emnify's API".into());
        }
        // `None` if the body is a stream, which cannot be sent again.
        let again = request.try_clone();
        let auth_token = self.emnify.authenticate_async().await?;
        let response = self.send(request, &auth_token).await?;
        let Some(again) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(response);
        };
        // Signs in, unless another call did or a 401 led to a sign-in recently.
        self.emnify.invalidate(&auth_token);
        let newer = self.emnify.authenticate_async().await?;
        match newer == auth_token {
            true => Ok(response),
            false => self.send(again, &newer).await,
        }
    }

    async fn send(
        &self,
        mut request: Request,
        auth_token: &AuthToken,
    ) -> Result<Response, Box<dyn Error>> {
        let mut header = HeaderValue::from_str(auth_token.authorization().reveal())?;
        header.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, header);
        Ok(self.http.execute(request).await?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // For reqwest, whose feature `rustls-no-provider` leaves the choice to the program.
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(feature = "aws-lc-rs")]
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let signed = Signed { http: reqwest::Client::new(), emnify: Client::from_env()? };
        let url = format!("{}/api/v1/sim?per_page=5", signed.emnify.base_url());
        let request = signed.http.get(url).build()?;
        let response = signed.execute(request).await?;
        println!("{}: {} bytes", response.status(), response.bytes().await?.len());
        Ok(())
    })
}
