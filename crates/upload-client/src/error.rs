use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use h2::Reason;
use http::StatusCode;

/// An error of any type, as bodies and libraries give them.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request has no answer, or not all of one.
///
/// Messages carry neither the URI nor header values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The URI is none that a request can be made to.
    #[error("the URI cannot be requested")]
    Target {
        /// What is wrong with it.
        source: BoxError,
    },
    /// An `https` URI, and TLS cannot be set up. Nothing was sent.
    #[error("TLS cannot be set up")]
    Tls {
        /// What is missing.
        source: TlsError,
    },
    /// There is no connection. Nothing was sent.
    #[error("cannot connect")]
    Connect {
        /// Why not.
        source: ConnectError,
    },
    /// The server had closed a kept connection before it said anything of this request.
    #[error("the server had closed a kept connection")]
    Stale {
        /// How much may have been sent.
        sent: Sent,
        /// How it was noticed.
        source: BoxError,
    },
    /// The connection was closed or reset before an answer, or before its end; or the server reset the HTTP/2 stream, or
    /// announced that it goes away, for a reason that is not in what it was sent.
    #[error("the connection broke")]
    Disconnected {
        /// Before the answer, or in the middle of it.
        stage: Stage,
        /// How much of the request may have been sent.
        sent: Sent,
        /// How it broke.
        source: BoxError,
    },
    /// An HTTP/2 connection was closed or reset without a word from the server.
    #[error("the connection broke before the server had said anything (does it speak HTTP/2?)")]
    Unheard {
        /// How much of the request may have been sent.
        sent: Sent,
        /// How it broke.
        source: BoxError,
    },
    /// The request's own body failed, with this error.
    #[error("the request's body failed")]
    Body {
        /// Its error.
        source: BoxError,
    },
    /// The client's [deadline](crate::UploadClientBuilder::deadline) came first.
    #[error("the deadline has passed")]
    Deadline {
        /// What had not ended by then.
        stage: Stage,
        /// How much of the request may have been sent.
        sent: Sent,
    },
    /// What came is no HTTP/2, which was to be spoken from the first byte.
    #[error("the server does not seem to speak HTTP/2")]
    NotHttp2 {
        /// What was found instead.
        source: BoxError,
    },
    /// The server does not speak HTTP as it should, or says so of this client.
    #[error("the exchange failed")]
    Protocol {
        /// Before the answer, or in the middle of it.
        stage: Stage,
        /// How much of the request may have been sent.
        sent: Sent,
        /// What hyper makes of it.
        source: BoxError,
    },
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
    /// At which stage the request failed.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Target { .. } | Self::Tls { .. } | Self::Connect { .. } => Stage::Connecting,
            Self::Disconnected { stage, .. }
            | Self::Deadline { stage, .. }
            | Self::Protocol { stage, .. } => *stage,
            _ => Stage::Sending,
        }
    }

    /// How much of the request may have reached the peer.
    pub fn sent(&self) -> Sent {
        match self {
            Self::Target { .. } | Self::Tls { .. } | Self::Connect { .. } => Sent::Nothing,
            Self::Disconnected { sent, .. }
            | Self::Deadline { sent, .. }
            | Self::Protocol { sent, .. }
            | Self::Stale { sent, .. }
            | Self::Unheard { sent, .. } => *sent,
            Self::Body { .. } | Self::NotHttp2 { .. } => Sent::Part,
        }
    }

    /// Whether making the request again is safe whatever it asks for: the peer cannot have had all of it.
    pub fn is_safe_to_repeat(&self) -> bool {
        self.sent() != Sent::Whole
    }

    /// Whether the request came to nothing for a reason that may be gone when it is made again.
    pub fn may_be_made_again(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Stale { .. }
                | Self::Unheard { .. }
                | Self::Disconnected { .. }
        )
    }

    /// Whether it says nothing of the server, only of a connection that was kept for too long: another attempt is due at
    /// once, and need not be counted. There are as many of these in a row as connections were kept.
    pub fn costs_no_attempt(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name has no address, or nobody knows.
    #[error("{host} has no address")]
    Name {
        /// The name.
        host: String,
        /// What the resolver says, if it says anything.
        source: Option<io::Error>,
    },
    /// No address of the host took the connection; this is the first one's error.
    #[error("{address} cannot be reached")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The [connect limit](crate::UploadClientBuilder::connect_timeout) came first.
    #[error("no connection within {limit:?}")]
    Limit {
        /// The limit.
        limit: Duration,
    },
    /// The environment names a proxy of a kind that is not supported, or what is no proxy's address.
    #[error("proxies by {scheme} are not supported")]
    ProxyScheme {
        /// The kind.
        scheme: String,
    },
    /// The proxy does not open a tunnel.
    #[error("the proxy refuses a tunnel: {status}")]
    ProxyRefused {
        /// What it answered.
        status: StatusCode,
    },
    /// The proxy closed the connection, or what it said is no HTTP.
    #[error("the proxy opens no tunnel")]
    Proxy {
        /// What happened.
        source: io::Error,
    },
    /// The TLS handshake failed: with the server, or with a proxy that is spoken to by TLS.
    #[error("no TLS with {host}")]
    Tls {
        /// Whose certificate was to be checked.
        host: String,
        /// What is wrong.
        source: io::Error,
    },
    /// The connection broke while HTTP/2 began.
    #[error("HTTP/2 does not begin")]
    Handshake {
        /// How.
        source: hyper::Error,
    },
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Nothing says whom to trust.
    #[error(
        "no certificate authorities were found: not in the file or folder that SSL_CERT_FILE or SSL_CERT_DIR name, nor in \
         the system's store (on Linux the package ca-certificates); a file of them may be given to the client"
    )]
    NoAuthorities {
        /// What the platform says.
        source: rustls::Error,
    },
    /// A file of certificates cannot be used.
    #[error("{}: no certificates can be read from it", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BoxError,
    },
    /// The crypto provider lacks what TLS needs.
    #[error("the crypto provider lacks what TLS needs")]
    Provider {
        /// What is missing.
        source: rustls::Error,
    },
}

/// What an error of hyper's comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    Connection,
    NotHttp2,
    Other,
}

impl Cause {
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        for error in sources(error) {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::of_io(error);
            }
            if let Some(error) = error.downcast_ref::<hyper::Error>()
                && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
            {
                return Self::Connection;
            }
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                return Self::of_http2(error);
            }
        }
        Self::Other
    }

    fn of_http2(error: &h2::Error) -> Self {
        if let Some(error) = error.get_io() {
            return Self::of_io(error);
        }
        match error.reason() {
            // The first bytes of HTTP/1.1, or of any text, announce a frame that is far too large.
            Some(Reason::FRAME_SIZE_ERROR) if error.is_library() => Self::NotHttp2,
            Some(reason) if error.is_remote() && !is_about_the_request(reason) => Self::Connection,
            _ => Self::Other,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other};

        match error.kind() {
            // TLS and the decoder of chunks say by these that what came makes no sense.
            InvalidData | InvalidInput | Other => Self::Other,
            _ => Self::Connection,
        }
    }
}

/// An error and its sources, outermost first.
pub(crate) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
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

/// An answer that ended too soon.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokeOff {
    #[error("the answer broke off after {received} of {announced} bytes")]
    Announced {
        received: u64,
        announced: u64,
        source: hyper::Error,
    },
    #[error("the answer broke off after {received} bytes")]
    Unannounced { received: u64, source: hyper::Error },
}
