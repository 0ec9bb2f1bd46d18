use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use object_store::{
    Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutPayload, path::Path,
};
use tokio::time::Instant;

use super::{
    attempt::no_answer,
    error::{WriteError, WriteErrorKind},
    tasks::{Task, Tasks, until},
};
use crate::settings::Shared;

/// The most parts that S3 lets an upload have
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const MAX_PARTS: usize = 10_000;

/// The smallest part, but for the last, that S3 and Google Cloud Storage take: 5 MiB.
pub(crate) const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The largest part that S3 takes: 5 GiB.
pub(crate) const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// After this many parts, parts grow by the size of the first.
///
/// 10,000 parts that grow like this hold 213,360 times the first: 1.02 TiB from 5 MiB, and none is larger
/// than 42 times the first. An upload below 240 parts, 1.17 GiB from 5 MiB, has equal parts.
const PARTS_PER_STEP: usize = 240;

/// How long clean-up waits for a remote store's requests in flight, and then for the abort.
const STUCK: Duration = Duration::from_secs(10);

type StoreResult<T> = Result<T, object_store::Error>;

/// A multipart upload from its creation to its last part, without its completion.
///
/// Once a poll has failed, only [`clean_up`](Self::clean_up) is of use. Dropping an upload that was not given out cleans up:
/// with a runtime, a task waits for the requests in flight and aborts. Without one, a local store removes its staging file,
/// and a remote one keeps the parts until a lifecycle rule removes them.
pub(crate) struct Upload {
    pub(crate) location: Path,
    tasks: Tasks,
    state: State,
    in_flight: FuturesUnordered<Task<(usize, StoreResult<()>)>>,
    max_in_flight: usize,
    /// Dropping a request cancels its work, unlike in a folder.
    gives_up: bool,
    /// How many parts have been handed over.
    pub(crate) parts: usize,
    /// How many bytes those have.
    pub(crate) stored_bytes: u64,
}

enum State {
    /// Nothing has been asked of the store.
    Idle(Arc<dyn ObjectStore>, PutMultipartOptions),
    Creating(Task<StoreResult<Box<dyn MultipartUpload>>>),
    Open(Box<dyn MultipartUpload>),
    /// The store refused to create it, the task that did panicked, or it was given out.
    Gone,
}

impl Upload {
    pub(crate) fn new(
        archive: &Shared,
        location: Path,
        attributes: Attributes,
        tasks: Tasks,
    ) -> Self {
        let (store, settings) = (Arc::clone(&archive.store), &archive.settings);
        Self {
            location,
            tasks,
            state: State::Idle(store, settings.upload_options(attributes)),
            in_flight: FuturesUnordered::new(),
            max_in_flight: settings.parts_in_flight,
            gives_up: settings.keeps_attributes(),
            parts: 0,
            stored_bytes: 0,
        }
    }

    /// Whether the store has been asked to create it.
    pub(crate) fn has_started(&self) -> bool {
        !matches!(self.state, State::Idle(..))
    }

    /// Creates the upload, if that is still to be done, and waits for room for one more part.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        ready!(self.poll_created(cx))?;
        while self.in_flight.len() >= self.max_in_flight {
            ready!(self.poll_one_part(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Handles parts that have ended, without waiting for any.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Result<(), WriteErrorKind> {
        while !self.in_flight.is_empty() {
            match self.poll_one_part(cx) {
                Poll::Ready(ended) => ended?,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Waits until every part that was handed over is stored.
    pub(crate) fn poll_drained(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WriteErrorKind>> {
        if self.has_started() {
            ready!(self.poll_created(cx))?;
        }
        while !self.in_flight.is_empty() {
            ready!(self.poll_one_part(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands a part over. Only after [`poll_ready`](Self::poll_ready).
    pub(crate) fn start_part(&mut self, payload: PutPayload) -> Result<(), WriteErrorKind> {
        let State::Open(upload) = &mut self.state else {
            unreachable!("parts follow the creation of their upload");
        };
        if self.parts == MAX_PARTS {
            return Err(WriteErrorKind::TooLarge {
                stored_bytes: self.stored_bytes,
            });
        }
        self.parts += 1;
        self.stored_bytes += payload.content_length() as u64;
        let number = self.parts;
        let sending = upload.put_part(payload);
        self.in_flight
            .push(self.tasks.spawn(async move { (number, sending.await) }));
        Ok(())
    }

    /// Gives the upload out, to be completed. Only after [`poll_drained`](Self::poll_drained).
    pub(crate) fn take_open(&mut self) -> Option<Box<dyn MultipartUpload>> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Open(upload) => Some(upload),
            _ => None,
        }
    }

    /// Waits for what is in flight, then aborts. If there is a runtime, that goes on when this future is dropped.
    pub(crate) async fn clean_up(mut self) -> Result<(), WriteError> {
        let Some(aborted) = self.take_clean_up() else {
            return Ok(());
        };
        let aborted = self.tasks.spawn_to_end(aborted).await;
        let result = aborted.unwrap_or_else(|panicked| Err(panicked.into()));
        result.map_err(|source| WriteError::abort(&self.location, source))
    }

    /// Returns what cleans up, if the store has been asked for anything.
    ///
    /// It waits for the parts in flight, because a part that arrives after the abort may stay in the store for ever
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>). It does not wait for what is
    /// stuck, except in a folder, where that would go on unseen.
    fn take_clean_up(&mut self) -> Option<impl Future<Output = StoreResult<()>> + Send + use<>> {
        let state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Idle(..) | State::Gone => return None,
            state => state,
        };
        let mut in_flight = std::mem::take(&mut self.in_flight);
        let stuck = self.gives_up.then(|| Instant::now() + STUCK);
        Some(async move {
            let mut upload = match state {
                State::Open(upload) => upload,
                State::Creating(creating) => match until(stuck, creating).await {
                    Some(Ok(Ok(upload))) => upload,
                    _ => return Ok(()),
                },
                State::Idle(..) | State::Gone => return Ok(()),
            };
            let drained = async { while in_flight.next().await.is_some() {} };
            let _all = until(stuck, drained).await;
            drop(in_flight);
            let aborted = until(stuck.map(|stuck| stuck + STUCK), abort(&mut *upload)).await;
            aborted.unwrap_or_else(|| Err(no_answer()))
        })
    }

    fn poll_created(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        if let State::Idle(store, options) = &mut self.state {
            let (store, options) = (Arc::clone(store), std::mem::take(options));
            let location = self.location.clone();
            let creating = async move { store.put_multipart_opts(&location, options).await };
            self.state = State::Creating(self.tasks.spawn(creating));
        }
        // Taken out while it is polled: if that panics, it must not be polled again.
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Creating(mut creating) => {
                let Poll::Ready(created) = Pin::new(&mut creating).poll(cx) else {
                    self.state = State::Creating(creating);
                    return Poll::Pending;
                };
                let created = created.unwrap_or_else(|source| Err(source.into()));
                self.state = State::Open(
                    created.map_err(|source| WriteErrorKind::store("start to upload", source))?,
                );
            }
            other => self.state = other,
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for one part in flight. At least one must be.
    fn poll_one_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteErrorKind>> {
        let ended = ready!(Pin::new(&mut self.in_flight).poll_next(cx));
        let (request, result) = match ended {
            Some(Ok((number, result))) => (format!("store part {number}"), result),
            Some(Err(panicked)) => ("store a part".into(), Err(panicked.into())),
            None => return Poll::Ready(Ok(())),
        };
        Poll::Ready(result.map_err(|source| WriteErrorKind::store(&request, source)))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(aborted) = self.take_clean_up() else {
            return;
        };
        let location = self.location.clone();
        if self.tasks.runtime.is_none() {
            tracing::warn!(
                %location,
                "an upload was dropped without a runtime to abort it: its parts stay until the \
                 store's lifecycle rule removes them"
            );
            return;
        }
        drop(self.tasks.spawn_to_end(async move {
            if let Err(error) = aborted.await {
                tracing::warn!(%location, %error, "an upload that was dropped could not be aborted");
            }
        }));
    }
}

/// Aborts an upload. One that is no longer there is no error.
pub(crate) async fn abort(upload: &mut dyn MultipartUpload) -> StoreResult<()> {
    match upload.abort().await {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        result => result,
    }
}

/// How large the part with this index is, from 0.
pub(crate) fn part_bytes(first: usize, index: usize) -> usize {
    let step = (index / PARTS_PER_STEP + 1) as u64;
    let bytes = (first as u64).saturating_mul(step).min(MAX_PART_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_of_the_smallest_first_size_hold_a_tebibyte() {
        let total: u64 = (0..MAX_PARTS)
            .map(|index| part_bytes(MIN_PART_BYTES, index) as u64)
            .sum();
        assert_eq!(total, 213_360 * MIN_PART_BYTES as u64);
        assert!(total >= 1 << 40);
    }

    #[test]
    fn parts_grow_slowly_never_shrink_and_stay_within_what_s3_takes() {
        for first in [1, MIN_PART_BYTES, 4 << 30] {
            let mut last = first;
            for index in 0..MAX_PARTS {
                let next = part_bytes(first, index);
                assert!(next >= last && next - last <= first && next as u64 <= MAX_PART_BYTES);
                last = next;
            }
        }
        assert_eq!(part_bytes(8, PARTS_PER_STEP - 1), 8);
        assert_eq!(part_bytes(8, PARTS_PER_STEP), 16);
        assert_eq!(
            part_bytes(MIN_PART_BYTES, MAX_PARTS - 1),
            42 * MIN_PART_BYTES
        );
    }
}
