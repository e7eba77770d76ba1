//! What holds of decisions besides single cases.

use domain::{
    Action, BlindWriters, ConfidantRules, LoginMethod, NO_RULE, Principal, PrincipalKind, Resource,
    Rules, Target, Verb, decide,
};
use rstest::rstest;

const KINDS: [PrincipalKind; 3] = [
    PrincipalKind::User,
    PrincipalKind::Service,
    PrincipalKind::Other,
];
const RESOURCES: [Resource; 8] = [
    Resource::Credential,
    Resource::Service,
    Resource::BlindCredential,
    Resource::Certificate,
    Resource::CertificateAuthority,
    Resource::Jwt,
    Resource::ClientKey,
    Resource::Stash,
];
const VERBS: [Verb; 8] = [
    Verb::List,
    Verb::Metadata,
    Verb::Read,
    Verb::Create,
    Verb::Update,
    Verb::Revert,
    Verb::Archive,
    Verb::Delete,
];

fn principal(kind: PrincipalKind, name: &str) -> Principal {
    Principal {
        kind,
        name: name.to_owned(),
        login: LoginMethod::ClientKey,
        account: None,
    }
}

fn every_question() -> impl Iterator<Item = (Principal, Action, Target)> {
    let targets = [
        Target::All,
        Target::one("ann"),
        Target::one("other"),
        Target::one(""),
    ];
    KINDS.into_iter().flat_map(move |kind| {
        let targets = targets.clone();
        RESOURCES.into_iter().flat_map(move |resource| {
            let targets = targets.clone();
            VERBS.into_iter().flat_map(move |verb| {
                let asked =
                    move |target| (principal(kind, "ann"), Action::new(resource, verb), target);
                targets.clone().into_iter().map(asked)
            })
        })
    })
}

#[test]
fn every_decision_names_its_rule_or_that_there_was_none() {
    for rules in [
        Rules::default(),
        Rules {
            confidant: ConfidantRules::None,
            ..Rules::default()
        },
    ] {
        for (who, action, target) in every_question() {
            let decision = decide(&who, action, &target, &rules);
            assert_eq!(
                decision.allowed,
                decision.rule != NO_RULE,
                "{who:?} {action} {target:?}"
            );
            assert!(
                !decision.rule.is_empty()
                    && decision.near.iter().all(|near| !near.reason.is_empty())
            );
        }
    }
}

#[test]
fn another_kind_of_caller_may_nothing() {
    for (who, action, target) in
        every_question().filter(|(who, ..)| who.kind == PrincipalKind::Other)
    {
        assert!(
            !decide(&who, action, &target, &Rules::default()).allowed,
            "{action} {target:?}"
        );
    }
}

#[test]
fn a_service_may_read_itself_and_authorities_use_blind_credentials_and_nothing_else() {
    for (who, action, target) in
        every_question().filter(|(who, ..)| who.kind == PrincipalKind::Service)
    {
        let itself = action.resource == Resource::Service
            && matches!(action.verb, Verb::Metadata | Verb::Read)
            && target == Target::one("ann");
        let authorities = action.resource == Resource::CertificateAuthority
            && matches!(action.verb, Verb::List | Verb::Read);
        let blind = action.resource == Resource::BlindCredential
            && !matches!(action.verb, Verb::Archive | Verb::Delete);
        let decision = decide(&who, action, &target, &Rules::default());
        assert_eq!(
            decision.allowed,
            itself || authorities || blind,
            "{action} {target:?}"
        );
    }
}

#[test]
fn client_keys_are_for_administrators_under_every_rule_set() {
    for confidant in [ConfidantRules::Default, ConfidantRules::None] {
        let rules = Rules {
            confidant,
            administrators: ["ann".to_owned()].into(),
            ..Rules::default()
        };
        for verb in VERBS {
            for kind in KINDS {
                for name in ["ann", "bob", "Ann", ""] {
                    let action = Action::new(Resource::ClientKey, verb);
                    let allowed =
                        decide(&principal(kind, name), action, &Target::All, &rules).allowed;
                    assert_eq!(
                        allowed,
                        kind == PrincipalKind::User && name == "ann",
                        "{kind:?} {name} {action}"
                    );
                }
            }
        }
    }
}

#[test]
fn told_so_only_users_write_blind_credentials_under_every_rule_set() {
    for confidant in [ConfidantRules::Default, ConfidantRules::None] {
        let rules = Rules {
            confidant,
            blind_writers: BlindWriters::Users,
            ..Rules::default()
        };
        for (who, action, target) in every_question() {
            let writes = action.resource == Resource::BlindCredential
                && matches!(action.verb, Verb::Create | Verb::Update | Verb::Revert);
            let decision = decide(&who, action, &target, &rules);
            if writes {
                assert_eq!(
                    decision.allowed,
                    who.kind == PrincipalKind::User,
                    "{who:?} {action}"
                );
            } else {
                let open = Rules {
                    confidant,
                    ..Rules::default()
                };
                assert_eq!(
                    decision,
                    decide(&who, action, &target, &open),
                    "{who:?} {action}"
                );
            }
        }
    }
}

#[test]
fn without_rules_every_proven_caller_may_everything_but_client_keys() {
    let rules = Rules {
        confidant: ConfidantRules::None,
        ..Rules::default()
    };
    for (who, action, target) in every_question() {
        let decision = decide(&who, action, &target, &rules);
        assert_eq!(
            decision.allowed,
            action.resource != Resource::ClientKey,
            "{who:?} {action} {target:?}"
        );
    }
}

#[rstest]
#[case::a_service_asks_for_another(
    PrincipalKind::Service,
    Target::one("other"),
    "the service asked for is not the caller"
)]
#[case::nobody_in_particular(
    PrincipalKind::Other,
    Target::one("ann"),
    "the caller is not a service"
)]
fn a_refusal_says_what_came_near(
    #[case] kind: PrincipalKind,
    #[case] target: Target,
    #[case] reason: &str,
) {
    let action = Action::new(Resource::Service, Verb::Read);
    let decision = decide(&principal(kind, "ann"), action, &target, &Rules::default());
    assert_eq!((decision.allowed, decision.rule), (false, NO_RULE));
    let near: Vec<_> = decision
        .near
        .iter()
        .map(|near| (near.rule, near.reason))
        .collect();
    assert!(near.contains(&("service-reads-itself", reason)), "{near:?}");
    assert!(
        near.contains(&("user-except-certificates", "the caller is not a user")),
        "{near:?}"
    );
}
