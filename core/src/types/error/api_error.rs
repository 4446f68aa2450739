//! The error object in emnify's responses.

use std::fmt;

/// emnify's own error object: `{"error_code", "error_token", "message", "errors"}`.
///
/// Every field is optional, since servers and gateways differ. The HTTP status and the code do not
/// always agree; [`Error::http_status`](crate::Error::http_status) returns the HTTP status.
///
/// ```
/// # let sandbox = emnify_sandbox::Sandbox::start().unwrap();
/// # let client = emnify_core::Client::builder().base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
/// #     .application_token(sandbox.application_token()).build()?;
/// use emnify_core::{ErrorKind, Method};
///
/// let error = client.request(Method::Get, "/api/v1/sim?page=x").send().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Validation);
/// if let Some(refused) = error.api_error() {
///     eprintln!("{:?} {:?}: {:?}", refused.error_code, refused.error_name, refused.message);
///     for nested in &refused.errors {
///         eprintln!("- {nested}");
///     }
/// }
/// # Ok::<(), emnify_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ApiError {
    /// emnify's number for the error, such as 1400.
    pub error_code: Option<i64>,
    /// emnify's name for the error, such as `InputValidationFailed`: its `error_token`, which is no
    /// secret.
    pub error_name: Option<String>,
    /// emnify's message for people.
    pub message: Option<String>,
    /// The details, usually one for each invalid field.
    pub errors: Vec<ApiError>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display| {
            let result = write!(f, "{separator}{text}");
            separator = " ";
            result
        };
        if let Some(message) = &self.message {
            part(f, message)?;
        }
        match (&self.error_name, self.error_code) {
            (Some(name), Some(code)) => part(f, &format_args!("({name}, {code})"))?,
            (Some(name), None) => part(f, &format_args!("({name})"))?,
            (None, Some(code)) => part(f, &format_args!("({code})"))?,
            (None, None) => {}
        }
        for nested in &self.errors {
            part(f, &format_args!("[{nested}]"))?;
        }
        Ok(())
    }
}
