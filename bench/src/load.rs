//! The load: so many requests over sixteen keep-alive connections, every answer checked.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::check;
use crate::clock;
use crate::connection::{Answer, Connection, request};
use crate::workload::Service;

/// Connections at once.
pub(crate) const CONNECTIONS: usize = 16;

/// What a service logs in with.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) token: String,
}

impl Login {
    /// The value of the `Authorization` header.
    pub(crate) fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.username, self.token))
        )
    }
}

/// Each service's own request, ready to send, and what must come back.
pub(crate) struct Calls<'a> {
    pub(crate) services: &'a [Service],
    requests: Vec<Vec<u8>>,
}

impl<'a> Calls<'a> {
    /// `logins` in the order of the services.
    pub(crate) fn new(services: &'a [Service], logins: &[Login]) -> Self {
        let requests = services.iter().zip(logins).map(|(service, login)| {
            let path = format!("/v1/services/{}", service.id);
            request(
                "GET",
                &path,
                &[
                    ("Authorization", &login.basic()),
                    ("Accept", "application/json"),
                ],
                "",
            )
        });
        Self {
            services,
            requests: requests.collect(),
        }
    }
}

/// How a load went.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) requests: usize,
    pub(crate) errors: usize,
    pub(crate) first_error: Option<String>,
    pub(crate) reconnects: u64,
    pub(crate) seconds: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Asks for `order`'s services, in that order, as fast as the answers come.
pub(crate) fn drive(address: SocketAddr, calls: &Calls<'_>, order: &[usize]) -> Outcome {
    drive_and(address, calls, order, |_, _| {})
}

/// The same, and shows each answer that is right to `seen`, with its service's place.
pub(crate) fn drive_and(
    address: SocketAddr,
    calls: &Calls<'_>,
    order: &[usize],
    seen: impl Fn(usize, &Answer) + Sync,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let gathered = Mutex::new((Outcome::default(), Vec::with_capacity(order.len())));
    let start = clock::now();
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let (one, mut times) = converse(address, calls, order, &next, &seen);
                let mut gathered = gathered
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                let (all, all_times) = &mut *gathered;
                all_times.append(&mut times);
                all.errors += one.errors;
                all.reconnects += one.reconnects;
                all.first_error = all.first_error.take().or(one.first_error);
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let (mut all, mut times) = gathered
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    times.sort_unstable();
    all.requests = times.len();
    all.seconds = seconds;
    all.requests_per_second = times.len() as f64 / seconds;
    all.p50_ms = percentile(&times, 50);
    all.p99_ms = percentile(&times, 99);
    all
}

fn converse(
    address: SocketAddr,
    calls: &Calls<'_>,
    order: &[usize],
    next: &AtomicUsize,
    seen: &impl Fn(usize, &Answer),
) -> (Outcome, Vec<Duration>) {
    let mut connection = Connection::to(address);
    let (mut outcome, mut times) = (Outcome::default(), Vec::new());
    let mut answer = Answer::default();
    while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let (Some(service), Some(request)) = (calls.services.get(at), calls.requests.get(at))
        else {
            break;
        };
        let start = clock::now();
        let sent = connection.send(request, &mut answer);
        times.push(start.elapsed());
        let wrong = match sent {
            Ok(()) => check::wrong(&answer, service),
            Err(error) => Some(format!("{}: {error}", service.id)),
        };
        match wrong {
            None => seen(at, &answer),
            Some(wrong) => {
                outcome.errors += 1;
                outcome.first_error.get_or_insert(wrong);
            }
        }
    }
    outcome.reconnects = connection.reconnects;
    (outcome, times)
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(at)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
