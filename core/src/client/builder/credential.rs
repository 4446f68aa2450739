//! The settings about what a client signs in with, and their check.

use std::env;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use crate::api::validate;
use crate::client::builder::{ClientBuilder, variable};
use crate::sign_in::credential::{Credential, TokenFile};
use crate::sign_in::token_source::TokenSource;
use crate::sign_in::user::{TrustedDevice, User};
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// Environment variables that emnify's quickstart and integrators use for an application token.
/// They are not read, since they may also contain an auth token.
pub(in crate::client) const VARIABLES_OF_OTHERS: [&str; 3] =
    ["EMNIFY_TOKEN", "EMNIFY_APP_TOKEN", "EMNIFY_API_TOKEN"];

impl ClientBuilder {
    /// Sets the application token to sign in with. Without this and
    /// [`application_token_file`](Self::application_token_file), the environment variable
    /// `EMNIFY_APPLICATION_TOKEN` or else `EMNIFY_APPLICATION_TOKEN_FILE` is read.
    pub fn application_token(mut self, token: impl Into<Secret>) -> Self {
        self.application_token = Some(token.into());
        self
    }

    /// Sets a file that contains the application token; white space around the token is ignored.
    /// The file is read at each sign-in, so a new token is used without a restart.
    pub fn application_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.application_token_file = Some(path.into());
        self
    }

    /// Sets a function that returns the application token, for example from a secret manager. It runs
    /// at each sign-in, and at each call while the client is not signed in, on the thread that makes
    /// the attempt, which may be one of this library. It must not call the client. If it fails, its
    /// last good result is used, if there is any; otherwise the call fails with `InvalidInput`, and
    /// the function's error is the [`source`](std::error::Error::source).
    ///
    /// ```no_run
    /// # use emnify_core::{Client, Secret};
    /// # fn from_vault(_: &str) -> std::io::Result<String> { unimplemented!() }
    /// let client = Client::builder()
    ///     .application_token_source(|| Ok(Secret::from(from_vault("emnify/gateway-7")?)))
    ///     .build()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn application_token_source<F>(mut self, read: F) -> Self
    where
        F: Fn() -> Result<Secret, Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
        self.application_token_source = Some(Arc::new(read));
        self
    }

    /// Sets the user name and password of a person to sign in with, for calls that an application
    /// token is not allowed to make. Without these and an application token, the environment
    /// variables `EMNIFY_USERNAME` and `EMNIFY_PASSWORD` are read.
    ///
    /// ```
    /// # let sandbox = std::sync::Arc::new(emnify_sandbox::Sandbox::start().unwrap());
    /// use emnify_core::{Client, Secret, TrustedDevice};
    ///
    /// # let portal = std::sync::Arc::clone(&sandbox);
    /// # let ask_the_user = move || portal.one_time_code("mfa@example.com").map(Secret::from);
    /// let client = Client::builder()
    ///     .user("mfa@example.com", "password")
    ///     .mfa(move || Ok(ask_the_user()))
    ///     .trusted_device(TrustedDevice::new("a-random-text-to-store", "laptop"))
    /// #   .base_url(sandbox.url()).ca_bundle(sandbox.ca_file())
    ///     .build()?;
    /// client.authenticate()?;
    /// # Ok::<(), emnify_core::Error>(())
    /// ```
    pub fn user(mut self, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.user = Some((username.into(), password.into()));
        self
    }

    /// Sets a function that asks the person for a one-time code, when emnify requires one. It runs
    /// on the thread of a caller that waits to sign in. The time that it takes does not count
    /// towards the timeout. It must not make a call that needs an auth token of this client: that
    /// call would wait for this function. If it returns `None`, the sign-in fails. If it returns an
    /// error, the call is cancelled and the error becomes the [`source`](std::error::Error::source)
    /// of the call's error; another caller that waits for the same sign-in tries instead.
    pub fn mfa<F>(mut self, ask: F) -> Self
    where
        F: Fn() -> Result<Option<Secret>, Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
        self.mfa = Some(Arc::new(ask));
        self
    }

    /// Sets a trusted device. After a one-time code was entered on it, it needs none for 90 days.
    pub fn trusted_device(mut self, device: TrustedDevice) -> Self {
        self.trusted_device = Some(device);
        self
    }

    /// Returns the credential that was set, or else the one from the environment.
    pub(super) fn credential(&self) -> Result<Credential> {
        let credential = self.chosen()?;
        let of_a_user =
            [("mfa", self.mfa.is_some()), ("trusted_device", self.trusted_device.is_some())];
        match of_a_user.iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) if !matches!(credential, Credential::User(_)) => {
                let problem = "has no effect on an application token; sign in with user";
                return Err(Error::invalid_input(name, problem));
            }
            _ => {}
        }
        Ok(credential)
    }

    /// Returns how many credentials were set.
    pub(super) fn credentials(&self) -> usize {
        let given = [
            self.application_token.is_some(),
            self.application_token_file.is_some(),
            self.application_token_source.is_some(),
            self.user.is_some(),
        ];
        given.iter().filter(|given| **given).count()
    }

    fn chosen(&self) -> Result<Credential> {
        if self.credentials() > 1 {
            let problem = "several credentials given; pass exactly one of application_token, \
                           application_token_file, application_token_source and user";
            return Err(Error::invalid_input("application_token", problem));
        }
        if let Some(token) = &self.application_token {
            checked("application_token", token.clone())
        } else if let Some(path) = &self.application_token_file {
            Ok(Credential::ApplicationTokenFile(TokenFile::new(path.clone())))
        } else if let Some(read) = &self.application_token_source {
            Ok(Credential::ApplicationTokenSource(TokenSource::new(Arc::clone(read))))
        } else if let Some((username, password)) = &self.user {
            self.person(username, password)
        } else if let Some(token) = variable("EMNIFY_APPLICATION_TOKEN")? {
            checked("EMNIFY_APPLICATION_TOKEN", token)
        } else if let Some(path) =
            env::var_os("EMNIFY_APPLICATION_TOKEN_FILE").filter(|path| !path.is_empty())
        {
            Ok(Credential::ApplicationTokenFile(TokenFile::new(path.into())))
        } else if let Some(username) = variable("EMNIFY_USERNAME")? {
            let password = variable("EMNIFY_PASSWORD")?.ok_or_else(|| {
                Error::invalid_input("EMNIFY_PASSWORD", "is not set, but EMNIFY_USERNAME is")
            })?;
            self.person(username.reveal(), &password)
        } else {
            let mut problem =
                "is missing; pass application_token or application_token_file, or set \
                               the environment variable EMNIFY_APPLICATION_TOKEN or \
                               EMNIFY_APPLICATION_TOKEN_FILE"
                    .to_owned();
            let is_set = |name: &&&str| env::var_os(name).is_some_and(|value| !value.is_empty());
            if let Some(name) = VARIABLES_OF_OTHERS.iter().find(is_set) {
                let hint = format!(
                    "; {name} is set but not read: if it contains an application token, rename it \
                     to EMNIFY_APPLICATION_TOKEN"
                );
                problem.push_str(&hint);
            }
            Err(Error::invalid_input("application_token", problem))
        }
    }

    fn person(&self, username: &str, password: &Secret) -> Result<Credential> {
        let mut user = User::new(username, password)?;
        if let Some(device) = &self.trusted_device {
            device.check()?;
        }
        user.mfa = self.mfa.clone();
        user.trusted_device = self.trusted_device.clone();
        Ok(Credential::User(user))
    }
}

fn checked(name: &str, token: Secret) -> Result<Credential> {
    validate::application_token(name, &token)?;
    Ok(Credential::ApplicationToken(token))
}
