use std::error::Error;
use std::io;

use h2::Reason;

/// An error of any type, as bodies and libraries give them.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request has no answer, or not all of one.
///
/// Messages carry neither the URI nor header values.
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
    /// The URI is none that a request can be made to.
    #[error("the URI cannot be requested")]
    Target,
    /// The URI is an `https` one, and TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
    /// There is no connection: the name has no address, none of its addresses takes one, the TLS handshake failed, or
    /// the [limit](crate::UploadClientBuilder::connect_timeout) came first.
    #[error("cannot connect")]
    Connect,
    /// The environment's proxy does not pass on.
    #[error("cannot connect by the proxy")]
    Proxy,
    /// The server had closed a kept connection before it said anything of this request.
    #[error("the server had closed a kept connection")]
    Stale,
    /// The connection was closed or reset before an answer, or before its end; or the server reset the HTTP/2 stream, or
    /// announced that it goes away, for a reason that is not in what it was sent.
    #[error("the connection broke")]
    Disconnected,
    /// An HTTP/2 connection was closed or reset without a word from the server.
    #[error("the connection broke before the server had said anything (does it speak HTTP/2?)")]
    Unheard,
    /// The request's own body failed.
    #[error("the request's body failed")]
    Body,
    /// What came is no HTTP/2, which was to be spoken from the first byte.
    #[error("the server does not seem to speak HTTP/2")]
    NotHttp2,
    /// The server does not speak HTTP as it should, or says so of this client.
    #[error("the exchange failed")]
    Protocol,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// It has no connection yet.
    Connecting,
    /// It is being sent, or waits for an answer.
    Sending,
    /// The head of an answer is there.
    Answering,
}

/// How much of a request may have reached the peer: what the kernel has taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Sent {
    /// Not a byte.
    Nothing,
    /// The beginning, which no server can take for the whole.
    Part,
    /// All of it.
    Whole,
}

impl RequestError {
    /// An error before there is a connection.
    pub(crate) fn before(failure: Failure, source: impl Into<BoxError>) -> Self {
        Self {
            failure,
            stage: Stage::Connecting,
            sent: Sent::Nothing,
            source: source.into(),
        }
    }

    /// Whether making the request again is safe whatever it asks for: the peer cannot have had all of it.
    pub fn is_safe_to_repeat(&self) -> bool {
        self.sent != Sent::Whole
    }

    /// Whether the request came to nothing for a reason that may be gone when it is made again.
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
    /// What an error of hyper's comes from: the connection, a server without HTTP/2, or the protocol.
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

/// TLS and the decoder of chunks say by these that what came makes no sense.
pub(crate) fn is_about_the_bytes(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other};

    matches!(error.kind(), InvalidData | InvalidInput | Other)
}

/// Whether a server that gives this reason would give it again: what it was sent, or how, makes no sense to it. Reasons
/// that are not known are to be taken for internal errors (RFC 9113, 7).
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
