use std::error::Error;
use std::io;

use h2::Reason;

/// An error of any type, as bodies and libraries give them.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request has no answer, or not all of one.
///
/// Messages name hosts and ports, but never a URI's user, password, path or query, nor header values.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
#[non_exhaustive]
pub struct RequestError {
    /// What failed.
    pub failure: Failure,
    /// At which stage.
    pub stage: Stage,
    /// How much of the request may have reached the peer.
    pub sent: Sent,
    /// How it failed.
    pub source: BoxError,
}

/// What failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The URI cannot be requested: it is not an `http` or `https` URI, or has no valid host and port.
    #[error("the URI cannot be requested")]
    Target,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
    /// There is no connection: the name has no address, no address accepts one, the TLS handshake failed, or
    /// [the time](crate::UploadClientBuilder::connect_timeout) ran out.
    #[error("cannot connect")]
    Connect,
    /// The proxy cannot be used, or refuses a tunnel.
    #[error("cannot connect through the proxy")]
    Proxy,
    /// The server closed a kept connection before it answered this request.
    #[error("the server had closed a kept connection")]
    Stale,
    /// The connection was closed or reset before the end of an answer; or the server reset the HTTP/2 stream or sent
    /// GOAWAY, for a reason other than what it was sent.
    #[error("the connection broke")]
    Disconnected,
    /// An HTTP/2 connection was closed or reset before the server sent anything.
    #[error("the connection broke before the server sent anything (does it speak HTTP/2?)")]
    Unheard,
    /// The request's body failed or panicked.
    #[error("the request's body failed")]
    Body,
    /// The request's version is HTTP/2, and what arrived is not.
    #[error("the server does not seem to speak HTTP/2")]
    NotHttp2,
    /// The server violated the protocol, or says that this client did.
    #[error("the exchange failed")]
    Protocol,
}

/// How far a request got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// It has no connection yet.
    Connecting,
    /// It is being sent, or waiting for an answer.
    Sending,
    /// The head of an answer has arrived.
    Answering,
}

/// How much of a request may have reached the peer: what the kernel accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Sent {
    /// Not a byte.
    Nothing,
    /// A part that no server can take for the whole.
    Part,
    /// All of it.
    Whole,
}

impl RequestError {
    /// Creates an error for a request without a connection.
    pub(crate) fn before(failure: Failure, source: impl Into<BoxError>) -> Self {
        Self {
            failure,
            stage: Stage::Connecting,
            sent: Sent::Nothing,
            source: source.into(),
        }
    }

    /// Whether it is safe to repeat the request whatever it asks for: the peer cannot have received all of it.
    pub fn is_safe_to_repeat(&self) -> bool {
        self.sent != Sent::Whole
    }

    /// Whether the request failed for a reason that may be gone when it is repeated.
    pub fn may_be_made_again(&self) -> bool {
        use Failure::{Connect, Disconnected, Proxy, Stale, Unheard};

        matches!(
            self.failure,
            Connect | Proxy | Stale | Unheard | Disconnected
        )
    }
}

/// An error in words, and what it comes from.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Because {
    what: String,
    source: BoxError,
}

impl Because {
    pub(crate) fn new(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }
}

impl Failure {
    /// Classifies an error of hyper's: the connection, a server without HTTP/2, or the protocol.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        for error in sources(error) {
            let http2 = error.downcast_ref::<h2::Error>();
            let io = http2.and_then(h2::Error::get_io);
            if let Some(io) = io.or_else(|| error.downcast_ref()) {
                return if is_about_the_bytes(io) {
                    Self::Protocol
                } else {
                    Self::Disconnected
                };
            }
            if let Some(error) = error.downcast_ref::<hyper::Error>()
                && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
            {
                return Self::Disconnected;
            }
            if let Some(error) = http2 {
                return match error.reason() {
                    // The first bytes of HTTP/1.1, or of any text, announce a frame that is far too large.
                    Some(Reason::FRAME_SIZE_ERROR) if error.is_library() => Self::NotHttp2,
                    Some(reason) if error.is_remote() && !is_about_the_request(reason) => {
                        Self::Disconnected
                    }
                    _ => Self::Protocol,
                };
            }
        }
        Self::Protocol
    }
}

/// An error and its sources, outermost first.
pub(crate) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Whether the received bytes are invalid, as TLS and the decoder of chunks report them.
pub(crate) fn is_about_the_bytes(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other};

    matches!(error.kind(), InvalidData | InvalidInput | Other)
}

/// Whether the server rejects what it was sent, and would do so again. Unknown reasons count as internal errors
/// (RFC 9113, 7).
fn is_about_the_request(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::PROTOCOL_ERROR
            | Reason::FLOW_CONTROL_ERROR
            | Reason::FRAME_SIZE_ERROR
            | Reason::COMPRESSION_ERROR
            | Reason::INADEQUATE_SECURITY
            | Reason::HTTP_1_1_REQUIRED
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;

    use super::*;

    #[tokio::test]
    async fn a_request_that_an_ended_connection_did_not_take_was_disconnected() {
        let (stream, _peer) = tokio::io::duplex(64);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        drop(connection);
        let request = http::Request::new(Empty::<Bytes>::new());
        let error = sender.send_request(request).await.unwrap_err();
        assert!(error.is_canceled(), "{error:?}");
        assert_eq!(Failure::of(&error), Failure::Disconnected);
    }
}
