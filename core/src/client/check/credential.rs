//! Checks what the client signs in with: whether it works, from where it may be used, and whether
//! it may revoke application tokens.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::application_token::{ApplicationToken, ApplicationTokenStatus};
use crate::calls::application_tokens::{self, TokenCalls};
use crate::calls::audit::LATELY;
use crate::calls::retry::Transport;
use crate::rotation;
use crate::session::Session;
use crate::session::policy::Need;
use crate::sign_in::credential::TokenFile;
use crate::sign_in::exchange::SIGN_IN;
use crate::sys::wait::Wait;
use crate::types::auth_token::AuthToken;
use crate::types::check::{Check, CheckSubject, Verdict};
use crate::types::claims::Claims;
use crate::types::date::{EXPIRES_SOON, at, readable};
use crate::types::error::{Error, ErrorKind, Result};
use crate::types::secret::Secret;

const CREATE_ANOTHER: &str = "create another application token and configure it";
const SEE_FAILURES: &str = "list the refused sign-ins with another application token of the \
                            workspace: they show the address that emnify saw";
const TRIED_ADDRESS: &str = "finding where the application token may be used from";
const TRIED_RIGHTS: &str = "setting the application token's description to what it is";
const REMOVE_ONE: &str = "remove one of the two, so that all programs sign in with the same one";

/// What the checks after the sign-in need.
struct SignedIn {
    /// Whether a request to sign in was sent now.
    is_new: bool,
    /// The client's application token; otherwise why it is not known.
    own: Result<ApplicationToken, &'static str>,
}

/// Adds the checks of the credential, the address and the rights. `unreadable` is the error if the
/// credential could not be read, `problem` the check of the way to the server that failed.
pub(super) fn check(
    transport: &Transport,
    wait: &Wait,
    unreadable: Option<Error>,
    problem: Option<CheckSubject>,
    wants_rights: bool,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let session = &transport.session;
    let tried = format!("signing in with {}", source(session));
    let mut is_refused = false;
    let (credential, signed_in) = match (unreadable, problem) {
        (Some(error), _) => (Check::failed(CheckSubject::Credential, tried, SIGN_IN, &error), None),
        (None, Some(failed)) => (Check::needs(CheckSubject::Credential, tried, failed), None),
        (None, None) => sign_in(transport, wait, tried, &mut is_refused)?,
    };
    let risks = [conflict(session), exposure(session)];
    checks.push(risks.into_iter().flatten().fold(credential, with_risk));
    let failed = problem.unwrap_or(CheckSubject::Credential);
    checks.push(match &signed_in {
        Some(signed_in) => address(transport, wait, signed_in)?,
        None if is_refused => {
            Check::needs(CheckSubject::Address, TRIED_ADDRESS, failed).with_advice(SEE_FAILURES)
        }
        None => Check::needs(CheckSubject::Address, TRIED_ADDRESS, failed),
    });
    checks.push(match wants_rights {
        true => match signed_in {
            Some(signed_in) => rights(transport, wait, &signed_in)?,
            None => Check::needs(CheckSubject::Rights, TRIED_RIGHTS, failed),
        },
        false => {
            let found = "not asked for, since it writes to emnify";
            Check::new(CheckSubject::Rights, Verdict::Skipped, TRIED_RIGHTS, found)
        }
    });
    Ok(())
}

/// Returns a transport whose calls end with the wait.
fn within(transport: &Transport, wait: &Wait) -> Transport {
    Transport { timeout: wait.left(), waited: Duration::ZERO, ..transport.clone() }
}

/// Describes what the client signs in with.
fn source(session: &Session) -> String {
    if let Some(file) = session.credential_file() {
        return format!("the application token in {}", file.path().display());
    }
    match session.credential() {
        "user" => "user name and password".to_owned(),
        "switch_workspace" => "the session of another workspace".to_owned(),
        _ => "the application token".to_owned(),
    }
}

/// Signs in unless a cached auth token is valid, and looks up the own application token. Tells
/// whether emnify refused the credential.
fn sign_in(
    transport: &Transport,
    wait: &Wait,
    tried: String,
    is_refused: &mut bool,
) -> Result<(Check, Option<SignedIn>)> {
    let session = &transport.session;
    let failed = |action: &str, error: Error| {
        let check = Check::failed(CheckSubject::Credential, tried.clone(), action, &error);
        if error.kind() == ErrorKind::Cancelled { Err(error) } else { Ok(check) }
    };
    let made = session.status().calls_made;
    let auth_token = match session.authenticate(Need::Valid, || wait.clone()) {
        Err(error) => {
            *is_refused = error.kind() == ErrorKind::Rejected;
            let check = failed(SIGN_IN, error)?;
            let claims = if *is_refused { own_claims(session) } else { String::new() };
            return Ok((Check { found: check.found + &claims, ..check }, None));
        }
        Ok(auth_token) => auth_token,
    };
    let is_new = session.status().calls_made != made;
    let how = if is_new { "signed in" } else { "already signed in, with a cached auth token" };
    let workspace = auth_token.organisation_id().map(|id| format!("; workspace {id}"));
    let found = format!("{how}{}", workspace.unwrap_or_default());
    let mut check = Check::new(CheckSubject::Credential, Verdict::Ok, tried.clone(), found);
    if !matches!(session.given_application_token(), Ok(Some(_))) {
        let own = Err("it applies to application tokens only");
        return Ok((check, Some(SignedIn { is_new, own })));
    }
    let own = match TokenCalls::new(&within(transport, wait)).own() {
        Ok(Some(own)) => {
            check = judge(transport, &auth_token, &own, check);
            Ok(own)
        }
        Ok(None) => Err("the auth token does not contain the id of the application token"),
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            Err("the application token may not read the list of application tokens")
        }
        Err(error) => return Ok((failed("", error)?, None)),
    };
    Ok((check, Some(SignedIn { is_new, own })))
}

/// Returns what a refused application token says about itself.
fn own_claims(session: &Session) -> String {
    let token = session.given_application_token().ok().flatten();
    let token = token.map(|token| session.newest(&token).unwrap_or(token));
    let claims = token.map(|token| Claims::read(token.reveal())).unwrap_or_default();
    let id = claims.application_token_id.map(|id| format!(", whose id is {id}"));
    let expiry = claims.expires_at.and_then(|expiry| at(expiry.try_into().ok()?, 0));
    let expiry = expiry.map(|expiry| format!(", valid until {}", readable(expiry)));
    [id, expiry].into_iter().flatten().collect()
}

/// Judges the row of an application token that the client is signed in with.
fn judge(
    transport: &Transport,
    auth_token: &AuthToken,
    own: &ApplicationToken,
    check: Check,
) -> Check {
    let id = own.id();
    let now = transport.session.server_time().unwrap_or_else(|| transport.clock.wall());
    let left = own.expires_at().map(|expiry| (expiry, expiry.duration_since(now).ok()));
    let state = match left {
        _ if own.status() == Some(ApplicationTokenStatus::Revoked) => "is revoked".to_owned(),
        Some((expiry, None)) => format!("expired on {}", readable(expiry)),
        Some((expiry, Some(left))) if left < EXPIRES_SOON => {
            let found = format!("{}; {id} expires on {}", check.found, readable(expiry));
            let check = Check { verdict: Verdict::Warning, found, ..check };
            return check.with_advice("rotate the application token, or create another one");
        }
        _ => return Check { found: format!("{}; application token {id}", check.found), ..check },
    };
    let until = readable(auth_token.expires_at());
    let found = format!("the application token {id} {state}; the auth token works until {until}");
    Check { verdict: Verdict::Failed, found, ..check }.with_advice(CREATE_ANOTHER)
}

/// Adds to what was found about the credential.
fn with_risk(check: Check, (risk, advice): (String, String)) -> Check {
    Check {
        verdict: check.verdict.max(Verdict::Warning),
        found: format!("{}; {risk}", check.found),
        advice: check.advice.or(Some(advice)),
        ..check
    }
}

/// Returns which variable contains another application token than the one that the client uses, and
/// what to do.
fn conflict(session: &Session) -> Option<(String, String)> {
    let newest = |token: Secret| session.newest(&token).unwrap_or(token);
    let own = newest(session.given_application_token().ok()??);
    let text = env::var("EMNIFY_APPLICATION_TOKEN").ok().filter(|text| !text.is_empty());
    let path = env::var_os("EMNIFY_APPLICATION_TOKEN_FILE").filter(|path| !path.is_empty());
    let in_file = path.and_then(|path| TokenFile::new(PathBuf::from(path)).read_back().ok());
    let name = [
        ("EMNIFY_APPLICATION_TOKEN", text.map(Secret::from)),
        ("EMNIFY_APPLICATION_TOKEN_FILE", in_file),
    ]
    .into_iter()
    .find_map(|(name, token)| (newest(token?) != own).then_some(name))?;
    let risk = format!("{name} contains another application token, which is not used");
    Some((risk, REMOVE_ONE.to_owned()))
}

/// Returns that other users may read or change the credential file, and what to do.
fn exposure(session: &Session) -> Option<(String, String)> {
    let file = session.credential_file()?;
    let mode = file.exposed_mode()?;
    let quoted = file.path().display().to_string().replace('\'', "'\\''");
    let what = if mode & 0o022 == 0 { "read" } else { "change" };
    let risk = format!("other users may {what} the file (mode {mode:04o})");
    Some((risk, format!("run: chmod go-w,o-r '{quoted}'")))
}

/// Checks from which addresses the application token may be used, and whether emnify lately refused
/// it because it came from another one.
fn address(transport: &Transport, wait: &Wait, signed_in: &SignedIn) -> Result<Check> {
    let check =
        |verdict, found: &str| Check::new(CheckSubject::Address, verdict, TRIED_ADDRESS, found);
    let (own, ip) = match &signed_in.own {
        Err(why) => return Ok(check(Verdict::Skipped, why)),
        Ok(own) => match own.ip() {
            None => return Ok(check(Verdict::Ok, "from any address")),
            Some(ip) => (own, ip),
        },
    };
    let accepted = match signed_in.is_new {
        true => ", and emnify accepted this machine's address",
        false => "; not tried now, since it was already signed in",
    };
    let found = format!("from {ip}{accepted}");
    let failures = match TokenCalls::new(&within(transport, wait)).failures(LATELY) {
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        // This is only more information, and not everyone may read it.
        failures => failures.unwrap_or_default(),
    };
    let refused = failures.into_iter().find(|failure| failure.token_ids == [own.id()]);
    let Some((at, address)) = refused.and_then(|failure| failure.at.zip(failure.address)) else {
        return Ok(check(Verdict::Ok, &found));
    };
    let found = format!("{found}; emnify refused {address} at {}", readable(at));
    Ok(check(Verdict::Warning, &found).with_advice(format!(
        "if this machine has the address {address}, give it an application token that may be used \
         from there"
    )))
}

/// Checks the right to revoke application tokens.
fn rights(transport: &Transport, wait: &Wait, signed_in: &SignedIn) -> Result<Check> {
    let check =
        |verdict, found: &str| Check::new(CheckSubject::Rights, verdict, TRIED_RIGHTS, found);
    let own = match &signed_in.own {
        Ok(own) => own,
        Err(why) => return Ok(check(Verdict::Skipped, why)),
    };
    let Some(description) = own.description().filter(|text| !text.is_empty()) else {
        let found = "not tried, because the application token has no description";
        return Ok(
            check(Verdict::Skipped, found).with_advice("give the application token a description")
        );
    };
    let result = rotation::check_right_to_revoke(description, |body| {
        application_tokens::change(own.id(), body, |call| transport.send(call, wait))
    });
    match result {
        Ok(()) => Ok(check(Verdict::Ok, "it may change and revoke application tokens")),
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            let found = "it may not change or revoke application tokens (HTTP 403)";
            Ok(check(Verdict::Failed, found).with_advice(
                "use an application token that an Administrator created; this one can only be \
                 rotated with keep_old",
            ))
        }
        Err(error) => Ok(Check::failed(CheckSubject::Rights, TRIED_RIGHTS, "", &error)),
    }
}
