//! Issuing certificates, and telling of the authorities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{Action, CertificateNames, Resource, Target, Verb};
use keep::{Count, Fact, Step};
use pki::{Period, PkiError, PrivateKey, Request, Serial, Subject, self_signed};
use seal::digest;

use crate::authorities::{CustomSigner, MadeKeys, PrivateSigner, Signer};
use crate::confidant::failing;
use crate::{
    AboutAuthority, Authority, AuthorityError, BadField, Caller, CertificateWithKey, Confidant,
    Error, IssueOrder, IssuedCertificate,
};

/// A certificate that is asked for by name, with a key made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAsk<'a> {
    /// The authority.
    pub authority: &'a str,
    /// The common name.
    pub common_name: &'a str,
    /// Further names.
    pub hosts: &'a [String],
    /// How long it shall be valid; the authority's longest when absent. Units: days.
    pub days: Option<i64>,
}

/// One authority, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityView {
    /// What answers call it.
    pub name: String,
    /// Its certificate; `None` where each certificate vouches for itself.
    pub certificate: Option<IssuedCertificate>,
    /// Its tags; `None` where it can have none.
    pub tags: Option<BTreeMap<String, String>>,
}

impl Confidant {
    /// Issues a certificate with a key that is made for it.
    ///
    /// Errors: `NotFound` for an unknown authority, before the decision; `BadField`, `Authority`.
    pub async fn issue_with_key(
        &self,
        caller: &Caller,
        ask: CertificateAsk<'_>,
    ) -> Result<Arc<CertificateWithKey>, Error> {
        let authority = self.authority(ask.authority)?;
        let names = authority.judged(Some(ask.common_name), ask.hosts);
        let permit = self.permit(caller, GET, Target::Certificate(names))?;
        let made = async {
            let days = authority.days(ask.days)?;
            if ask.hosts.len() > pki::MAX_NAMES {
                return Err(BadField::TooManyNames.into());
            }
            let made = self.with_key(&authority.signer, &ask, days);
            self.keep.timed(Step::IssueCertificateWithKey, made).await
        };
        match made.await {
            Ok(made) => {
                permit.read(None)?;
                Ok(made)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Issues what a client's own request asks for.
    ///
    /// `request` is what was sent, or its fault. Errors: `NotFound` for an unknown authority and `BadField` for a request
    /// that cannot be read, both before the decision, which needs its names; `Authority`.
    pub async fn issue_for_request(
        &self,
        caller: &Caller,
        authority: &str,
        request: Result<&str, BadField>,
        days: Result<Option<i64>, BadField>,
    ) -> Result<IssuedCertificate, Error> {
        let authority = self.authority(authority)?;
        let request = Request::read(request?).map_err(|error| match error {
            PkiError::Names(_) => BadField::RequestNames,
            _ => BadField::RequestUnreadable,
        })?;
        let permit = self.permit(
            caller,
            GET,
            Target::Certificate(names_of(authority, &request)),
        )?;
        let made = async {
            let days = authority.days(days?)?;
            match &authority.signer {
                Signer::Private(signer) => self.order(signer, &request, days).await,
                Signer::Custom(signer) => self.sign(signer, &request, days),
                Signer::Itself(_) => Err(BadField::KeysOnly.into()),
            }
        };
        match made.await {
            Ok(made) => {
                permit.read(None)?;
                Ok(made)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Tells of one authority.
    ///
    /// Errors: `NotFound` for an unknown one, before the decision; `Authority`.
    pub async fn read_authority(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<AuthorityView, Error> {
        let authority = self.authority(name)?;
        let action = Action::new(Resource::CertificateAuthority, Verb::Read);
        let permit = self.permit(caller, action, Target::one(name))?;
        match view(name, authority).await {
            Ok(view) => {
                permit.read(None)?;
                Ok(view)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    /// Tells of all authorities.
    ///
    /// Errors: `Authority`.
    pub async fn list_authorities(&self, caller: &Caller) -> Result<Vec<AuthorityView>, Error> {
        let action = Action::new(Resource::CertificateAuthority, Verb::List);
        let permit = self.permit(caller, action, Target::All)?;
        let all = self.authorities.0.iter();
        let views = all.map(|(name, authority)| view(name, authority));
        match futures_util::future::try_join_all(views).await {
            Ok(views) => {
                permit.read(None)?;
                Ok(views)
            }
            Err(error) => failing(permit, Err(error)),
        }
    }

    fn authority(&self, name: &str) -> Result<&Authority, Error> {
        self.authorities.0.get(name).ok_or(Error::NotFound)
    }

    /// Shape: every part with its length, so that no two asks are kept as one; and the day, since a certificate that was
    /// kept yesterday is a day shorter.
    fn kept_as(&self, ask: &CertificateAsk<'_>, days: u32) -> String {
        let day = self.keep.clock().now().seconds().div_euclid(86_400);
        let mut name = format!("{day} {days}");
        for part in std::iter::once(ask.common_name).chain(ask.hosts.iter().map(String::as_str)) {
            name.push_str(&format!(" {}:{part}", part.len()));
        }
        name
    }

    async fn with_key(
        &self,
        signer: &Signer,
        ask: &CertificateAsk<'_>,
        days: u32,
    ) -> Result<Arc<CertificateWithKey>, Error> {
        let looked = |count| self.keep.watch().happened(Fact::Counted { count });
        match signer {
            Signer::Private(signer) => {
                let name = self.kept_as(ask, days);
                let ordered = self.order_with_key(signer, ask, days);
                let Some(cache) = &signer.cache else {
                    looked(Count::CertificateMiss);
                    return ordered.await.map(Arc::new);
                };
                let kept = self
                    .keep
                    .timed(Step::GetCachedCertificate, cache.kept(&name));
                if let Some(kept) = kept.await {
                    looked(Count::CertificateHit);
                    return Ok(kept);
                }
                looked(Count::CertificateMiss);
                cache.get(name, ordered).await
            }
            Signer::Itself(keys) => {
                looked(Count::CertificateMiss);
                self.vouch_for_itself(keys, ask, days).await.map(Arc::new)
            }
            Signer::Custom(_) => Err(BadField::RequestsOnly.into()),
        }
    }

    async fn order_with_key(
        &self,
        signer: &PrivateSigner,
        ask: &CertificateAsk<'_>,
        days: u32,
    ) -> Result<CertificateWithKey, Error> {
        let key = made_key(&signer.keys).await?;
        let request =
            Request::make(&key, &subject(&signer.keys, ask), ask.hosts).map_err(of_names)?;
        Ok(CertificateWithKey {
            issued: self.order(signer, &request, days).await?,
            key: key.pem().map_err(Error::Signing)?,
        })
    }

    async fn vouch_for_itself(
        &self,
        keys: &MadeKeys,
        ask: &CertificateAsk<'_>,
        days: u32,
    ) -> Result<CertificateWithKey, Error> {
        let key = made_key(keys).await?;
        let (period, serial) = (self.period(days), self.serial());
        let made = self_signed(&key, &subject(keys, ask), ask.hosts, period, serial);
        let certificate = made.map_err(of_names)?.pem();
        Ok(CertificateWithKey {
            issued: IssuedCertificate {
                chain: certificate.clone(),
                certificate,
            },
            key: key.pem().map_err(Error::Signing)?,
        })
    }

    /// Orders a certificate and waits until it is there.
    async fn order(
        &self,
        signer: &PrivateSigner,
        request: &Request,
        days: u32,
    ) -> Result<IssuedCertificate, Error> {
        let ordered = self.ordered(signer, request, days);
        self.keep.timed(Step::IssueCertificate, ordered).await
    }

    async fn ordered(
        &self,
        signer: &PrivateSigner,
        request: &Request,
        days: u32,
    ) -> Result<IssuedCertificate, Error> {
        // What was judged and nothing else: not the text as it was sent.
        let request = request.pem();
        let digest = hex::encode(digest::sha256(request.as_bytes()));
        let order = IssueOrder {
            authority: &signer.arn,
            request: &request,
            signing_algorithm: &signer.signing_algorithm,
            days,
            token: digest.get(..36).unwrap_or_default(),
        };
        let name = signer.service.order(&order).await?;
        let fetched = self.fetched(signer, &name);
        self.keep.timed(Step::GetCertificateFromArn, fetched).await
    }

    async fn fetched(
        &self,
        signer: &PrivateSigner,
        name: &str,
    ) -> Result<IssuedCertificate, Error> {
        for _ in 0..LOOKS {
            if let Some(issued) = signer.service.issued(&signer.arn, name).await? {
                return Ok(issued);
            }
            self.keep.clock().sleep(BETWEEN_LOOKS).await;
        }
        let late = "the certificate was not made in time".to_owned();
        Err(AuthorityError::Unavailable(late).into())
    }

    fn sign(
        &self,
        signer: &CustomSigner,
        request: &Request,
        days: u32,
    ) -> Result<IssuedCertificate, Error> {
        let issued = signer
            .issuer
            .issue(request, self.period(days), self.serial())
            .map_err(|error| match error {
                PkiError::BadSignature => BadField::RequestUnsigned.into(),
                PkiError::Names(_) => BadField::RequestNames.into(),
                error => Error::Signing(error),
            })?;
        Ok(IssuedCertificate {
            certificate: issued.pem(),
            chain: chain(signer),
        })
    }

    fn period(&self, days: u32) -> Period {
        Period {
            from: self.keep.clock().now().seconds(),
            days,
        }
    }

    fn serial(&self) -> Serial {
        Serial::new(self.keep.random().bytes())
    }
}

/// Whose the names of a request are. A kind of name that no rule can judge is nobody's.
fn names_of(authority: &Authority, request: &Request) -> CertificateNames {
    let names: Vec<_> = request
        .alternative_names()
        .iter()
        .map(|name| name.text().unwrap_or_default())
        .collect();
    authority.judged(request.common_name(), &names)
}

async fn view(name: &str, authority: &Authority) -> Result<AuthorityView, Error> {
    Ok(match &authority.signer {
        Signer::Private(signer) => {
            let AboutAuthority { certificate, tags } = signer.service.about(&signer.arn).await?;
            AuthorityView {
                name: name.to_owned(),
                certificate: Some(certificate),
                tags: Some(tags),
            }
        }
        Signer::Itself(_) => AuthorityView {
            name: name.to_owned(),
            certificate: None,
            tags: Some(BTreeMap::new()),
        },
        Signer::Custom(signer) => AuthorityView {
            name: signer.kid.clone(),
            certificate: Some(IssuedCertificate {
                certificate: signer.issuer.certificate().pem(),
                chain: chain(signer),
            }),
            tags: None,
        },
    })
}

fn chain(signer: &CustomSigner) -> String {
    let root = signer.root.as_ref().map(pki::Certificate::pem);
    signer.issuer.certificate().pem() + &root.unwrap_or_default()
}

fn subject(keys: &MadeKeys, ask: &CertificateAsk<'_>) -> Subject {
    Subject {
        common_name: ask.common_name.to_owned(),
        ..keys.subject.clone()
    }
}

/// Makes a key, where it does not hold up others: that takes a tenth of a second and more.
async fn made_key(keys: &MadeKeys) -> Result<PrivateKey, Error> {
    let bits = keys.bits;
    tokio::task::spawn_blocking(move || PrivateKey::generate_rsa(bits))
        .await
        .unwrap_or(Err(PkiError::Failed))
        .map_err(Error::Signing)
}

fn of_names(error: PkiError) -> Error {
    match error {
        PkiError::BadName => BadField::CertificateName.into(),
        error => Error::Signing(error),
    }
}

const GET: Action = Action::new(Resource::Certificate, Verb::Read);
/// How often an ordered certificate is looked for, and how long is waited in between.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
