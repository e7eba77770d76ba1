//! Requests to a server under test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A username and its token.
#[derive(Clone, Debug)]
pub struct Login {
    /// As `X-Auth-From` takes it.
    pub username: String,
    /// As `X-Auth-Token` takes it.
    pub token: String,
}

impl Login {
    fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.username, self.token))
        )
    }
}

/// Status and body of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, when it is JSON; else its text.
    pub body: Value,
}

/// A client of one server.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    url: String,
}

impl Http {
    pub(crate) fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
            url: url.to_owned(),
        }
    }

    /// Sends a request; `None` when no answer came.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        login: Option<&Login>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(login) = login {
            request = request.header("Authorization", login.basic());
        }
        let sent = match body {
            Some(body) => {
                let request = request
                    .header("Content-Type", "application/json")
                    .body(body.to_string());
                self.agent.run(request.expect("a well-formed request"))
            }
            None => self
                .agent
                .run(request.body(()).expect("a well-formed request")),
        };
        let mut answer = sent.ok()?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, body })
    }

    /// `GET path`; panics when no answer comes.
    pub fn get(&self, path: &str, login: &Login) -> Answer {
        self.send("GET", path, Some(login), None)
            .expect("an answer")
    }

    /// `POST path`; panics when no answer comes.
    pub fn post(&self, path: &str, login: &Login, body: &Value) -> Answer {
        self.send("POST", path, Some(login), Some(body))
            .expect("an answer")
    }

    /// `PUT path`; panics when no answer comes.
    pub fn put(&self, path: &str, login: &Login, body: &Value) -> Answer {
        self.send("PUT", path, Some(login), Some(body))
            .expect("an answer")
    }
}
