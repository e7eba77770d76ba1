//! Routes of the original whose features come with later versions: 501, after the login that they have.

use crate::admission::Proven;
use crate::errors::DoorError;

/// Roles of the account.
pub(crate) async fn roles(Proven(_): Proven) -> DoorError {
    DoorError::NotYet("Listing IAM roles")
}

/// KMS grants of services.
pub(crate) async fn grants(Proven(_): Proven) -> DoorError {
    DoorError::NotYet("Managing KMS grants")
}

/// The archive action of a credential.
pub(crate) async fn archive(Proven(_): Proven) -> DoorError {
    DoorError::NotYet("Archiving credentials")
}

/// Public: all that belongs to SAML.
pub(crate) async fn public_saml() -> DoorError {
    DoorError::NotYet("Login by SAML")
}
