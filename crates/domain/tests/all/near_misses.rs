//! What came near to allowing something, and how near is not enough.

use domain::{
    Action, ConfidantRules, LoginMethod, NO_RULE, Principal, PrincipalKind, Resource, Rules,
    Target, Verb, decide,
};
use rstest::rstest;

fn principal(kind: PrincipalKind, name: &str) -> Principal {
    Principal {
        kind,
        name: name.to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    }
}

fn rules() -> Rules {
    Rules {
        confidant: ConfidantRules::Default,
        administrators: ["root".to_owned()].into(),
        ..Rules::default()
    }
}

#[rstest]
#[case::itself("web", true)]
#[case::another("api", false)]
#[case::longer("webb", false)]
#[case::shorter("we", false)]
#[case::other_case("Web", false)]
#[case::with_a_space("web ", false)]
#[case::nobody("", false)]
fn only_exactly_its_own_name_is_a_service_itself(#[case] name: &str, #[case] itself: bool) {
    let who = principal(PrincipalKind::Service, name);
    for verb in [Verb::Read, Verb::Metadata] {
        let action = Action::new(Resource::Service, verb);
        let decision = decide(&who, action, &Target::one("web"), &rules());
        assert_eq!(decision.allowed, itself, "{action}");
    }
}

#[rstest]
#[case::user_allowed(
    PrincipalKind::User, "alice", Resource::Credential, Verb::Read, "user-except-certificates", &[]
)]
#[case::service_allowed(
    PrincipalKind::Service, "web", Resource::Service, Verb::Read, "service-reads-itself",
    &[("user-except-certificates", "the caller is not a user")]
)]
#[case::other_service(
    PrincipalKind::Service, "api", Resource::Service, Verb::Read, NO_RULE,
    &[
        ("user-except-certificates", "the caller is not a user"),
        ("service-reads-itself", "the service asked for is not the caller"),
    ]
)]
#[case::service_that_writes(
    PrincipalKind::Service, "web", Resource::Service, Verb::Update, NO_RULE,
    &[("user-except-certificates", "the caller is not a user")]
)]
#[case::other_kind(
    PrincipalKind::Other, "web", Resource::Service, Verb::Metadata, NO_RULE,
    &[
        ("user-except-certificates", "the caller is not a user"),
        ("service-reads-itself", "the caller is not a service"),
    ]
)]
#[case::no_administrator(
    PrincipalKind::User, "alice", Resource::ClientKey, Verb::Create, NO_RULE,
    &[("administrator-manages-client-keys", "the caller is not an administrator")]
)]
#[case::service_called_like_an_administrator(
    PrincipalKind::Service, "root", Resource::ClientKey, Verb::List, NO_RULE,
    &[("administrator-manages-client-keys", "the caller is not a user")]
)]
#[case::user_asks_for_an_authority(
    PrincipalKind::User, "alice", Resource::CertificateAuthority, Verb::Read, NO_RULE,
    &[("service-reads-authorities", "the caller is not a service")]
)]
#[case::service_reads_blind(
    PrincipalKind::Service, "web", Resource::BlindCredential, Verb::Read, "service-reads-blind-credentials",
    &[("user-except-certificates", "the caller is not a user")]
)]
#[case::service_writes_blind(
    PrincipalKind::Service, "web", Resource::BlindCredential, Verb::Revert, "service-writes-blind-credentials",
    &[("user-except-certificates", "the caller is not a user")]
)]
#[case::other_kind_reads_blind(
    PrincipalKind::Other, "web", Resource::BlindCredential, Verb::List, NO_RULE,
    &[
        ("user-except-certificates", "the caller is not a user"),
        ("service-reads-blind-credentials", "the caller is not a service"),
    ]
)]
#[case::certificate_without_names(
    PrincipalKind::Service, "web", Resource::Certificate, Verb::Read, NO_RULE,
    &[
        ("service-gets-its-certificates", "the names of the certificate are not known"),
        ("service-gets-certificates-by-name-start", "the certificate would have no common name"),
    ]
)]
#[case::nothing_comes_near(PrincipalKind::Service, "web", Resource::Certificate, Verb::List, NO_RULE, &[])]
fn tells_which_rule_decided_and_what_came_near(
    #[case] kind: PrincipalKind,
    #[case] name: &str,
    #[case] resource: Resource,
    #[case] verb: Verb,
    #[case] rule: &str,
    #[case] near: &[(&str, &str)],
) {
    let action = Action::new(resource, verb);
    let decision = decide(
        &principal(kind, name),
        action,
        &Target::one("web"),
        &rules(),
    );
    assert_eq!(decision.rule, rule);
    let found: Vec<_> = decision
        .near
        .iter()
        .map(|near| (near.rule, near.reason))
        .collect();
    assert_eq!(found, near);
}
