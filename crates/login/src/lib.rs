//! Every way to become a principal. Knows no HTTP library: a door hands over header values.
//!
//! [`Login::prove_headers`] reads what a request presents ([`Presented`]: a [`Username`] and a
//! token), tells the token's kind by its first bytes, and asks [`KmsTokens`] or [`ClientKeys`].
//! Without any, the request may be a person's at a browser ([`Browsers`]), with a [`Session`].
//! A refusal says exactly why in the log ([`LoginRefused`]), next to nothing to the client
//! ([`Refusal`]), and is counted by source for the audit log ([`Refusals`]).
//!
//! On the client's side a [`ClientKeyFile`] holds the private half and makes tokens.

mod auth_keys;
mod browsers;
mod client_key_file;
mod client_key_operations;
mod client_key_record;
mod client_key_token;
mod client_keys;
mod diagnosis;
mod failure_budget;
mod flights;
mod kms_payload;
mod kms_token;
mod login;
mod presented;
mod refusals;
mod refused;
mod refused_tokens;
mod session;
mod signed_cookie;
mod token_cache;
mod token_context;
mod trusted_peers;
mod username;
mod validity;

pub use auth_keys::key_name;
pub use browsers::{Browsers, HeaderLogin};
pub use client_key_file::{ClientKeyFile, ClientKeyFileError, DEFAULT_TO};
pub use client_key_operations::{ClientKeyError, NewClientKey};
pub use client_key_record::ClientKey;
pub use client_key_token::{
    BadClientKeyId, ClientKeyId, UnverifiedToken, danger_parse_token, is_client_key_token,
};
pub use client_keys::{ClientKeySettings, ClientKeys};
pub use diagnosis::Diagnosis;
pub use failure_budget::FailureLimits;
pub use kms_payload::{kms_payload, read_kms_payload};
pub use kms_token::{KmsTokenSettings, KmsTokens};
pub use login::{Login, Proved};
pub use presented::{BearerToken, MAX_TOKEN, MAX_USERNAME, Presented};
pub use refusals::Refusals;
pub use refused::{LoginRefused, Refusal};
pub use session::{Session, Sessions};
pub use signed_cookie::{BadCookie, CookieKey};
pub use token_cache::{CachedToken, TokenCacheError};
pub use token_context::TokenContext;
pub use trusted_peers::{BadPeer, TrustedPeers};
pub use username::{BadUsername, Username};
pub use validity::Validity;
