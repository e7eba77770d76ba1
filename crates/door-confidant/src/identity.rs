//! Who one is, what this server is like, and coming and going with a browser.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Action, Resource, Target, Verb};
use login::Browsers;
use serde_json::{Value, json};

use crate::Door;
use crate::admission::{Proven, claims_https, prove, set_cookies};
use crate::answers;
use crate::errors::DoorError;
use crate::pages;
use crate::plain::plain;

/// `GET` and `POST /v1/user/email`. Reads nothing stored, so there is no audit event.
pub(crate) async fn email(Proven(caller): Proven) -> Response {
    answers::json(plain(&json!({ "email": caller.who.name })))
}

/// `GET /v1/client_config`
pub(crate) async fn client_config(State(door): State<Door>, Proven(caller): Proven) -> Response {
    let may = |resource, verb| -> Value {
        door.keep
            .would(&caller.who, Action::new(resource, verb), &Target::All)
            .allowed
            .into()
    };
    let client = &door.settings.client;
    let told = json!({
        "defined": client.defined,
        "generated": {
            "aws_accounts": client.accounts,
            "defined_tags": client.tags,
            "history_page_limit": client.history_page_limit,
            "kms_auth_manage_grants": client.manage_grants,
            // Only the setting: a touch file comes and goes.
            "maintenance_mode": door.settings.maintenance.always,
            "permissions": {
                "blind_credentials": {
                    "create": may(Resource::BlindCredential, Verb::Create),
                    "list": may(Resource::BlindCredential, Verb::List),
                },
                "credentials": {
                    "create": may(Resource::Credential, Verb::Create),
                    "list": may(Resource::Credential, Verb::List),
                },
                "services": {
                    "create": may(Resource::Service, Verb::Create),
                    "list": may(Resource::Service, Verb::List),
                },
            },
            "xsrf_cookie_name": client.xsrf_cookie,
        },
    });
    answers::json(plain(&told))
}

/// `GET /v1/value_generator`. What it makes is stored nowhere, so there is no audit event.
pub(crate) async fn value_generator(State(door): State<Door>, Proven(_): Proven) -> Response {
    let value = door.confidant.generate_value();
    answers::json(answers::generated(&value))
}

/// `GET` and `POST /v1/login`: public, it proves who comes by itself.
pub(crate) async fn public_login(State(door): State<Door>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let session = match door.login.browsers() {
        Browsers::Nobody => {
            return DoorError::NotYet("Login with a browser (USER_AUTH_MODULE google and saml)")
                .into_response();
        }
        Browsers::DangerEverybody => None,
        Browsers::Header(_) => match prove(&door, &parts).await {
            Ok(proved) => proved.session,
            Err(refused) => return refused.into_response(),
        },
    };
    let mut response = to("/");
    if let Some(session) = session {
        set_cookies(&mut response, &door, &session, claims_https(&parts.headers));
    }
    response
}

/// `GET /loggedout`: public, ends a session where there is one.
pub(crate) async fn public_logged_out(State(door): State<Door>) -> Response {
    let mut page = pages::page(StatusCode::OK, "You are logged out.");
    if let Browsers::Header(login) = door.login.browsers()
        && let Ok(end) = HeaderValue::from_str(&login.sessions.end())
    {
        page.headers_mut().append(header::SET_COOKIE, end);
    }
    page
}

fn to(place: &'static str) -> Response {
    let page = pages::page(StatusCode::FOUND, "Found");
    ([(header::LOCATION, place)], page).into_response()
}
