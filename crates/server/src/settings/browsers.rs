//! How people at browsers log in, and whose word about a request counts.

use std::sync::Arc;

use login::{Browsers, CookieKey, HeaderLogin, Sessions, TrustedPeers};

use super::reader::Reader;

/// Whose word about a request counts.
pub(super) fn read_trusted_peers(reader: &Reader<'_>) -> TrustedPeers {
    let text = reader.text("FORWARDED_ALLOW_IPS").unwrap_or_default();
    text.parse().unwrap_or_else(|bad: login::BadPeer| {
        reader.complain(
            "FORWARDED_ALLOW_IPS",
            format!(
                "takes addresses and networks separated by commas, or *; entry {} is none",
                bad.0
            ),
        );
        TrustedPeers::default()
    })
}

/// How people at browsers log in.
pub(super) fn read_browsers(reader: &Reader<'_>, xsrf_cookie: &str) -> Browsers {
    if !reader.flag("USE_AUTH", true) {
        return Browsers::DangerEverybody;
    }
    let module = reader
        .text("USER_AUTH_MODULE")
        .map(|name| name.to_lowercase());
    match module.as_deref() {
        // Their logins come with a later version; until then nobody gets in by them.
        None | Some("google" | "saml") => Browsers::Nobody,
        Some("header") => Browsers::Header(read_header_login(reader, xsrf_cookie)),
        Some("null") => {
            reader.complain("USER_AUTH_MODULE", "null goes with USE_AUTH=false alone");
            Browsers::Nobody
        }
        Some(_) => {
            reader.complain("USER_AUTH_MODULE", "takes google, saml, header or null");
            Browsers::Nobody
        }
    }
}

fn read_header_login(reader: &Reader<'_>, xsrf_cookie: &str) -> HeaderLogin {
    let secret = reader.text("SESSION_SECRET").unwrap_or_else(|| {
        reader.complain(
            "SESSION_SECRET",
            "is needed with USER_AUTH_MODULE=header: a long random text, the same on every server",
        );
        String::new()
    });
    let seconds = |name, default| {
        u32::try_from(reader.number(name, default, 0..=u32::MAX.into())).unwrap_or(0)
    };
    let cookie = read_cookie_name(reader, "SESSION_COOKIE_NAME", "confidant_session");
    if cookie == xsrf_cookie {
        reader.complain(
            "XSRF_COOKIE_NAME",
            "is the name of the session's cookie too",
        );
    }
    HeaderLogin {
        username_header: read_header_name(reader, "HEADER_AUTH_USERNAME_HEADER"),
        email_header: read_header_name(reader, "HEADER_AUTH_EMAIL_HEADER"),
        sessions: Arc::new(Sessions {
            key: CookieKey::new(&secret),
            cookie,
            xsrf_cookie: xsrf_cookie.to_owned(),
            lifetime: seconds("PERMANENT_SESSION_LIFETIME", 43_200),
            max_lifetime: seconds("MAX_PERMANENT_SESSION_LIFETIME", 86_400),
        }),
    }
}

/// The name of the XSRF cookie, which clients are told under every login.
pub(super) fn read_xsrf_cookie(reader: &Reader<'_>) -> String {
    read_cookie_name(reader, "XSRF_COOKIE_NAME", "XSRF-TOKEN")
}

fn read_header_name(reader: &Reader<'_>, name: &str) -> String {
    let header = reader.text(name).unwrap_or_default();
    if !is_token(&header) {
        reader.complain(
            name,
            "is needed with USER_AUTH_MODULE=header: the name of a header that your proxy sets",
        );
    } else if ["authorization", "cookie", "host"].contains(&header.to_lowercase().as_str()) {
        reader.complain(
            name,
            "takes a header of the proxy's own, not one of every request",
        );
    }
    header
}

fn read_cookie_name(reader: &Reader<'_>, name: &str, default: &str) -> String {
    let cookie = reader.text(name).unwrap_or_else(|| default.to_owned());
    if !is_token(&cookie) {
        reader.complain(name, "takes a cookie's name: letters, digits and -_.");
    }
    cookie
}

/// Names of headers and cookies, RFC 9110 section 5.6.2, without the signs that nobody uses.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
