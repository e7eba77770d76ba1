//! All routes of this door, and the headers of every answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use confidant::Confidant;
use keep::Keep;
use login::Login;

use crate::admission::{Writes, admit};
use crate::segments::split_at_encoded_slashes;
use crate::settings::DoorSettings;
use crate::{
    blind_credentials, blind_history, certificates, credential_history, credentials, files,
    identity, not_yet, pages, service_history, services, web_tokens,
};

/// What this door needs.
#[derive(Clone)]
pub struct Door {
    /// The operations.
    pub confidant: Arc<Confidant>,
    /// Who is asking.
    pub login: Arc<Login>,
    /// Names requests, and tells the time.
    pub keep: Arc<Keep>,
    /// What the operator decided.
    pub settings: Arc<DoorSettings>,
}

/// The greatest request body. Units: bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// The whole door: mount it, nest it, or leave it out.
pub fn router(door: Door) -> Router {
    // Proven callers; `admission` says what comes before each method.
    let admitted = |writes, allowed, routes: MethodRouter<Door>| {
        let layer = middleware::from_fn_with_state((door.clone(), writes), admit);
        known(allowed, routes.route_layer(layer))
    };
    let proven = |allowed, routes| admitted(Writes::Store, allowed, routes);
    let routes = Router::new()
        .route(
            "/v1/credentials",
            proven(
                "GET, HEAD, OPTIONS, POST",
                get(credentials::list).post(credentials::create),
            ),
        )
        .route(
            "/v1/credentials/{id}",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(credentials::read).put(credentials::update),
            ),
        )
        .route(
            "/v1/credentials/{id}/services",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(credential_history::services).put(credential_history::revert_to_no_revision),
            ),
        )
        .route(
            "/v1/credentials/{id}/{revision}",
            proven("OPTIONS, PUT", put(credential_history::revert)),
        )
        .route(
            "/v1/credentials/{id}/{old}/{new}",
            proven("GET, HEAD, OPTIONS", get(credential_history::diff)),
        )
        .route(
            "/v1/archive/credentials",
            proven("GET, HEAD, OPTIONS", get(credential_history::list)),
        )
        .route(
            "/v1/archive/credentials/{id}",
            proven("GET, HEAD, OPTIONS", get(credential_history::revisions)),
        )
        .route(
            "/v1/services",
            proven("GET, HEAD, OPTIONS", get(services::list)),
        )
        .route(
            "/v1/services/{id}",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(services::read).put(services::map),
            ),
        )
        .route(
            "/v1/services/{id}/{revision}",
            proven("OPTIONS, PUT", put(service_history::revert)),
        )
        .route(
            "/v1/services/{id}/{old}/{new}",
            proven("GET, HEAD, OPTIONS", get(service_history::diff)),
        )
        .route(
            "/v1/archive/services",
            proven("GET, HEAD, OPTIONS", get(service_history::list)),
        )
        .route(
            "/v1/archive/services/{id}",
            proven("GET, HEAD, OPTIONS", get(service_history::revisions)),
        )
        .route(
            "/v1/blind_credentials",
            proven(
                "GET, HEAD, OPTIONS, POST",
                get(blind_credentials::list).post(blind_credentials::create),
            ),
        )
        .route(
            "/v1/blind_credentials/{id}",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(blind_credentials::read).put(blind_credentials::update),
            ),
        )
        .route(
            "/v1/blind_credentials/{id}/services",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(blind_history::services).put(blind_history::revert_to_no_revision),
            ),
        )
        .route(
            "/v1/blind_credentials/{id}/{revision}",
            proven("OPTIONS, PUT", put(blind_history::revert)),
        )
        .route(
            "/v1/archive/blind_credentials",
            proven("GET, HEAD, OPTIONS", get(blind_history::list)),
        )
        .route(
            "/v1/archive/blind_credentials/{id}",
            proven("GET, HEAD, OPTIONS", get(blind_history::revisions)),
        )
        .route(
            "/v1/value_generator",
            proven("GET, HEAD, OPTIONS", get(identity::value_generator)),
        )
        .route(
            "/v1/client_config",
            proven("GET, HEAD, OPTIONS", get(identity::client_config)),
        )
        .route(
            "/v1/user/email",
            admitted(
                Writes::Ask,
                "GET, HEAD, OPTIONS, POST",
                get(identity::email).post(identity::email),
            ),
        )
        .route(
            "/custom/{folder}/{*file}",
            proven("GET, HEAD, OPTIONS", get(files::custom)),
        )
        .route(
            "/v1/certificates/{ca}",
            admitted(
                Writes::Make,
                "OPTIONS, POST",
                post(certificates::for_request),
            ),
        )
        .route(
            "/v1/certificates/{ca}/{cn}",
            proven("GET, HEAD, OPTIONS", get(certificates::with_key)),
        )
        .route(
            "/v1/cas",
            proven("GET, HEAD, OPTIONS", get(certificates::authorities)),
        )
        .route(
            "/v1/cas/{ca}",
            proven("GET, HEAD, OPTIONS", get(certificates::authority)),
        )
        .route(
            "/v1/jwks/token",
            proven("GET, HEAD, OPTIONS", get(web_tokens::own)),
        )
        .route(
            "/v1/jwks/token/{id}",
            proven("GET, HEAD, OPTIONS", get(web_tokens::of)),
        )
        // Proven callers, in later versions.
        .route(
            "/v1/credentials/{id}/archive",
            proven(
                "OPTIONS, POST, PUT",
                post(not_yet::archive).put(credential_history::revert_to_no_revision),
            ),
        )
        .route(
            "/v1/roles",
            proven("GET, HEAD, OPTIONS", get(not_yet::roles)),
        )
        .route(
            "/v1/grants/{id}",
            proven(
                "GET, HEAD, OPTIONS, PUT",
                get(not_yet::grants).put(not_yet::grants),
            ),
        )
        // Everybody, in later versions.
        .route(
            "/v1/saml/metadata",
            known("GET, HEAD, OPTIONS", get(not_yet::public_saml)),
        )
        .route(
            "/v1/saml/login",
            known("GET, HEAD, OPTIONS", get(not_yet::public_saml)),
        )
        .route(
            "/v1/saml/logout",
            known("GET, HEAD, OPTIONS", get(not_yet::public_saml)),
        )
        .route(
            "/v1/saml/debug",
            known("GET, HEAD, OPTIONS", get(not_yet::public_saml)),
        )
        .route(
            "/v1/saml/consume",
            known("OPTIONS, POST", post(not_yet::public_saml)),
        )
        // Everybody.
        .route(
            "/v1/jwks/public/{environment}",
            known("GET, HEAD, OPTIONS", get(web_tokens::public_keys)),
        )
        .route(
            "/v1/login",
            known(
                "GET, HEAD, OPTIONS, POST",
                get(identity::public_login).post(identity::public_login),
            ),
        )
        .route(
            "/loggedout",
            known("GET, HEAD, OPTIONS", get(identity::public_logged_out)),
        )
        .route(
            "/404.html",
            known("GET, HEAD, OPTIONS", get(files::public_not_found)),
        )
        .route(
            "/robots.txt",
            known("GET, HEAD, OPTIONS", get(files::public_robots)),
        )
        .route(
            "/healthcheck",
            known("GET, HEAD, OPTIONS", get(pages::public_healthcheck)),
        )
        .fallback(pages::public_not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(door.clone());
    let again = routes.clone();
    routes
        .layer(middleware::from_fn(move |request, next| {
            split_at_encoded_slashes(again.clone(), request, next)
        }))
        .layer(middleware::from_fn_with_state(door, name_request))
}

/// A known path: says its methods without login, and 405 to others.
fn known(allowed: &'static str, routes: MethodRouter<Door>) -> MethodRouter<Door> {
    routes
        .options(
            move || async move { ([(header::ALLOW, allowed)], pages::empty()).into_response() },
        )
        .fallback(move || async move {
            let page = pages::page(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            ([(header::ALLOW, allowed)], page).into_response()
        })
}

/// Gives the request its id, and the answer the headers that all answers have.
async fn name_request(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let id = door.keep.request_id();
    let told = HeaderValue::from_str(id.as_str());
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(told) = told {
        headers.insert(REQUEST_ID, told);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'";
