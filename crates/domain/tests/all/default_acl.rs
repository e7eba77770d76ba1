//! Every recorded decision of Confidant's default rule set (`vectors/confidant/acl_default.json`).

use domain::{
    Action, CertificateName, CertificateNames, CertificateRule, LoginMethod, Principal,
    PrincipalKind, Resource, Rules, Target, Verb, decide,
};

const RECORDED: &str = include_str!("../../../../vectors/confidant/acl_default.json");

#[derive(Debug, serde::Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

#[derive(Debug, serde::Deserialize)]
struct Case {
    user_type: String,
    username: String,
    resource_type: String,
    action: String,
    resource_id: Option<String>,
    allow: bool,
}

impl Case {
    fn principal(&self) -> Principal {
        let kind = match self.user_type.as_str() {
            "user" => PrincipalKind::User,
            "service" => PrincipalKind::Service,
            "other" => PrincipalKind::Other,
            new => panic!("user type {new}"),
        };
        Principal {
            kind,
            name: self.username.clone(),
            login: LoginMethod::KmsToken,
            account: None,
        }
    }

    /// `None` for a kind of thing that we have no word for: nobody can ask for it.
    fn action(&self) -> Option<Action> {
        let resource = match self.resource_type.as_str() {
            "credential" => Resource::Credential,
            "service" => Resource::Service,
            "certificate" => Resource::Certificate,
            "ca" => Resource::CertificateAuthority,
            "jwt" => Resource::Jwt,
            "unknown" => return None,
            new => panic!("resource type {new}"),
        };
        assert_eq!(resource.word(), self.resource_type);
        let verb = match self.action.as_str() {
            "list" => Verb::List,
            "metadata" => Verb::Metadata,
            "get" => Verb::Read,
            "create" => Verb::Create,
            "update" => Verb::Update,
            "revert" => Verb::Revert,
            "archive" => Verb::Archive,
            new => panic!("action {new}"),
        };
        Some(Action::new(resource, verb))
    }

    fn target(&self) -> Target {
        self.resource_id.as_deref().map_or(Target::All, Target::one)
    }
}

fn cases() -> Vec<Case> {
    let recorded: Recorded = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(recorded.cases.len(), 165);
    recorded.cases
}

#[test]
fn decides_like_the_reference() {
    let (mut compared, mut certificates, mut unknown) = (0, Vec::new(), 0);
    for case in cases() {
        match case.action() {
            None => unknown += 1,
            Some(Action {
                resource: Resource::Certificate,
                ..
            }) => certificates.push(case),
            Some(action) => {
                let decision = decide(&case.principal(), action, &case.target(), &Rules::default());
                assert_eq!(decision.allowed, case.allow, "{case:?}: {decision:?}");
                compared += 1;
            }
        }
    }
    // What no word of ours names is refused by there being no way to ask.
    assert_eq!((compared, certificates.len(), unknown), (144, 12, 9));

    // Certificates: as the reference under the switch; without it, but for the name that only begins well.
    let loose = Rules {
        certificate_names: CertificateRule::DangerStartOfCommonName,
        ..Rules::default()
    };
    let mut stricter = Vec::new();
    for case in &certificates {
        let action = case.action().unwrap();
        let name = case.resource_id.as_deref().unwrap();
        let target = Target::Certificate(CertificateNames {
            common: Some(by_pattern(name)),
            // The reference does not look at them.
            alternative: Vec::new(),
        });
        let decide = |rules| decide(&case.principal(), action, &target, rules).allowed;
        assert_eq!(decide(&loose), case.allow, "{case:?}");
        if decide(&Rules::default()) != case.allow {
            stricter.push(name);
        }
    }
    assert_eq!(stricter, ["svc-a.example.com.evil.org"]);
}

/// What the pattern of the reference, `(?P<service_name>[\w-]+)\.example\.com`, finds in a name.
fn by_pattern(name: &str) -> CertificateName {
    let at_start = name
        .split_once(".example.com")
        .map(|(service, _)| service)
        .filter(|service| !service.is_empty() && !service.contains('.'));
    let whole = name.ends_with(".example.com");
    CertificateName {
        name: name.to_owned(),
        service: at_start.filter(|_| whole).map(str::to_owned),
        service_at_start: at_start.map(str::to_owned),
    }
}
