#![doc = include_str!("../README.md")]

mod cancellable_body;
mod client_error;
mod client_pool;
mod client_settings;
mod connection;
mod connection_handle;
mod connector;
mod credentials;
mod direct_connector;
mod exact_length_body;
mod given_up;
mod guarded_stream;
mod http_client;
mod loopback;
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
mod send_bytes;
mod send_bytes_error;
#[cfg(test)]
mod tests;

pub use self::cancellable_body::{BodyCancelled, CancelOnDrop, CancellableBody};
pub use self::client_error::ClientError;
pub use self::client_pool::{ClientPool, LentClient};
pub use self::client_settings::ClientSettings;
pub use self::exact_length_body::{ExactLengthBody, LengthError};
pub use self::http_client::HttpClient;
pub use self::loopback::is_loopback;
pub use self::outgoing_request::OutgoingRequest;
pub use self::pending_response::PendingResponse;
pub use self::proxies::Proxies;
pub use self::request_body::RequestBody;
pub use self::request_error::RequestError;
pub use self::request_guard::RequestGuard;
pub use self::response::Response;
pub use self::send_bytes_error::SendBytesError;

/// An error of any type, as bodies and libraries give them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
