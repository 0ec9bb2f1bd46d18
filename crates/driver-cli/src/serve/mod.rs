//! `serve`: the pipeline as a service beside any driver, to which it is a solver engine.
//!
//! ```text
//! driver ── POST /solve ──► document on disk ──► pipeline ──► engines, archive
//!        ◄── merged answers ──────────────────────┘
//! ```
//!
//! The body is written to a temporary file as it arrives, and the pipeline reads it from there at the same time. Each auction
//! has its own task: when the driver goes away, the requests to the engines are cancelled, and the archive goes on.

mod auction;
mod engines;
mod history;
mod listen;
mod merge;
mod notify;
mod operations;
mod page;
mod request_body;
mod security;

use std::process::ExitCode;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::future::OptionFuture;
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use upload_client::UploadClient;

use self::engines::Engines;
use self::history::History;
use self::notify::Solutions;
use self::operations::{RequestMeters, StoreCheck};
use crate::arguments::ServeArguments;
use crate::exit::Failure;
use crate::otlp_export::{Export, exporting};
use crate::spooling::Uploading;

/// How many archives may outlast their auctions, for each auction that may be under way.
const ARCHIVES_FOR_EACH_AUCTION: usize = 4;

/// The state that all requests share.
struct Service {
    arguments: ServeArguments,
    /// Replaced when the configuration is read again; an auction keeps those that it started with.
    engines: Mutex<Arc<Engines>>,
    /// Uploads the spool's objects to the store.
    uploading: Mutex<Option<Uploading>>,
    /// Shared by all pipelines and notifications, so that connections outlast a configuration.
    client: UploadClient,
    export: Export,
    registry: Registry,
    meters: RequestMeters,
    auctions: Arc<Semaphore>,
    archives: Arc<Semaphore>,
    /// Auctions, with their archives, and notifications.
    tasks: TaskTracker,
    solutions: Mutex<Solutions>,
    history: Mutex<History>,
    store: StoreCheck,
}

impl Service {
    fn engines(&self) -> Arc<Engines> {
        Arc::clone(&self.engines.lock())
    }

    /// Reads the configuration again at each `SIGHUP`. The old one serves until the new one is ready.
    fn reload_when_asked(self: &Arc<Self>) -> Result<AbortOnDropHandle<()>, Failure> {
        let hangup = signal(SignalKind::hangup());
        let mut hangup = hangup.map_err(Failure::of("SIGHUP cannot be received"))?;
        let service = Arc::clone(self);
        let reloading = async move {
            while hangup.recv().await.is_some() {
                match service.reload().await {
                    Ok(()) => tracing::info!("the configuration was reloaded"),
                    Err(failure) => tracing::error!(
                        "the configuration has a mistake, and the old one stays: {failure}"
                    ),
                }
            }
        };
        Ok(AbortOnDropHandle::new(tokio::spawn(reloading)))
    }

    /// Reads the configuration again. A mistake in it changes nothing.
    async fn reload(&self) -> Result<(), Failure> {
        let before = self.engines();
        let engines =
            Engines::read(&self.arguments, &self.client, &self.export, Some(&before)).await?;
        let is_elsewhere = engines.archives_elsewhere(&before);
        if is_elsewhere {
            // Both may have the same spool, from which one uploads at a time.
            let uploading = self.uploading.lock().take();
            OptionFuture::from(uploading.map(Uploading::stop)).await;
            match engines.begin_to_archive().await {
                Ok(started) => *self.uploading.lock() = started,
                Err(failure) => tracing::error!("nothing is uploaded: {failure}"),
            }
        }
        *self.engines.lock() = Arc::new(engines);
        if is_elsewhere {
            self.store.forget().await;
        }
        Ok(())
    }
}

/// An error, as JSON.
fn error(status: StatusCode, why: impl Into<String>) -> Response {
    let body = serde_json::json!({ "error": why.into() });
    json(status, body.to_string())
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Serves until a signal ends it.
pub(super) async fn run(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    let config = arguments.engines.config()?;
    let otlp = arguments.engines.otlp(&config);
    let registry = Registry::new();
    let scraped = registry.clone();
    // The service owns the export, so that it can attach the pipelines of later configurations.
    exporting(otlp.as_deref(), Some(&scraped), async move |export| {
        serve(arguments, export.clone(), registry).await
    })
    .await
}

async fn serve(
    arguments: ServeArguments,
    export: Export,
    registry: Registry,
) -> Result<ExitCode, Failure> {
    security::check(&arguments)?;
    if let Some(folder) = &arguments.answers {
        let label = format!("--answers: {} cannot be made", folder.display());
        std::fs::create_dir_all(folder).map_err(Failure::input(label))?;
    }
    let client = UploadClient::default();
    let engines = Engines::read(&arguments, &client, &export, None).await?;
    let uploading = engines.begin_to_archive().await?;
    let label = format!("cannot listen on {}", arguments.listen);
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.map_err(Failure::input(label))?;
    let auctions = usize::from(arguments.max_auctions);
    let service = Arc::new(Service {
        engines: Mutex::new(Arc::new(engines)),
        uploading: Mutex::new(uploading),
        client,
        meters: RequestMeters::new(&export.meter()),
        export,
        registry,
        auctions: Arc::new(Semaphore::new(auctions)),
        archives: Arc::new(Semaphore::new(auctions * ARCHIVES_FOR_EACH_AUCTION)),
        tasks: TaskTracker::new(),
        solutions: Mutex::default(),
        history: Mutex::default(),
        store: StoreCheck::default(),
        arguments,
    });
    let stopped = listen::until_stopped(&service, listener).await;
    // Uploads that are given up stay in the spool.
    let uploading = service.uploading.lock().take();
    OptionFuture::from(uploading.map(Uploading::stop)).await;
    stopped
}
