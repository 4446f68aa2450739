//! Calls that create, list, update and revoke application tokens.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::Method;

use crate::api::application_token::{self, ApplicationToken, ApplicationTokenStatus, LIST};
use crate::api::bodies::{self, APPLICATION_TOKEN, CreateApplicationToken, UpdateApplicationToken};
use crate::api::json;
use crate::api::new_application_token::{
    ApplicationTokenUpdate, CreatedApplicationToken, NewApplicationToken,
};
use crate::api::validate;
use crate::calls::audit::{self, AuditOptions, AuditedToken};
use crate::calls::retry::Transport;
use crate::http::{Call, MAYBE_DONE, OnLate, Response};
use crate::session::policy::Need;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::event::{Event, EventKind};
use crate::types::expiry_date::ExpiryDate;

/// To follow "cannot" in a message.
const CREATE: &str = "create an application token";

/// The calls for application tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenCalls<'a> {
    pub(super) transport: &'a Transport,
}

impl<'a> TokenCalls<'a> {
    pub(crate) fn new(transport: &'a Transport) -> Self {
        TokenCalls { transport }
    }

    /// Creates an application token, and finds its id if the response has none.
    pub(crate) fn create(&self, new: &NewApplicationToken) -> Result<CreatedApplicationToken> {
        if let Some(text) = &new.description {
            validate::description(text)?;
        }
        if let Some(text) = &new.ip {
            validate::ip(text)?;
        }
        let now = self.transport.clock.wall();
        let given = new.expiry_date.as_ref();
        let mut expiry_date = given.map(|date| validate::expiry_date(date, now)).transpose()?;
        let wait = self.transport.wait();
        let before = unless_cancelled(self.list_within(&wait))?;
        if let Some(lifetime) = given.and_then(ExpiryDate::lifetime) {
            // Only now, because the session has signed in for the list.
            let server_time = self.transport.session.server_time();
            expiry_date = Some(validate::expires_in(lifetime, server_time)?);
        }
        let body = json::body(&CreateApplicationToken {
            description: new.description.as_deref(),
            expiry_date,
            ip: new.ip.as_deref(),
        })?;
        let creation = Creation { new: new.clone(), before: before.map(Arc::from) };
        let on_late: OnLate = {
            let (transport, creation) = (self.transport.unattended(), creation.clone());
            Arc::new(move |response| {
                if let Ok(created) = response.and_then(|response| read_created(&response)) {
                    TokenCalls::new(&transport).undo(&creation, &created);
                }
            })
        };
        let mut created = self.issue(body, &wait, Some(on_late))?;
        // From here on only a cancellation is an error: the value exists nowhere else.
        match unless_cancelled(self.find(&creation, &created, &wait)) {
            Ok(id) => created.id = id.flatten(),
            Err(cancelled) => {
                let transport = self.transport.unattended();
                self.transport.http.workers().start(move || {
                    TokenCalls::new(&transport).undo(&creation, &created);
                });
                return Err(cancelled);
            }
        }
        for (given, kind) in [
            (new.expiry_date.is_some(), EventKind::CreatedWithoutExpiry),
            (new.ip.is_some(), EventKind::CreatedWithoutAddressRestriction),
        ] {
            if !given {
                self.transport.session.add_event(Event::plain(kind));
            }
        }
        self.transport.session.deliver_events();
        Ok(created)
    }

    /// Revokes a token that was just created and that its caller does not get. Without an id the
    /// token stays, since guessing could revoke another one.
    fn undo(&self, creation: &Creation, created: &CreatedApplicationToken) {
        let id = self.find(creation, created, &self.transport.wait()).ok().flatten();
        if let Some(id) = id {
            // If this fails, the token stays in the list, where its description identifies it.
            let _ = self.revoke(id);
        }
    }

    /// Makes the call that creates an application token.
    pub(crate) fn issue(
        &self,
        body: json::Body,
        wait: &Wait,
        on_late: Option<OnLate>,
    ) -> Result<CreatedApplicationToken> {
        let response = self.transport.send(
            &Call {
                body: Some(body),
                on_late,
                ..Call::new(CREATE, Method::POST, APPLICATION_TOKEN)
            },
            wait,
        )?;
        read_created(&response)
    }

    /// Returns all application tokens of the workspace.
    pub(crate) fn list(&self) -> Result<Vec<ApplicationToken>> {
        self.list_within(&self.transport.wait())
    }

    /// Changes the description of the application token `id`.
    pub(crate) fn update(&self, id: u64, update: &ApplicationTokenUpdate) -> Result<()> {
        let Some(description) = &update.description else {
            return Err(Error::invalid_input("description", "is missing; nothing would change"));
        };
        validate::description(description)?;
        self.patch(id, &UpdateApplicationToken::description(description))
    }

    /// Revokes the application token `id`.
    pub(crate) fn revoke(&self, id: u64) -> Result<()> {
        self.patch(id, &UpdateApplicationToken::revoke())
    }

    /// Revokes, in the background, a token that was just created and is no longer wanted.
    pub(crate) fn discard(&self, created: &CreatedApplicationToken) {
        let Some(id) = created.id() else { return };
        let transport = self.transport.unattended();
        self.transport.http.workers().start(move || {
            // If this fails, the token stays in the list, where its description identifies it.
            let _ = TokenCalls::new(&transport).revoke(id);
        });
    }

    /// Returns the row of the application token that the session signs in with.
    pub(crate) fn own(&self) -> Result<Option<ApplicationToken>> {
        let wait = self.transport.wait();
        let rows = self.list_within(&wait)?;
        let id = self.own_auth_token(&wait)?.claims().application_token_id;
        let own = rows.into_iter().find(|row| Some(row.id()) == id);
        let session = &self.transport.session;
        let expires_at = own.as_ref().and_then(ApplicationToken::expires_at);
        session.learn_expiry(&session.credential_in_use(), expires_at);
        Ok(own)
    }

    /// Returns all application tokens, each with its findings.
    pub(crate) fn audit(&self, options: &AuditOptions) -> Result<Vec<AuditedToken>> {
        let wait = self.transport.wait();
        let rows = self.list_within(&wait)?;
        let own = self.own_auth_token(&wait)?.claims().application_token_id;
        let refused = self.refused_lately(&rows, options.refused_within, &wait)?;
        let session = &self.transport.session;
        let now = session.server_time().unwrap_or_else(|| self.transport.clock.wall());
        let judge = |row| audit::judge(row, own, now, options, &refused);
        Ok(rows.into_iter().map(judge).collect())
    }

    /// Returns the session's auth token. Only a row with the id that it contains confirms the id.
    pub(super) fn own_auth_token(&self, wait: &Wait) -> Result<AuthToken> {
        self.transport.session.authenticate(Need::Valid, || wait.clone())
    }

    fn patch(&self, id: u64, body: &UpdateApplicationToken<'_>) -> Result<()> {
        change(id, body, |call| self.transport.send(call, &self.transport.wait()))
    }

    pub(super) fn list_within(&self, wait: &Wait) -> Result<Vec<ApplicationToken>> {
        application_token::list(|query| {
            let call = Call { query, ..Call::new(LIST, Method::GET, APPLICATION_TOKEN) };
            Ok(self.transport.send(&call, wait)?.into_page())
        })
    }

    /// Returns the id of the token that was just created: from the response, or of the only row
    /// that can be the new token.
    fn find(
        &self,
        creation: &Creation,
        created: &CreatedApplicationToken,
        wait: &Wait,
    ) -> Result<Option<u64>> {
        const FIND: &str = "find the id of the new application token";
        let (new, before) = match (created.id, &creation.before) {
            (None, Some(before)) => (&creation.new, before),
            (id, _) => return Ok(id),
        };
        let rows = self.list_within(wait)?;
        match candidates(before, &rows, new).as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(*only)),
            // emnify could refuse the new token from this address, and refusals lock accounts.
            _ if new.ip.is_some() => Ok(None),
            several => {
                let auth_token = self.transport.exchange(&created.value, FIND, wait)?;
                let hint = auth_token.claims().application_token_id;
                Ok(hint.filter(|id| several.contains(id)))
            }
        }
    }
}

/// An application token that is being created.
#[derive(Clone)]
struct Creation {
    new: NewApplicationToken,
    /// The list before the creation, if it could be read.
    before: Option<Arc<[ApplicationToken]>>,
}

fn read_created(response: &Response) -> Result<CreatedApplicationToken> {
    let (value, id) =
        bodies::created(CREATE, &response.body).map_err(|e| e.with_advice(MAYBE_DONE))?;
    Ok(CreatedApplicationToken { value, id })
}

/// Turns every error but `Cancelled` into `None`.
fn unless_cancelled<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        result => Ok(result.ok()),
    }
}

/// Makes the call that changes the application token `id`, with `send`.
pub(crate) fn change(
    id: u64,
    body: &UpdateApplicationToken<'_>,
    send: impl FnOnce(&Call<'_>) -> Result<Response>,
) -> Result<()> {
    send(&Call {
        body: Some(json::body(body)?),
        ..Call::new(
            &format!("{} the application token {id}", body.verb()),
            Method::PATCH,
            &format!("{APPLICATION_TOKEN}/{id}"),
        )
    })?;
    Ok(())
}

/// Returns the ids of the new rows with the requested properties.
fn candidates(
    before: &[ApplicationToken],
    after: &[ApplicationToken],
    new: &NewApplicationToken,
) -> Vec<u64> {
    let known: HashSet<u64> = before.iter().map(ApplicationToken::id).collect();
    let fits = |row: &&ApplicationToken| {
        !known.contains(&row.id())
            && row.status() != Some(ApplicationTokenStatus::Revoked)
            && row.description().unwrap_or("") == new.description.as_deref().unwrap_or("")
            && row.ip().is_some() == new.ip.is_some()
    };
    after.iter().filter(fits).map(ApplicationToken::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> ApplicationToken {
        ApplicationToken::read(json).unwrap()
    }

    #[test]
    fn a_row_needs_nothing_but_its_id() {
        let bare = row(r#"{"id":7}"#);
        assert_eq!((bare.id(), bare.status(), bare.expires_at()), (7, None, None));
        let nulls = row(
            r#"{"id":7,"description":null,"created":null,"status":null,"expiry_date":null,"ip":null,"creator":null}"#,
        );
        assert_eq!(bare, nulls);
    }

    #[test]
    fn rows_that_existed_before_or_differ_are_not_taken_for_the_new_one() {
        let before = [row(r#"{"id":1,"description":"a"}"#)];
        let after = [
            row(r#"{"id":1,"description":"a"}"#),
            row(r#"{"id":2,"description":"a","status":{"id":0}}"#),
            row(r#"{"id":3,"description":"b","status":{"id":0}}"#),
            row(r#"{"id":4,"description":"b","status":{"id":1}}"#),
            row(r#"{"id":5,"description":"c","ip":"192.0.2.7"}"#),
            row(r#"{"id":6,"description":"d","expiry_date":"2027-01-01"}"#),
        ];
        let find = |description: &str| {
            candidates(&before, &after, &NewApplicationToken::new().description(description))
        };
        assert_eq!(find("a"), [2]);
        assert_eq!(find("b"), [3]);
        assert!(find("c").is_empty());
        assert_eq!(find("d"), [6]);
    }
}
