use std::error::Error;
use std::io;

use h2::Reason;
use hyper_util::client::legacy;

use crate::connection::Connection;

/// An error of any type, as bodies and libraries give them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The system's certificate authorities cannot be used, or the crypto provider lacks what TLS needs.
    #[error("TLS cannot be set up")]
    Tls {
        /// What is wrong.
        #[from]
        source: rustls::Error,
    },
}

/// Why a request has no answer.
///
/// Messages carry neither the URL nor header values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The URL is none that a request can be made to.
    #[error("the URL cannot be requested")]
    Target {
        /// What is wrong with it.
        source: BoxError,
    },
    /// There is no connection: no such host, it refuses, or TLS or a proxy failed. Nothing of the body was sent.
    #[error("cannot connect")]
    Connect {
        /// Why not.
        source: BoxError,
    },
    /// The connection was closed or reset before an answer, or before its end; or the server reset the HTTP/2 stream, or
    /// announced that it goes away, for a reason that is not in what it was sent.
    #[error("the connection broke")]
    Disconnected {
        /// How it broke.
        source: BoxError,
    },
    /// An HTTP/2 connection was closed or reset without a word from the server.
    #[error("the connection broke before the server had said anything (does it speak HTTP/2?)")]
    Unheard {
        /// How it broke.
        source: BoxError,
    },
    /// The request's own body failed, with this error.
    #[error("the request's body failed")]
    Body {
        /// Its error.
        source: BoxError,
    },
    /// The request was given up by its owner.
    #[error("the request was given up")]
    Cancelled,
    /// What came is no HTTP/2, which was to be spoken from the first byte.
    #[error("the server does not seem to speak HTTP/2")]
    NotHttp2 {
        /// What hyper makes of it.
        source: BoxError,
    },
    /// The server does not speak HTTP as it should, or says so of this client.
    #[error("the exchange failed")]
    Protocol {
        /// What hyper makes of it.
        source: BoxError,
    },
}

/// hyper-util's error without its outermost layer, which only says that there is an error.
#[derive(Debug)]
struct ClientFailure(legacy::Error);

impl std::fmt::Display for ClientFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.source() {
            Some(source) => write!(formatter, "{source}"),
            None => write!(formatter, "{}", self.0),
        }
    }
}

impl Error for ClientFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()?.source()
    }
}

impl RequestError {
    /// Whether the request came to nothing for a reason that may be gone when it is made again.
    pub fn may_be_made_again(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Unheard { .. } | Self::Disconnected { .. }
        )
    }
}

#[derive(Clone, Copy)]
enum Cause {
    GivenUp,
    Connection,
    NotHttp2,
    Other,
}

impl RequestError {
    /// From an error before the head of an answer, and what the request's body failed with.
    pub(crate) fn from_client(error: legacy::Error, body: Option<BoxError>) -> Self {
        if let Some(source) = body {
            return Self::Body { source };
        }
        if error.is_connect() {
            return Self::Connect {
                source: Box::new(ClientFailure(error)),
            };
        }
        let connection = error.connect_info().and_then(Connection::of);
        let is_unheard = connection
            .is_some_and(|connection| connection.is_multiplexed() && !connection.was_heard());
        match cause_of(&error) {
            Cause::Connection if is_unheard => Self::Unheard {
                source: Box::new(ClientFailure(error)),
            },
            cause => Self::new(cause, Box::new(ClientFailure(error))),
        }
    }

    /// Of a request that was lost with its connection, and what its body failed with.
    pub(crate) fn from_loss(body: Option<BoxError>) -> Self {
        match body {
            Some(source) => Self::Body { source },
            None => Self::Disconnected {
                source: Lost.into(),
            },
        }
    }

    /// From an error in the body of an answer, and what the request's body failed with.
    pub(crate) fn from_answer(error: hyper::Error, body: Option<BoxError>) -> Self {
        if let Some(source) = body {
            return Self::Body { source };
        }
        let cause = cause_of(&error);
        Self::new(cause, Box::new(error))
    }

    fn new(cause: Cause, source: BoxError) -> Self {
        match cause {
            Cause::GivenUp => Self::Cancelled,
            Cause::Connection => Self::Disconnected { source },
            Cause::NotHttp2 => Self::NotHttp2 { source },
            Cause::Other => Self::Protocol { source },
        }
    }
}

fn cause_of(error: &(dyn Error + 'static)) -> Cause {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return cause_of_io(error);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return Cause::Connection;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return cause_of_http2(error);
        }
        next = error.source();
    }
    Cause::Other
}

fn cause_of_http2(error: &h2::Error) -> Cause {
    if let Some(error) = error.get_io() {
        return cause_of_io(error);
    }
    match error.reason() {
        // The first bytes of HTTP/1.1, or of any text, announce a frame that is far too large.
        Some(Reason::FRAME_SIZE_ERROR) if error.is_library() => Cause::NotHttp2,
        Some(reason) if error.is_remote() && !is_about_the_request(reason) => Cause::Connection,
        _ => Cause::Other,
    }
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

fn cause_of_io(error: &io::Error) -> Cause {
    use io::ErrorKind::{InvalidData, InvalidInput, Other};

    if error.get_ref().is_some_and(|source| source.is::<GivenUp>()) {
        return Cause::GivenUp;
    }
    match error.kind() {
        // TLS and the decoder of chunks say by these that what came makes no sense.
        InvalidData | InvalidInput | Other => Cause::Other,
        _ => Cause::Connection,
    }
}

/// Why a small request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendBytesError {
    /// There is no answer, or it broke off.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The answer's body has more than `limit` bytes.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// How much was to be read.
        limit: usize,
    },
}

/// The source of errors of a request, and of its connection, that its owner has given up.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
pub(crate) struct GivenUp;

/// Stands for the body's own error, which its owner keeps.
#[derive(Debug, thiserror::Error)]
#[error("the body failed")]
pub(crate) struct BodyFailed;

/// The connection ended, and nothing came of the request.
#[derive(Debug, thiserror::Error)]
#[error("the request was lost with its connection")]
pub(crate) struct Lost;

/// What keeps a connection from being made.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct NotConnected(pub(crate) BoxError);
