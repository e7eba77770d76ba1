//! Speaks HTTP to a server, as the caller that the arguments name.

use std::time::Duration;

use login::BearerToken;
use serde::Serialize;
use serde_json::Value;
use ureq::http::StatusCode;
use ureq::tls::{RootCerts, TlsConfig};

use crate::arguments::Connection;
use crate::exit::{Failure, Kind, Outcome};
use crate::token::{Credentials, basic, credentials};

/// The greatest answer read, bytes.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(35);

/// One server, and a token for it.
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    credentials: Credentials,
}

impl Client {
    /// Logs in as the arguments say.
    pub(crate) fn connect(connection: &Connection) -> Outcome<Self> {
        let credentials = credentials(connection, Duration::from_secs(600))?;
        let url = credentials.url(connection);
        check_address("--url", &url)?;
        Ok(Self {
            agent: agent(),
            url,
            credentials,
        })
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The name that this client proves.
    pub(crate) fn name(&self) -> &str {
        self.credentials.name()
    }

    /// `GET path`.
    pub(crate) fn get(&self, path: &str) -> Outcome<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        self.answer(
            request
                .header("Authorization", self.credentials.basic())
                .call(),
        )
    }

    /// `DELETE path`.
    pub(crate) fn delete(&self, path: &str) -> Outcome<Value> {
        let request = self.agent.delete(format!("{}{path}", self.url));
        self.answer(
            request
                .header("Authorization", self.credentials.basic())
                .call(),
        )
    }

    /// `POST path` with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &impl Serialize) -> Outcome<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        self.answer(
            request
                .header("Authorization", self.credentials.basic())
                .send_json(body),
        )
    }

    /// `PUT path` with a JSON body.
    pub(crate) fn put(&self, path: &str, body: &impl Serialize) -> Outcome<Value> {
        let request = self.agent.put(format!("{}{path}", self.url));
        self.answer(
            request
                .header("Authorization", self.credentials.basic())
                .send_json(body),
        )
    }

    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Outcome<Value> {
        let mut answer = answer.map_err(|error| {
            Failure::new(
                Kind::Unavailable,
                format!("cannot reach {}: {error}", self.url),
            )
            .hint("is `keepward serve` running there? --url or KEEPWARD_URL names another address")
        })?;
        let status = answer.status();
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .map_err(|error| {
                Failure::new(
                    Kind::Unavailable,
                    format!("the answer of {} broke off: {error}", self.url),
                )
            })?;
        let json: Option<Value> = if body.is_empty() {
            Some(Value::Null)
        } else {
            serde_json::from_slice(&body).ok()
        };
        if status.is_success() {
            return json.ok_or_else(|| {
                Failure::new(
                    Kind::Unavailable,
                    format!("{} did not answer JSON; is it a Keepward server?", self.url),
                )
            });
        }
        Err(refusal(status, json.as_ref()))
    }
}

/// What a server said to a token: its status and the id it gave the request.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) request: Option<String>,
}

/// Sends `GET path` with a username and a token that somebody else made.
pub(crate) fn ask(url: &str, username: &str, token: &BearerToken, path: &str) -> Outcome<Said> {
    let url = url.trim_end_matches('/');
    check_address("--server", url)?;
    let answer = agent()
        .get(format!("{url}{path}"))
        .header("Authorization", basic(username, token))
        .call()
        .map_err(|error| Failure::new(Kind::Unavailable, format!("cannot reach {url}: {error}")))?;
    let request = answer
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map(printable);
    Ok(Said {
        status: answer.status().as_u16(),
        request,
    })
}

fn check_address(flag: &str, url: &str) -> Outcome {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Failure::new(
            Kind::Usage,
            format!("{flag} takes an address that begins with http:// or https://"),
        ));
    }
    let authority = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(Failure::new(
            Kind::Usage,
            format!("{flag} takes no user or password"),
        ));
    }
    Ok(())
}

fn agent() -> ureq::Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .build();
    ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        // Tokens and values go to the server that was named, whatever the environment says.
        .proxy(None)
        .tls_config(tls)
        .build()
        .new_agent()
}

/// What the server said no with, for a person.
fn refusal(status: StatusCode, body: Option<&Value>) -> Failure {
    let said = |field| {
        body.and_then(|body| body.get(field))
            .and_then(Value::as_str)
    };
    let kind = match status.as_u16() {
        400 | 405 | 413 | 415 => Kind::Usage,
        401 | 403 => Kind::Denied,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        _ => Kind::Unavailable,
    };
    let what = said("error").map_or_else(|| format!("the server answered {status}"), printable);
    if let Some(conflicts) = body.and_then(|body| body.get("conflicts")?.as_object()) {
        return Failure::new(Kind::Conflict, what).hint(in_conflict(conflicts));
    }
    let failure = Failure::new(kind, what);
    match said("request_id") {
        Some(id) => {
            let id = printable(id);
            failure.hint(format!("request {id}: the server's log holds the reason"))
        }
        None => failure,
    }
}

/// Which keys clash, one a line, and with what.
fn in_conflict(conflicts: &serde_json::Map<String, Value>) -> String {
    let lines = conflicts.iter().map(|(key, with)| {
        let lists = with.as_object().into_iter().flatten();
        let lists = lists.filter_map(|(kind, ids)| {
            let ids: Vec<_> = ids.as_array()?.iter().filter_map(Value::as_str).collect();
            let kind = kind.replace('_', " ");
            (!ids.is_empty()).then(|| format!("{kind} {}", ids.join(", ")))
        });
        printable(&format!("{key}: {}", lists.collect::<Vec<_>>().join("; ")))
    });
    lines.collect::<Vec<_>>().join("\n  ")
}

/// Text of a server for the terminal, without letters that would steer it.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

/// One path segment, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A query, percent-encoded.
pub(crate) fn query(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", segment(value)))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn text_of_a_server_cannot_steer_the_terminal() {
        assert_eq!(super::printable("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn a_conflict_is_told_key_by_key() {
        let body = serde_json::json!({
            "error": "Conflicting key pairs in mapped service.",
            "conflicts": {
                "user": { "credentials": ["c1", "c2"], "blind_credentials": [] },
                "port": { "credentials": ["c1"], "services": ["web"] },
            },
        });
        let failure = super::refusal(ureq::http::StatusCode::BAD_REQUEST, Some(&body));
        assert_eq!(failure.kind(), crate::exit::Kind::Conflict);
        assert_eq!(
            failure.to_string(),
            "Conflicting key pairs in mapped service.\n  user: credentials c1, c2\n  port: credentials c1; services web"
        );
    }

    #[test]
    fn encodes_what_would_end_a_path_segment() {
        assert_eq!(segment("svc-a.b_c~1"), "svc-a.b_c~1");
        assert_eq!(segment("a/b?c#d é%"), "a%2Fb%3Fc%23d%20%C3%A9%25");
    }
}
