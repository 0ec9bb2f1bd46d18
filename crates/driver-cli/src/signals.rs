//! The signals of people, supervisors and operators.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// The number of the signal that asks a service to read its configuration again, by POSIX.
pub(super) const HANGUP: u8 = 1;

/// Ctrl-C, and the request to end that a supervisor sends. None is missed from its creation on.
pub(super) struct Signals {
    /// The first that came.
    pub(super) came: Option<u8>,
    /// Each by its number.
    heard: Vec<(u8, Signal)>,
}

impl Signals {
    /// Listens, where `came` has come already.
    pub(super) fn after(came: Option<u8>) -> Self {
        let heard = ending().map(listen).into_iter();
        // Without a way to hear of one, there is none to react to it.
        let heard = heard.filter_map(Result::ok).collect();
        Self { came, heard }
    }

    /// Listens for [`HANGUP`], too.
    pub(super) fn of_service() -> Result<Self, Failure> {
        let kinds = ending().into_iter().chain([SignalKind::hangup()]);
        let heard = kinds.map(listen).collect::<io::Result<_>>();
        let heard = heard.map_err(Failure::of("signals cannot be heard"))?;
        Ok(Self { came: None, heard })
    }

    /// The number of the next signal. Cancel safe: none is lost.
    pub(super) async fn next(&mut self) -> u8 {
        let heard = &mut self.heard;
        let number = poll_fn(|context: &mut Context<'_>| {
            let came = heard.iter_mut().find_map(|(number, signal)| {
                let is_ready = signal.poll_recv(context).is_ready();
                is_ready.then_some(*number)
            });
            came.map_or(Poll::Pending, Poll::Ready)
        });
        let number = number.await;
        self.came.get_or_insert(number);
        number
    }
}

fn ending() -> [SignalKind; 2] {
    [SignalKind::interrupt(), SignalKind::terminate()]
}

fn listen(kind: SignalKind) -> io::Result<(u8, Signal)> {
    Ok((kind.as_raw_value() as u8, signal(kind)?))
}

/// Waits for `work`, unless a signal comes first: its number. Listens before `work` is begun.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, u8> {
    let mut signals = Signals::after(None);
    tokio::select! {
        biased;
        signal = signals.next() => Err(signal),
        done = work => Ok(done),
    }
}

/// Waits for `work`, unless a signal comes first: then it has failed.
pub(super) async fn or_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = unless_interrupted(work).await;
    done.unwrap_or_else(|signal| Err(Failure::interrupted(signal, "interrupted")))
}
