//! Web tokens: what they say, who gets them, and what a cache may give.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confidant::{BadField, Caller, Error, LocalTokenCache, TokenCache, WebTokens};
use domain::{LoginMethod, PrincipalKind};
use pki::{PrivateKey, Token, TokenKey};
use serde_json::{Value, json};

use crate::house::{House, caller, user};

/// A cache that a test looks into, and puts things into.
#[derive(Default)]
struct OpenCache(Mutex<BTreeMap<String, (String, Duration)>>);

#[async_trait::async_trait]
impl TokenCache for OpenCache {
    async fn read(&self, name: &str) -> Option<Token> {
        let kept = self.0.lock().unwrap().get(name).cloned();
        kept.map(|(text, _)| Token::new(text))
    }

    async fn keep(&self, name: &str, token: &Token, life: Duration) {
        let kept = (token.expose().to_owned(), life);
        self.0.lock().unwrap().insert(name.to_owned(), kept);
    }
}

fn key() -> TokenKey {
    TokenKey::new(PrivateKey::generate_rsa(2048).unwrap()).unwrap()
}

/// Two keys for staging, of which the second signs; one for production, which signs nothing.
fn tokens() -> WebTokens {
    WebTokens::new(Duration::from_secs(3_600))
        .with_key("staging", "old", key())
        .with_key("staging", "new", key())
        .with_key("staging", "new", key())
        .with_active("staging", "new")
        .with_key("production", "prod", key())
        .with_active("production", "unknown")
        .with_active("nowhere", "new")
}

async fn house(tokens: WebTokens) -> House {
    let house = House::new().await;
    house.changed(|confidant| confidant.with_web_tokens(tokens))
}

fn browser() -> Caller {
    let mut caller = user();
    caller.who.login = LoginMethod::Header;
    caller
}

fn part(token: &Token, place: usize) -> Value {
    let text = token.expose().split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_says_who_asked_and_for_whom_and_for_how_long() {
    let house = house(tokens()).await;
    let now = house.keep.clock().now().seconds();
    let issue = async |caller: Caller, user: Option<&str>| {
        let issued = house.confidant.issue_token(&caller, Some("staging"), user);
        issued.await.unwrap_or_else(|error| panic!("{error}"))
    };
    let token = issue(user(), None).await;
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "RS256", "kid": "new", "typ": "JWT" })
    );
    let claims = json!({
        "is_service": true, "requester": "alice", "user": "alice",
        "iat": now, "nbf": now, "exp": now + 3_600,
    });
    assert_eq!(part(&token, 1), claims);
    let for_bob = issue(browser(), Some("bob")).await;
    let claims = json!({
        "is_service": false, "requester": "alice", "user": "bob",
        "iat": now, "nbf": now, "exp": now + 3_600,
    });
    assert_eq!(part(&for_bob, 1), claims);
}

#[tokio::test]
async fn every_key_of_an_environment_is_public_whether_it_signs_or_not() {
    let house = house(tokens()).await;
    let names = |environment| -> Vec<String> {
        let keys = house.confidant.token_keys(environment);
        keys.into_iter().map(|key| key.kid).collect()
    };
    assert_eq!(names("staging"), ["old", "new"]);
    assert_eq!(names("production"), ["prod"]);
    assert!(names("nowhere").is_empty());
}

#[tokio::test]
async fn every_ask_for_a_token_leaves_one_event() {
    let house = house(tokens()).await;
    let service = caller(PrincipalKind::Service, "web", None);
    let ask = async |caller: &Caller, environment| {
        let asked = house
            .confidant
            .issue_token(caller, environment, Some("bob"))
            .await;
        let events = house.audit.take();
        let [event] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(
            (event["action"].as_str(), event["target"].as_str()),
            (Some("jwt.read"), Some("bob"))
        );
        (
            asked.map(drop),
            event["outcome"].as_str().unwrap().to_owned(),
        )
    };
    assert!(matches!(ask(&user(), Some("staging")).await, (Ok(()), told) if told == "allowed"));
    let (asked, told) = ask(&user(), None).await;
    assert!(
        matches!(asked, Err(Error::BadField(BadField::EnvironmentRequired))) && told == "failed"
    );
    for environment in ["production", "nowhere"] {
        let (asked, told) = ask(&user(), Some(environment)).await;
        assert!(matches!(asked, Err(Error::NoSigningKey)) && told == "failed");
    }
    let (asked, told) = ask(&service, Some("staging")).await;
    assert!(matches!(asked, Err(Error::Refused(_))) && told == "refused");
}

#[tokio::test]
async fn a_kept_token_is_given_again_to_the_same_and_to_nobody_else() {
    let cache = Arc::new(OpenCache::default());
    let kept_in = Arc::clone(&cache) as Arc<dyn TokenCache>;
    let house = house(tokens().with_cache(kept_in, Duration::from_secs(900))).await;
    let issue = async |caller: &Caller, user: Option<&str>| {
        let issued = house.confidant.issue_token(caller, Some("staging"), user);
        issued.await.unwrap().expose().to_owned()
    };
    let first = issue(&user(), None).await;
    house.clock.advance(Duration::from_secs(1_800));
    assert_eq!(issue(&user(), None).await, first);
    assert_eq!(
        cache.0.lock().unwrap()["new:alice:alice"].1,
        Duration::from_secs(900)
    );
    // The name it is kept under is the same, what it says is not.
    assert_ne!(issue(&browser(), None).await, first);
    let odd = |name: &str| caller(PrincipalKind::User, name, None);
    let joined = issue(&odd("a:b"), Some("c")).await;
    assert_ne!(issue(&odd("a"), Some("b:c")).await, joined);
    // Whatever lies there, an expired one is not given.
    let second = issue(&user(), None).await;
    house.clock.advance(Duration::from_secs(3_600));
    assert_ne!(issue(&user(), None).await, second);
    for planted in ["", "a.b.c", "e30.e30.e30"] {
        let life = Duration::from_secs(900);
        let entry = ("new:alice:alice".to_owned(), (planted.to_owned(), life));
        cache.0.lock().unwrap().extend([entry]);
        assert_ne!(issue(&user(), None).await, planted);
    }
}

#[tokio::test]
async fn a_token_is_kept_for_half_its_life_at_most() {
    let cache = Arc::new(OpenCache::default());
    let kept_in = Arc::clone(&cache) as Arc<dyn TokenCache>;
    let house = house(tokens().with_cache(kept_in, Duration::from_secs(36_000))).await;
    let caller = user();
    let issued = house.confidant.issue_token(&caller, Some("staging"), None);
    drop(issued.await.unwrap());
    assert_eq!(
        cache.0.lock().unwrap()["new:alice:alice"].1,
        Duration::from_secs(1_800)
    );
}

#[tokio::test]
async fn the_local_cache_gives_what_it_keeps() {
    let cache = LocalTokenCache::new(10, Duration::from_secs(60));
    assert!(cache.read("a").await.is_none());
    let token = Token::new("text".to_owned());
    cache.keep("a", &token, Duration::from_secs(60)).await;
    assert_eq!(cache.read("a").await.unwrap().expose(), "text");
    assert!(cache.read("b").await.is_none());
}
