use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;

use super::behaviour::Behaviour;
use super::{RequestReport, StandIn};

/// What a [`StandIn`] shall do; made by [`StandIn::builder`].
///
/// Bytes are counted as they come, before decoding. By default everything is read at once and answered at once, with
/// status 200 and `{"solutions":[]}`.
#[derive(Clone)]
#[must_use = "a stand-in solver exists once it is bound"]
pub struct StandInBuilder {
    behaviour: Behaviour,
    status: u16,
}

impl StandInBuilder {
    pub(super) fn new() -> Self {
        Self {
            behaviour: Behaviour {
                read_rate: None,
                stall_after: None,
                reset_after: None,
                delay: Duration::ZERO,
                status: StatusCode::OK,
                response: Bytes::from_static(br#"{"solutions":[]}"#),
                on_request: Arc::new(drop),
            },
            status: 200,
        }
    }

    #[cfg(test)]
    pub(super) fn into_behaviour(self) -> Behaviour {
        self.behaviour
    }

    /// Reads so many bytes of each body in a second, in steps of at most 64 KiB.
    ///
    /// What the buffers in between take is sent faster: a body of less than about 100 KB leaves its sender at once.
    pub fn read_rate(mut self, bytes_per_second: u64) -> Self {
        self.behaviour.read_rate = Some(bytes_per_second);
        self
    }

    /// Reads so many bytes of each body, then reads and answers no more, until the peer goes or this server is dropped.
    ///
    /// Reported when it begins. A body that ends before is answered as usual.
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.behaviour.stall_after = Some(bytes);
        self
    }

    /// Resets the connection (TCP RST) after so many bytes of a body. A body that ends before is answered as usual.
    ///
    /// On HTTP/2 that ends every request on the connection.
    pub fn reset_after(mut self, bytes: u64) -> Self {
        self.behaviour.reset_after = Some(bytes);
        self
    }

    /// Waits before it answers, having read and reported everything.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.behaviour.delay = delay;
        self
    }

    /// Answers with this status, 200 to 599.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Answers this, as `application/json` whatever it is.
    pub fn response(mut self, response: impl Into<Bytes>) -> Self {
        self.behaviour.response = response.into();
        self
    }

    /// Calls `on_request` once for each request.
    ///
    /// It is called within a task of the server, so it must not block for long. If it panics, the connection of the
    /// request is closed.
    pub fn on_request(
        mut self,
        on_request: impl Fn(RequestReport) + Send + Sync + 'static,
    ) -> Self {
        self.behaviour.on_request = Arc::new(on_request);
        self
    }

    /// Listens at `address`; port 0 chooses a free one. Connections wait until [`StandIn::serve`] is polled.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a read rate of 0 and for a status outside 200 to 599; else what the
    /// operating system says, such as [`io::ErrorKind::AddrInUse`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that does I/O.
    pub async fn bind(mut self, address: SocketAddr) -> io::Result<StandIn> {
        if self.behaviour.read_rate == Some(0) {
            let message = "read rate is 0 bytes per second: to read nothing, stall after 0 bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.behaviour.status = match StatusCode::from_u16(self.status) {
            Ok(status) if (200..600).contains(&self.status) => status,
            _ => {
                let message = format!(
                    "status {} is none to answer with: not within 200 to 599",
                    self.status
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        };
        StandIn::listen(address, self.behaviour)
    }
}

impl fmt::Debug for StandInBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let behaviour = &self.behaviour;
        formatter
            .debug_struct("StandInBuilder")
            .field("read_rate", &behaviour.read_rate)
            .field("stall_after", &behaviour.stall_after)
            .field("reset_after", &behaviour.reset_after)
            .field("delay", &behaviour.delay)
            .field("status", &self.status)
            .field("response_bytes", &behaviour.response.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn refuses_what_makes_no_sense() {
        for status in [0, 99, 101, 199, 600, 1_000] {
            let error = StandIn::builder()
                .status(status)
                .bind(anywhere())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{status}");
        }
        let error = StandIn::builder()
            .read_rate(0)
            .bind(anywhere())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error() {
        let first = StandIn::builder().bind(anywhere()).await.unwrap();
        let error = StandIn::builder().bind(first.address()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
