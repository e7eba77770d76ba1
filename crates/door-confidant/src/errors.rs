//! Every error of this door, with its answer: the original's "plain" style. Never 500, and nothing
//! of a failure inside but the name of the dependency that failed.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confidant::{AuthorityError, BadField, Conflicts, Error};
use domain::{RequestId, Resource, Verb};
use keep::{KeyError, Refused, TableError};
use login::Refusal;
use serde_json::{Map, Value, json};

use crate::answers;
use crate::plain::plain;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) enum DoorError {
    /// Nobody was proven.
    Login {
        /// As much as the client may know.
        refusal: Refusal,
        /// To be found in the log.
        request: RequestId,
    },
    /// A browser's write without its session's XSRF token.
    Xsrf {
        /// To be found in the log.
        request: RequestId,
    },
    /// A write while nothing may be changed.
    Maintenance,
    /// A feature of the original that this version does not have; names it.
    NotYet(&'static str),
    /// More than the limit on bodies.
    BodyTooLarge,
    /// The operation did not happen.
    Model(Error, Words),
}

/// What a route tells otherwise than the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// The `error` when the thing is missing; without it the answer is `{}`.
    pub(crate) missing: Option<&'static str>,
    /// What the caller may not do, with `{id}` for the id; without it the words of the action.
    pub(crate) refused: Option<&'static str>,
    /// Whether a refusal leaves out the id as `reference`.
    pub(crate) no_reference: bool,
    /// The authority that a certificate was asked of.
    pub(crate) authority: Option<String>,
}

impl Words {
    /// The error in these words.
    pub(crate) fn of(self) -> impl FnOnce(Error) -> DoorError {
        move |error| DoorError::Model(error, self)
    }
}

impl From<Error> for DoorError {
    fn from(error: Error) -> Self {
        Self::Model(error, Words::default())
    }
}

impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        let (status, told) = self.answer();
        let mut response = answers::json(plain(&told));
        *response.status_mut() = status;
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

type Answer = (StatusCode, Value);

impl DoorError {
    fn answer(&self) -> Answer {
        // No `_` arm: a new error does not compile until this door has an answer.
        match self {
            Self::Login { refusal, request } => {
                let (status, told) = match refusal {
                    Refusal::Missing => (StatusCode::UNAUTHORIZED, "login required"),
                    Refusal::Refused => (StatusCode::FORBIDDEN, "login refused"),
                    Refusal::ForeignHost => (
                        StatusCode::FORBIDDEN,
                        "With USE_AUTH=false the Host header must be localhost or a loopback address.",
                    ),
                    Refusal::Limited => (
                        StatusCode::TOO_MANY_REQUESTS,
                        "too many refused logins, try again later",
                    ),
                    Refusal::Unavailable => {
                        let (status, mut told) = unavailable("login");
                        if let Some(told) = told.as_object_mut() {
                            told.insert("request_id".to_owned(), request.as_str().into());
                        }
                        return (status, told);
                    }
                };
                (
                    status,
                    json!({ "error": told, "request_id": request.as_str() }),
                )
            }
            Self::Xsrf { request } => (
                StatusCode::UNAUTHORIZED,
                json!({
                    "error": "The X-XSRF-TOKEN header must hold the value of the XSRF cookie.",
                    "request_id": request.as_str(),
                }),
            ),
            Self::Maintenance => error(StatusCode::FORBIDDEN, "Server in maintenance mode."),
            Self::NotYet(what) => error(
                StatusCode::NOT_IMPLEMENTED,
                &format!("{what} is not in this version of Keepward."),
            ),
            Self::BodyTooLarge => error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is larger than 1 MiB.",
            ),
            Self::Model(Error::Refused(refused), words) => not_allowed(refused, words),
            Self::Model(Error::WrongAccount, _) => error(
                StatusCode::UNAUTHORIZED,
                "Authenticated user is not authorized.",
            ),
            Self::Model(Error::Audit(_), _) => unavailable("audit log"),
            Self::Model(Error::NotFound, words) => match words.missing {
                Some(told) => error(StatusCode::NOT_FOUND, told),
                None => (StatusCode::NOT_FOUND, json!({})),
            },
            Self::Model(Error::NoSuchRevision, _) => (StatusCode::NOT_FOUND, json!({})),
            Self::Model(Error::NoDifference(resource), _) => {
                let what = resource.word().replace('_', " ");
                bad(&format!("No difference between old and new {what}."))
            }
            Self::Model(Error::NotACredential(_), _) => bad("id provided is not a credential."),
            Self::Model(Error::NotABlindCredential(_), _) => {
                bad("id provided is not a blind-credential.")
            }
            Self::Model(Error::NotABlindRevision(_), _) => {
                bad("id provided is not an archive-blind-credential.")
            }
            Self::Model(Error::NotAService(_), _) => bad("id provided is not a service."),
            Self::Model(Error::FieldsMissing(names), _) => {
                // As Python prints a list.
                let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
                bad(&format!(
                    "The following fields are required: [{}]",
                    names.join(", ")
                ))
            }
            Self::Model(Error::BadField(fault), _) => bad(told_of(*fault)),
            Self::Model(Error::NameTaken { owner }, _) => (
                StatusCode::CONFLICT,
                json!({ "error": format!("Name already exists. See id: {owner}"), "reference": owner }),
            ),
            Self::Model(Error::MappingConflicts(conflicts), _) => conflicting(conflicts, false),
            Self::Model(Error::UpdateConflicts(conflicts), _) => conflicting(conflicts, true),
            Self::Model(Error::TooLarge(bytes), _) => bad(&format!(
                "Too large to store: {bytes} bytes, at most 400 KiB with all attributes."
            )),
            Self::Model(Error::Damaged { id, what }, _) => {
                tracing::error!(item = %id, attribute = what, "stored data is damaged");
                let told = format!("stored data is damaged: {what} of {id}");
                (
                    StatusCode::BAD_GATEWAY,
                    json!({ "error": told, "reference": id }),
                )
            }
            Self::Model(Error::TooBusy, _) => (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({ "error": "too many writers at once, try again" }),
            ),
            Self::Model(Error::Table(failure), _) => table(failure),
            Self::Model(Error::Key(failure), _) => key_service(failure),
            Self::Model(Error::NoSigningKey, _) => bad("Key not available for this environment"),
            Self::Model(Error::Authority(failure), _) => authority(failure),
            Self::Model(Error::Signing(failure), _) => {
                tracing::error!(%failure, "a signature was not made");
                broken("signing", "it failed")
            }
        }
    }
}

fn error(status: StatusCode, told: &str) -> Answer {
    (status, json!({ "error": told }))
}

fn bad(told: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, told)
}

fn unavailable(dependency: &str) -> Answer {
    let told = format!("{dependency} unavailable, try again");
    (
        StatusCode::SERVICE_UNAVAILABLE,
        json!({ "dependency": dependency, "error": told }),
    )
}

/// A dependency that stays as it is until somebody mends it: never 503, which old clients repeat
/// for ever.
fn broken(dependency: &str, what: &str) -> Answer {
    let told = format!("{dependency}: {what}; the server's log says more");
    (
        StatusCode::BAD_GATEWAY,
        json!({ "dependency": dependency, "error": told }),
    )
}

fn table(failure: &TableError) -> Answer {
    match failure {
        TableError::Limit(_) => bad("Too large to store."),
        TableError::Invalid(_) => bad("The request cannot be stored."),
        TableError::Ambiguous(_) => {
            tracing::error!(%failure, "a write is in doubt");
            let told = "table unavailable: the write may have happened, read before trying again";
            (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({ "dependency": "table", "error": told }),
            )
        }
        TableError::ConditionFailed(_)
        | TableError::Conflict
        | TableError::Throttled
        | TableError::Unavailable(_) => {
            tracing::error!(%failure, "table unavailable");
            unavailable("table")
        }
        TableError::NoSuchTable(_) => {
            tracing::error!(%failure, "no such table");
            broken("table", "it does not exist")
        }
        TableError::Denied(_) => {
            tracing::error!(%failure, "table refuses");
            broken("table", "this server's permissions do not suffice")
        }
    }
}

fn key_service(failure: &KeyError) -> Answer {
    tracing::error!(%failure, "key service failed");
    match failure {
        KeyError::DoesNotOpen => error(StatusCode::BAD_GATEWAY, "stored data is damaged"),
        KeyError::NoSuchKey(_) => broken("key service", "the master key does not exist"),
        KeyError::Unusable(_) => broken("key service", "the master key cannot be used"),
        KeyError::Denied(_) => broken("key service", "this server's permissions do not suffice"),
        KeyError::Throttled | KeyError::Unavailable(_) => unavailable("key service"),
    }
}

fn authority(failure: &AuthorityError) -> Answer {
    tracing::error!(%failure, "certificate authority failed");
    match failure {
        AuthorityError::Refused(_) => bad("The certificate authority does not take the request."),
        AuthorityError::Unusable(_) => broken("certificate authority", "it cannot be used"),
        AuthorityError::Denied(_) => broken(
            "certificate authority",
            "this server's permissions do not suffice",
        ),
        AuthorityError::Throttled | AuthorityError::Unavailable(_) => {
            unavailable("certificate authority")
        }
    }
}

/// The words of the original for a refusal, with the blank it forgot in two of them.
fn not_allowed(refused: &Refused, words: &Words) -> Answer {
    let who = &refused.ask.who.name;
    let id = refused.ask.target.id();
    let shown = id.unwrap_or_default();
    let (resource, verb) = (refused.ask.action.resource, refused.ask.action.verb);
    let what = match (resource, verb) {
        (Resource::Credential, Verb::List) => "list credentials".to_owned(),
        (Resource::Credential, Verb::Create) => "create credentials".to_owned(),
        (Resource::Credential, Verb::Metadata | Verb::Read) => format!("credential {shown}"),
        (Resource::Credential, Verb::Update) => format!("update credential {shown}"),
        (Resource::Service, Verb::List) => "list services".to_owned(),
        (Resource::Service, Verb::Metadata | Verb::Read) => format!("get service {shown}"),
        (Resource::Service, Verb::Create) => format!("create service {shown}"),
        (Resource::Service, Verb::Update) => {
            "map the credentials because they do not own the credentials being added".to_owned()
        }
        (Resource::BlindCredential, Verb::List) => "list blind credentials".to_owned(),
        (Resource::BlindCredential, Verb::Create) => "create blind credentials".to_owned(),
        (Resource::BlindCredential, Verb::Metadata | Verb::Read) => {
            format!("blind credential {shown}")
        }
        (Resource::BlindCredential, Verb::Update) => format!("update blind credential {shown}"),
        (Resource::BlindCredential, Verb::Revert) => format!("revert blind credential {shown}"),
        (Resource::Certificate, _) => {
            let authority = words.authority.as_deref().unwrap_or_default();
            format!("get certificate cn {shown} against ca {authority}")
        }
        (Resource::CertificateAuthority, Verb::List) => "list cas".to_owned(),
        (Resource::CertificateAuthority, _) => format!("get ca {shown}"),
        (Resource::Jwt, _) => format!("get JWT {shown}"),
        (resource, verb) => format!("{} {} {shown}", verb.word(), resource.word()),
    };
    let what = words
        .refused
        .map_or(what, |words| words.replace("{id}", shown));
    let mut told = json!({ "error": format!("{who} does not have access to {what}") });
    if let (Some(id), Some(told), false) = (id, told.as_object_mut(), words.no_reference) {
        told.insert("reference".to_owned(), id.into());
    }
    (StatusCode::FORBIDDEN, told)
}

/// The conflict object: both lists for a mapping; only the kinds that conflict, and the services,
/// for an update.
fn conflicting(conflicts: &Conflicts, of_update: bool) -> Answer {
    let mut told = Map::new();
    for (key, conflict) in conflicts {
        let mut holders = Map::new();
        for (kind, ids) in [
            ("blind_credentials", &conflict.blind_credentials),
            ("credentials", &conflict.credentials),
        ] {
            if !(of_update && ids.is_empty()) {
                holders.insert(kind.to_owned(), json!(ids));
            }
        }
        if of_update {
            holders.insert("services".to_owned(), json!(conflict.services));
        }
        told.insert(key.clone(), holders.into());
    }
    (
        StatusCode::BAD_REQUEST,
        json!({ "conflicts": told, "error": "Conflicting key pairs in mapped service." }),
    )
}

fn told_of(fault: BadField) -> &'static str {
    match fault {
        BadField::NoBody => "A JSON body is required (Content-Type: application/json).",
        BadField::NotJson => "The body is not valid JSON.",
        BadField::NotObject => "The body must be a JSON object.",
        BadField::NameRequired => "name is a required field",
        BadField::NameNotText => "name must be a string",
        BadField::PairsRequired => "credential_pairs is a required field",
        BadField::PairsEmpty => "Credential Pairs cannot be empty.",
        BadField::PairsNotObject => "credential_pairs must be a dict",
        BadField::PairNotScalar => "credential pairs must be key: value",
        BadField::PairNumberTooLarge => {
            "credential pairs: a number too large to keep exactly; send it as a string"
        }
        BadField::PairKeyWhitespace => "credential key must not contain whitespace",
        BadField::MetadataNotObject => "metadata must be a dict",
        BadField::DocumentationNotText => "documentation must be a string",
        BadField::DocumentationRequired => "documentation is a required field",
        BadField::TagsNotTexts => "tags must be a list of strings",
        BadField::EnabledNotBoolean => "Enabled must be a boolean.",
        BadField::CredentialsNotIds => "credentials must be a list of ids",
        BadField::BlindCredentialsNotIds => "blind_credentials must be a list of ids",
        BadField::DataKeyNotObject => "data_key must be a dict with a region/key mapping.",
        BadField::DataKeyNeeded => "data_key required when updating credential_pairs.",
        BadField::CipherTypeNotText => "cipher_type must be a string",
        BadField::CipherTypeNeeded => "cipher_type required when updating credential_pairs.",
        BadField::CipherVersionNotNumber => "cipher_version must be a number",
        BadField::CipherVersionNeeded => "cipher_version required when updating credential_pairs.",
        BadField::KeysNotList => "credential_keys must be a list.",
        BadField::KeysNotTexts => "credential_keys must be a list of strings",
        BadField::AccountNotText => "account must be a string",
        BadField::UnknownAccount => "account is not a valid account.",
        BadField::BadPage => "Failed to parse page",
        BadField::ImpossibleId => "id must have 1 to 1024 bytes and no slash",
        BadField::EnvironmentRequired => "Please specify an environment",
        BadField::RequestRequired => "csr must be provided in the POST body.",
        BadField::RequestUnreadable => "csr could not be decoded",
        BadField::RequestNames => {
            "csr must have at most one common name, and 1 to 100 subject alternative names that can be read"
        }
        BadField::RequestUnsigned => {
            "csr must be signed by its own key (RSA of 2048 bits or more, ECDSA or Ed25519; SHA-256 or better)"
        }
        BadField::ValidityNotDays => "validity must be a whole number of days, 1 or more",
        BadField::CertificateName => {
            "the common name must have 1 to 64 letters, each san 1 to 253 ASCII letters without blanks"
        }
        BadField::TooManyNames => "at most 100 san are taken",
        BadField::RequestsOnly => {
            "This certificate authority signs requests only: POST a csr to /v1/certificates/<ca>."
        }
        BadField::KeysOnly => {
            "This certificate authority signs no requests: GET /v1/certificates/<ca>/<cn>."
        }
    }
}

#[cfg(test)]
mod tests {
    use confidant::Conflict;
    use keep::AuditUnavailable;

    use super::*;

    /// What must not be told.
    const INSIDE: &str = "INSIDE";

    fn inside() -> String {
        INSIDE.to_owned()
    }

    #[rstest::rstest]
    #[case::account(Error::WrongAccount, 401)]
    #[case::audit(Error::Audit(AuditUnavailable(inside())), 503)]
    #[case::missing(Error::NotFound, 404)]
    #[case::no_revision(Error::NoSuchRevision, 404)]
    #[case::no_difference(Error::NoDifference(Resource::Service), 400)]
    #[case::not_a_credential(Error::NotACredential(inside()), 400)]
    #[case::not_a_blind_credential(Error::NotABlindCredential(inside()), 400)]
    #[case::not_a_blind_revision(Error::NotABlindRevision(inside()), 400)]
    #[case::not_a_service(Error::NotAService(inside()), 400)]
    #[case::fields(Error::FieldsMissing(vec!["data_key"]), 400)]
    #[case::field(Error::BadField(BadField::NotJson), 400)]
    #[case::name(Error::NameTaken { owner: "c1".to_owned() }, 409)]
    #[case::mapping(Error::MappingConflicts([("k".to_owned(), Conflict::default())].into()), 400)]
    #[case::update(Error::UpdateConflicts([("k".to_owned(), Conflict::default())].into()), 400)]
    #[case::large(Error::TooLarge(7), 400)]
    #[case::damaged(Error::Damaged { id: "c1".to_owned(), what: "data_key" }, 502)]
    #[case::busy(Error::TooBusy, 503)]
    #[case::table_condition(Error::Table(TableError::ConditionFailed(vec![1])), 503)]
    #[case::table_conflict(Error::Table(TableError::Conflict), 503)]
    #[case::table_throttled(Error::Table(TableError::Throttled), 503)]
    #[case::table_unavailable(Error::Table(TableError::Unavailable(inside())), 503)]
    #[case::table_ambiguous(Error::Table(TableError::Ambiguous(inside())), 503)]
    #[case::table_limit(Error::Table(TableError::Limit(inside())), 400)]
    #[case::table_invalid(Error::Table(TableError::Invalid(inside())), 400)]
    #[case::no_table(Error::Table(TableError::NoSuchTable(inside())), 502)]
    #[case::table_denied(Error::Table(TableError::Denied(inside().into())), 502)]
    #[case::key_does_not_open(Error::Key(KeyError::DoesNotOpen), 502)]
    #[case::no_key(Error::Key(KeyError::NoSuchKey(inside().into())), 502)]
    #[case::key_unusable(Error::Key(KeyError::Unusable(inside())), 502)]
    #[case::key_denied(Error::Key(KeyError::Denied(inside().into())), 502)]
    #[case::key_throttled(Error::Key(KeyError::Throttled), 503)]
    #[case::no_signing_key(Error::NoSigningKey, 400)]
    #[case::request_refused(Error::Authority(AuthorityError::Refused(inside())), 400)]
    #[case::authority_unusable(Error::Authority(AuthorityError::Unusable(inside())), 502)]
    #[case::authority_denied(Error::Authority(AuthorityError::Denied(inside().into())), 502)]
    #[case::authority_throttled(Error::Authority(AuthorityError::Throttled), 503)]
    #[case::authority_away(Error::Authority(AuthorityError::Unavailable(inside())), 503)]
    #[case::signing(Error::Signing(pki::PkiError::Failed), 502)]
    #[case::key_unavailable(Error::Key(KeyError::Unavailable(inside())), 503)]
    fn every_failure_has_its_status_and_tells_nothing_of_the_inside(
        #[case] error: Error,
        #[case] expected: u16,
    ) {
        let door = DoorError::from(error);
        let (status, told) = door.answer();
        assert_eq!(status.as_u16(), expected);
        assert!(!told.to_string().contains(INSIDE), "{told}");
        let retry = door
            .into_response()
            .headers()
            .contains_key(header::RETRY_AFTER);
        assert_eq!(retry, expected == 503);
    }
}
