//! The HTTP side over a real socket: limits, an orderly stop, writes that go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use keep::Clock;
use server::{HttpLimits, Https, Site, Stopped, every, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

pub(crate) struct TokioClock(pub(crate) tokio::time::Instant);

#[async_trait::async_trait]
impl Clock for TokioClock {
    fn now(&self) -> keep::Timestamp {
        keep::Timestamp::from_seconds(0)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::timeout(pause, std::future::pending::<()>())
            .await
            .ok();
    }
}

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Stopped>,
}

async fn run(doors: Vec<Router>, limits: HttpLimits) -> Running {
    run_with(doors, limits, Https::default()).await
}

async fn run_with(doors: Vec<Router>, limits: HttpLimits, https: Https) -> Running {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock(tokio::time::Instant::now()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let site = Site::new(doors, limits, https, Arc::clone(&clock));
    let ended = tokio::spawn(serve(listener, site, limits, clock, async {
        stopped.await.ok();
    }));
    Running {
        address,
        stop,
        ended,
    }
}

pub(crate) async fn exchange(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) fn close(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn the_front_page_says_what_runs_here_and_loads_nothing_from_elsewhere() {
    let server = run(Vec::new(), HttpLimits::default()).await;
    let page = exchange(server.address, &close("GET", "/")).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(
        page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    assert!(
        page.contains("docs/guarantees.md") && !page.contains("src=") && !page.contains("http://"),
        "{page}"
    );
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_takes_no_new_one() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let door = Router::new().route("/slow", {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        get(move || async move {
            entered.notify_one();
            leave.notified().await;
            "done"
        })
    });
    let server = run(vec![door], HttpLimits::default()).await;
    let slow = tokio::spawn(async move { exchange(server.address, &close("GET", "/slow")).await });
    entered.notified().await;
    server.stop.send(()).unwrap();
    // The listener is gone as soon as the stop is seen.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.notify_one();
    assert!(slow.await.unwrap().ends_with("done"));
    assert_eq!(server.ended.await.unwrap(), Stopped::Drained);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let door = Router::new().route("/stuck", get(std::future::pending::<&str>));
    let limits = HttpLimits {
        drain: Duration::from_millis(50),
        ..HttpLimits::default()
    };
    let server = run(vec![door], limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(close("GET", "/stuck").as_bytes())
        .await
        .unwrap();
    // The next connection's answer shows that the one before was accepted.
    exchange(server.address, &close("GET", "/")).await;
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), Stopped::CutOff);
}

#[tokio::test]
async fn a_write_goes_on_when_its_client_goes_away() {
    let (entered, leave, finished) = (
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
    );
    let writes = Arc::new(AtomicU32::new(0));
    let door = Router::new().route("/write", {
        let (entered, leave, finished, writes) = (
            Arc::clone(&entered),
            Arc::clone(&leave),
            Arc::clone(&finished),
            Arc::clone(&writes),
        );
        post(move || async move {
            entered.notify_one();
            leave.notified().await;
            writes.fetch_add(1, Ordering::SeqCst);
            finished.notify_one();
            "written"
        })
    });
    let server = run(vec![door], HttpLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(close("POST", "/write").as_bytes())
        .await
        .unwrap();
    entered.notified().await;
    drop(stream);
    // The server has seen the broken connection once it serves another one.
    exchange(server.address, &close("GET", "/")).await;
    leave.notify_one();
    finished.notified().await;
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_503_with_retry_after() {
    let door = Router::new().route("/stuck", get(std::future::pending::<&str>));
    let limits = HttpLimits {
        request: Duration::from_millis(20),
        ..HttpLimits::default()
    };
    let server = run(vec![door], limits).await;
    let answer = exchange(server.address, &close("GET", "/stuck")).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_cut_off() {
    let limits = HttpLimits {
        headers: Duration::from_millis(50),
        ..HttpLimits::default()
    };
    let server = run(Vec::new(), limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_header_flood_is_refused() {
    let server = run(Vec::new(), HttpLimits::default()).await;
    let flood: String = (0..100).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = exchange(
        server.address,
        &format!("GET / HTTP/1.1\r\nHost: x\r\n{flood}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_stop_waits_for_a_write_whose_client_has_left() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let writes = Arc::new(AtomicU32::new(0));
    let door = Router::new().route("/write", {
        let (entered, leave, writes) = (
            Arc::clone(&entered),
            Arc::clone(&leave),
            Arc::clone(&writes),
        );
        post(move || async move {
            entered.notify_one();
            leave.notified().await;
            writes.fetch_add(1, Ordering::SeqCst);
            "written"
        })
    });
    let server = run(vec![door], HttpLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(close("POST", "/write").as_bytes())
        .await
        .unwrap();
    entered.notified().await;
    drop(stream);
    exchange(server.address, &close("GET", "/")).await;
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.ended.is_finished());
    leave.notify_one();
    assert_eq!(server.ended.await.unwrap(), Stopped::Drained);
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_write_that_takes_too_long_is_told_that_it_may_still_be_done() {
    let door = Router::new().route("/write", post(std::future::pending::<&str>));
    let limits = HttpLimits {
        request: Duration::from_millis(20),
        ..HttpLimits::default()
    };
    let server = run(vec![door], limits).await;
    let answer = exchange(server.address, &close("POST", "/write")).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("may still be done"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_write_that_panics_is_answered_and_the_server_lives() {
    async fn broken() -> &'static str {
        panic!("broken on purpose")
    }
    let server = run(
        vec![Router::new().route("/write", post(broken))],
        HttpLimits::default(),
    )
    .await;
    assert!(
        exchange(server.address, &close("POST", "/write"))
            .await
            .starts_with("HTTP/1.1 503")
    );
    assert!(
        exchange(server.address, &close("GET", "/"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn a_further_client_waits_for_a_place_and_is_served_when_one_leaves() {
    let limits = HttpLimits {
        connections: 1,
        ..HttpLimits::default()
    };
    let server = run(Vec::new(), limits).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let second = tokio::spawn(async move { exchange(server.address, &close("GET", "/")).await });
    // The first client has the only place; asking it round shows that the second got none.
    let mut first = first;
    first
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 12];
    first.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_loses_its_place() {
    let door = Router::new().route("/big", get(|| async { "x".repeat(8 << 20) }));
    let limits = HttpLimits {
        connections: 1,
        stall: Duration::from_millis(50),
        ..HttpLimits::default()
    };
    let server = run(vec![door], limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent
        .write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = exchange(server.address, &close("GET", "/")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
}

#[tokio::test]
async fn background_work_that_panics_or_fails_comes_round_again() {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock(tokio::time::Instant::now()));
    let (rounds, thrice) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let work = every("test", clock, Duration::from_millis(1), {
        let (rounds, thrice) = (Arc::clone(&rounds), Arc::clone(&thrice));
        move || {
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            let thrice = Arc::clone(&thrice);
            async move {
                match round {
                    0 => panic!("broken on purpose"),
                    1 => Err("failed on purpose"),
                    _ => {
                        thrice.notify_one();
                        Ok(())
                    }
                }
            }
        }
    });
    thrice.notified().await;
    work.abort();
    assert!(rounds.load(Ordering::SeqCst) >= 3);
}

fn redirecting() -> Https {
    Https {
        redirect: true,
        ..Https::default()
    }
}

fn forwarded(method: &str, path: &str, proto: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: keep.example.com\r\nConnection: close\r\nX-Forwarded-Proto: {proto}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn who_comes_without_https_is_sent_there_but_for_the_health_check() {
    let door = Router::new()
        .route("/healthcheck", get(|| async { "well" }))
        .route("/v1/things", post(|| async { "written" }));
    let server = run_with(vec![door], HttpLimits::default(), redirecting()).await;
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/v1/things?a=b%20c"),
        ("GET", "//evil.example/x"),
    ] {
        for proto in ["http", "HTTPS", "https, http", ""] {
            let answer = exchange(server.address, &forwarded(method, path, proto)).await;
            assert!(answer.starts_with("HTTP/1.1 302"), "{proto}: {answer}");
            let there = format!("location: https://keep.example.com{path}\r\n");
            assert!(answer.contains(&there), "{answer}");
            assert!(!answer.contains("strict-transport-security"), "{answer}");
        }
    }
    let well = exchange(server.address, &close("GET", "/healthcheck")).await;
    assert!(well.starts_with("HTTP/1.1 200"), "{well}");
    for host in ["", "a@b", "a b"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
}

#[tokio::test]
async fn browsers_are_bound_to_https_by_a_trusted_proxys_word() {
    let server = run_with(Vec::new(), HttpLimits::default(), redirecting()).await;
    let answer = exchange(server.address, &forwarded("GET", "/", "https")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000\r\n"),
        "{answer}"
    );
    let free = run(Vec::new(), HttpLimits::default()).await;
    let answer = exchange(free.address, &forwarded("GET", "/", "https")).await;
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}
