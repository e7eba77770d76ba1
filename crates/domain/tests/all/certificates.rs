//! Whose certificate it is: every name counts.

use domain::{
    Action, CertificateName, CertificateNames, CertificateRule, ConfidantRules, LoginMethod,
    Principal, PrincipalKind, Resource, Rules, Target, Verb, decide,
};
use rstest::rstest;

/// A name that belongs to a service, wholly or by its start only.
fn name(whole: Option<&str>, start: Option<&str>) -> CertificateName {
    CertificateName {
        name: "some.name".to_owned(),
        service: whole.map(str::to_owned),
        service_at_start: start.map(str::to_owned),
    }
}

fn of(service: &str) -> CertificateName {
    name(Some(service), Some(service))
}

fn nobodys() -> CertificateName {
    name(None, None)
}

fn only_begins_like(service: &str) -> CertificateName {
    name(None, Some(service))
}

#[rstest]
#[case::own(Some(of("web")), vec![], true, true)]
#[case::own_and_own(Some(of("web")), vec![of("web"), of("web")], true, true)]
#[case::only_alternative(None, vec![of("web")], true, false)]
#[case::no_name(None, vec![], false, false)]
#[case::another(Some(of("api")), vec![], false, false)]
#[case::another_beside(Some(of("web")), vec![of("web"), of("api")], false, true)]
#[case::nobodys_beside(Some(of("web")), vec![nobodys()], false, true)]
#[case::begins_well(Some(only_begins_like("web")), vec![], false, true)]
#[case::begins_like_another(Some(only_begins_like("api")), vec![], false, false)]
#[case::alternative_begins_well(None, vec![only_begins_like("web")], false, false)]
fn a_service_gets_what_is_its_own(
    #[case] common: Option<CertificateName>,
    #[case] alternative: Vec<CertificateName>,
    #[case] strict: bool,
    #[case] loose: bool,
) {
    let target = Target::Certificate(CertificateNames {
        common,
        alternative,
    });
    let action = Action::new(Resource::Certificate, Verb::Read);
    for (kind, may) in [
        (PrincipalKind::Service, true),
        (PrincipalKind::User, false),
        (PrincipalKind::Other, false),
    ] {
        let who = Principal {
            kind,
            name: "web".to_owned(),
            login: LoginMethod::KmsToken,
            account: None,
        };
        let by = |certificate_names| {
            let rules = Rules {
                certificate_names,
                ..Rules::default()
            };
            decide(&who, action, &target, &rules)
        };
        let decision = by(CertificateRule::EveryName);
        assert_eq!(decision.allowed, strict && may, "{kind:?}: {decision:?}");
        let decision = by(CertificateRule::DangerStartOfCommonName);
        assert_eq!(
            decision.allowed,
            (strict || loose) && may,
            "{kind:?}: {decision:?}"
        );
        // The audit log tells who needs the switch.
        if decision.allowed && !strict {
            assert_eq!(decision.rule, "service-gets-certificates-by-name-start");
        }
        let rules = Rules {
            confidant: ConfidantRules::None,
            ..Rules::default()
        };
        assert!(decide(&who, action, &target, &rules).allowed);
    }
}

#[test]
fn a_certificate_is_called_by_its_first_name() {
    let target = |common, alternative| {
        Target::Certificate(CertificateNames {
            common,
            alternative,
        })
    };
    assert_eq!(target(Some(of("web")), vec![]).id(), Some("some.name"));
    assert_eq!(target(None, vec![of("web")]).id(), Some("some.name"));
    assert_eq!(target(None, vec![]).id(), None);
}
