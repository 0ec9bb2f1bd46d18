//! A small HTTP client for requests with large bodies, which keeps three promises that need the connection itself: an
//! answer that came before the body was read is not lost, a request that is given up leaves nothing behind, and none
//! waits for a connection that is gone.

mod client_error;
mod client_pool;
mod client_settings;
mod connection;
mod connection_handle;
mod connector;
mod credentials;
mod direct_connector;
mod given_up;
mod guarded_stream;
mod http_client;
mod loss_watch;
mod outgoing_request;
mod pending_response;
mod proxies;
mod request_body;
mod request_error;
mod request_guard;
mod request_stage;
mod request_state;
mod request_target;
mod response;
mod route;
#[cfg(any(test, feature = "cli"))]
mod send_bytes;
#[cfg(any(test, feature = "cli"))]
mod send_bytes_error;
#[cfg(test)]
mod tests;

pub(crate) use self::client_error::ClientError;
pub(crate) use self::client_pool::{ClientPool, LentClient};
pub(crate) use self::client_settings::ClientSettings;
pub(crate) use self::http_client::HttpClient;
pub(crate) use self::outgoing_request::OutgoingRequest;
pub(crate) use self::pending_response::PendingResponse;
pub(crate) use self::proxies::Proxies;
pub(crate) use self::request_body::RequestBody;
pub(crate) use self::request_error::RequestError;
pub(crate) use self::request_guard::RequestGuard;
pub(crate) use self::response::Response;
#[cfg(any(test, feature = "cli"))]
pub(crate) use self::send_bytes_error::SendBytesError;

/// An error of any type, as bodies and libraries give them.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
