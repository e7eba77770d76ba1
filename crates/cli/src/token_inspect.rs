//! `keepward token inspect`: why a server takes a token or not, as far as it shows from here.

use std::io::{IsTerminal, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use keep::Clock as _;
use local::SystemClock;
use login::{BearerToken, CachedToken, Username};
use serde_json::json;

use crate::arguments::{Inspect, Mfa};
use crate::client;
use crate::exit::{Failure, Kind as Ending, Outcome};
use crate::iam_policy::{Call, Facts, MAX_POLICY, Policies, Verdict};
use crate::output;
#[cfg(feature = "aws")]
use crate::token_findings::of_payload;
use crate::token_findings::{
    Context, Finding, Kind, fault, good, note, of_cache, of_context, of_token, of_username,
    tried_by_the_server, username_of,
};

/// A username and a token as far as they were given.
#[derive(Default)]
struct Given {
    username: Option<String>,
    token: Option<BearerToken>,
    /// What a client's token cache says that the token was encrypted with.
    context: Option<Context>,
    /// What a client's token cache says that the token ends.
    not_after: Option<Timestamp>,
}

pub(crate) fn run(asked: &Inspect) -> Outcome {
    let given = given(asked)?;
    let mut found = Vec::new();
    let username = given
        .username
        .as_deref()
        .and_then(|text| Username::parse(text).ok());
    match &given.username {
        Some(text) => found.extend(of_username(text)),
        None => found.push(note(
            "no username was given (--username, or an X-Auth-From line)",
        )),
    }
    let to = asked.to.as_deref();
    let encrypted = given.encrypted(asked);
    if given.username.is_none() {
        found.extend(username_of(&encrypted));
    }
    let now = SystemClock::new().now();
    match &given.token {
        Some(token) => {
            found.extend(of_token(token, username.as_ref(), to, now));
        }
        None => found.push(note("no token was given")),
    }
    if let Some(not_after) = given.not_after {
        found.push(of_cache(not_after, now));
    }
    if let Some(username) = &username
        && !encrypted.is_empty()
    {
        found.extend(of_context(&encrypted, username, to));
    }
    if !asked.policy.is_empty() {
        let context = match &username {
            _ if !encrypted.is_empty() => encrypted.clone(),
            Some(username) => tried_by_the_server(username, to),
            None => Context::new(),
        };
        found.extend(of_policies(asked, &context)?);
    }
    if asked.decrypt {
        found.extend(decrypted(asked, &given)?);
    }
    if let Some(server) = &asked.server {
        found.extend(of_server(server, &given)?);
    }
    tell(asked, &found)
}

impl Given {
    /// The context that the client encrypted under, as far as it was told.
    fn encrypted(&self, asked: &Inspect) -> Context {
        match &self.context {
            Some(cached) if asked.context.is_empty() => cached.clone(),
            _ => asked.context.iter().cloned().collect(),
        }
    }
}

fn tell(asked: &Inspect, found: &[Finding]) -> Outcome {
    let faults = found
        .iter()
        .filter(|finding| finding.kind == Kind::Fault)
        .count();
    if asked.json {
        output::json(&json!({ "faults": faults, "findings": found }))?;
    } else {
        let mut text = String::new();
        for finding in found {
            let word = match finding.kind {
                Kind::Fault => "fault",
                Kind::Note => "note",
                Kind::Good => "good",
            };
            text.push_str(&format!("{word:<6} {}\n", client::printable(&finding.text)));
        }
        output::text(&text)?;
    }
    match faults {
        0 => Ok(()),
        1 => Err(Failure::new(Ending::Denied, "1 fault was found")),
        faults => Err(Failure::new(
            Ending::Denied,
            format!("{faults} faults were found"),
        )),
    }
}

/// Username and token from the arguments and the text that was piped or typed in.
fn given(asked: &Inspect) -> Outcome<Given> {
    let text = match asked.token_file.as_deref() {
        Some(path) if path == Path::new("-") => read(&mut std::io::stdin().lock(), path)?,
        Some(path) => {
            let mut file = std::fs::File::open(path)
                .map_err(|error| crate::exit::file("reading", path, &error))?;
            read(&mut file, path)?
        }
        // A policy can be judged without a token.
        None if !asked.policy.is_empty() => String::new(),
        None if std::io::stdin().is_terminal() => rpassword::prompt_password("token: ")
            .map_err(|error| crate::exit::internal("reading a token", error))?,
        None => read(&mut std::io::stdin().lock(), Path::new("-"))?,
    };
    let mut given = parse(&text)?;
    if let Some(username) = &asked.username {
        given.username = Some(username.clone());
    }
    Ok(given)
}

fn read(source: &mut impl Read, path: &Path) -> Outcome<String> {
    let mut text = String::new();
    source
        .take(MAX_TEXT + 1)
        .read_to_string(&mut text)
        .map_err(|error| crate::exit::file("reading", path, &error))?;
    if text.len() as u64 > MAX_TEXT {
        return Err(Failure::new(
            Ending::Usage,
            "that is longer than any token with its headers",
        ));
    }
    Ok(text)
}

/// Reads header lines, or a bare token. No message quotes the text, which may be secret.
fn parse(text: &str) -> Outcome<Given> {
    let usage = |what: &str| Failure::new(Ending::Usage, what);
    let token = |text: &str| BearerToken::new(text).map_err(|error| usage(&error.to_string()));
    if text.trim_start().starts_with('{') {
        return parse_json(text);
    }
    let mut given = Given::default();
    let mut bare = String::new();
    for line in text.lines() {
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name.trim().to_ascii_lowercase(), value.trim()),
            None => {
                bare.push_str(line.trim());
                continue;
            }
        };
        match name.as_str() {
            "x-auth-from" => given.username = Some(value.to_owned()),
            "x-auth-token" => given.token = Some(token(value)?),
            "authorization" => {
                let pair = value
                    .split_once(' ')
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
                    .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
                    .and_then(|decoded| String::from_utf8(decoded).ok());
                let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
                let (username, secret) = pair.ok_or_else(|| {
                    usage("the Authorization line holds no Basic credentials: base64 of USERNAME:TOKEN")
                })?;
                given.username = Some(username.to_owned());
                given.token = Some(token(secret)?);
            }
            // Other headers of a copied request.
            _ => {}
        }
    }
    if given.token.is_none() && !bare.is_empty() {
        given.token = Some(token(&bare)?);
    }
    Ok(given)
}

/// Reads what `keepward token --json` prints, or the token cache of a client.
fn parse_json(text: &str) -> Outcome<Given> {
    #[derive(serde::Deserialize)]
    struct Pair<'t> {
        username: String,
        #[serde(borrow)]
        token: std::borrow::Cow<'t, str>,
    }
    if let Ok(Pair { username, token }) = serde_json::from_str(text) {
        let token = BearerToken::new(&token)
            .map_err(|error| Failure::new(Ending::Usage, error.to_string()))?;
        return Ok(Given {
            username: Some(username),
            token: Some(token),
            ..Given::default()
        });
    }
    let cached = CachedToken::parse(text.as_bytes()).map_err(|_| {
        Failure::new(
            Ending::Usage,
            "that JSON is neither a token with its username nor a client's token cache",
        )
    })?;
    Ok(Given {
        username: None,
        context: Some(
            cached
                .context
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ),
        not_after: Some(cached.not_after),
        token: Some(cached.token),
    })
}

fn of_policies(asked: &Inspect, context: &Context) -> Outcome<Vec<Finding>> {
    let mut policies = Policies::default();
    for path in &asked.policy {
        let prefix = match (asked.policy.len(), path.file_name()) {
            (2.., Some(name)) => format!("{}, ", name.display()),
            _ => String::new(),
        };
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_POLICY as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| crate::exit::file("reading", path, &error))?;
        policies
            .read(&bytes, &prefix)
            .map_err(|bad| Failure::new(Ending::Usage, format!("{}: {bad}", path.display())))?;
    }
    let call = Call {
        action: asked.action.clone(),
        key: asked.key_arn.clone(),
        principal: asked.principal.clone(),
        facts: facts(asked, context),
    };
    let action = &asked.action;
    Ok(match policies.judge(&call) {
        Verdict::Allowed(statement) => {
            vec![good(format!("the policy lets {action} through: {statement}"))]
        }
        Verdict::Denied(why) => why
            .into_iter()
            .map(|why| fault(format!("the policy denies {action}: {why}")))
            .collect(),
        Verdict::NotAllowed(why) if why.is_empty() => {
            vec![fault(format!("no statement of the policy is about {action}"))]
        }
        Verdict::NotAllowed(why) => why
            .into_iter()
            .map(|why| fault(format!("the policy does not allow {action}: {why}")))
            .collect(),
        Verdict::Unknown(why) => why
            .into_iter()
            .map(|why| {
                note(format!(
                    "whether the policy allows {action} is not decided: {why} (--fact, --mfa and --principal give facts)"
                ))
            })
            .collect(),
    })
}

fn facts(asked: &Inspect, context: &Context) -> Facts {
    let mut facts = Facts::default();
    for (name, value) in context {
        facts.set(
            &format!("kms:EncryptionContext:{name}"),
            vec![value.clone()],
        );
    }
    facts.set(
        "kms:EncryptionContextKeys",
        context.keys().cloned().collect(),
    );
    match asked.mfa {
        None => {}
        Some(Mfa::Yes) => facts.set(MFA, vec!["true".to_owned()]),
        Some(Mfa::No) => {
            facts.set(MFA, vec!["false".to_owned()]);
            facts.absent(MFA_AGE);
        }
        Some(Mfa::Absent) => {
            facts.absent(MFA);
            facts.absent(MFA_AGE);
        }
    }
    for (name, value) in &asked.fact {
        facts.set(name, vec![value.clone()]);
    }
    facts
}

fn of_server(server: &str, given: &Given) -> Outcome<Vec<Finding>> {
    let (Some(username), Some(token)) = (&given.username, &given.token) else {
        return Err(Failure::new(
            Ending::Usage,
            "--server needs a username and a token",
        ));
    };
    let answer = client::ask(server, username, token, HARMLESS)?;
    let request = match &answer.request {
        Some(id) => format!("; its log says why in the line with request={id}"),
        None => String::new(),
    };
    Ok(vec![match answer.status {
        200..=299 => good(format!("{server} takes the token")),
        401 | 403 => fault(format!(
            "{server} refuses the token with {}{request}",
            answer.status
        )),
        429 => fault(format!(
            "{server} looks at no more tokens from here for a while, after too many refused ones{request}"
        )),
        status => note(format!(
            "{server} answered {status}, which says nothing of the token{request}"
        )),
    }])
}

#[cfg(not(feature = "aws"))]
fn decrypted(_asked: &Inspect, _given: &Given) -> Outcome<Vec<Finding>> {
    Err(Failure::new(
        Ending::Usage,
        "--decrypt: this program was built without AWS",
    ))
}

/// Asks KMS under the contexts that a client may have meant, the server's first.
#[cfg(feature = "aws")]
fn decrypted(asked: &Inspect, given: &Given) -> Outcome<Vec<Finding>> {
    use keep::{EncryptionContext, KeyError, KeyService as _, WrappedKey};

    let (Some(username), Some(token), Some(to)) = (&given.username, &given.token, &asked.to) else {
        return Err(Failure::new(
            Ending::Usage,
            "--decrypt needs a username, a token and --to",
        ));
    };
    let (Ok(username), Ok(bytes)) = (Username::parse(username), token.decode()) else {
        // Told already.
        return Ok(Vec::new());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| crate::exit::internal("starting the runtime", error))?;
    runtime.block_on(async {
        let kms = crate::aws_ports::client_kms(None).await;
        let wrapped = WrappedKey(bytes);
        let now = SystemClock::new().now();
        let contexts = meant(&username, to, given.encrypted(asked));
        for (position, context) in contexts.into_iter().enumerate() {
            let shown = shown(&context);
            let opened = kms
                .unwrap(&wrapped, &EncryptionContext::new(context))
                .await;
            match opened {
                Ok(opened) => {
                    let under = format!("under {shown}, with the key {}", opened.master);
                    let mut found = vec![if position == 0 {
                        good(format!("KMS opens it as the server tries, {under}"))
                    } else {
                        fault(format!(
                            "KMS opens it {under} only; that is not what the server tries"
                        ))
                    }];
                    found.extend(of_payload(opened.key.expose(), now));
                    return Ok(found);
                }
                Err(KeyError::DoesNotOpen) => {}
                Err(error) => return Ok(vec![note(format!("KMS did not try: {error}"))]),
            }
        }
        Ok(vec![fault(
            "KMS opens it under none of the contexts that clients mean; --context names another one to try",
        )])
    })
}

/// Contexts to try: the server's, the client's own, and the usual mistakes.
#[cfg(feature = "aws")]
fn meant(username: &Username<'_>, to: &str, given: Context) -> Vec<Context> {
    let context = |from: &str, to: &str, kind: Option<&str>| {
        let mut context = Context::from([
            ("from".to_owned(), from.to_owned()),
            ("to".to_owned(), to.to_owned()),
        ]);
        if let Some(kind) = kind {
            context.insert("user_type".to_owned(), kind.to_owned());
        }
        context
    };
    let name = username.name;
    let mut all = vec![tried_by_the_server(username, Some(to))];
    if !given.is_empty() {
        all.push(given);
    }
    for kind in [None, Some("service"), Some("user")] {
        all.push(context(name, to, kind));
        all.push(context(to, name, kind));
    }
    let mut tried: Vec<Context> = Vec::with_capacity(all.len());
    for one in all {
        if !tried.contains(&one) {
            tried.push(one);
        }
    }
    tried
}

#[cfg(feature = "aws")]
fn shown(context: &Context) -> String {
    let pairs: Vec<String> = context
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(", ")
}

/// A route that every proven caller may ask, and that shows nothing.
const HARMLESS: &str = "/v1/user/email";
/// Units: bytes.
const MAX_TEXT: u64 = 32 * 1024;
const MFA: &str = "aws:MultiFactorAuthPresent";
const MFA_AGE: &str = "aws:MultiFactorAuthAge";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::bare("AQID\n", None)]
    #[case::in_lines("AQ\n  ID\n", None)]
    #[case::headers(
        "X-Auth-From: 2/user/alice\r\nX-Auth-Token: AQID\r\nAccept: */*\r\n",
        Some("2/user/alice")
    )]
    #[case::basic("authorization: Basic MS91c2VyL2FsaWNlOkFRSUQ=", Some("1/user/alice"))]
    fn reads_a_token_as_people_copy_it(#[case] text: &str, #[case] username: Option<&str>) {
        let given = parse(text).unwrap();
        assert_eq!(given.token.unwrap().expose(), "AQID");
        assert_eq!(given.username.as_deref(), username);
    }

    #[test]
    fn reads_what_our_own_command_prints() {
        let given = parse(r#"{"username": "2/user/alice", "token": "AQID"}"#).unwrap();
        assert_eq!(given.token.unwrap().expose(), "AQID");
        assert_eq!(given.username.as_deref(), Some("2/user/alice"));
    }

    #[test]
    fn a_clients_token_cache_tells_the_context_too() {
        let given = parse(
            r#"{"token": "AQID", "not_after": "20260115T120700Z", "auth_context": {"from": "alice", "to": "confidant"}}"#,
        )
        .unwrap();
        assert_eq!(given.token.unwrap().expose(), "AQID");
        assert_eq!(given.context.unwrap()["from"], "alice");
        assert_eq!(given.not_after.unwrap().compact(), "20260115T120700Z");
    }

    #[rstest]
    #[case::bearer("Authorization: Bearer kw-canary-7f3a")]
    #[case::json(r#"{"password": "kw-canary-7f3a"}"#)]
    #[case::half_json(r#"{"token": "kw-canary-7f3a"#)]
    fn what_cannot_be_read_is_told_without_a_word_of_it(#[case] text: &str) {
        let told = parse(text).err().unwrap();
        assert!(!told.to_string().contains("kw-canary"), "{told}");
    }
}
