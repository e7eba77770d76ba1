//! The one place that decides who may do what. Pure; everything else asks.

use std::collections::BTreeSet;

use crate::{
    Action, CertificateName, CertificateNames, Principal, PrincipalKind, Resource, Target, Verb,
};

/// Everything that decisions depend on besides the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which rule set judges Confidant's resources.
    pub confidant: ConfidantRules,
    /// Names of the users who may manage client keys; a client key can speak for anybody.
    pub administrators: BTreeSet<String>,
    /// Who writes blind credentials.
    pub blind_writers: BlindWriters,
    /// Which names of a certificate must be the caller's.
    pub certificate_names: CertificateRule,
}

/// Which names of a certificate must be the caller's (`KEEPWARD_CERTIFICATES_BY_NAME_START`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateRule {
    /// All of them, and each by a pattern that fits the whole name.
    #[default]
    EveryName,
    /// As in Confidant since 6.6: the common name only, and the pattern need only fit its start, so that the pattern
    /// for `web.example.com` lets `web.example.com.evil.org` pass, with any alternative names.
    DangerStartOfCommonName,
}

/// Who may create, change and revert blind credentials (`KEEPWARD_BLIND_WRITES_BY_SERVICES`).
///
/// Confidant asks no rule about them: every proven caller reads and writes all. Reading stays so,
/// since nobody opens them without the clients' own keys. Writing stays so unless told otherwise:
/// which services write cannot be seen in a table, so a refusal by default could stop a rotation
/// job at the move. The audit log names each such write by its own rule; when it has none left,
/// turn them off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlindWriters {
    /// Every user and every service, as in Confidant.
    #[default]
    UsersAndServices,
    /// Users; services are refused under every rule set.
    Users,
}

/// Confidant's two shipped rule sets (`ACL_MODULE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfidantRules {
    /// Confidant's `default_acl`: users may do everything except certificates; a service may read
    /// itself. Vectors: `confidant/acl_default.json`.
    #[default]
    Default,
    /// Confidant's `no_acl`: every proven principal may do everything.
    None,
}

/// What was decided, by which rule, and what came close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the principal may.
    pub allowed: bool,
    /// The rule that decided; [`NO_RULE`] when none applied.
    pub rule: &'static str,
    /// Rules for the same action that did not apply, and why: what `explain` prints.
    pub near: Vec<NearMiss>,
}

/// A rule that would have allowed the action for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Its name.
    pub rule: &'static str,
    /// Why it did not apply, for a person to read.
    pub reason: &'static str,
}

/// Decides. Total, pure, and the same for every door.
pub fn decide(principal: &Principal, action: Action, target: &Target, rules: &Rules) -> Decision {
    let has_own_rule = action.resource == Resource::ClientKey
        || writes_blind(action) && rules.blind_writers == BlindWriters::Users;
    if rules.confidant == ConfidantRules::None && !has_own_rule {
        return Decision {
            allowed: true,
            rule: "no-acl",
            near: Vec::new(),
        };
    }
    let mut near = Vec::new();
    for rule in RULES {
        if !(rule.covers)(action) {
            continue;
        }
        match (rule.applies)(principal, target, rules) {
            Ok(()) => {
                return Decision {
                    allowed: true,
                    rule: rule.name,
                    near,
                };
            }
            Err(reason) => near.push(NearMiss {
                rule: rule.name,
                reason,
            }),
        }
    }
    Decision {
        allowed: false,
        rule: NO_RULE,
        near,
    }
}

/// The name of a refusal that no rule spoke against: nothing allowed it.
pub const NO_RULE: &str = "no-rule";

struct Rule {
    name: &'static str,
    covers: fn(Action) -> bool,
    applies: fn(&Principal, &Target, &Rules) -> Result<(), &'static str>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "user-except-certificates",
        covers: |action| {
            !matches!(
                action.resource,
                Resource::Certificate | Resource::CertificateAuthority | Resource::ClientKey
            )
        },
        applies: |principal, _, _| match principal.kind {
            PrincipalKind::User => Ok(()),
            _ => Err("the caller is not a user"),
        },
    },
    Rule {
        name: "service-reads-itself",
        covers: |action| {
            action.resource == Resource::Service
                && matches!(action.verb, Verb::Metadata | Verb::Read)
        },
        applies: |principal, target, _| match (principal.kind, target.id()) {
            (PrincipalKind::Service, Some(id)) if id == principal.name => Ok(()),
            (PrincipalKind::Service, _) => Err("the service asked for is not the caller"),
            _ => Err("the caller is not a service"),
        },
    },
    Rule {
        name: "service-reads-blind-credentials",
        covers: |action| {
            action.resource == Resource::BlindCredential
                && matches!(action.verb, Verb::List | Verb::Metadata | Verb::Read)
        },
        applies: |principal, _, _| match principal.kind {
            PrincipalKind::Service => Ok(()),
            _ => Err("the caller is not a service"),
        },
    },
    Rule {
        name: "service-writes-blind-credentials",
        covers: writes_blind,
        applies: |principal, _, rules| match (principal.kind, rules.blind_writers) {
            (PrincipalKind::Service, BlindWriters::UsersAndServices) => Ok(()),
            (PrincipalKind::Service, BlindWriters::Users) => {
                Err("KEEPWARD_BLIND_WRITES_BY_SERVICES is off")
            }
            _ => Err("the caller is not a service"),
        },
    },
    Rule {
        name: "administrator-manages-client-keys",
        covers: |action| action.resource == Resource::ClientKey,
        applies: |principal, _, rules| match principal.kind {
            PrincipalKind::User if rules.administrators.contains(&principal.name) => Ok(()),
            PrincipalKind::User => Err("the caller is not an administrator"),
            _ => Err("the caller is not a user"),
        },
    },
    Rule {
        name: "service-reads-authorities",
        covers: |action| {
            action.resource == Resource::CertificateAuthority
                && matches!(action.verb, Verb::List | Verb::Read)
        },
        applies: |principal, _, _| match principal.kind {
            PrincipalKind::Service => Ok(()),
            _ => Err("the caller is not a service"),
        },
    },
    Rule {
        name: "service-gets-its-certificates",
        covers: gets_certificate,
        applies: |principal, target, _| {
            let is_own = |name: &CertificateName| name.service.as_ref() == Some(&principal.name);
            match (principal.kind, target) {
                (PrincipalKind::Service, Target::Certificate(names)) => {
                    if names.all().next().is_none() {
                        Err("the certificate would have no name")
                    } else if names.all().all(is_own) {
                        Ok(())
                    } else {
                        Err("a name of the certificate is not the caller's")
                    }
                }
                (PrincipalKind::Service, _) => Err("the names of the certificate are not known"),
                _ => Err("the caller is not a service"),
            }
        },
    },
    // After the strict one, so that the audit log shows which callers need it.
    Rule {
        name: "service-gets-certificates-by-name-start",
        covers: gets_certificate,
        applies: |principal, target, rules| {
            let Target::Certificate(CertificateNames {
                common: Some(common),
                ..
            }) = target
            else {
                return Err("the certificate would have no common name");
            };
            if rules.certificate_names != CertificateRule::DangerStartOfCommonName {
                Err("KEEPWARD_CERTIFICATES_BY_NAME_START is off")
            } else if principal.kind != PrincipalKind::Service {
                Err("the caller is not a service")
            } else if common.service_at_start.as_ref() == Some(&principal.name) {
                Ok(())
            } else {
                Err("the common name of the certificate is not the caller's")
            }
        },
    },
];

fn gets_certificate(action: Action) -> bool {
    action.resource == Resource::Certificate && action.verb == Verb::Read
}

fn writes_blind(action: Action) -> bool {
    action.resource == Resource::BlindCredential
        && matches!(action.verb, Verb::Create | Verb::Update | Verb::Revert)
}
