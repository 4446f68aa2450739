//! Chooses the credential of a client: the one that was set, or else one from the environment.

use std::env;

use super::{ClientBuilder, variable};
use crate::api::validate;
use crate::sign_in::credential::{Credential, TokenFile};
use crate::sign_in::user::User;
use crate::types::error::{Error, Result};
use crate::types::secret::Secret;

/// Environment variables that emnify's quickstart and integrators use for an application token.
/// They are not read, since they may also contain an auth token.
const VARIABLES_OF_OTHERS: [&str; 3] = ["EMNIFY_TOKEN", "EMNIFY_APP_TOKEN", "EMNIFY_API_TOKEN"];

impl ClientBuilder {
    /// Returns the credential that was set, or else the one from the environment.
    pub(super) fn credential(&self) -> Result<Credential> {
        let given = [
            self.application_token.is_some(),
            self.application_token_file.is_some(),
            self.user.is_some(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            let problem = "several credentials given; pass exactly one of application_token, \
                           application_token_file and user";
            return Err(Error::invalid_input("application_token", problem));
        }
        if let Some(token) = &self.application_token {
            checked("application_token", token.clone())
        } else if let Some(path) = &self.application_token_file {
            Ok(Credential::ApplicationTokenFile(TokenFile::new(path.clone())))
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
