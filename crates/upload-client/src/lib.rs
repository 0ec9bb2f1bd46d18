#![doc = include_str!("../README.md")]

mod client;
mod connect;
mod connection;
mod error;
mod guarded_stream;
mod proxies;
mod request_state;
mod response;
mod service;
mod settings;
mod target;
#[cfg(test)]
mod tests;

pub use self::error::{BoxError, ClientError, RequestError, SendBytesError};
pub use self::proxies::{Proxies, is_loopback};
pub use self::service::{ResponseBody, ResponseFuture, UploadClient};
pub use self::settings::ClientSettings;
