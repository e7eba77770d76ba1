//! Private CAs: what is asked of AWS, and what its answers become.

use std::time::Duration;

use aws::{Connection, Endpoint, Identity, Keys, Settings};
use aws_admin::AwsPrivateCa;
use confidant::{AuthorityError, IssueOrder, PrivateCa as _};
use pki::{PrivateKey, Request, Subject};
use testkit::{Fault, Moto};

async fn service(access_key: &str) -> AwsPrivateCa {
    let patience = Duration::from_secs(30);
    let endpoint = Endpoint {
        url: Some(Moto::shared().url.clone()),
        pool: 10,
        connect: patience,
        read: patience,
        attempts: 1,
    };
    let connection = Connection::open(&Settings {
        identity: Identity::Keys(Keys::new(access_key, "secret")),
        ..Settings::default()
    })
    .await;
    AwsPrivateCa::new(&connection, &endpoint)
}

fn request() -> String {
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "web.example.com".to_owned(),
        ..Subject::default()
    };
    let hosts = ["web.example.com".to_owned()];
    Request::make(&key, &subject, &hosts).unwrap().pem()
}

fn order<'o>(authority: &'o str, request: &'o str) -> IssueOrder<'o> {
    IssueOrder {
        authority,
        request,
        signing_algorithm: "SHA256WITHRSA",
        days: 5,
        token: "0123456789abcdef0123456789abcdef0123",
    }
}

#[tokio::test]
async fn a_root_issues_what_is_ordered_and_tells_of_itself() {
    let authority = Moto::shared().private_ca();
    let service = service("AKIDPRIVATECA1").await;
    let request = request();
    let name = service.order(&order(&authority, &request)).await.unwrap();
    let issued = service.issued(&authority, &name).await.unwrap().unwrap();
    assert!(
        issued
            .certificate
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let about = service.about(&authority).await.unwrap();
    assert_eq!(issued.chain.trim(), about.certificate.certificate.trim());
    // A root has no chain.
    assert_eq!(about.certificate.chain, "");
    assert_eq!(about.tags["hello"], "world");

    let calls = Moto::shared().calls_by("AKIDPRIVATECA1");
    let ordered = calls
        .iter()
        .find(|call| call.operation() == "IssueCertificate")
        .unwrap();
    let body = ordered.body();
    assert_eq!(
        body["Validity"],
        serde_json::json!({ "Type": "DAYS", "Value": 5 })
    );
    assert_eq!(body["SigningAlgorithm"], "SHA256WITHRSA");
    assert_eq!(
        body["IdempotencyToken"],
        "0123456789abcdef0123456789abcdef0123"
    );
    assert_eq!(body.get("TemplateArn"), None);
}

#[tokio::test]
async fn a_certificate_that_is_being_made_is_none_yet() {
    let service = service("AKIDPRIVATECA2").await;
    let fault = Fault::refuse("GetCertificate", "RequestInProgressException", 400);
    Moto::shared().fault(fault.by("AKIDPRIVATECA2"));
    assert_eq!(service.issued("arn", "name").await, Ok(None));
}

#[tokio::test]
async fn each_failure_has_its_word() {
    const KEY: &str = "AKIDPRIVATECA3";
    let service = service(KEY).await;
    let request = request();
    for (code, status, is_it) in [
        (
            "MalformedCSRException",
            400,
            (|error| matches!(error, AuthorityError::Refused(_))) as fn(&AuthorityError) -> bool,
        ),
        ("InvalidArgsException", 400, |error| {
            matches!(error, AuthorityError::Refused(_))
        }),
        ("InvalidStateException", 400, |error| {
            matches!(error, AuthorityError::Unusable(_))
        }),
        ("ResourceNotFoundException", 400, |error| {
            matches!(error, AuthorityError::Unusable(_))
        }),
        ("LimitExceededException", 400, |error| {
            matches!(error, AuthorityError::Throttled)
        }),
        ("ThrottlingException", 400, |error| {
            matches!(error, AuthorityError::Throttled)
        }),
        ("InternalFailure", 500, |error| {
            matches!(error, AuthorityError::Unavailable(_))
        }),
    ] {
        Moto::shared().fault(Fault::refuse("IssueCertificate", code, status).by(KEY));
        let failed = service.order(&order("arn", &request)).await.unwrap_err();
        assert!(is_it(&failed), "{code}: {failed}");
    }
    Moto::shared().fault(Fault::drop_reply("IssueCertificate").by(KEY));
    let failed = service.order(&order("arn", &request)).await.unwrap_err();
    assert!(matches!(failed, AuthorityError::Unavailable(_)), "{failed}");
}

#[tokio::test]
async fn a_missing_permission_is_named_and_the_four_are_enough() {
    const KEY: &str = "AKIDPRIVATECA4";
    const ALL: [&str; 4] = [
        "acm-pca:IssueCertificate",
        "acm-pca:GetCertificate",
        "acm-pca:GetCertificateAuthorityCertificate",
        "acm-pca:ListTags",
    ];
    let authority = Moto::shared().private_ca();
    let service = service(KEY).await;
    let request = request();
    let all = async || {
        let name = service.order(&order(&authority, &request)).await?;
        service.issued(&authority, &name).await?;
        service.about(&authority).await.map(drop)
    };
    Moto::shared().allow_only(KEY, &ALL);
    all().await.unwrap();
    for missing in ALL {
        let others: Vec<_> = ALL
            .into_iter()
            .filter(|action| *action != missing)
            .collect();
        Moto::shared().allow_only(KEY, &others);
        match all().await {
            Err(AuthorityError::Denied(named)) => assert_eq!(named.as_str(), missing),
            other => panic!("{missing}: {other:?}"),
        }
    }
}
