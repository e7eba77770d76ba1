//! Who gets in.

use axum::body::Body;
use axum::http::Request;

use crate::house::{As, House};

/// Every route that needs a login.
const ROUTES: [(&str, &str); 21] = [
    ("GET", "/v1/credentials"),
    ("POST", "/v1/credentials"),
    ("GET", "/v1/credentials/x"),
    ("PUT", "/v1/credentials/x"),
    ("GET", "/v1/services"),
    ("GET", "/v1/services/x"),
    ("PUT", "/v1/services/x"),
    ("HEAD", "/v1/services/x"),
    ("GET", "/v1/value_generator"),
    ("GET", "/v1/client_config"),
    ("GET", "/v1/user/email"),
    ("POST", "/v1/user/email"),
    ("POST", "/v1/credentials/x/archive"),
    ("GET", "/v1/roles"),
    ("GET", "/v1/grants/x"),
    ("PUT", "/v1/grants/x"),
    ("GET", "/v1/certificates/ca/x"),
    ("POST", "/v1/certificates/ca"),
    ("GET", "/v1/cas"),
    ("GET", "/v1/cas/ca"),
    ("GET", "/v1/jwks/token/x"),
];

#[tokio::test]
async fn nobody_gets_401_on_every_route_but_the_health_check() {
    let house = House::new().await;
    for (method, path) in ROUTES {
        let answer = house.send(As::Nobody, method, path, None).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let told = house.get(As::Nobody, "/v1/services/x").await;
    assert_eq!(told.json()["error"], "login required");
    assert_eq!(
        told.json()["request_id"],
        told.headers["x-request-id"].to_str().unwrap()
    );
}

#[tokio::test]
async fn a_refused_login_gets_403_and_no_reason() {
    let house = House::new().await;
    for (method, path) in ROUTES {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-auth-from", "2/service/x")
            .header("x-auth-token", "bm90IGEgdG9rZW4=")
            .body(Body::empty())
            .unwrap();
        let answer = house.send_raw(As::Nobody, request).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.json()["error"], "login refused");
            assert_eq!(answer.json().as_object().unwrap().len(), 2);
        }
    }
}
