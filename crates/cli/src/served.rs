//! A service as it is served, with its blind credentials opened here where the caller may.

use serde_json::Value;

use crate::arguments::Blind;
use crate::blind;
use crate::client::Client;
use crate::exit::Outcome;
use crate::revisions::Noun;

/// The service with its values; `id` is the caller's own without one.
///
/// Shape: as the server answers; each blind credential has also `decrypted_credential_pairs`, unless
/// `--no-blind` leaves them sealed.
pub(crate) fn service(client: &Client, id: Option<&str>, blind: &Blind) -> Outcome<Value> {
    let id = id.unwrap_or_else(|| client.name());
    let mut service = Noun::Service.with_values(client, id)?;
    let sealed = service
        .get_mut("blind_credentials")
        .and_then(Value::as_array_mut)
        .filter(|sealed| !sealed.is_empty() && !blind.no_blind);
    if let Some(sealed) = sealed {
        blind::open_all(sealed, blind.region.as_deref())?;
    }
    Ok(service)
}
