//! Certificates: who gets which, what is ordered for them, and what a cache may give.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use confidant::{
    AboutAuthority, Authorities, Authority, AuthorityError, BadField, Caller, CertificateAsk,
    CertificateCache, Error, IssueOrder, IssuedCertificate, MadeKeys, NamePattern, PrivateCa,
    PrivateSigner, Signer,
};
use domain::PrincipalKind;
use pki::{PrivateKey, Request, Subject};
use serde_json::Value;

use crate::house::{House, caller, user};

/// An authority that notes its orders and hands out numbers; it makes each a while later.
#[derive(Default)]
struct Notebook {
    orders: Mutex<Vec<(String, u32, String)>>,
    looks: AtomicU32,
    /// How often is looked before it is there.
    patience: u32,
}

#[async_trait::async_trait]
impl PrivateCa for Notebook {
    async fn order(&self, order: &IssueOrder<'_>) -> Result<String, AuthorityError> {
        // Others get their turn here.
        tokio::task::yield_now().await;
        let mut orders = self.orders.lock().unwrap();
        orders.push((order.request.to_owned(), order.days, order.token.to_owned()));
        Ok(orders.len().to_string())
    }

    async fn issued(
        &self,
        _authority: &str,
        name: &str,
    ) -> Result<Option<IssuedCertificate>, AuthorityError> {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        Ok((looks >= self.patience).then(|| IssuedCertificate {
            certificate: name.to_owned(),
            chain: "chain".to_owned(),
        }))
    }

    async fn about(&self, authority: &str) -> Result<AboutAuthority, AuthorityError> {
        Ok(AboutAuthority {
            certificate: IssuedCertificate {
                certificate: authority.to_owned(),
                chain: String::new(),
            },
            tags: BTreeMap::from([("hello".to_owned(), "world".to_owned())]),
        })
    }
}

async fn house(service: Arc<Notebook>, cache: Option<u64>) -> House {
    let keys = MadeKeys {
        bits: 2048,
        subject: Subject::default(),
    };
    let pattern = NamePattern::read(r"(?P<service_name>[\w-]+)\.example\.com").unwrap();
    let authority = |signer| Authority {
        max_days: 120,
        pattern: Some(pattern.clone()),
        signer,
    };
    let private = Signer::Private(PrivateSigner {
        service,
        arn: "arn".to_owned(),
        signing_algorithm: "SHA256WITHRSA".to_owned(),
        keys: keys.clone(),
        cache: cache.map(CertificateCache::new),
    });
    let house = House::new().await;
    let authorities = Authorities::default()
        .with("private", authority(private))
        .with("itself", authority(Signer::Itself(keys)));
    house.changed(|confidant| confidant.with_authorities(authorities))
}

fn web() -> Caller {
    caller(PrincipalKind::Service, "web", None)
}

fn ask<'a>(authority: &'a str, hosts: &'a [String], days: Option<i64>) -> CertificateAsk<'a> {
    CertificateAsk {
        authority,
        common_name: "web.example.com",
        hosts,
        days,
    }
}

/// A request of these names.
fn request(common_name: &str, hosts: &[&str]) -> String {
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: common_name.to_owned(),
        ..Subject::default()
    };
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Request::make(&key, &subject, &hosts).unwrap().pem()
}

fn last_event(house: &House) -> Value {
    house.audit.take().pop().unwrap()
}

#[tokio::test]
async fn what_is_ordered_is_what_was_judged_with_days_up_to_the_authoritys() {
    let service = Arc::new(Notebook::default());
    let house = house(Arc::clone(&service), None).await;
    let text = request("web.example.com", &["web.example.com"]);
    let dressed = format!("words before\n{}words after\n", text.replace('\n', "\r\n"));
    for (asked, ordered) in [(Some(5), 5), (Some(1_000_000_000_000), 120), (None, 120)] {
        let issued = house
            .confidant
            .issue_for_request(&web(), "private", Ok(&dressed), Ok(asked))
            .await
            .unwrap();
        assert_eq!(issued.chain, "chain");
        let (request, days, token) = service.orders.lock().unwrap().last().cloned().unwrap();
        assert_eq!((request.as_str(), days), (text.as_str(), ordered));
        assert!(token.len() == 36 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let none = house
        .confidant
        .issue_for_request(&web(), "private", Ok(&text), Ok(Some(0)))
        .await;
    assert!(matches!(
        none,
        Err(Error::BadField(BadField::ValidityNotDays))
    ));
    assert_eq!(service.orders.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_ordered_certificate_is_waited_for_and_not_for_ever() {
    for (patience, comes) in [(0, true), (49, true), (50, false)] {
        let service = Arc::new(Notebook {
            patience,
            ..Notebook::default()
        });
        let house = house(service, None).await;
        let issued = house
            .confidant
            .issue_with_key(&web(), ask("private", &[], None))
            .await;
        match issued {
            Ok(_) => assert!(comes),
            Err(error) => {
                let late = matches!(error, Error::Authority(AuthorityError::Unavailable(_)));
                assert!(!comes && late, "{error}");
                assert_eq!(last_event(&house)["rule"], "authority");
            }
        }
    }
}

#[tokio::test]
async fn equal_asks_are_one_order_where_certificates_are_kept_until_the_day_ends() {
    let service = Arc::new(Notebook::default());
    let house = house(Arc::clone(&service), Some(10)).await;
    let orders = || service.orders.lock().unwrap().len();
    let hosts = ["web.example.com".to_owned()];
    let (caller, same) = (web(), ask("private", &hosts, Some(5)));
    let (first, second) = tokio::join!(
        house.confidant.issue_with_key(&caller, same.clone()),
        house.confidant.issue_with_key(&caller, same.clone())
    );
    assert_eq!(first.unwrap().key.expose(), second.unwrap().key.expose());
    assert_eq!(orders(), 1);
    for other in [
        ask("private", &[], Some(5)),
        ask("private", &hosts, Some(6)),
    ] {
        house
            .confidant
            .issue_with_key(&caller, other)
            .await
            .unwrap();
    }
    assert_eq!(orders(), 3);
    house.clock.advance(std::time::Duration::from_secs(86_400));
    house
        .confidant
        .issue_with_key(&caller, same.clone())
        .await
        .unwrap();
    assert_eq!(orders(), 4);
    // The decision comes before the cache.
    let api = crate::house::caller(PrincipalKind::Service, "api", None);
    let refused = house.confidant.issue_with_key(&api, same).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
}

#[tokio::test]
async fn without_a_cache_each_ask_has_its_own_key() {
    let service = Arc::new(Notebook::default());
    let house = house(Arc::clone(&service), None).await;
    let issue = async || {
        let caller = web();
        let issued = house
            .confidant
            .issue_with_key(&caller, ask("private", &[], None));
        issued.await.unwrap().key.expose().to_owned()
    };
    assert_ne!(issue().await, issue().await);
    assert_eq!(service.orders.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn every_name_of_a_request_must_be_the_callers() {
    let service = Arc::new(Notebook::default());
    let house = house(Arc::clone(&service), None).await;
    for (common_name, hosts, well) in [
        ("web.example.com", &["web.example.com"][..], true),
        (
            "web.example.com",
            &["web.example.com", "api.example.com"],
            false,
        ),
        ("web.example.com.evil.org", &["web.example.com"], false),
        ("api.example.com", &["web.example.com"], false),
        ("web.example.com", &["*.example.com"], false),
    ] {
        let text = request(common_name, hosts);
        let issued = house
            .confidant
            .issue_for_request(&web(), "private", Ok(&text), Ok(None))
            .await;
        match issued {
            Ok(_) => assert!(well, "{common_name} {hosts:?}"),
            Err(error) => assert!(!well && matches!(error, Error::Refused(_)), "{error}"),
        }
        let event = last_event(&house);
        assert_eq!(event["action"], "certificate.read");
        assert_eq!(event["target"], common_name);
        assert_eq!(event["outcome"], if well { "allowed" } else { "refused" });
    }
    assert_eq!(service.orders.lock().unwrap().len(), 1);
    // The same names asked for without a request.
    let hosts = ["api.example.com".to_owned()];
    let issued = house
        .confidant
        .issue_with_key(&web(), ask("itself", &hosts, None))
        .await;
    assert!(matches!(issued, Err(Error::Refused(_))));
    // People get none.
    let issued = house
        .confidant
        .issue_with_key(&user(), ask("itself", &[], None))
        .await;
    assert!(matches!(issued, Err(Error::Refused(_))));
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused_before_the_decision() {
    let house = house(Arc::default(), None).await;
    let issue = async |authority: &'static str, text| {
        let caller = web();
        let issued = house
            .confidant
            .issue_for_request(&caller, authority, text, Ok(None));
        issued.await.unwrap_err()
    };
    assert!(matches!(issue("unknown", Ok("")).await, Error::NotFound));
    let missing = issue("private", Err(BadField::RequestRequired)).await;
    assert!(matches!(
        missing,
        Error::BadField(BadField::RequestRequired)
    ));
    let damaged = issue("private", Ok("x")).await;
    assert!(matches!(
        damaged,
        Error::BadField(BadField::RequestUnreadable)
    ));
    assert!(house.audit.take().is_empty());
    let text = request("web.example.com", &[]);
    let keys_only = issue("itself", Ok(text.as_str())).await;
    assert!(matches!(keys_only, Error::BadField(BadField::KeysOnly)));
}

#[tokio::test]
async fn services_and_not_people_are_told_of_authorities() {
    let house = house(Arc::default(), None).await;
    let views = house.confidant.list_authorities(&web()).await.unwrap();
    assert_eq!(last_event(&house)["action"], "ca.list");
    let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["itself", "private"]);
    assert_eq!(views[0].certificate, None);
    let private = house
        .confidant
        .read_authority(&web(), "private")
        .await
        .unwrap();
    assert_eq!(private, views[1]);
    // A root has no chain.
    assert_eq!(private.certificate.unwrap().chain, "");
    assert_eq!(private.tags.unwrap()["hello"], "world");
    let unknown = house.confidant.read_authority(&user(), "unknown").await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    house.audit.take();
    let listed = house.confidant.list_authorities(&user()).await;
    assert!(matches!(listed, Err(Error::Refused(_))));
    assert_eq!(last_event(&house)["outcome"], "refused");
    let read = house.confidant.read_authority(&user(), "private").await;
    assert!(matches!(read, Err(Error::Refused(_))));
    assert_eq!(last_event(&house)["outcome"], "refused");
}
