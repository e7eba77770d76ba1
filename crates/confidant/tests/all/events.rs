//! Every operation leaves exactly one audit event, whatever becomes of it.

use std::sync::atomic::Ordering;

use confidant::{
    BlindFields, Caller, CredentialFields, Error, NamedRevision, PageSize, ServiceFields, Want,
};
use domain::{PrincipalKind, Revision};
use keep::Value as Stored;
use serde_json::{Value, json};

use crate::blind::{blind_fields, no_blind_fields};
use crate::house::{
    House, caller, fields, item_of, pairs_of, recorded, service, service_fields, user,
};

/// All operations on stored items but `refresh`, which nobody asks for; certificates and web tokens have theirs beside
/// their tests. Add a new one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    CreateCredential,
    ReadCredential,
    ReadCredentialMetadata,
    UpdateCredential,
    ListCredentials,
    MapService,
    ReadService,
    ReadServiceMetadata,
    ListServices,
    CreateBlindCredential,
    ReadBlindCredential,
    UpdateBlindCredential,
    ListBlindCredentials,
    ListBlindHistory,
    BlindRevisions,
    ServicesOfBlindCredential,
    RevertBlindCredential,
    ListCredentialHistory,
    CredentialRevisions,
    DiffCredential,
    ServicesOfCredential,
    RevertCredential,
    ListServiceHistory,
    ServiceRevisions,
    DiffService,
    RevertService,
}

const ALL: [Operation; 26] = [
    Operation::CreateCredential,
    Operation::ReadCredential,
    Operation::ReadCredentialMetadata,
    Operation::UpdateCredential,
    Operation::ListCredentials,
    Operation::MapService,
    Operation::ReadService,
    Operation::ReadServiceMetadata,
    Operation::ListServices,
    Operation::CreateBlindCredential,
    Operation::ReadBlindCredential,
    Operation::UpdateBlindCredential,
    Operation::ListBlindCredentials,
    Operation::ListBlindHistory,
    Operation::BlindRevisions,
    Operation::ServicesOfBlindCredential,
    Operation::RevertBlindCredential,
    Operation::ListCredentialHistory,
    Operation::CredentialRevisions,
    Operation::DiffCredential,
    Operation::ServicesOfCredential,
    Operation::RevertCredential,
    Operation::ListServiceHistory,
    Operation::ServiceRevisions,
    Operation::DiffService,
    Operation::RevertService,
];

/// The id of the blind credential beside a credential.
fn blind_beside(credential: &str) -> String {
    format!("b{credential}")
}

async fn put_blind_beside(house: &House, credential: &str) {
    let file = recorded();
    let entry = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["data_type"] == "blind-credential")
        .unwrap();
    let mut item = item_of(&entry["item"]);
    let id = blind_beside(credential);
    item.insert("id".to_owned(), Stored::s(&id));
    house.put_like_old(item.clone()).await;
    // A first revision to go back to.
    item.insert("id".to_owned(), Stored::s(format!("{id}-1")));
    item.insert(
        "data_type".to_owned(),
        Stored::s("archive-blind-credential"),
    );
    item.insert("name".to_owned(), Stored::s("before"));
    house.put_like_old(item).await;
}

async fn ask(
    house: &House,
    operation: Operation,
    caller: &Caller,
    credential: &str,
    target: &str,
) -> Result<(), Error> {
    let confidant = &house.confidant;
    let first = NamedRevision::Number(Revision::FIRST);
    let second = NamedRevision::Number(Revision::FIRST.next());
    match operation {
        Operation::CreateCredential => {
            let fields = CredentialFields {
                name: Ok(Some(format!("new-{target}"))),
                pairs: pairs_of(json!({"k": "v"})),
                ..fields()
            };
            confidant.create_credential(caller, fields).await.map(drop)
        }
        Operation::ReadCredential => confidant
            .read_credential(caller, credential, Want::Values)
            .await
            .map(drop),
        Operation::ReadCredentialMetadata => confidant
            .read_credential(caller, credential, Want::Metadata)
            .await
            .map(drop),
        Operation::UpdateCredential => confidant
            .update_credential(caller, credential, fields())
            .await
            .map(drop),
        Operation::ListCredentials => confidant
            .list_credentials(caller, None, Ok(None))
            .await
            .map(drop),
        Operation::MapService => {
            let fields = ServiceFields {
                credentials: Ok(Some(vec![credential.to_owned()])),
                ..service_fields()
            };
            confidant
                .map_service(caller, target, fields)
                .await
                .map(drop)
        }
        Operation::ReadService => confidant
            .read_service(caller, target, Want::Values)
            .await
            .map(drop),
        Operation::ReadServiceMetadata => confidant
            .read_service(caller, target, Want::Metadata)
            .await
            .map(drop),
        Operation::ListServices => confidant
            .list_services(caller, None, Ok(None))
            .await
            .map(drop),
        Operation::CreateBlindCredential => confidant
            .create_blind_credential(caller, blind_fields(&format!("new-{target}")))
            .await
            .map(drop),
        Operation::ReadBlindCredential => confidant
            .read_blind_credential(caller, &blind_beside(credential))
            .await
            .map(drop),
        Operation::UpdateBlindCredential => confidant
            .update_blind_credential(caller, &blind_beside(credential), no_blind_fields())
            .await
            .map(drop),
        Operation::ListBlindCredentials => confidant.list_blind_credentials(caller).await.map(drop),
        Operation::ListBlindHistory => confidant
            .list_blind_history(caller, PageSize::All, Ok(None))
            .await
            .map(drop),
        Operation::BlindRevisions => confidant
            .blind_revisions(caller, &blind_beside(credential))
            .await
            .map(drop),
        Operation::ServicesOfBlindCredential => confidant
            .services_of_blind_credential(caller, &blind_beside(credential))
            .await
            .map(drop),
        Operation::RevertBlindCredential => confidant
            .revert_blind_credential(
                caller,
                &blind_beside(credential),
                NamedRevision::Number(Revision::FIRST),
            )
            .await
            .map(drop),
        Operation::ListCredentialHistory => confidant
            .list_credential_history(caller, PageSize::All, Ok(None))
            .await
            .map(drop),
        Operation::CredentialRevisions => confidant
            .credential_revisions(caller, credential)
            .await
            .map(drop),
        Operation::DiffCredential => confidant
            .diff_credential(caller, credential, first, second)
            .await
            .map(drop),
        Operation::ServicesOfCredential => confidant
            .services_of_credential(caller, credential)
            .await
            .map(drop),
        Operation::RevertCredential => confidant
            .revert_credential(caller, credential, first)
            .await
            .map(drop),
        Operation::ListServiceHistory => confidant
            .list_service_history(caller, PageSize::All, Ok(None))
            .await
            .map(drop),
        Operation::ServiceRevisions => confidant.service_revisions(caller, target).await.map(drop),
        Operation::DiffService => confidant
            .diff_service(caller, target, first, second)
            .await
            .map(drop),
        Operation::RevertService => confidant
            .revert_service(caller, target, first)
            .await
            .map(drop),
    }
}

#[tokio::test]
async fn every_operation_leaves_one_event_allowed_refused_or_failed() {
    let house = House::new().await;
    let credential = house.create("c", json!({"k": "v"})).await;
    put_blind_beside(&house, &credential).await;
    let changed = CredentialFields {
        documentation: Ok(Some("why".to_owned())),
        ..fields()
    };
    house
        .confidant
        .update_credential(&user(), &credential, changed)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.map("svc", &[]).await;
    house.map("svc", &[&credential]).await;
    house.audit.take();
    let stranger = caller(PrincipalKind::Other, "stranger", None);
    for operation in ALL {
        for round in 0..2 {
            let done = ask(&house, operation, &user(), &credential, "svc").await;
            let events = house.audit.take();
            assert_eq!(events.len(), 1, "{operation:?} {events:?}");
            let works_once = matches!(
                operation,
                Operation::CreateCredential
                    | Operation::CreateBlindCredential
                    | Operation::RevertBlindCredential
                    | Operation::RevertCredential
                    | Operation::RevertService
            );
            let done_again = works_once && round == 1;
            assert_eq!(
                events[0]["outcome"],
                if done_again { "failed" } else { "allowed" },
                "{operation:?}"
            );
            assert_eq!(done.is_err(), done_again, "{operation:?}");
            assert_eq!(events[0]["who"], "alice");
        }
        let refused = ask(&house, operation, &stranger, &credential, "svc").await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{operation:?}");
        let events = house.audit.take();
        assert_eq!(events.len(), 1, "{operation:?}");
        assert_eq!(
            (&events[0]["outcome"], &events[0]["rule"]),
            (&json!("refused"), &json!("no-rule"))
        );
    }
    for operation in [
        Operation::ReadCredential,
        Operation::UpdateCredential,
        Operation::ReadService,
        Operation::ReadBlindCredential,
        Operation::UpdateBlindCredential,
        Operation::BlindRevisions,
        Operation::RevertBlindCredential,
        Operation::CredentialRevisions,
        Operation::DiffCredential,
        Operation::RevertCredential,
        Operation::ServiceRevisions,
        Operation::DiffService,
        Operation::RevertService,
    ] {
        let missing = ask(&house, operation, &user(), "nowhere", "nowhere").await;
        assert!(matches!(missing, Err(Error::NotFound)), "{operation:?}");
        let events = house.audit.take();
        assert_eq!(events.len(), 1);
        assert_eq!(
            (&events[0]["outcome"], &events[0]["rule"]),
            (&json!("failed"), &json!("not-found"))
        );
    }
}

#[tokio::test]
async fn an_event_names_what_was_done_to_what_and_which_revision() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    house
        .confidant
        .update_credential(&user(), &id, fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.map("svc", &[&id]).await;
    house.map("svc", &[]).await;
    let blind = house
        .confidant
        .create_blind_credential(&service("svc"), blind_fields("b"))
        .await
        .unwrap_or_else(|e| panic!("{e}"))
        .id;
    house
        .confidant
        .update_blind_credential(&service("svc"), &blind, no_blind_fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let renamed = BlindFields {
        name: Ok(Some("c".to_owned())),
        ..no_blind_fields()
    };
    house
        .confidant
        .update_blind_credential(&user(), &blind, renamed)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house
        .confidant
        .revert_blind_credential(&user(), &blind, NamedRevision::Previous)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let told: Vec<Value> = house
        .audit
        .take()
        .iter()
        .map(|event| json!([event["action"], event["target"], event["revision"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["credential.create", id, 1]),
            json!(["credential.update", id, 2]),
            json!(["service.create", "svc", 1]),
            json!(["service.update", "svc", 2]),
            json!(["blind_credential.create", blind, 1]),
            json!(["blind_credential.update", blind, 2]),
            json!(["blind_credential.update", blind, 3]),
            json!(["blind_credential.revert", blind, 4]),
        ]
    );
}

#[tokio::test]
async fn a_read_that_cannot_be_recorded_is_not_answered() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "v"})).await;
    put_blind_beside(&house, &id).await;
    house
        .confidant
        .update_credential(&user(), &id, fields())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.map("svc", &[&id]).await;
    house.map("svc", &[&id]).await;
    house
        .confidant
        .read_service(&service("svc"), "svc", Want::Values)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    house.audit.full.store(true, Ordering::Relaxed);
    for operation in [
        Operation::ReadCredential,
        Operation::ReadService,
        Operation::ListCredentials,
        Operation::ListServices,
        Operation::ReadBlindCredential,
        Operation::ListBlindCredentials,
        Operation::ListBlindHistory,
        Operation::BlindRevisions,
        Operation::ServicesOfBlindCredential,
        Operation::ListCredentialHistory,
        Operation::CredentialRevisions,
        Operation::DiffCredential,
        Operation::ServicesOfCredential,
        Operation::ListServiceHistory,
        Operation::ServiceRevisions,
        Operation::DiffService,
    ] {
        let refused = ask(&house, operation, &user(), &id, "svc").await;
        assert!(matches!(refused, Err(Error::Audit(_))), "{operation:?}");
    }
}

#[tokio::test]
async fn no_event_holds_a_value() {
    let house = House::new().await;
    let id = house.create("c", json!({"k": "CANARY-1"})).await;
    house.map("svc", &[&id]).await;
    let bad = CredentialFields {
        pairs: pairs_of(json!({"a b": "CANARY-2"})),
        ..fields()
    };
    assert!(
        house
            .confidant
            .update_credential(&user(), &id, bad)
            .await
            .is_err()
    );
    for operation in ALL {
        let _done = ask(&house, operation, &user(), &id, "svc").await;
    }
    let told = format!("{:?}", house.audit.take());
    assert!(
        told.contains("service.read") && !told.contains("CANARY"),
        "{told}"
    );
}
