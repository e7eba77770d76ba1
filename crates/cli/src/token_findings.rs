//! What can be seen of a username and a token without asking anybody. Pure.

use std::collections::BTreeMap;

use domain::Timestamp;
use login::{BearerToken, Username, danger_parse_token, is_client_key_token};
use serde::Serialize;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A server refuses it for this.
    Fault,
    /// It may be why.
    Note,
    /// As it must be.
    Good,
}

pub(crate) fn fault(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Fault,
        text: text.into(),
    }
}

pub(crate) fn note(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Note,
        text: text.into(),
    }
}

pub(crate) fn good(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Good,
        text: text.into(),
    }
}

/// An encryption context by names.
pub(crate) type Context = BTreeMap<String, String>;

/// The context under which a server decrypts a KMS token of this username.
pub(crate) fn tried_by_the_server(username: &Username<'_>, to: Option<&str>) -> Context {
    let mut context = Context::from([("from".to_owned(), username.name.to_owned())]);
    if let Some(to) = to {
        context.insert("to".to_owned(), to.to_owned());
    }
    if username.version > 1 {
        context.insert("user_type".to_owned(), username.user_type.to_owned());
    }
    context
}

/// What is to be said of the username itself.
pub(crate) fn of_username(text: &str) -> Vec<Finding> {
    match Username::parse(text) {
        Err(bad) => vec![fault(format!(
            "the username: {bad}; it must be NAME or VERSION/TYPE/NAME, for example 2/service/web"
        ))],
        Ok(username) => {
            let Username {
                version,
                user_type,
                name,
            } = username;
            let mut found = vec![good(format!(
                "the username says version {version}, type {user_type}, name {name}"
            ))];
            if !(1..=2).contains(&version) {
                found.push(fault(format!(
                    "no server takes version {version}; there are 1 and 2"
                )));
            }
            if !["service", "user"].contains(&user_type) {
                found.push(fault(format!(
                    "the type {user_type:?} is proven by no key; there are service and user"
                )));
            } else if user_type == "user" {
                found.push(note(
                    "type user: the server's KMS_AUTH_USER_TYPES must list it, and the token be under its USER_AUTH_KEY",
                ));
            }
            if name.trim() != name {
                found.push(note("the name begins or ends with a blank"));
            }
            found
        }
    }
}

/// What is to be said of the token's text and bytes, beside its username.
pub(crate) fn of_token(
    token: &BearerToken,
    username: Option<&Username<'_>>,
    to: Option<&str>,
    now: Timestamp,
) -> Vec<Finding> {
    let bytes = match token.decode() {
        Ok(bytes) => bytes,
        Err(refused) => {
            return vec![fault(match look_of(token.expose()) {
                Some(look) => format!("{refused}: {look}"),
                None => refused.to_string(),
            })];
        }
    };
    if is_client_key_token(&bytes) {
        return of_client_key_token(&bytes, username, to, now);
    }
    let mut found = vec![note(format!(
        "no client key's token: {} bytes that only KMS can open",
        bytes.len()
    ))];
    if bytes.starts_with(KMS_FORM) {
        found.push(good("it begins as KMS ciphertexts do"));
    } else if bytes.first() == Some(&FERNET_VERSION) && token.expose().starts_with("gAAAA") {
        found.push(fault(
            "it is a Fernet token, as stored credentials are, not what kms:Encrypt returned",
        ));
    } else if bytes.trim_ascii_start().starts_with(b"{") {
        found.push(fault(
            "it is readable JSON: the dates were not encrypted under the key",
        ));
    } else if let Ok(inner) = std::str::from_utf8(&bytes)
        && BearerToken::new(inner)
            .and_then(|inner| inner.decode())
            .is_ok_and(|inner| inner.starts_with(KMS_FORM))
    {
        found.push(fault("it is base64 twice: encode the ciphertext once"));
    } else {
        found.push(note(
            "it does not begin as KMS ciphertexts of AWS do (an emulator's may not)",
        ));
    }
    if bytes.len() > 6_144 {
        found.push(fault("it is longer than any KMS ciphertext of two dates"));
    }
    found
}

/// What a text that is no token looks like; never quotes it.
fn look_of(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.starts_with("b'") || text.starts_with("b\"") {
        Some(
            "it is how Python prints bytes; send what stands inside b'...' (.decode() in the client)",
        )
    } else if text.starts_with(['"', '\'']) {
        Some("it has quotes round it")
    } else if text.matches('.').count() == 2 && text.starts_with("eyJ") {
        Some("it is a JSON web token, which this login does not take")
    } else if text.split('/').count() == 3 && text.len() < 128 {
        Some("it looks like a username; were the two headers exchanged?")
    } else if text.contains('%') {
        Some("it is percent-encoded, as in a URL")
    } else {
        None
    }
}

/// What the end in a client's token cache means.
pub(crate) fn of_cache(not_after: Timestamp, now: Timestamp) -> Finding {
    let end = not_after.iso();
    match now.seconds().saturating_sub(not_after.seconds()) {
        ..=0 => note(format!(
            "the client's token cache says that it ends at {end}"
        )),
        late => fault(format!(
            "the client's token cache says that it ended at {end}, {late} s ago by this machine's clock; clients make a new one then"
        )),
    }
}

/// What is to be said of the dates in an opened KMS token.
#[cfg(any(feature = "aws", test))]
pub(crate) fn of_payload(plaintext: &[u8], now: Timestamp) -> Vec<Finding> {
    let validity = match login::read_kms_payload(plaintext) {
        Ok(validity) => validity,
        Err(refused) => return vec![fault(refused.to_string())],
    };
    let mut found = vec![note(format!(
        "it holds from {} to {}",
        validity.not_before.iso(),
        validity.not_after.iso()
    ))];
    if let Err(refused) = validity.check_now(now, 0) {
        found.push(fault(format!("{refused}, by this machine's clock")));
    }
    if let Err(refused) = validity.check_length(DEFAULT_MINUTES) {
        found.push(fault(format!(
            "{refused}, unless the server's setting is another than 60 minutes"
        )));
    }
    found
}

fn of_client_key_token(
    bytes: &[u8],
    username: Option<&Username<'_>>,
    to: Option<&str>,
    now: Timestamp,
) -> Vec<Finding> {
    let token = match danger_parse_token(bytes) {
        Ok(token) => token,
        Err(refused) => return vec![fault(refused.to_string())],
    };
    let (not_before, not_after) = token.validity();
    let mut found = vec![good(format!(
        "a token of the client key {}: {} {} to {}, from {} to {}",
        token.key,
        token.user_type,
        token.from,
        token.to,
        not_before.iso(),
        not_after.iso()
    ))];
    if let Some(username) = username
        && (username.name, username.user_type) != (token.from, token.user_type)
    {
        found.push(fault(format!(
            "the username names {} {}, the token {} {}",
            username.user_type, username.name, token.user_type, token.from
        )));
    }
    if to.is_some_and(|to| to != token.to) {
        found.push(fault(format!("the token is for {:?}", token.to)));
    }
    let seconds = |from: Timestamp, to: Timestamp| to.seconds().saturating_sub(from.seconds());
    if now < not_before {
        found.push(fault(format!(
            "not valid for another {} s by this machine's clock",
            seconds(now, not_before)
        )));
    } else if now > not_after {
        found.push(fault(format!(
            "expired {} s ago by this machine's clock",
            seconds(not_after, now)
        )));
    }
    found.push(note(
        "whether the key is registered and signed it, only the server knows (--server)",
    ));
    found
}

/// The version 1 username of the same caller; a bare name is a service.
fn as_version_1(username: &Username<'_>) -> String {
    match username.user_type {
        "service" => username.name.to_owned(),
        kind => format!("1/{kind}/{}", username.name),
    }
}

/// The username that a token of this context goes with.
pub(crate) fn username_of(encrypted: &Context) -> Option<Finding> {
    let from = encrypted.get("from")?;
    let username = match encrypted.get("user_type") {
        Some(kind) => format!("2/{kind}/{from}"),
        None => from.clone(),
    };
    Some(note(format!(
        "the username that goes with this context is {username}"
    )))
}

/// What differs between the context that a client encrypted under and the one the server tries.
pub(crate) fn of_context(
    encrypted: &Context,
    username: &Username<'_>,
    to: Option<&str>,
) -> Vec<Finding> {
    let tried = tried_by_the_server(username, to);
    let mut found = Vec::new();
    for (name, value) in &tried {
        match encrypted.get(name) {
            Some(held) if held == value => {}
            Some(held) => found.push(fault(format!(
                "the client encrypted under {name}={held}, the server decrypts under {name}={value}"
            ))),
            None if name == "user_type" => found.push(fault(format!(
                "user_type is missing from the context that the client encrypted under: a version {} \
                 username makes the server decrypt under user_type={value}, KMS refuses that, and \
                 Confidant logs no more than \"General error\". Add user_type={value} to the context, \
                 or send {:?} as the username (version 1)",
                username.version,
                as_version_1(username)
            ))),
            None => found.push(fault(format!(
                "{name} is missing from the context that the client encrypted under; the server decrypts under {name}={value}"
            ))),
        }
    }
    for (name, value) in encrypted {
        match name.as_str() {
            "to" if to.is_none() => found.push(note(format!(
                "the client encrypted for to={value}; the server's AUTH_CONTEXT must be the same (--to)"
            ))),
            name if tried.contains_key(name) => {}
            "user_type" => found.push(fault(format!(
                "the client encrypted under user_type={value}, but a version 1 username makes the server \
                 leave it out: send 2/{value}/{} as the username",
                username.name
            ))),
            name => found.push(fault(format!(
                "the client encrypted under {name}={value} too, which no server adds: nothing but from, to and user_type may be there"
            ))),
        }
    }
    if found.is_empty() {
        found.push(good(
            "the client's context is the one that the server tries",
        ));
    }
    found
}

/// How the symmetric ciphertexts of AWS KMS begin.
const KMS_FORM: &[u8] = &[0x01, 0x02];
const FERNET_VERSION: u8 = 0x80;
/// `AUTH_TOKEN_MAX_LIFETIME`, where it is not set.
#[cfg(any(feature = "aws", test))]
const DEFAULT_MINUTES: u32 = 60;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use rstest::rstest;

    use super::*;

    fn faults(found: &[Finding]) -> Vec<&str> {
        found
            .iter()
            .filter(|finding| finding.kind == Kind::Fault)
            .map(|finding| finding.text.as_str())
            .collect()
    }

    fn context(pairs: &[(&str, &str)]) -> Context {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[rstest]
    #[case::forum("2/user/alice", &[("from", "alice"), ("to", "confidant")], Some(r#"or send "1/user/alice" as the username"#))]
    #[case::forum_of_a_service("2/service/web", &[("from", "web"), ("to", "confidant")], Some(r#"or send "web" as the username"#))]
    #[case::version_1_with_type("alice", &[("from", "alice"), ("to", "confidant"), ("user_type", "service")], Some("send 2/service/alice"))]
    #[case::other_type("2/user/alice", &[("from", "alice"), ("to", "confidant"), ("user_type", "service")], Some("user_type=service, the server decrypts under user_type=user"))]
    #[case::other_name("2/user/alice", &[("from", "bob"), ("to", "confidant"), ("user_type", "user")], Some("from=bob"))]
    #[case::other_server("web", &[("from", "web"), ("to", "staging")], Some("to=staging"))]
    #[case::one_more("web", &[("from", "web"), ("to", "confidant"), ("team", "x")], Some("team=x too"))]
    #[case::one_less("web", &[("from", "web")], Some("to is missing"))]
    #[case::right_1("web", &[("from", "web"), ("to", "confidant")], None)]
    #[case::right_2("2/user/alice", &[("from", "alice"), ("to", "confidant"), ("user_type", "user")], None)]
    fn the_field_that_differs_is_named(
        #[case] username: &str,
        #[case] encrypted: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        let username = Username::parse(username).unwrap();
        let found = of_context(&context(encrypted), &username, Some("confidant"));
        match expected {
            None => assert_eq!(faults(&found), Vec::<&str>::new()),
            Some(told) => {
                let faults = faults(&found);
                assert!(faults.len() == 1 && faults[0].contains(told), "{faults:?}");
            }
        }
    }

    #[rstest]
    #[case::two_parts("user/alice", Some("2 parts"))]
    #[case::blank_version("2 /user/alice", Some("no plain number"))]
    #[case::version_3("3/user/alice", Some("version 3"))]
    #[case::kind("2/robot/alice", Some("proven by no key"))]
    #[case::service("2/service/web", None)]
    #[case::bare("web", None)]
    fn a_wrong_username_is_explained(#[case] username: &str, #[case] expected: Option<&str>) {
        let found = of_username(username);
        match expected {
            None => assert!(faults(&found).is_empty(), "{found:?}"),
            Some(told) => assert!(faults(&found)[0].contains(told), "{found:?}"),
        }
    }

    #[rstest]
    #[case::not_base64("no base64!", Some("not base64"))]
    #[case::python_bytes("b'AQICAHg='", Some("how Python prints bytes"))]
    #[case::quoted("\"AQICAHg=\"", Some("quotes"))]
    #[case::exchanged("2/user/alice-cooper", Some("exchanged"))]
    #[case::percent("AQICAHg%3D", Some("percent"))]
    #[case::web_token("eyJhbGciOi.eyJzdWIi.c2ln", Some("JSON web token"))]
    #[case::json(&STANDARD.encode("{\"not_before\": 1}"), Some("readable JSON"))]
    #[case::twice(&STANDARD.encode(STANDARD.encode([1, 2, 2, 0])), Some("base64 twice"))]
    #[case::fernet("gAAAAABlkgABAAAA", Some("Fernet"))]
    #[case::kms(&STANDARD.encode([1, 2, 2, 0, 120]), None)]
    #[case::emulator(&STANDARD.encode("11111111-1111"), None)]
    #[case::cut_client_key(&STANDARD.encode(b"KWCK\x01"), Some("malformed"))]
    fn a_wrong_token_is_explained(#[case] token: &str, #[case] expected: Option<&str>) {
        let token = BearerToken::new(token).unwrap();
        let found = of_token(&token, None, None, Timestamp::from_seconds(0));
        match expected {
            None => assert!(faults(&found).is_empty(), "{found:?}"),
            Some(told) => assert!(faults(&found)[0].contains(told), "{found:?}"),
        }
    }

    #[rstest]
    #[case::good("20260115T115700Z", "20260115T120700Z", None)]
    #[case::expired("20260115T114700Z", "20260115T115700Z", Some("expired 180 s ago"))]
    #[case::early("20260115T120100Z", "20260115T120700Z", Some("for another 60 s"))]
    #[case::long("20260115T115700Z", "20260116T120700Z", Some("87000 s"))]
    fn the_dates_of_an_opened_token_are_explained(
        #[case] not_before: &str,
        #[case] not_after: &str,
        #[case] expected: Option<&str>,
    ) {
        let text = format!(r#"{{"not_before": "{not_before}", "not_after": "{not_after}"}}"#);
        let now = Timestamp::from_compact("20260115T120000Z").unwrap();
        let found = of_payload(text.as_bytes(), now);
        match expected {
            None => assert!(faults(&found).is_empty(), "{found:?}"),
            Some(told) => assert!(faults(&found)[0].contains(told), "{found:?}"),
        }
    }

    #[test]
    fn a_token_that_holds_no_dates_is_explained_and_not_shown() {
        let found = of_payload(b"kw-canary-7f3a", Timestamp::from_seconds(0));
        assert_eq!(
            faults(&found),
            ["the token opens but holds no proper JSON object"]
        );
    }

    #[rstest]
    #[case::version_2(&[("from", "alice"), ("user_type", "user")], Some("is 2/user/alice"))]
    #[case::version_1(&[("from", "web"), ("to", "confidant")], Some("is web"))]
    #[case::nothing(&[], None)]
    fn a_context_tells_its_username(
        #[case] pairs: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        let told = username_of(&context(pairs)).map(|finding| finding.text);
        assert_eq!(told.is_some(), expected.is_some());
        assert!(
            told.unwrap_or_default()
                .ends_with(expected.unwrap_or_default())
        );
    }

    #[test]
    fn a_cached_token_that_ended_is_a_fault() {
        let end = Timestamp::from_compact("20260115T120000Z").unwrap();
        assert_eq!(of_cache(end, end).kind, Kind::Note);
        assert_eq!(of_cache(end, end.plus_seconds(1)).kind, Kind::Fault);
    }
}
