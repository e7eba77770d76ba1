//! The certificate authorities that the settings name.

use std::sync::Arc;

use confidant::{
    Authorities, Authority, CertificateCache, CustomSigner, MadeKeys, NamePattern, PrivateCa,
    PrivateSigner, Signer,
};
use pki::{Certificate, Issuer, Subject};
use server::Config;
use server::settings::{self, AcmAuthority, CustomAuthorities};

use crate::exit::{Failure, Kind, Outcome};
use crate::signing_keys::private_key;

/// Makes them. AWS is connected to when one of them is there.
///
/// Errors: a setting that cannot be used, by its name.
pub(crate) async fn open(config: &Config) -> Outcome<Authorities> {
    match &config.authorities {
        settings::Authorities::Acm(all) => {
            let mut authorities = Authorities::default();
            let mut service = None;
            for settings in all {
                let signer = if settings.self_sign {
                    Signer::Itself(made_keys(settings)?)
                } else {
                    let service = match &service {
                        Some(service) => Arc::clone(service),
                        None => Arc::clone(service.insert(private_ca(config).await?)),
                    };
                    Signer::Private(private_signer(settings, service)?)
                };
                let authority = Authority {
                    max_days: settings.max_validity_days,
                    pattern: pattern(
                        &named("ACM_PRIVATE_CA_DOMAIN_REGEX", settings),
                        settings.domain_pattern.as_deref(),
                    )?,
                    signer,
                };
                authorities = authorities.with(&settings.name, authority);
            }
            Ok(authorities)
        }
        settings::Authorities::Custom(custom) => of_settings(custom),
    }
}

fn private_signer(settings: &AcmAuthority, service: Arc<dyn PrivateCa>) -> Outcome<PrivateSigner> {
    Ok(PrivateSigner {
        service,
        arn: settings.arn.clone(),
        signing_algorithm: settings.signing_algorithm.clone(),
        keys: made_keys(settings)?,
        cache: settings.cache_size.map(CertificateCache::new),
    })
}

fn made_keys(settings: &AcmAuthority) -> Outcome<MadeKeys> {
    let bits = u64::from(settings.key_bits);
    if !pki::RSA_SIZES.contains(&bits) {
        let sizes = pki::RSA_SIZES.map(|size| size.to_string()).join(", ");
        let name = named("ACM_PRIVATE_CA_KEY_SIZE", settings);
        return Err(wrong(&name, format!("takes one of {sizes}")));
    }
    if settings.public_exponent != 65_537 {
        let name = named("ACM_PRIVATE_CA_KEY_PUBLIC_EXPONENT_SIZE", settings);
        return Err(wrong(
            &name,
            "takes 65537 alone: no other makes a key better",
        ));
    }
    let subject = Subject {
        common_name: "check".to_owned(),
        country: settings.subject.country.clone(),
        state: settings.subject.state_or_province.clone(),
        locality: settings.subject.locality.clone(),
        organization: settings.subject.organization.clone(),
    };
    if subject.check().is_err() {
        let name = named("ACM_PRIVATE_CA_CSR_COUNTRY_NAME", settings);
        let what = "and its neighbours: a country has two letters, the others have 1 to 128";
        return Err(wrong(&name, what));
    }
    Ok(MadeKeys { bits, subject })
}

fn of_settings(custom: &CustomAuthorities) -> Outcome<Authorities> {
    let pattern = pattern("CUSTOM_CA_DOMAIN_REGEX", custom.domain_pattern.as_deref())?;
    let mut authorities = Authorities::default();
    for (environment, keys) in &custom.keys {
        // The others are there for the time before and after a change of keys.
        let active = custom.active.get(environment);
        let Some(settings) = keys.iter().find(|key| Some(&key.kid) == active) else {
            tracing::warn!(%environment, "CUSTOM_CA_ACTIVE_KEYS names none of its keys: no such authority");
            continue;
        };
        let name = "CUSTOM_CERTIFICATE_AUTHORITIES";
        let refused = |error: pki::PkiError| {
            wrong(
                name,
                format!("key {} of {environment}: {error}", settings.kid),
            )
        };
        let key = private_key(name, environment, settings)?;
        let certificate = Certificate::read(&settings.certificate).map_err(refused)?;
        let root = settings
            .root_certificate
            .as_deref()
            .filter(|text| !text.is_empty());
        let signer = CustomSigner {
            kid: settings.kid.clone(),
            issuer: Issuer::new(key, certificate).map_err(refused)?,
            root: root.map(Certificate::read).transpose().map_err(refused)?,
        };
        let authority = Authority {
            max_days: custom.max_validity_days,
            pattern: pattern.clone(),
            signer: Signer::Custom(Box::new(signer)),
        };
        authorities = authorities.with(environment, authority);
    }
    Ok(authorities)
}

fn pattern(name: &str, text: Option<&str>) -> Outcome<Option<NamePattern>> {
    text.map(NamePattern::read)
        .transpose()
        .map_err(|error| wrong(name, error.to_string()))
}

#[cfg(feature = "aws")]
async fn private_ca(config: &Config) -> Outcome<Arc<dyn PrivateCa>> {
    Ok(crate::aws_ports::private_ca(config).await)
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the same shape as with AWS")]
async fn private_ca(_config: &Config) -> Outcome<Arc<dyn PrivateCa>> {
    Err(Failure::new(
        Kind::Usage,
        "ACM_PRIVATE_CAS: this program was built without AWS",
    )
    .hint("build it with the feature `aws`, which is on by default"))
}

fn named(family: &str, settings: &AcmAuthority) -> String {
    format!("{family}_{}", settings.name.to_uppercase())
}

/// A setting that cannot be used: its name and why, never its value.
pub(crate) fn wrong(name: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Usage, format!("{name} {why}"))
}
