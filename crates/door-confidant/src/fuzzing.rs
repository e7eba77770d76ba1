//! This door's parsers of foreign bytes, for the fuzz targets.

use confidant::{BlindFields, CredentialFields, ServiceFields};

use crate::query;
use crate::requests::Sent;

/// What the operations make of one JSON body.
pub struct Fields {
    /// A create of a credential.
    pub create: CredentialFields,
    /// An update of a credential.
    pub update: CredentialFields,
    /// A mapping of a service.
    pub service: ServiceFields,
    /// A create of a blind credential.
    pub blind_create: BlindFields,
    /// An update of a blind credential.
    pub blind_update: BlindFields,
}

/// Reads a body as each operation does.
pub fn fields(body: &[u8]) -> Fields {
    let sent = || Sent::read(body);
    Fields {
        create: sent().for_create(),
        update: sent().for_update(),
        service: sent().for_service(),
        blind_create: sent().for_blind_create(),
        blind_update: sent().for_blind_update(),
    }
}

/// Reads a page token and writes it again; `None` for one that is refused or holds no key.
pub fn page_token_again(token: &str) -> Option<String> {
    let start = query::page_start(token).ok()??;
    Some(query::page_token(&start))
}
