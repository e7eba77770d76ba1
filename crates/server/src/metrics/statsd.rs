//! The same facts over UDP, under Confidant's names.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keep::{Clock, Fact, JwtCount, KeyCall, Purpose, Watch};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;

/// Turns facts into statsd's lines and hands them to [`StatsdLines`], never waiting: when too many
/// wait, further ones are dropped.
pub struct Statsd {
    lines: mpsc::Sender<String>,
    dropped: Arc<AtomicU64>,
    /// What stands in names of JSON web tokens, as far as it is told apart.
    callers: Mutex<HashSet<String>>,
}

/// The lines on their way to a statsd server.
pub struct StatsdLines {
    lines: mpsc::Receiver<String>,
    dropped: Arc<AtomicU64>,
}

impl Statsd {
    /// Both ends of the queue.
    pub fn new() -> (Self, StatsdLines) {
        let (sender, lines) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let statsd = Self {
            lines: sender,
            dropped: Arc::clone(&dropped),
            callers: Mutex::default(),
        };
        (statsd, StatsdLines { lines, dropped })
    }

    fn send(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self, name: &str) {
        self.send(format!("confidant.{name}:1|c"));
    }

    fn time(&self, name: &str, took: Duration) {
        let milliseconds = took.as_secs_f64() * 1_000.0;
        self.send(format!("confidant.{name}:{milliseconds:.6}|ms"));
    }

    /// A part of a name: no sign that statsd reads, and one of a bounded number.
    fn part(&self, text: &str) -> String {
        let part: String = text
            .chars()
            .take(128)
            .map(|sign| if is_plain(sign) { sign } else { '_' })
            .collect();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.contains(&part) {
            return part;
        }
        if callers.len() >= TOLD_APART {
            return "other".to_owned();
        }
        callers.insert(part.clone());
        part
    }
}

impl Watch for Statsd {
    fn happened(&self, fact: Fact<'_>) {
        match fact {
            Fact::Took { step, took } => self.time(step.word(), took),
            Fact::Counted { count } => self.count(count.word()),
            Fact::Token { version: 1 } => self.count("token_version_1"),
            Fact::Token { .. } => self.count("token_version_2"),
            Fact::KeyCall {
                purpose: Purpose::AtRest,
                ..
            } => self.count("at_rest_action"),
            Fact::KeyCall {
                purpose: Purpose::Login,
                call: KeyCall::Unwrap,
                took,
                ..
            } => self.time("kms_decrypt_token", took),
            Fact::Jwt { count, of, to } => {
                let to = to.map(|to| self.part(to));
                self.count(&jwt_name(count, &self.part(of), to.as_deref()));
            }
            // Confidant's statsd knows nothing of these; Prometheus has them.
            Fact::Operation { .. }
            | Fact::AuditFailed
            | Fact::KeyCall { .. }
            | Fact::TableCall { .. }
            | Fact::Cache { .. }
            | Fact::Login { .. }
            | Fact::LoginRefused { .. }
            | Fact::Notice { .. } => {}
        }
    }
}

/// Confidant's name of something about JSON web tokens.
pub(super) fn jwt_name(count: JwtCount, of: &str, to: Option<&str>) -> String {
    let both = to.map_or_else(|| of.to_owned(), |to| format!("{of}.{to}"));
    match count {
        JwtCount::TokenHit => format!("jwt.get_jwt.cache.{both}.hit"),
        JwtCount::TokenMiss => format!("jwt.get_jwt.cache.{both}.miss"),
        JwtCount::TokenMade => format!("jwt.get_jwt.{both}.create"),
        JwtCount::ActiveKey => format!("jwt.get_active_key.{both}"),
        JwtCount::KeysHit => format!("jwt.get_jwks.{of}.hit"),
        JwtCount::KeysMiss => format!("jwt.get_jwks.{of}.miss"),
    }
}

impl StatsdLines {
    /// Sends lines to `host:port` for as long as there is somebody to make them. Lines that wait go
    /// out together, each on a line of its own. A server that is not there costs nothing but them.
    pub async fn send_to(mut self, host: String, port: u16, clock: Arc<dyn Clock>) {
        let mut place: Option<(UdpSocket, SocketAddr, Duration)> = None;
        let mut told = 0;
        while let Some(first) = self.lines.recv().await {
            let datagram = self.with_others(first);
            let now = clock.monotonic();
            let old = place
                .as_ref()
                .is_none_or(|(_, _, since)| now.saturating_sub(*since) >= FOUND_ANEW);
            if old {
                // A name may mean another machine by now; without an answer the last one holds.
                match find(&host, port).await {
                    Ok((socket, address)) => place = Some((socket, address, now)),
                    Err(error) => {
                        tracing::warn!(%error, "STATSD_HOST is not found, metrics are not sent");
                        if let Some((_, _, since)) = &mut place {
                            *since = now;
                        }
                    }
                }
            }
            match &place {
                // Nobody there is an error of an earlier datagram at most.
                Some((socket, address, _)) => {
                    let _nobody_there = socket.send_to(datagram.as_bytes(), *address).await;
                }
                None => {
                    // Not asked for each line.
                    clock.sleep(NOT_FOUND).await;
                }
            }
            let dropped = self.dropped.load(Ordering::Relaxed);
            if dropped > told {
                tracing::warn!(
                    lines = dropped - told,
                    "metrics for statsd were dropped, too many waited"
                );
                told = dropped;
            }
        }
    }

    /// As many waiting lines as fit into one datagram that no network cuts.
    fn with_others(&mut self, first: String) -> String {
        let mut datagram = first;
        // The next line may be as long as names are: no more is taken where that might not fit.
        while datagram.len() < DATAGRAM - LONGEST_LINE {
            match self.lines.try_recv() {
                Ok(line) => {
                    datagram.push('\n');
                    datagram.push_str(&line);
                }
                Err(_none_waits) => break,
            }
        }
        datagram
    }
}

async fn find(host: &str, port: u16) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let address = lookup_host((host, port)).await?.next();
    let address = address.ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let any: SocketAddr = if address.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    Ok((UdpSocket::bind(any).await?, address))
}

fn is_plain(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '-' || sign == '_'
}

/// Lines that wait at most.
const WAITING: usize = 8_192;
/// Parts of names told apart; all further ones are `other`.
const TOLD_APART: usize = 1_024;
/// Units: bytes of a datagram, within Ethernet's 1,500 less the headers.
const DATAGRAM: usize = 1_432;
const LONGEST_LINE: usize = 400;
/// How long a name's address is used.
const FOUND_ANEW: Duration = Duration::from_secs(60);
const NOT_FOUND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn told(facts: &[Fact<'_>]) -> Vec<String> {
        let (statsd, mut lines) = Statsd::new();
        for fact in facts {
            statsd.happened(*fact);
        }
        std::iter::from_fn(|| lines.lines.try_recv().ok()).collect()
    }

    #[test]
    fn a_caller_cannot_make_lines_or_parts_of_its_own() {
        let count = JwtCount::TokenMade;
        let fact = |to| Fact::Jwt {
            count,
            of: "kid-1",
            to: Some(to),
        };
        assert_eq!(
            told(&[fact("bob"), fact("a.b|c\nconfidant.x:9")]),
            [
                "confidant.jwt.get_jwt.kid-1.bob.create:1|c",
                "confidant.jwt.get_jwt.kid-1.a_b_c_confidant_x_9.create:1|c",
            ]
        );
    }

    #[test]
    fn more_callers_than_are_told_apart_are_one() {
        let (statsd, _lines) = Statsd::new();
        for number in 0..TOLD_APART {
            assert_ne!(statsd.part(&number.to_string()), "other");
        }
        assert_eq!(statsd.part("one too many"), "other");
        assert_eq!(statsd.part("7"), "7", "who was there first stays");
    }

    #[test]
    fn lines_that_nobody_takes_are_dropped_and_counted() {
        let (statsd, lines) = Statsd::new();
        for _ in 0..WAITING + 3 {
            statsd.count("at_rest_action");
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn waiting_lines_go_together_as_far_as_a_datagram_takes_them() {
        let (statsd, mut lines) = Statsd::new();
        for _ in 0..100 {
            statsd.count("at_rest_action");
        }
        let first = lines.lines.try_recv().unwrap();
        let datagram = lines.with_others(first);
        assert!(datagram.len() <= DATAGRAM);
        assert!(datagram.lines().count() > 20);
        assert!(
            datagram
                .lines()
                .all(|line| line == "confidant.at_rest_action:1|c")
        );
    }
}
