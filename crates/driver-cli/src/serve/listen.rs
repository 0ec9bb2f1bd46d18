//! Accepts connections within limits, and stops the service.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::FutureExt;
use futures_util::future::{OptionFuture, pending, ready, select};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use sd_notify::NotifyState;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::operations::Requests;
use super::security::with_token;
use super::{Service, auction, error, notify, operations, page, request_body};
use crate::arguments::Switch;
use crate::exit::{Failure, print_line};
use crate::signals::Signals;
use crate::spooling::stop_waiting_for_uploads;

/// How long a connection may be without a request, whose head must arrive by then. Longer than clients keep idle connections,
/// 90 s at most: a request that is sent while the connection is being closed would be lost.
const IDLE_LIMIT: Duration = Duration::from_secs(120);
/// How many connections are open at most. More wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// How many requests an HTTP/2 connection may have at a time.
const MOST_STREAMS: u32 = 64;
/// How long to wait after accepting has failed, for example because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

fn router(service: &Arc<Service>) -> Router {
    let engine = Router::new()
        .route("/solve", post(auction::solve))
        .route("/notify", post(notify::notify))
        .layer(from_fn(request_body::decompressed))
        .layer(from_fn_with_state(Arc::clone(service), with_token));
    let mut router = Router::new()
        .merge(engine)
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics));
    if service.arguments.page == Switch::On {
        router = router
            .route("/", get(page::overview))
            .route("/auctions/{number}", get(page::auction));
    }
    let nothing = "there is nothing at this path: auctions go to /solve, notifications to /notify";
    let router = router.fallback(move || ready(error(StatusCode::NOT_FOUND, nothing)));
    let measured = from_fn_with_state(Arc::clone(service), operations::measured);
    let router = router.layer(measured);
    let router = router.layer(map_request(request_body::read_to_its_end));
    router.with_state(Arc::clone(service))
}

/// Accepts connections until a signal says to stop, and then finishes what is under way, within a limit. A second signal ends
/// it at once.
pub(super) async fn until_stopped(
    service: &Arc<Service>,
    listener: TcpListener,
) -> Result<ExitCode, Failure> {
    let mut signals = Signals::after(None);
    let reloading = service.reload_when_asked()?;
    // The address is printed when all signals are handled.
    let address = listener.local_addr().map_err(Failure::of("no address"))?;
    print_line(&format!("http://{address}"))?;
    let connections = GracefulShutdown::new();
    let mut server = Builder::new(TokioExecutor::new());
    server.http2().max_concurrent_streams(MOST_STREAMS);
    let app = router(service);
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    operations::tell_systemd(NotifyState::Ready);
    loop {
        tokio::select! {
            _signal = signals.next() => break,
            (stream, connection) = accept(&listener, &free) => {
                let requests = Requests::default();
                let app = TowerToHyperService::new(app.clone().layer(Extension(requests.clone())));
                let serving = server.serve_connection(TokioIo::new(stream), app);
                let serving = connections.watch(serving.into_owned());
                tokio::spawn(async move {
                    // An error of a connection concerns its peer only.
                    select(pin!(serving), pin!(idle(requests))).await;
                    drop(connection);
                });
            }
        }
    }
    // The system refuses new connections from now on, so that drivers can go elsewhere.
    drop(listener);
    drop(reloading);
    operations::tell_systemd(NotifyState::Stopping);
    tracing::info!("stopping: finishing what is under way");
    service.tasks.close();
    let engines = service.engines();
    let finished = async {
        connections.shutdown().await;
        let archived = async {
            service.tasks.wait().await;
            engines.pipeline.drain().await;
        };
        let uploads = engines.spool().map(stop_waiting_for_uploads);
        let uploads = OptionFuture::from(uploads).then(|_| pending::<()>());
        tokio::select! {
            () = archived => {}
            () = uploads => {}
        }
    };
    let limit = service.arguments.stop_timeout;
    tokio::select! {
        ended = timeout(limit, finished) => {
            if ended.is_err() {
                let left = service.tasks.len();
                tracing::warn!("stopped: {left} auctions or archives unfinished after {limit:?}");
            }
            Ok(ExitCode::SUCCESS)
        }
        signal = signals.next() => {
            let line = "stopped at once: auctions or archives may be unfinished";
            Err(Failure::interrupted(signal, line))
        }
    }
}

/// Ends when a connection has been without a request for [`IDLE_LIMIT`], also if it has sent nothing, or has not read its
/// answer to the end.
async fn idle(requests: Requests) {
    let mut changes = requests.subscribe();
    loop {
        // The sender is there.
        let none = changes.wait_for(|requests| *requests == 0).await;
        drop(none);
        if timeout(IDLE_LIMIT, changes.changed()).await.is_err() {
            return;
        }
    }
}

/// The next connection, and its permit.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let connection = Arc::clone(free).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                // Answers are written in one piece, so there is nothing to wait for.
                let _set = stream.set_nodelay(true);
                return (stream, connection);
            }
            Err(error) => {
                tracing::warn!("a connection cannot be accepted: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_when_it_has_been_without_a_request_for_two_minutes() {
        let started = Instant::now();
        idle(Requests::default()).await;
        assert_eq!(started.elapsed(), IDLE_LIMIT);
        let requests = Requests::default();
        let mut ending = pin!(idle(requests.clone()));
        for open in [1, 2, 1] {
            requests.send_replace(open);
            assert!(timeout(IDLE_LIMIT * 9, ending.as_mut()).await.is_err());
        }
        for open in [0, 1, 0] {
            requests.send_replace(open);
            assert!(timeout(IDLE_LIMIT / 2, ending.as_mut()).await.is_err());
        }
        let left = Instant::now();
        ending.await;
        assert_eq!(left.elapsed(), IDLE_LIMIT / 2);
    }
}
