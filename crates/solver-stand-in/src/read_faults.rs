use std::error::Error;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::Instant;

use super::builder::{Fault, StandInBuilder};
use super::report::{Kept, error_chain};

/// A body that is read at the rate of its script, up to the offset of its next fault.
pub(super) struct Received<B> {
    body: B,
    /// Bytes that were taken from the body and not yet returned.
    ahead: Bytes,
    bytes: u64,
    read_rate: Option<u64>,
    began: Option<Instant>,
    /// The faults that are not reached yet, the next one last.
    faults: Vec<(u64, Fault)>,
    kept: Option<Kept>,
}

impl<B> Received<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(body: B, chosen: &StandInBuilder, kept: Option<Kept>) -> Self {
        let mut faults = chosen.faults.clone();
        faults.sort_unstable();
        faults.reverse();
        Self {
            body,
            ahead: Bytes::new(),
            bytes: 0,
            read_rate: chosen.read_rate,
            began: None,
            faults,
            kept,
        }
    }

    /// Returns the chunks, none of them empty. A fault is an error at its offset; more chunks may follow it.
    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        unfold(self, |mut received| async move {
            Some((received.next().await.transpose()?, received))
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let mut room = usize::MAX;
        if let Some((at, fault)) = self.faults.last().copied() {
            if self.bytes >= at {
                // On an error, a decoder loses what it has decoded in the same call. If it has to wait, it returns that
                // first.
                tokio::task::yield_now().await;
                self.faults.pop();
                return Err(io::Error::other(fault));
            }
            room = usize::try_from(at - self.bytes).unwrap_or(usize::MAX);
        }
        while self.ahead.is_empty() {
            // Check this before the next frame: if the request is already answered, hyper 1.12 never reports the end of a
            // body with a known length.
            if self.body.is_end_stream() {
                return Ok(None);
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            // A frame without data holds trailers.
            self.ahead = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => return Err(self.keep_error(error.into())),
            };
        }
        let chunk = self.ahead.split_to(room.min(self.ahead.len()));
        self.bytes += chunk.len() as u64;
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.body.extend_from_slice(&chunk);
        }
        if let Some(rate) = self.read_rate {
            tokio::time::sleep_until(began + time_for(self.bytes, rate)).await;
        }
        Ok(Some(chunk))
    }

    fn keep_error(&self, error: Box<dyn Error + Send + Sync>) -> io::Error {
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.error = Some(error_chain(&*error));
        }
        io::Error::other(error)
    }
}

/// Returns how long `bytes` take at `rate` bytes per second.
fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
    // At most a day: longer than any test, and no clock overflows.
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
        .min(Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;
    use crate::{EarlyAnswer, StandIn};

    fn received(
        chunks: &[&'static str],
        chosen: &StandInBuilder,
    ) -> impl Stream<Item = io::Result<Bytes>> + use<> {
        Received::new(body(chunks), chosen, None).into_stream()
    }

    fn body(chunks: &[&'static str]) -> impl Body<Data = Bytes, Error = io::Error> + Unpin + use<> {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test(start_paused = true)]
    async fn reads_at_the_rate() {
        let chosen = StandIn::builder().read_rate(10);
        let began = Instant::now();
        let mut chunks = pin!(received(&["12345", "", "67890"], &chosen));
        assert_eq!(chunks.next().await.unwrap().unwrap(), "12345");
        assert_eq!(began.elapsed().as_millis(), 500);
        assert_eq!(chunks.next().await.unwrap().unwrap(), "67890");
        assert_eq!(began.elapsed().as_millis(), 1_000);
        assert!(chunks.next().await.is_none());

        let began = Instant::now();
        let chunks = received(&["12345"], &StandIn::builder());
        assert_eq!(chunks.count().await, 1);
        assert_eq!(began.elapsed().as_millis(), 0);
    }

    #[tokio::test]
    async fn ends_exactly_at_the_fault() {
        for at in 0..=10 {
            let chosen = StandIn::builder().stall_after(at).reset_after(11);
            let mut chunks = pin!(received(&["123", "4567", "890"], &chosen));
            let mut bytes = 0;
            let error = loop {
                match chunks.next().await.expect("no end before the fault") {
                    Ok(chunk) => bytes += chunk.len() as u64,
                    Err(error) => break error,
                }
            };
            assert_eq!(bytes, at);
            assert_eq!(Fault::of(&error), Some(Fault::Stall));
        }
    }

    #[tokio::test]
    async fn a_fault_behind_the_end_is_none() {
        let chosen = StandIn::builder().stall_after(12).reset_after(11);
        let chunks: Vec<_> = received(&["1234567890"], &chosen).collect().await;
        assert_eq!(chunks.len(), 1);
        assert!(chunks[0].is_ok());
    }

    #[tokio::test]
    async fn goes_on_after_an_early_answer() {
        for at in 0..=10 {
            let chosen = StandIn::builder().answer_after(at, EarlyAnswer::ThenRead);
            let mut chunks = pin!(received(&["123", "4567", "890"], &chosen));
            let (mut bytes, mut answered_at) = (0, None);
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(chunk) => bytes += chunk.len() as u64,
                    Err(error) => {
                        let fault = Fault::Answer(EarlyAnswer::ThenRead);
                        assert_eq!(Fault::of(&error), Some(fault));
                        assert_eq!(answered_at.replace(bytes), None);
                    }
                }
            }
            assert_eq!((bytes, answered_at), (10, Some(at)));
        }
    }
}
