//! `serve`: the pipeline as a service beside any driver, to which it is a solver engine.
//!
//! ```text
//! driver ── POST /solve ──► document on disk ──► pipeline ──► engines, archive
//!        ◄── merged answers ──────────────────────┘
//! ```
//!
//! The body is kept in a temporary file as it comes, and the pipeline reads it from there while it is still coming. Each
//! auction is a task of its own: when its driver goes away, its requests are cancelled, and its archive goes on.

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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::OptionFuture;
use jiff::Timestamp;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use upload_client::UploadClient;

use self::engines::Engines;
use self::history::History;
use self::notify::Solutions;
use self::operations::{RequestMeters, StoreCheck};
use crate::arguments::ServeArguments;
use crate::exit::{Failure, print_line};
use crate::otlp_export::{Export, exporting};
use crate::spooling::Uploading;

/// How many archives may go on after their auctions, for each auction that may be under way.
const ARCHIVES_FOR_EACH_AUCTION: usize = 4;

/// All that the service has and knows.
struct Service {
    arguments: ServeArguments,
    /// Replaced as a whole when the configuration is read again; an auction keeps those that it began with.
    engines: Mutex<Arc<Engines>>,
    /// One for all pipelines and notifications: connections outlast a configuration.
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
        Arc::clone(&lock(&self.engines))
    }

    /// Reads the configuration again. A mistake in it changes nothing.
    async fn reload(&self, uploading: &mut Option<Uploading>) {
        let before = self.engines();
        let read = Engines::read(&self.arguments, &self.client, &self.export, Some(&before));
        match read.await {
            Ok(engines) => {
                if engines.archives_elsewhere(&before) {
                    self.store.forget();
                    OptionFuture::from(uploading.take().map(Uploading::stop)).await;
                    match engines.begin_to_archive().await {
                        Ok(started) => *uploading = started,
                        Err(failure) => tracing::error!("nothing is uploaded: {failure}"),
                    }
                }
                *lock(&self.engines) = Arc::new(engines);
                tracing::info!("the configuration has been read again");
            }
            Err(failure) => {
                tracing::error!(
                    "the configuration stays as it was, because of a mistake: {failure}"
                );
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of others runs while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until a signal ends it.
pub(super) async fn run(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    let config = arguments.engines.config(Timestamp::now())?;
    let otlp = arguments.engines.otlp(&config);
    let registry = Registry::new();
    let scraped = registry.clone();
    // The service owns the export, so that it can attach pipelines that are made later.
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
    // A peer that takes nothing for as long as an auction may take is gone.
    let limit = arguments.body_timeout;
    let client = UploadClient::builder().tcp_user_timeout(limit).build();
    let engines = Engines::read(&arguments, &client, &export, None).await?;
    let mut uploading = engines.begin_to_archive().await?;
    let label = format!("cannot listen on {}", arguments.listen);
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.map_err(Failure::input(label))?;
    let address = listener.local_addr().map_err(Failure::of("no address"))?;
    let auctions = usize::from(arguments.max_auctions);
    let service = Arc::new(Service {
        engines: Mutex::new(Arc::new(engines)),
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
    print_line(&format!("http://{address}"))?;
    let stopped = listen::until_stopped(&service, listener, &mut uploading).await;
    // What it gives up stays in the spool.
    OptionFuture::from(uploading.map(Uploading::stop)).await;
    stopped
}
