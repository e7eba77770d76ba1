//! How many wrong tokens are looked at: a budget for each source, and one for all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many failing look-ups at KMS, or at the table, are worth their price.
///
/// Only failures are charged, so a thousand good clients behind one proxy never feel it; a source
/// that failed too often is not looked at until its debt is paid by time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureLimits {
    /// Failures at once from one source (an IPv4 address, a /64 of IPv6).
    pub burst: f64,
    /// Failures a second from one source for ever.
    pub per_second: f64,
    /// Failures at once from all sources that proved nobody within the last hour.
    pub total_burst: f64,
    /// Failures a second from all of them for ever.
    pub total_per_second: f64,
    /// Sources remembered; beyond, newcomers share one budget.
    pub sources: usize,
}

impl Default for FailureLimits {
    fn default() -> Self {
        Self {
            burst: 50.0,
            per_second: 5.0,
            total_burst: 500.0,
            total_per_second: 50.0,
            sources: 4_096,
        }
    }
}

/// The part of an address that one party holds: all of IPv4, the first 64 bits of IPv6.
pub(crate) fn party(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
        v4 => v4,
    }
}

/// Token buckets that may go into debt, by source.
pub(crate) struct FailureBudget {
    limits: FailureLimits,
    books: Mutex<Books>,
}

struct Books {
    sources: HashMap<IpAddr, Account>,
    /// Shared by sources that there is no room for.
    crowd: Account,
    total: Bucket,
    swept: Duration,
}

#[derive(Clone, Copy)]
struct Account {
    bucket: Bucket,
    /// When this source last proved somebody.
    proved: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    at: Duration,
}

impl Bucket {
    fn level(&self, now: Duration, burst: f64, per_second: f64) -> f64 {
        (self.level + now.saturating_sub(self.at).as_secs_f64() * per_second).min(burst)
    }

    fn charge(&mut self, now: Duration, burst: f64, per_second: f64) {
        let debt = -per_second * LONGEST_DEBT.as_secs_f64();
        *self = Self {
            level: (self.level(now, burst, per_second) - 1.0).max(debt),
            at: now,
        };
    }
}

impl Account {
    fn new(burst: f64, now: Duration) -> Self {
        Self {
            bucket: Bucket {
                level: burst,
                at: now,
            },
            proved: None,
        }
    }

    fn is_proven(&self, now: Duration) -> bool {
        self.proved
            .is_some_and(|at| now.saturating_sub(at) < PROVEN_FOR)
    }
}

impl FailureBudget {
    pub(crate) fn new(limits: FailureLimits) -> Self {
        let books = Books {
            sources: HashMap::new(),
            crowd: Account::new(limits.burst, Duration::ZERO),
            total: Bucket {
                level: limits.total_burst,
                at: Duration::ZERO,
            },
            swept: Duration::ZERO,
        };
        Self {
            limits,
            books: Mutex::new(books),
        }
    }

    /// Whether an unknown token from `source` may be looked at.
    pub(crate) fn admits(&self, source: IpAddr, now: Duration) -> bool {
        let FailureLimits {
            burst,
            per_second,
            total_burst,
            total_per_second,
            sources,
        } = self.limits;
        let books = self.lock();
        let crowded = books.sources.len() >= sources;
        let Some(account) = books
            .sources
            .get(&party(source))
            .or(crowded.then_some(&books.crowd))
        else {
            return books.total.level(now, total_burst, total_per_second) >= 1.0;
        };
        account.bucket.level(now, burst, per_second) >= 1.0
            && (account.is_proven(now)
                || books.total.level(now, total_burst, total_per_second) >= 1.0)
    }

    /// Charges `source` for a look that proved nobody.
    pub(crate) fn failed(&self, source: IpAddr, now: Duration) {
        let FailureLimits {
            burst,
            per_second,
            total_burst,
            total_per_second,
            ..
        } = self.limits;
        let mut books = self.lock();
        books.total.charge(now, total_burst, total_per_second);
        books
            .account(source, now, &self.limits)
            .bucket
            .charge(now, burst, per_second);
    }

    /// Remembers that `source` proved somebody, so that a flood from elsewhere does not shut it out.
    pub(crate) fn proved(&self, source: IpAddr, now: Duration) {
        self.lock().account(source, now, &self.limits).proved = Some(now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn account(&mut self, source: IpAddr, now: Duration, limits: &FailureLimits) -> &mut Account {
        let party = party(source);
        if !self.sources.contains_key(&party) && self.sources.len() >= limits.sources {
            // Looking through all of them is paid at most once a second.
            if now.saturating_sub(self.swept) >= Duration::from_secs(1) {
                self.swept = now;
                self.sources.retain(|_, account| {
                    account.is_proven(now)
                        || account.bucket.level(now, limits.burst, limits.per_second) < limits.burst
                });
            }
            if self.sources.len() >= limits.sources {
                return &mut self.crowd;
            }
        }
        self.sources
            .entry(party)
            .or_insert_with(|| Account::new(limits.burst, now))
    }
}

/// A source is shut out for so long at most after its last failure.
const LONGEST_DEBT: Duration = Duration::from_secs(600);
/// How long one proof protects a source from the failures of others.
const PROVEN_FOR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FailureLimits = FailureLimits {
        burst: 3.0,
        per_second: 1.0,
        total_burst: 10.0,
        total_per_second: 2.0,
        sources: 4,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_is_shut_out_after_its_burst_and_let_in_again_at_its_rate() {
        let budget = FailureBudget::new(LIMITS);
        for _ in 0..3 {
            assert!(budget.admits(ip("10.0.0.1"), at(0)));
            budget.failed(ip("10.0.0.1"), at(0));
        }
        assert!(!budget.admits(ip("10.0.0.1"), at(0)));
        assert!(
            budget.admits(ip("10.0.0.2"), at(0)),
            "another source pays for nobody else"
        );
        assert!(budget.admits(ip("10.0.0.1"), at(1)));
    }

    #[test]
    fn failures_under_way_at_once_are_a_debt_with_an_end() {
        let budget = FailureBudget::new(LIMITS);
        for _ in 0..100_000 {
            budget.failed(ip("10.0.0.1"), at(0));
        }
        assert!(!budget.admits(ip("10.0.0.1"), at(600)));
        assert!(budget.admits(ip("10.0.0.1"), at(601)));
    }

    #[test]
    fn many_sources_together_spend_no_more_than_the_total_and_do_not_shut_out_a_proven_one() {
        let budget = FailureBudget::new(FailureLimits {
            sources: 1_000,
            ..LIMITS
        });
        budget.proved(ip("10.9.9.9"), at(0));
        let looked_at = (0..500).filter(|n| {
            let source = ip(&format!("10.0.{}.{}", n / 250, n % 250));
            let admitted = budget.admits(source, at(0));
            if admitted {
                budget.failed(source, at(0));
            }
            admitted
        });
        assert_eq!(looked_at.count(), 10);
        assert!(!budget.admits(ip("10.8.8.8"), at(0)));
        assert!(budget.admits(ip("10.9.9.9"), at(0)));
    }

    #[test]
    fn the_number_of_sources_is_bounded_and_newcomers_share_one_budget() {
        let budget = FailureBudget::new(FailureLimits {
            total_burst: 1e9,
            ..LIMITS
        });
        for n in 0..200 {
            budget.failed(ip(&format!("10.0.0.{n}")), at(0));
        }
        assert_eq!(budget.lock().sources.len(), 4);
        assert!(
            !budget.admits(ip("10.1.1.1"), at(0)),
            "the crowd's budget is spent"
        );
        budget.failed(ip("10.1.1.1"), at(900));
        assert_eq!(
            budget.lock().sources.len(),
            1,
            "sources whose budget is full again are forgotten"
        );
    }

    #[test]
    fn addresses_of_one_party_are_one_source() {
        assert_eq!(party(ip("2001:db8::1")), party(ip("2001:db8::ffff:1")));
        assert_ne!(party(ip("2001:db8:0:1::1")), party(ip("2001:db8:0:2::1")));
        assert_eq!(party(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
    }
}
