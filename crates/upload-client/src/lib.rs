#![doc = include_str!("../README.md")]

mod client;
mod connect;
mod connection;
mod early_answer;
mod error;
mod http2_ends;
mod proxy;
mod request_body;
mod response_body;
mod retry;
mod target;
mod tls;

pub use self::client::{ResponseFuture, ReusedConnection, UploadClient, UploadClientBuilder};
pub use self::error::{BoxError, Failure, RequestError, Sent, Stage};
pub use self::proxy::{Proxies, is_loopback};
pub use self::response_body::ResponseBody;
pub use self::retry::{Retry, costs_no_attempt, retry_after};
