//! Revisions, ids and words: their forms and limits.

use std::collections::BTreeSet;

use domain::{
    Action, EventId, InvalidRevision, LoginMethod, Outcome, PrincipalKind, RequestId, Resource,
    Revision, Target, Verb,
};
use proptest::prelude::*;

#[test]
fn revisions_count_from_one() {
    assert_eq!(Revision::new(0), Err(InvalidRevision));
    assert_eq!(Revision::new(1), Ok(Revision::FIRST));
    assert_eq!(Revision::FIRST.next().number(), 2);
    assert_eq!(Revision::FIRST.to_string(), "1");
}

#[test]
fn the_greatest_revision_has_no_next_one() {
    let last = Revision::new(u64::MAX).unwrap();
    assert_eq!(last.next(), last);
}

#[test]
fn a_request_id_is_32_lower_case_hex_digits() {
    let id = RequestId::new([
        0, 1, 9, 10, 15, 16, 99, 127, 128, 171, 205, 239, 254, 255, 7, 160,
    ]);
    assert_eq!(id.as_str(), "0001090a0f10637f80abcdeffeff07a0");
    assert_eq!(id.to_string(), id.as_str());
}

#[test]
fn an_event_id_is_its_server_and_number() {
    let id = EventId {
        server: "0a".repeat(16),
        number: 12,
    };
    assert_eq!(id.to_string(), format!("{}.12", "0a".repeat(16)));
}

#[test]
fn words_are_unlike_each_other() {
    let resources = [
        Resource::Credential,
        Resource::Service,
        Resource::BlindCredential,
        Resource::Certificate,
        Resource::CertificateAuthority,
        Resource::Jwt,
        Resource::ClientKey,
        Resource::Stash,
    ];
    let verbs = [
        Verb::List,
        Verb::Metadata,
        Verb::Read,
        Verb::Create,
        Verb::Update,
        Verb::Revert,
        Verb::Archive,
        Verb::Delete,
    ];
    let actions: BTreeSet<String> = resources
        .into_iter()
        .flat_map(|resource| verbs.map(|verb| Action::new(resource, verb).to_string()))
        .collect();
    assert_eq!(actions.len(), 64);
    assert!(
        actions.contains("credential.read")
            && actions.contains("ca.list")
            && actions.contains("client_key.create")
    );
    let kinds = [
        PrincipalKind::User,
        PrincipalKind::Service,
        PrincipalKind::Other,
    ]
    .map(PrincipalKind::word);
    assert_eq!(kinds, ["user", "service", "other"]);
    let outcomes = [Outcome::Allowed, Outcome::Refused, Outcome::Failed].map(Outcome::word);
    assert_eq!(outcomes, ["allowed", "refused", "failed"]);
    assert_eq!(
        [
            LoginMethod::KmsToken,
            LoginMethod::ClientKey,
            LoginMethod::Header,
            LoginMethod::Unproven,
        ]
        .map(LoginMethod::word),
        ["kms-token", "client-key", "header", "none"]
    );
}

#[test]
fn only_one_thing_has_an_id() {
    assert_eq!(Target::All.id(), None);
    assert_eq!(Target::one("").id(), Some(""));
    assert_eq!(Target::one("web").id(), Some("web"));
}

proptest! {
    #[test]
    fn every_request_id_has_its_form_and_its_bytes(bytes in any::<[u8; 16]>()) {
        let id = RequestId::new(bytes);
        prop_assert_eq!(id.as_str().len(), 32);
        let read: Vec<u8> =
            (0..16).map(|byte| u8::from_str_radix(&id.as_str()[2 * byte..2 * byte + 2], 16).unwrap()).collect();
        prop_assert_eq!(read, bytes);
        prop_assert!(!id.as_str().contains(char::is_uppercase));
    }

    #[test]
    fn revisions_order_like_their_numbers(a in 1..u64::MAX, b in 1..u64::MAX) {
        let (one, other) = (Revision::new(a).unwrap(), Revision::new(b).unwrap());
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        prop_assert!(one.next() > one);
        prop_assert_eq!(one.to_string(), a.to_string());
    }
}
