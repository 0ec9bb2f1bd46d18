use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::Instant;

use super::behaviour::{Behaviour, Fault};

/// A body as it is received: at the chosen rate, and up to where the chosen fault lies.
pub(super) struct Received<B> {
    body: B,
    bytes: u64,
    read_rate: Option<u64>,
    began: Option<Instant>,
    fault: Option<(u64, Fault)>,
}

/// The error by which a body ends at a chosen fault.
#[derive(Debug)]
pub(super) struct FaultReached(pub(super) Fault);

impl fmt::Display for FaultReached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "body reached the place of its {:?}", self.0)
    }
}

impl Error for FaultReached {}

impl FaultReached {
    /// The fault that `error`, of a reader of such a body, stands for.
    pub(super) fn of(error: &io::Error) -> Option<Fault> {
        error
            .get_ref()?
            .downcast_ref::<Self>()
            .map(|reached| reached.0)
    }
}

impl<B> Received<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(body: B, behaviour: &Behaviour) -> Self {
        let fault = behaviour.first_fault();
        Self {
            body,
            bytes: 0,
            read_rate: behaviour.read_rate,
            began: None,
            fault,
        }
    }

    /// The chunks, none of them empty.
    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        try_unfold(self, |mut received| async move {
            Ok(received.next().await?.map(|chunk| (chunk, received)))
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        loop {
            let room = match self.fault {
                Some((at, fault)) if self.bytes >= at => {
                    return Err(io::Error::other(FaultReached(fault)));
                }
                Some((at, _)) => at - self.bytes,
                None => u64::MAX,
            };
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            // What is no data are trailers.
            let Ok(mut chunk) = frame.map_err(io::Error::other)?.into_data() else {
                continue;
            };
            chunk.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            self.bytes += chunk.len() as u64;
            if let Some(rate) = self.read_rate {
                tokio::time::sleep_until(began + time_for(self.bytes, rate)).await;
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }
}

/// How long `bytes` take at `rate` bytes in a second.
fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
    // At most a day at once: later than any test, and no clock overflows.
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
    use crate::StandIn;

    fn body(chunks: &[&'static str]) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Frame::data(Bytes::from_static(chunk.as_bytes()))))
            .collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test(start_paused = true)]
    async fn reads_at_the_rate() {
        let mut behaviour = StandIn::builder().read_rate(10).into_behaviour();
        let began = Instant::now();
        let mut chunks =
            pin!(Received::new(body(&["12345", "", "67890"]), &behaviour).into_stream());
        assert_eq!(chunks.next().await.unwrap().unwrap(), "12345");
        assert_eq!(began.elapsed().as_millis(), 500);
        assert_eq!(chunks.next().await.unwrap().unwrap(), "67890");
        assert_eq!(began.elapsed().as_millis(), 1_000);
        assert!(chunks.next().await.is_none());

        behaviour.read_rate = None;
        let began = Instant::now();
        let chunks = Received::new(body(&["12345"]), &behaviour).into_stream();
        assert_eq!(chunks.count().await, 1);
        assert_eq!(began.elapsed().as_millis(), 0);
    }

    #[tokio::test]
    async fn ends_exactly_at_the_fault() {
        for at in 0..=10 {
            let behaviour = StandIn::builder()
                .stall_after(at)
                .reset_after(11)
                .into_behaviour();
            let mut chunks =
                pin!(Received::new(body(&["123", "4567", "890"]), &behaviour).into_stream());
            let mut bytes = 0;
            let error = loop {
                match chunks.next().await.expect("no end before the fault") {
                    Ok(chunk) => bytes += chunk.len() as u64,
                    Err(error) => break error,
                }
            };
            assert_eq!(bytes, at);
            assert_eq!(FaultReached::of(&error), Some(Fault::Stall));
        }
    }

    #[tokio::test]
    async fn a_fault_behind_the_end_is_none() {
        let behaviour = StandIn::builder()
            .stall_after(12)
            .reset_after(11)
            .into_behaviour();
        let chunks: Vec<_> = Received::new(body(&["1234567890"]), &behaviour)
            .into_stream()
            .collect()
            .await;
        assert_eq!(chunks.len(), 1);
        assert!(chunks[0].is_ok());
    }
}
