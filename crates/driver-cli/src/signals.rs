//! Ctrl-C, and the signal to end that a supervisor sends.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// Receives `SIGINT` and `SIGTERM`. It misses none that comes after its creation.
pub(super) struct Signals {
    /// The number of the first that came.
    pub(super) came: Option<u8>,
    /// Each with its number.
    heard: Vec<(u8, Signal)>,
}

impl Signals {
    /// Listens after `came` has come.
    pub(super) fn after(came: Option<u8>) -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        // One that cannot be listened for keeps its default action.
        let heard = kinds
            .into_iter()
            .filter_map(|kind| Some((kind.as_raw_value() as u8, signal(kind).ok()?)));
        Self {
            came,
            heard: heard.collect(),
        }
    }

    /// The number of the next signal. Cancel safe: none is lost.
    pub(super) async fn next(&mut self) -> u8 {
        let heard = &mut self.heard;
        let number = poll_fn(|context: &mut Context<'_>| {
            let mut polled = heard.iter_mut().map(|(number, signal)| {
                let came = signal.poll_recv(context);
                came.map(|_| *number)
            });
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        let number = number.await;
        self.came.get_or_insert(number);
        number
    }
}

/// Waits for `work`, or returns the number of a signal that comes first. Listens before it begins `work`.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, u8> {
    let mut signals = Signals::after(None);
    tokio::select! {
        biased;
        signal = signals.next() => Err(signal),
        done = work => Ok(done),
    }
}

/// Waits for `work`, and fails if a signal comes first.
pub(super) async fn or_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = unless_interrupted(work).await;
    done.unwrap_or_else(|signal| Err(Failure::interrupted(signal, "interrupted")))
}
