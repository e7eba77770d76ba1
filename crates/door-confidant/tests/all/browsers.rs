//! People at browsers: a trusted proxy's headers, sessions, XSRF tokens, and a server without logins.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use door_confidant::{ClientConfig, DoorSettings, Maintenance};
use login::{Browsers, CookieKey, HeaderLogin, Sessions};
use serde_json::json;

use crate::house::{Answer, As, House};

pub(crate) fn header_login() -> Browsers {
    Browsers::Header(HeaderLogin {
        username_header: "X-Auth-User".to_owned(),
        email_header: "X-Auth-Email".to_owned(),
        sessions: Arc::new(Sessions {
            key: CookieKey::new("secret"),
            cookie: "confidant_session".to_owned(),
            xsrf_cookie: "XSRF-TOKEN".to_owned(),
            lifetime: 43_200,
            max_lifetime: 86_400,
        }),
    })
}

async fn house() -> House {
    House::with_browsers(header_login(), DoorSettings::default()).await
}

/// A request through the proxy at `peer`, with further headers.
fn request(method: &str, path: &str, peer: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = json!({"name": "n", "credential_pairs": {"k": "v"}}).to_string();
    let mut request = request
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    from_peer(&mut request, peer);
    request
}

/// Says where a request comes from.
pub(crate) fn from_peer(request: &mut Request<Body>, peer: &str) {
    let peer: SocketAddr = format!("{peer}:1234").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
}

pub(crate) const PROXY: &str = "10.1.2.3";
pub(crate) const ANN: [(&str, &str); 2] =
    [("x-auth-user", "ann"), ("x-auth-email", "Ann@Example.com")];
const EVE: [(&str, &str); 2] = [("x-auth-user", "eve"), ("x-auth-email", "eve@example.com")];

/// What a browser keeps of an answer: its `Cookie` header, and the XSRF token.
pub(crate) fn kept(answer: &Answer) -> (String, String) {
    let pairs: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let token = pairs
        .iter()
        .find_map(|pair| pair.strip_prefix("XSRF-TOKEN="))
        .unwrap()
        .to_owned();
    (pairs.join("; "), token)
}

#[tokio::test]
async fn the_email_in_lower_case_is_who_one_is() {
    let house = house().await;
    for method in ["GET", "POST"] {
        let answer = house
            .send_raw(As::Nobody, request(method, "/v1/user/email", PROXY, &ANN))
            .await;
        assert_eq!(answer.body, "{\"email\":\"ann@example.com\"}\n", "{answer}");
    }
}

#[rstest::rstest]
#[case::neither(PROXY, &[], 401)]
#[case::no_email(PROXY, &[("x-auth-user", "ann")], 401)]
#[case::no_username(PROXY, &[("x-auth-email", "ann@example.com")], 401)]
#[case::empty_email(PROXY, &[("x-auth-user", "ann"), ("x-auth-email", " ")], 401)]
#[case::a_stranger_who_says_he_is_ann("192.0.2.1", &ANN, 401)]
#[case::half_a_kms_login(PROXY, &[("x-auth-from", "2/user/ann")], 401)]
#[case::an_email_twice(PROXY, &[("x-auth-user", "ann"), ("x-auth-email", "a@b"), ("x-auth-email", "c@d")], 403)]
#[case::other_letters(PROXY, &[("x-auth-user", "ann"), ("x-auth-email", "\u{e9}@b")], 200)]
#[tokio::test]
async fn only_a_trusted_proxy_with_both_headers_proves_anybody(
    #[case] peer: &str,
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
) {
    let house = house().await;
    let answer = house
        .send_raw(As::Nobody, request("GET", "/v1/user/email", peer, headers))
        .await;
    assert_eq!(answer.status, status, "{answer}");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json()["email"].is_string(), status == 200);
    assert_eq!(answer.headers.contains_key("set-cookie"), status == 200);
}

#[tokio::test]
async fn where_the_peer_is_not_known_nobodys_word_counts() {
    let mut unknown = request("GET", "/v1/user/email", PROXY, &ANN);
    unknown.extensions_mut().clear();
    assert_eq!(
        house().await.send_raw(As::Nobody, unknown).await.status,
        401
    );
}

#[tokio::test]
async fn a_write_needs_the_token_of_its_own_session() {
    let house = house().await;
    let write = |headers: &[(&str, &str)]| request("POST", "/v1/credentials", PROXY, headers);
    let read = request("GET", "/v1/credentials", PROXY, &ANN);
    let (cookies, token) = kept(&house.send_raw(As::Nobody, read).await);
    let (_, of_eve) = kept(
        &house
            .send_raw(As::Nobody, request("GET", "/v1/credentials", PROXY, &EVE))
            .await,
    );
    let changed = format!("{}0", &token[..token.len() - 1]);
    for (why, further) in [
        ("nothing", &[][..]),
        ("the cookies alone", &[("cookie", cookies.as_str())]),
        ("the token alone", &[("x-xsrf-token", token.as_str())]),
        (
            "another's token",
            &[("cookie", &cookies), ("x-xsrf-token", &of_eve)],
        ),
        (
            "a changed token",
            &[("cookie", &cookies), ("x-xsrf-token", &changed)],
        ),
    ] {
        let headers = [&ANN[..], further].concat();
        let answer = house.send_raw(As::Nobody, write(&headers)).await;
        assert_eq!(answer.status, 401, "{why}: {answer}");
        assert!(
            answer.json()["error"]
                .as_str()
                .unwrap()
                .contains("X-XSRF-TOKEN")
        );
        assert!(!answer.headers.contains_key("set-cookie"), "{why}");
    }
    let right = [
        &ANN[..],
        &[("cookie", cookies.as_str()), ("x-xsrf-token", &token)],
    ]
    .concat();
    let answer = house.send_raw(As::Nobody, write(&right)).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.json()["modified_by"], "ann@example.com");
    assert_eq!(kept(&answer).1, token, "the token stays for the session");
    let planted = [
        &EVE[..],
        &[("cookie", cookies.as_str()), ("x-xsrf-token", &token)],
    ]
    .concat();
    assert_eq!(
        house.send_raw(As::Nobody, write(&planted)).await.status,
        401,
        "ann's session in eve's browser"
    );
}

#[tokio::test]
async fn a_request_with_credentials_of_its_own_is_that_callers_alone() {
    let house = house().await;
    let answer = house
        .send_raw(
            As::Service("web"),
            request("GET", "/v1/user/email", PROXY, &ANN),
        )
        .await;
    assert_eq!(answer.json()["email"], "web");
    assert!(!answer.headers.contains_key("set-cookie"));
    let forged = [
        &ANN[..],
        &[
            ("x-auth-from", "2/user/bob"),
            ("x-auth-token", "bm90IGEgdG9rZW4="),
        ],
    ]
    .concat();
    let answer = house
        .send_raw(As::Nobody, request("GET", "/v1/user/email", PROXY, &forged))
        .await;
    assert_eq!(answer.status, 403, "no way back to the headers");
    let write = request("POST", "/v1/credentials", PROXY, &ANN);
    assert_eq!(
        house.send_raw(As::User("bob"), write).await.status,
        200,
        "no XSRF token is asked of a caller with a token"
    );
}

#[tokio::test]
async fn login_leads_to_the_front_page_with_cookies_and_loggedout_ends_the_session() {
    let house = house().await;
    for method in ["GET", "POST"] {
        let login = request(method, "/v1/login", PROXY, &ANN);
        let answer = house.send_raw(As::Nobody, login).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["location"]),
            (302, &"/".parse().unwrap())
        );
        assert!(kept(&answer).0.contains("confidant_session="));
    }
    let stranger = request("GET", "/v1/login", "192.0.2.1", &ANN);
    assert_eq!(house.send_raw(As::Nobody, stranger).await.status, 401);
    let answer = house.get(As::Nobody, "/loggedout").await;
    assert_eq!(answer.status, 200);
    let end = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        end.starts_with("confidant_session=; ") && end.contains("Max-Age=0"),
        "{end}"
    );
}

#[tokio::test]
async fn cookies_are_lax_and_secure_where_the_browser_came_by_https() {
    let house = house().await;
    for (proto, secure) in [("http", false), ("https", true)] {
        let headers = [&ANN[..], &[("x-forwarded-proto", proto)]].concat();
        let answer = house
            .send_raw(
                As::Nobody,
                request("GET", "/v1/user/email", PROXY, &headers),
            )
            .await;
        let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(set.len(), 2);
        for cookie in set {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; SameSite=Lax"), "{cookie}");
            assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
        }
    }
}

#[tokio::test]
async fn where_logins_are_off_everybody_is_a_user_and_no_token_is_asked() {
    let house = House::with_browsers(Browsers::DangerEverybody, DoorSettings::default()).await;
    let answer = house.get(As::Nobody, "/v1/user/email").await;
    assert_eq!(answer.json()["email"], "unauthenticated user");
    let write = request("POST", "/v1/credentials", "192.0.2.1", &[]);
    let answer = house.send_raw(As::Nobody, write).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.json()["modified_by"], "unauthenticated user");
    assert!(!answer.headers.contains_key("set-cookie"));
    assert_eq!(house.get(As::Nobody, "/v1/login").await.status, 302);
}

#[rstest::rstest]
#[case::localhost("127.0.0.1", &["localhost"], 200)]
#[case::with_a_port("127.0.0.1", &["LocalHost:8080"], 200)]
#[case::loopback("127.0.0.1", &["127.0.0.1:8080"], 200)]
#[case::another_loopback("127.0.0.1", &["127.8.9.1"], 200)]
#[case::loopback_6("[::1]", &["[::1]:8080"], 200)]
#[case::loopback_6_without_a_port("[::1]", &["[::1]"], 200)]
#[case::from_elsewhere("192.0.2.1", &["keep.example.com"], 200)]
#[case::rebound("127.0.0.1", &["evil.example.com:8080"], 403)]
#[case::rebound_6("[::1]", &["evil.example.com"], 403)]
#[case::rebound_mapped("[::ffff:127.0.0.1]", &["evil.example.com"], 403)]
#[case::a_name_like_ours("127.0.0.1", &["localhost.example.com"], 403)]
#[case::an_address_in_a_name("127.0.0.1", &["127.0.0.1.example.com"], 403)]
#[case::another_address("127.0.0.1", &["192.0.2.1:8080"], 403)]
#[case::no_host("127.0.0.1", &[], 403)]
#[case::two_hosts("127.0.0.1", &["localhost", "evil.example.com"], 403)]
#[tokio::test]
async fn where_logins_are_off_a_strangers_page_reads_nothing_from_this_machine(
    #[case] peer: &str,
    #[case] hosts: &[&str],
    #[case] status: u16,
) {
    let house = House::with_browsers(Browsers::DangerEverybody, DoorSettings::default()).await;
    let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
    for (method, path) in [("GET", "/v1/credentials"), ("POST", "/v1/credentials")] {
        let request = request(method, path, peer, &hosts);
        let answer = house.send_raw(As::Nobody, request).await;
        assert_eq!(answer.status, status, "{method}: {answer}");
        if status == 403 {
            let told = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(
                told.contains("USE_AUTH=false") && told.contains("Host"),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_touch_file_that_cannot_be_looked_for_counts_as_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let settings = DoorSettings {
        maintenance: Maintenance {
            always: false,
            touch_file: Some(file.join("below a file")),
        },
        ..DoorSettings::default()
    };
    let house = House::with_browsers(header_login(), settings).await;
    let body = json!({"name": "n", "credential_pairs": {"k": "v"}});
    let told = house
        .send(As::User("ann"), "POST", "/v1/credentials", Some(&body))
        .await;
    assert_eq!(told.status, 403);
    assert_eq!(told.json()["error"], "Server in maintenance mode.");
}

#[tokio::test]
async fn maintenance_blocks_writes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let touch_file = folder.path().join("maintenance");
    let settings = DoorSettings {
        maintenance: Maintenance {
            always: false,
            touch_file: Some(touch_file.clone()),
        },
        ..DoorSettings::default()
    };
    let house = House::with_browsers(header_login(), settings).await;
    let body = json!({"name": "n", "credential_pairs": {"k": "v"}});
    let create = || house.send(As::User("ann"), "POST", "/v1/credentials", Some(&body));
    assert_eq!(create().await.status, 200);
    std::fs::write(&touch_file, "").unwrap();
    let told = create().await;
    assert_eq!(
        (told.status.as_u16(), told.body.as_str()),
        (403, "{\"error\":\"Server in maintenance mode.\"}\n")
    );
    for (method, path, status) in [
        ("GET", "/v1/credentials", 200),
        ("POST", "/v1/user/email", 200),
        ("PUT", "/v1/credentials/x", 403),
        ("PUT", "/v1/services/x", 403),
        ("PUT", "/v1/grants/x", 403),
        ("POST", "/v1/credentials/x/archive", 403),
        // Certificates rest nowhere.
        ("POST", "/v1/certificates/ca", 404),
        ("GET", "/v1/grants/x", 501),
    ] {
        let answer = house.send(As::User("ann"), method, path, Some(&body)).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
    // Login and XSRF come first.
    let nobody = house
        .send(As::Nobody, "POST", "/v1/credentials", Some(&body))
        .await;
    assert_eq!(nobody.status, 401);
    let no_token = request("POST", "/v1/credentials", PROXY, &ANN);
    assert_eq!(house.send_raw(As::Nobody, no_token).await.status, 401);
    let told = house.get(As::User("ann"), "/v1/client_config").await.json();
    assert_eq!(
        told["generated"]["maintenance_mode"], false,
        "the setting alone"
    );
    std::fs::remove_file(&touch_file).unwrap();
    let body = json!({"name": "m", "credential_pairs": {"k": "v"}});
    let answer = house
        .send(As::User("ann"), "POST", "/v1/credentials", Some(&body))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn client_config_is_what_the_real_server_told() {
    let file: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/http_exchanges.json"
    ))
    .unwrap();
    let settings = DoorSettings {
        client: ClientConfig {
            defined: json!({"hello": 1}).as_object().unwrap().clone(),
            manage_grants: true,
            accounts: vec!["sandbox".to_owned()],
            xsrf_cookie: "XSRF-TOKEN".to_owned(),
            history_page_limit: None,
            tags: ["ROTATION_EXCLUDED", "FINANCIALLY_SENSITIVE"]
                .map(str::to_owned)
                .into(),
        },
        ..DoorSettings::default()
    };
    let house = House::with_browsers(header_login(), settings).await;
    for (name, who) in [
        ("client_config", As::User("rlane@example.com")),
        ("svc client_config", As::Service("svc-a")),
    ] {
        let recorded = file["exchanges"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap();
        let answer = house.get(who, "/v1/client_config").await;
        assert_eq!(answer.json(), recorded["body"], "{name}");
    }
}

#[tokio::test]
async fn a_generated_value_is_fifty_letters_and_digits_and_never_the_same() {
    let house = house().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = house.get(As::Service("web"), "/v1/value_generator").await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        let value = answer.json()["value"].as_str().unwrap().to_owned();
        assert_eq!(answer.body, format!("{{\"value\":\"{value}\"}}\n"));
        assert!(value.len() == 50 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(seen.insert(value));
    }
}

#[tokio::test]
async fn routes_of_later_versions_say_so_to_whom_the_original_would_answer() {
    let house = house().await;
    for (method, path) in [
        ("POST", "/v1/credentials/x/archive"),
        ("GET", "/v1/roles"),
        ("GET", "/v1/grants/x"),
        ("PUT", "/v1/grants/x"),
    ] {
        let answer = house.send(As::User("ann"), method, path, None).await;
        assert_eq!(answer.status, 501, "{method} {path}");
        let told = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(told.contains("not in this version"), "{told}");
        assert_eq!(answer.headers["content-type"], "application/json");
        let wrong = house.send(As::User("ann"), "DELETE", path, None).await;
        assert_eq!(wrong.status, 405, "{path}");
    }
    for (method, path) in [
        ("GET", "/v1/saml/metadata"),
        ("GET", "/v1/saml/login"),
        ("GET", "/v1/saml/logout"),
        ("GET", "/v1/saml/debug"),
        ("POST", "/v1/saml/consume"),
    ] {
        let answer = house.send(As::Nobody, method, path, None).await;
        assert_eq!(answer.status, 501, "{method} {path}");
    }
    let nobody = House::new().await;
    assert_eq!(nobody.get(As::Nobody, "/v1/login").await.status, 501);
}
