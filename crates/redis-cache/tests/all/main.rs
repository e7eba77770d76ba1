//! The adapter on a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use confidant::TokenCache as _;
use pki::Token;
use redis_cache::{BadUrl, RedisTokenCache};
use testkit::Redis;

const LIFE: Duration = Duration::from_secs(900);

fn cache(url: &str) -> RedisTokenCache {
    RedisTokenCache::new(url, Duration::from_secs(20)).unwrap()
}

#[tokio::test]
async fn a_token_lies_there_as_plain_text_with_an_expiry() {
    let redis = Redis::start();
    let cache = cache(&redis.url);
    assert!(cache.read("kid:alice:bob").await.is_none());
    cache
        .keep("kid:alice:bob", &Token::new("a.b.c".to_owned()), LIFE)
        .await;
    assert_eq!(cache.read("kid:alice:bob").await.unwrap().expose(), "a.b.c");
    assert!(redis.ask("GET kid:alice:bob").contains("\r\na.b.c\r\n"));
    let left = redis.ask("TTL kid:alice:bob");
    assert!(
        left.starts_with(":900") || left.starts_with(":89"),
        "{left}"
    );
    // What an old server put there is read.
    redis.ask("SET kid:carol:carol x.y.z EX 60");
    assert_eq!(
        cache.read("kid:carol:carol").await.unwrap().expose(),
        "x.y.z"
    );
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_empty_cache_and_one_that_comes_back_is_used_again() {
    let redis = Redis::start();
    let cache = cache(&redis.url);
    cache
        .keep("name", &Token::new("a.b.c".to_owned()), LIFE)
        .await;
    let (url, port) = (redis.url.clone(), redis.port());
    drop(redis);
    let impatient = RedisTokenCache::new(&url, Duration::from_secs(1)).unwrap();
    for away in [&cache, &impatient] {
        assert!(away.read("name").await.is_none());
        away.keep("name", &Token::new("lost".to_owned()), LIFE)
            .await;
    }
    let _again = Redis::start_at(port);
    assert!(impatient.read("name").await.is_none());
    // The lost connection is made again, in its own time.
    let mut tries = 0;
    loop {
        cache
            .keep("name", &Token::new("d.e.f".to_owned()), LIFE)
            .await;
        if cache.read("name").await.is_some() {
            break;
        }
        tries += 1;
        assert!(tries < 1_000, "it never came back");
    }
}

#[tokio::test]
async fn one_that_answers_nothing_is_not_waited_for() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let cache = RedisTokenCache::new(&url, Duration::from_millis(200)).unwrap();
    assert!(cache.read("name").await.is_none());
}

#[test]
fn a_url_that_is_none_is_refused_without_being_told() {
    for bad in ["", "http://localhost", "redis://"] {
        assert_eq!(RedisTokenCache::new(bad, LIFE).err(), Some(BadUrl), "{bad}");
    }
}
