//! Which certificate authorities there are, and what they may issue.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::signing_keys::{Environments, read_signing_keys};

/// The certificate authorities of `CA_TYPE`.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// Private CAs of ACM, in the order of `ACM_PRIVATE_CAS`.
    Acm(Vec<AcmAuthority>),
    /// CAs whose keys are with this server.
    Custom(CustomAuthorities),
}

/// One private CA of ACM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmAuthority {
    /// Its name in requests.
    pub name: String,
    /// Its ARN; empty when it signs nothing.
    pub arn: String,
    /// The algorithm of its signatures.
    pub signing_algorithm: String,
    /// The longest life of a certificate, and the default. Units: days.
    pub max_validity_days: u32,
    /// The subject of certificates whose key is made here.
    pub subject: Subject,
    /// Certificates sign themselves.
    pub self_sign: bool,
    /// Bits of an RSA key made here.
    pub key_bits: u32,
    /// The public exponent of such a key.
    pub public_exponent: u32,
    /// How many certificates are kept for equal requests; `None` when none is.
    pub cache_size: Option<u64>,
    /// The pattern, in Python's words, that names must fit; `None` lets none pass.
    pub domain_pattern: Option<String>,
}

/// The subject of a certificate, beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// C.
    pub country: Option<String>,
    /// ST.
    pub state_or_province: Option<String>,
    /// L.
    pub locality: Option<String>,
    /// O.
    pub organization: Option<String>,
}

/// CAs whose keys are with this server.
#[derive(Clone, Debug)]
pub struct CustomAuthorities {
    /// Their keys, by environment.
    pub keys: Environments,
    /// The `kid` of the one that issues, by environment.
    pub active: BTreeMap<String, String>,
    /// The longest life of a certificate, and the default. Units: days.
    pub max_validity_days: u32,
    /// The pattern, in Python's words, that names must fit; `None` lets none pass.
    pub domain_pattern: Option<String>,
}

pub(super) fn read_authorities(reader: &Reader<'_>) -> Authorities {
    let custom = CustomAuthorities {
        keys: read_signing_keys(
            reader,
            "CUSTOM_CERTIFICATE_AUTHORITIES",
            "CUSTOM_CA_ENCRYPTED",
        ),
        active: reader.json("CUSTOM_CA_ACTIVE_KEYS", "{\"environment\": \"kid\"}"),
        max_validity_days: days(reader, "CUSTOM_CA_MAX_VALIDITY_DAYS"),
        domain_pattern: reader.text("CUSTOM_CA_DOMAIN_REGEX"),
    };
    let names = reader.list("ACM_PRIVATE_CAS");
    let acm = names.iter().map(|name| read_acm(reader, name)).collect();
    match reader.text("CA_TYPE").as_deref() {
        None | Some("aws_acm_pca") => Authorities::Acm(acm),
        Some("custom_ca") => Authorities::Custom(custom),
        Some(_) => {
            reader.complain("CA_TYPE", "takes aws_acm_pca or custom_ca");
            Authorities::Acm(acm)
        }
    }
}

fn read_acm(reader: &Reader<'_>, name: &str) -> AcmAuthority {
    let of = |start: &str| format!("{start}_{}", name.to_uppercase());
    let text = |start| reader.text(&of(start));
    let number = |start, default, bounds| {
        u32::try_from(reader.number(&of(start), default, bounds)).unwrap_or(0)
    };
    let self_sign = reader.flag(&of("ACM_PRIVATE_CA_SELF_SIGN"), false);
    let arn = text("ACM_PRIVATE_CA_ARN").unwrap_or_default();
    if arn.is_empty() && !self_sign {
        reader.complain(
            &of("ACM_PRIVATE_CA_ARN"),
            "is needed: the ARN of the private CA that ACM_PRIVATE_CAS names",
        );
    }
    let cache_size = number(
        "ACM_PRIVATE_CA_CERTIFICATE_CACHE_SIZE",
        1_028,
        1..=1_000_000,
    );
    AcmAuthority {
        name: name.to_owned(),
        arn,
        signing_algorithm: text("ACM_PRIVATE_CA_SIGNING_ALGORITHM")
            .unwrap_or_else(|| "SHA256WITHRSA".to_owned()),
        max_validity_days: days(reader, &of("ACM_PRIVATE_CA_MAX_VALIDITY_DAYS")),
        subject: Subject {
            country: text("ACM_PRIVATE_CA_CSR_COUNTRY_NAME"),
            state_or_province: text("ACM_PRIVATE_CA_CSR_STATE_OR_PROVINCE_NAME"),
            locality: text("ACM_PRIVATE_CA_CSR_LOCALITY_NAME"),
            organization: text("ACM_PRIVATE_CA_CSR_ORGANIZATION_NAME"),
        },
        self_sign,
        key_bits: number("ACM_PRIVATE_CA_KEY_SIZE", 2_048, 2_048..=8_192),
        public_exponent: number(
            "ACM_PRIVATE_CA_KEY_PUBLIC_EXPONENT_SIZE",
            65_537,
            3..=u32::MAX.into(),
        ),
        cache_size: reader
            .flag(&of("ACM_PRIVATE_CA_CERTIFICATE_USE_CACHE"), false)
            .then_some(cache_size.into()),
        domain_pattern: text("ACM_PRIVATE_CA_DOMAIN_REGEX"),
    }
}

fn days(reader: &Reader<'_>, name: &str) -> u32 {
    u32::try_from(reader.number(name, 120, 1..=36_500)).unwrap_or(120)
}
