//! From what a request presents to a proven principal, or a refusal that is logged and counted.

use std::net::IpAddr;
use std::sync::Arc;

use domain::{Principal, RequestId};
use keep::{Clock, Fact};

use crate::browsers::{everybody, is_this_machine};
use crate::client_key_token::is_client_key_token;
use crate::refused::Refusal;
use crate::{
    Browsers, ClientKeys, KmsTokens, LoginRefused, Presented, Refusals, Session, TrustedPeers,
    Username,
};

/// Every way to become a principal.
pub struct Login {
    /// Tokens under KMS keys, when configured.
    kms: Option<KmsTokens>,
    client_keys: Arc<ClientKeys>,
    browsers: Browsers,
    trusted: TrustedPeers,
    clock: Arc<dyn Clock>,
    refusals: Refusals,
}

/// A proven caller, and the session that it has as a browser.
#[derive(Debug)]
pub struct Proved {
    /// Who asks.
    pub who: Principal,
    /// There for a browser that logged in: its writes need the XSRF token, its answers the cookies.
    pub session: Option<Session>,
}

impl Login {
    /// Client keys always count, KMS tokens when `kms` is given.
    pub fn new(kms: Option<KmsTokens>, client_keys: Arc<ClientKeys>) -> Self {
        let clock = Arc::clone(client_keys.keep.clock());
        Self {
            kms,
            client_keys,
            browsers: Browsers::Nobody,
            trusted: TrustedPeers::default(),
            clock,
            refusals: Refusals::default(),
        }
    }

    /// The same, and people at browsers log in so, where these proxies say who they are.
    pub fn with_browsers(self, browsers: Browsers, trusted: TrustedPeers) -> Self {
        Self {
            browsers,
            trusted,
            ..self
        }
    }

    /// How people at browsers log in.
    pub fn browsers(&self) -> &Browsers {
        &self.browsers
    }

    /// Proves who sent a request: by the credentials that it presents, which alone count then, and
    /// without any as the person at a browser. `peer` is who holds the connection.
    pub async fn prove_request<'h, I>(
        &self,
        values: impl Fn(&str) -> I,
        peer: IpAddr,
        request: &RequestId,
    ) -> Result<Proved, LoginRefused>
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let source = self.trusted.source(peer, values(FORWARDED_FOR));
        let refuse = |why| Err(self.refuse(why, None, source, request));
        if let Browsers::DangerEverybody = &self.browsers {
            if peer.to_canonical().is_loopback() && !is_this_machine(values("host")) {
                return refuse(LoginRefused::ForeignHost);
            }
            let (who, session) = (self.proven(everybody()), None);
            return Ok(Proved { who, session });
        }
        let browser = match Presented::from_lookup(&values) {
            Ok(Some(presented)) => {
                let who = self.prove(&presented, source, request).await?;
                return Ok(Proved { who, session: None });
            }
            Ok(None) => match &self.browsers {
                Browsers::Header(browser) => browser,
                _ => return refuse(LoginRefused::NothingPresented),
            },
            Err(refused) => return refuse(refused),
        };
        let who = match browser.prove(&values, self.trusted.contains(peer)) {
            Ok(who) => who,
            Err(refused) => return refuse(refused),
        };
        let session = Session::take_up(
            &browser.sessions,
            values("cookie"),
            &who.name,
            self.clock.now(),
            &**self.client_keys.keep.random(),
        );
        Ok(Proved {
            who: self.proven(who),
            session: Some(session),
        })
    }

    /// Proves who sent a request by its headers; `values` gives every value of one header.
    ///
    /// What a door calls. Credentials that are presented and refused never fall back to another
    /// way in; a refusal is logged with its exact reason and counted.
    pub async fn prove_headers<'h, I>(
        &self,
        values: impl Fn(&'static str) -> I,
        peer: IpAddr,
        request: &RequestId,
    ) -> Result<Principal, LoginRefused>
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let source = self.trusted.source(peer, values(FORWARDED_FOR));
        match Presented::from_lookup(values) {
            Ok(Some(presented)) => self.prove(&presented, source, request).await,
            Ok(None) => Err(self.refuse(LoginRefused::NothingPresented, None, source, request)),
            Err(refused) => Err(self.refuse(refused, None, source, request)),
        }
    }

    /// Proves who presents this.
    pub async fn prove(
        &self,
        presented: &Presented,
        source: IpAddr,
        request: &RequestId,
    ) -> Result<Principal, LoginRefused> {
        let username = match Username::parse(&presented.username) {
            Ok(username) => username,
            Err(bad) => return Err(self.refuse(bad.into(), None, source, request)),
        };
        match self.judge(&username, presented, source).await {
            Ok(principal) => Ok(self.proven(principal)),
            Err(refused) => Err(self.refuse(refused, Some(username.name), source, request)),
        }
    }

    /// Refused logins since the last flush; the server flushes them each minute and at its end.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    async fn judge(
        &self,
        username: &Username<'_>,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<Principal, LoginRefused> {
        let token = presented.token.decode()?;
        if is_client_key_token(&token) {
            return self.client_keys.verify(username, &token, source).await;
        }
        match &self.kms {
            Some(kms) => kms.verify(username, &token, source).await,
            None => Err(LoginRefused::KmsNotConfigured),
        }
    }

    fn proven(&self, who: Principal) -> Principal {
        let login = who.login;
        self.client_keys
            .keep
            .watch()
            .happened(Fact::Login { login });
        who
    }

    fn refuse(
        &self,
        why: LoginRefused,
        name: Option<&str>,
        source: IpAddr,
        request: &RequestId,
    ) -> LoginRefused {
        let refusal = why.refusal().word();
        self.client_keys
            .keep
            .watch()
            .happened(Fact::LoginRefused { refusal });
        // Longer than any name: perhaps a token in the wrong header.
        let name = name
            .filter(|name| name.len() <= MAX_LOGGED_NAME)
            .unwrap_or_default();
        if why.refusal() == Refusal::Unavailable {
            tracing::error!(%request, %source, ?name, reason = %why, "login impossible");
        } else {
            tracing::warn!(%request, %source, ?name, reason = %why, "login refused");
            self.refusals.count(source, self.clock.now());
        }
        why
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const MAX_LOGGED_NAME: usize = 128;
