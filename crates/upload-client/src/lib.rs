#![doc = include_str!("../README.md")]

mod client;
mod connect;
mod connection;
mod error;
mod guarded_stream;
mod proxies;
mod request;
mod response;
mod service;
mod target;
#[cfg(test)]
mod tests;

pub use self::connect::ClientSettings;
pub use self::error::{BoxError, ClientError, RequestError, SendBytesError};
pub use self::proxies::{Proxies, is_loopback};
pub use self::service::{ResponseBody, ResponseFuture, UploadClient};
