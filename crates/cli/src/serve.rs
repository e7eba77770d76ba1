//! `keepward serve`.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use keep::Clock;
use server::metrics::{Metrics, metrics_page};
use server::settings::MetricsAt;
use server::{Config, HttpLimits, Https, Stopped};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::arguments::Serve;
use crate::exit::{Failure, Kind, Outcome, internal};
use crate::house::House;
use crate::wiring::Wiring;
use crate::{config_command, log, output, privacy, settings};

pub(crate) fn run(file: Option<&Path>, asked: &Serve, wiring: &Wiring) -> Outcome {
    let config = settings::read_over(file, &|name| match name {
        "FORWARDED_ALLOW_IPS" => asked.forwarded_allow_ips.clone(),
        _ => None,
    })?;
    log::start(&config.log, config.log_json)?;
    runtime()?.block_on(serve(&config, wiring, |_listening| {
        std::future::ready(Ok(()))
    }))
}

/// The runtime of a server.
pub(crate) fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("starting the runtime", error))
}

/// A server that listens.
pub(crate) struct Listening {
    /// Its address as a URL.
    pub(crate) url: String,
    /// The operator's key, in embedded mode.
    pub(crate) operator_key: Option<std::path::PathBuf>,
}

/// Serves until SIGTERM or SIGINT. `then` runs once the server answers; when it fails, so does this.
pub(crate) async fn serve<F>(
    config: &Config,
    wiring: &Wiring,
    then: impl FnOnce(Listening) -> F,
) -> Outcome
where
    F: Future<Output = Outcome> + Send + 'static,
{
    // Once more, now that a failure of it can be logged.
    privacy::protect();
    for setting in &config.without_effect {
        tracing::warn!(setting = setting.name, "has no effect in this version");
    }
    // Not by the log, which may be set to leave it out.
    for danger in &config.dangers {
        output::warning(&format!("DANGER: {}", danger.warning));
    }
    for warning in config_command::warnings(config) {
        tracing::warn!("{warning}");
    }
    let mut stop = Box::pin(stop_signal()?);
    let mut house = tokio::select! {
        house = House::open(config, wiring) => house?,
        () = &mut stop => {
            tracing::info!("stopped before it listened");
            return Ok(());
        }
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| cannot_listen(config.listen, &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| internal("reading the address", error))?;
    let https = Https {
        redirect: config.redirect_to_https,
        trusted: config.trusted_peers.clone(),
    };
    let clock = house.clock().clone();
    let mut doors = house.doors();
    if let (MetricsAt::Main, Some(metrics)) = (config.metrics.at, house.metrics()) {
        doors.push(metrics_page(Arc::clone(metrics)));
    }
    let mut site = server::Site::new(doors, config.http, https, Arc::clone(&clock));
    if let Some(metrics) = house.metrics() {
        site = site.counted_by(Arc::clone(metrics), clock);
    }
    let mut background = house.start_background();
    if let (MetricsAt::Own(address), Some(metrics)) = (config.metrics.at, house.metrics()) {
        background.push(serve_metrics(address, metrics, house.clock()).await?);
    }
    let url = format!("http://{address}");
    let serving = tokio::spawn(server::serve(
        listener,
        site,
        config.http,
        house.clock().clone(),
        stop,
    ));
    output::text(&format!("keepward is listening on {url}\n"))?;
    tracing::info!(%url, "listening");

    let operator_key = house.operator_key.clone();
    let then = tokio::spawn(then(Listening { url, operator_key }));
    let after = match then.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(failure),
        Err(error) => Err(internal("starting", error)),
    };
    let stopped = match &after {
        Ok(()) => serving.await.map_err(|error| internal("serving", error))?,
        Err(_) => {
            serving.abort();
            Stopped::CutOff
        }
    };
    for work in background {
        work.abort();
    }
    house.close().await;
    let cut_off = stopped == Stopped::CutOff;
    tracing::info!(cut_off, panics = privacy::panics(), "stopped");
    after
}

/// Serves `/metrics` alone, until the handle is aborted.
async fn serve_metrics(
    address: SocketAddr,
    metrics: &Arc<Metrics>,
    clock: &Arc<dyn Clock>,
) -> Outcome<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let what = format!("cannot listen on {address} for metrics: {error}");
        Failure::new(Kind::Unavailable, what).hint("KEEPWARD_METRICS chooses another address")
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| internal("reading the address", error))?;
    let limits = HttpLimits {
        connections: 64,
        ..HttpLimits::default()
    };
    let pages = vec![metrics_page(Arc::clone(metrics))];
    let site = server::Site::new(pages, limits, Https::default(), Arc::clone(clock));
    let serving = server::serve(
        listener,
        site,
        limits,
        Arc::clone(clock),
        std::future::pending(),
    );
    output::text(&format!("metrics are on http://{address}/metrics\n"))?;
    Ok(tokio::spawn(async move {
        serving.await;
    }))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::new(
        Kind::Unavailable,
        format!("cannot listen on {address}: {error}"),
    )
    .hint("HOST and PORT choose another address; PORT=0 takes a free port")
}

/// Ready when the process is asked to stop. Taken up before anything is opened, so that no signal
/// is lost.
fn stop_signal() -> Outcome<impl Future<Output = ()> + Send + 'static> {
    let failed = |error| internal("listening for signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
