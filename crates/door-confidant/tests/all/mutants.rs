//! Ten thousand mutated requests: none is answered 500, none panics, and a refusal tells no secret.

use std::collections::BTreeMap;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use door_confidant::DoorSettings;
use keep::simulator::under_seeds;
use serde_json::{Value, json};

use crate::browsers::{ANN, PROXY, from_peer, header_login, kept};
use crate::house::{Answer, As, House};
use crate::mutation::{Draft, Mutator};

const SEEDS: u64 = 10;
const REQUESTS: usize = 1_000;

/// Each value that the house keeps for somebody.
const CANARY: &str = "kw-canary-5d1c";

#[tokio::test]
async fn ten_thousand_mutated_requests_are_answered_and_none_with_500() {
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::Relaxed);
        hook(info);
    }));
    let seeds = under_seeds(SEEDS, mutants_of).await;
    println!("{} panics", panics.load(Ordering::Relaxed));
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    assert!(seeds > 0);
}

/// Sends the recorded requests, then mutated ones.
async fn mutants_of(seed: u64) {
    let house = House::with_browsers(header_login(), DoorSettings::default()).await;
    let recorded = furnish(&house).await;
    let mut callers = Callers::of(&house).await;
    let mutator = Mutator::new(seed);
    let mut statuses = BTreeMap::new();
    let mut sent = 0;
    while sent < REQUESTS {
        let mut draft = mutator.one(&recorded).clone();
        mutator.mutate(&mut draft);
        let who = callers.choose(&mutator, &mut draft);
        let Some(mut request) = draft.request() else {
            continue;
        };
        from_peer(&mut request, PROXY);
        house.clock.advance(Duration::from_millis(1_100));
        let answer = house.send_raw(who, request).await;
        if let Err(fault) = check(&draft, &answer, &callers.proofs) {
            panic!("{fault}\n--- request by {who:?}\n{draft}\n--- answer\n{answer}");
        }
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
        sent += 1;
    }
    println!("seed {seed}: {statuses:?}");
    // Else the mutants died at the entrance.
    for status in [200, 400, 401, 403, 404, 405] {
        assert!(statuses.get(&status) > Some(&10), "few {status}");
    }
}

/// Fills the house with what the recorded requests make, and gives them with the ids of this house.
async fn furnish(house: &House) -> Vec<Draft> {
    let file: Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/http_exchanges.json"
    ))
    .unwrap();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut drafts = Vec::new();
    for entry in file["exchanges"].as_array().unwrap() {
        let ours = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (theirs, ours)| {
                text.replace(theirs, ours)
            })
        };
        let body = entry.get("request_json").map(|body| {
            let mut body: Value = serde_json::from_str(&ours(&body.to_string())).unwrap();
            if let Some(Value::Object(pairs)) = body.get_mut("credential_pairs") {
                pairs
                    .values_mut()
                    .filter(|value| value.is_string())
                    .for_each(|value| *value = CANARY.into());
            }
            body
        });
        let (method, path) = (&entry["method"], ours(entry["path"].as_str().unwrap()));
        let draft = Draft::new(method.as_str().unwrap(), &path, body.as_ref());
        house.clock.advance(Duration::from_millis(100));
        let answer = house
            .send_raw(As::User("rlane"), draft.request().unwrap())
            .await;
        let made = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        if let (Some(theirs), Some(ours)) = (entry["body"]["id"].as_str(), made["id"].as_str()) {
            ids.insert(theirs.to_owned(), ours.to_owned());
        }
        drafts.push(draft);
    }
    assert_eq!(drafts.len(), 245);
    assert!(ids.len() > 10, "the house is empty");
    drafts
}

/// Who may come, and what proves them.
struct Callers {
    cookies: String,
    token: String,
    proofs: Vec<String>,
}

impl Callers {
    async fn of(house: &House) -> Self {
        let mut request = Draft::new("GET", "/v1/user/email", None).request().unwrap();
        for (name, value) in ANN {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        from_peer(&mut request, PROXY);
        let (cookies, token) = kept(&house.send_raw(As::Nobody, request).await);
        let mut proofs = vec![token.clone()];
        proofs.extend(cookies.split("; ").filter_map(|pair| {
            let (_, value) = pair.split_once('=')?;
            Some(value.to_owned())
        }));
        for who in WITH_KEYS {
            house.get(who, "/v1/user/email").await;
        }
        for basic in house.proofs() {
            let pair = STANDARD.decode(&basic["Basic ".len()..]).unwrap();
            let pair = String::from_utf8(pair).unwrap();
            proofs.push(pair.split_once(':').unwrap().1.to_owned());
            proofs.push(basic);
        }
        assert!(proofs.len() >= 6 && proofs.iter().all(|proof| proof.len() > 8));
        Self {
            cookies,
            token,
            proofs,
        }
    }

    /// Draws one. A person at a browser brings headers of its own.
    fn choose(&mut self, mutator: &Mutator, draft: &mut Draft) -> As<'static> {
        match mutator.below(10) {
            0 => As::Nobody,
            drawn @ 1..=2 => {
                for (name, value) in [
                    ANN[0],
                    ANN[1],
                    ("cookie", &*self.cookies),
                    ("x-xsrf-token", &*self.token),
                ]
                .into_iter()
                .take(2 * drawn)
                {
                    draft
                        .headers
                        .push((name.to_owned(), value.as_bytes().to_vec()));
                }
                As::Nobody
            }
            3 => WITH_KEYS[1],
            4 => WITH_KEYS[2],
            _ => WITH_KEYS[0],
        }
    }
}

const WITH_KEYS: [As<'static>; 3] = [
    As::User("rlane"),
    As::Service("svc-a"),
    As::Scoped("svc-b", "sandbox"),
];

/// Errors: what is wrong with an answer.
fn check(draft: &Draft, answer: &Answer, proofs: &[String]) -> Result<(), String> {
    let status = answer.status.as_u16();
    if status == 501 {
        let later = answer.body.contains("is not in this version of Keepward.");
        return ok(later || draft.method == "HEAD", "501 without its reason");
    }
    ok(status < 500, "a status of ours")?;
    if status < 400 {
        return Ok(());
    }
    let told = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "set-cookie")
        .map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .chain([answer.body.clone()]);
    for text in told {
        ok(!text.contains(CANARY), "a value in a refusal")?;
        ok(
            !proofs.iter().any(|proof| text.contains(proof)),
            "a proof in a refusal",
        )?;
    }
    if draft.method == "HEAD" {
        return ok(answer.body.is_empty(), "a body to HEAD");
    }
    match answer
        .headers
        .get("content-type")
        .map(|kind| kind.as_bytes())
    {
        Some(b"text/html; charset=utf-8") => {
            ok(matches!(status, 404 | 405), "a page that should be JSON")?;
            // A page of the operator's that is not there, as the original has it.
            let custom = status == 404 && draft.path.starts_with("/custom/");
            let says = answer.body.contains(&status.to_string());
            ok(says || custom, "an empty page")
        }
        Some(b"application/json") => {
            let told: Value =
                serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
            let says = told["error"].as_str().is_some_and(|text| !text.is_empty());
            ok(says || (status == 404 && told == json!({})), "no reason")
        }
        _ => Err("neither a page nor JSON".to_owned()),
    }
}

fn ok(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}

#[test]
fn the_check_sees_each_fault() {
    let answer = |status: u16, kind: &str, body: &str| {
        let mut answer = Answer {
            status: status.try_into().unwrap(),
            headers: axum::http::HeaderMap::new(),
            body: body.to_owned(),
        };
        answer.headers.insert("content-type", kind.parse().unwrap());
        answer
    };
    let draft = Draft::new("GET", "/v1/x", None);
    let proofs = ["t0ken".to_owned()];
    let (json, html) = ("application/json", "text/html; charset=utf-8");
    for good in [
        answer(200, json, CANARY),
        answer(404, json, "{}\n"),
        answer(404, html, "404"),
        answer(400, json, r#"{"error": "x"}"#),
        answer(501, json, "X is not in this version of Keepward."),
    ] {
        assert_eq!(check(&draft, &good, &proofs), Ok(()), "{good}");
    }
    for bad in [
        answer(500, json, r#"{"error": "x"}"#),
        answer(503, json, r#"{"error": "x"}"#),
        answer(501, json, r#"{"error": "x"}"#),
        answer(400, json, "{}"),
        answer(400, json, r#"{"error": ""}"#),
        answer(400, json, "x"),
        answer(400, html, "400"),
        answer(404, html, ""),
        answer(400, "text/plain", "x"),
        answer(400, json, &format!(r#"{{"error": "{CANARY}"}}"#)),
        answer(403, json, r#"{"error": "t0ken"}"#),
    ] {
        assert!(check(&draft, &bad, &proofs).is_err(), "{bad}");
    }
}
