//! Who a request without credentials of its own comes from: the person at a browser.

use std::net::IpAddr;
use std::sync::Arc;

use domain::{LoginMethod, Principal, PrincipalKind};

use crate::presented::MAX_USERNAME;
use crate::{LoginRefused, Sessions};

/// How people at browsers log in (`USER_AUTH_MODULE`).
#[derive(Clone, Debug, Default)]
pub enum Browsers {
    /// They cannot.
    #[default]
    Nobody,
    /// By headers of a proxy that has asked them.
    Header(HeaderLogin),
    /// Nobody is asked anything, and everybody is a user (`USE_AUTH=false`); from this machine only
    /// who asks for it by its own names.
    DangerEverybody,
}

/// Login by the headers of a trusted proxy, on every request anew.
#[derive(Clone, Debug)]
pub struct HeaderLogin {
    /// Must be there (`HEADER_AUTH_USERNAME_HEADER`).
    pub username_header: String,
    /// Names the user (`HEADER_AUTH_EMAIL_HEADER`).
    pub email_header: String,
    /// Where XSRF tokens are kept.
    pub sessions: Arc<Sessions>,
}

impl HeaderLogin {
    /// The user whom the headers name: the email address in lower case.
    ///
    /// Errors: `UntrustedPeer`, `NoLoginHeader`, `BadHeader` for one that comes twice or is no name.
    pub(crate) fn prove<'h, I>(
        &self,
        values: impl Fn(&str) -> I,
        is_trusted: bool,
    ) -> Result<Principal, LoginRefused>
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let username = single(values(&self.username_header))?;
        let email = single(values(&self.email_header))?;
        if username.is_none() && email.is_none() {
            return Err(LoginRefused::NothingPresented);
        }
        if !is_trusted {
            return Err(LoginRefused::UntrustedPeer);
        }
        match (username, email) {
            (Some(_), Some(email)) => Ok(user(email.to_lowercase(), LoginMethod::Header)),
            (None, _) => Err(LoginRefused::NoLoginHeader(self.username_header.clone())),
            (_, None) => Err(LoginRefused::NoLoginHeader(self.email_header.clone())),
        }
    }
}

/// Everybody, where nobody is asked.
pub(crate) fn everybody() -> Principal {
    user("unauthenticated user".to_owned(), LoginMethod::Unproven)
}

/// Whether a `Host` header names the machine that a connection over loopback comes from, with any
/// port.
///
/// A page of a stranger's can have its own name resolved to 127.0.0.1 and then read our answers
/// (DNS rebinding); the browser still sends that name.
pub(crate) fn is_this_machine<'h>(mut hosts: impl Iterator<Item = &'h [u8]>) -> bool {
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn user(name: String, login: LoginMethod) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        name,
        login,
        account: None,
    }
}

/// The one value of a header. A second one is refused: the proxy's, or the client's?
fn single<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Result<Option<&'h str>, LoginRefused> {
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(LoginRefused::BadHeader("a login header came twice"));
    }
    let value = std::str::from_utf8(value)
        .map_err(|_| LoginRefused::BadHeader("a login header is not UTF-8"))?
        .trim();
    if value.len() > MAX_USERNAME {
        return Err(LoginRefused::TooLong {
            what: "login header",
            bytes: value.len(),
            most: MAX_USERNAME,
        });
    }
    if value.chars().any(char::is_control) {
        return Err(LoginRefused::BadHeader(
            "a login header holds a control character",
        ));
    }
    Ok(Some(value).filter(|value| !value.is_empty()))
}
