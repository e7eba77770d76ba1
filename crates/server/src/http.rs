//! From a listening socket to the doors: limits, headers, an orderly stop.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use keep::Clock;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;

use crate::front_page::FRONT_PAGE;
use crate::https::{self, Https};
use crate::impatient::Impatient;
use crate::metrics::{self, Metrics};
use crate::request_log;

/// What one client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// How long a client may take to send its headers.
    pub headers: Duration,
    /// How long a request may take before 503.
    pub request: Duration,
    /// How long a client may take none of what is sent to it.
    pub stall: Duration,
    /// How long requests under way may take to finish after a stop was asked for.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            headers: Duration::from_secs(10),
            request: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request under way was answered.
    Drained,
    /// Some were still under way after [`HttpLimits::drain`].
    CutOff,
}

/// Everything behind one address, ready to be served.
pub struct Site {
    router: Router,
    /// Every write under way holds a clone of the sender.
    writing: mpsc::Sender<Infallible>,
    written: mpsc::Receiver<Infallible>,
}

impl Site {
    /// The doors, with the front page and the limits that hold for all of them.
    pub fn new(
        doors: Vec<Router>,
        limits: HttpLimits,
        https: Https,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (writing, written) = mpsc::channel(1);
        let plain = Router::new().route("/", get(front_page));
        let bounds = Bounds {
            request: limits.request,
            clock: Arc::clone(&clock),
            writing: writing.clone(),
        };
        let router = doors
            .into_iter()
            .fold(plain, Router::merge)
            .layer(middleware::from_fn_with_state(
                bounds,
                finish_writes_and_limit_time,
            ))
            .layer(middleware::from_fn_with_state(
                Arc::new(https),
                https::insist,
            ))
            .layer(middleware::from_fn_with_state(clock, request_log::log));
        Self {
            router,
            writing,
            written,
        }
    }
}

impl Site {
    /// The same, with its answered requests counted.
    #[must_use]
    pub fn counted_by(mut self, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let count = middleware::from_fn_with_state((metrics, clock), metrics::count);
        self.router = self.router.layer(count);
        self
    }
}

/// Serves until `stop` is ready, then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    limits: HttpLimits,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()>,
) -> Stopped {
    let Site {
        router,
        writing,
        mut written,
    } = site;
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: wait rather than spin.
                tracing::warn!(%error, "cannot accept a connection");
                clock.sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _slower_without = stream.set_nodelay(true);
        let service = TowerToHyperService::new(with_peer(router.clone(), peer));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_headers(64)
            .max_buf_size(64 * 1024)
            .serve_connection(
                TokioIo::new(Impatient::new(stream, Arc::clone(&clock), limits.stall)),
                service,
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // A client that goes away or sends nonsense is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    let finished = async {
        graceful.shutdown().await;
        // Writes whose client has left are under way without a connection.
        drop((router, writing));
        written.recv().await;
    };
    tokio::select! {
        () = finished => Stopped::Drained,
        () = clock.sleep(limits.drain) => Stopped::CutOff,
    }
}

fn with_peer(
    router: Router,
    peer: SocketAddr,
) -> impl tower::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Send,
> + Clone {
    router.map_request(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    })
}

/// What bounds a request.
#[derive(Clone)]
struct Bounds {
    request: Duration,
    clock: Arc<dyn Clock>,
    writing: mpsc::Sender<Infallible>,
}

/// Bounds the time of every request. A write goes on when its client goes away or its time is up,
/// so that it is never left half recorded.
async fn finish_writes_and_limit_time(
    State(bounds): State<Bounds>,
    request: Request,
    next: Next,
) -> Response {
    let Bounds {
        request: longest,
        clock,
        writing,
    } = bounds;
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return tokio::select! {
            response = next.run(request) => response,
            () = clock.sleep(longest) => too_slow(READ_TOO_SLOW),
        };
    }
    let write = tokio::spawn(async move {
        let response = next.run(request).await;
        drop(writing);
        response
    });
    tokio::select! {
        done = write => done.unwrap_or_else(|_panicked_or_stopping| too_slow(WRITE_TOO_SLOW)),
        () = clock.sleep(longest) => too_slow(WRITE_TOO_SLOW),
    }
}

const READ_TOO_SLOW: &str =
    r#"{"error": "the server did not finish this request in time, try again"}"#;
const WRITE_TOO_SLOW: &str = r#"{"error": "the server did not finish this write in time, and it may still be done; look before you try again"}"#;

fn too_slow(body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::RETRY_AFTER, "1"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

/// Public: says what runs here and nothing about what it holds.
async fn front_page() -> Response {
    let mut page = Html(FRONT_PAGE).into_response();
    page.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"),
    );
    page.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    page
}
