use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::error::BoxError;

/// What a kept connection can be used for again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Server {
    pub(crate) https: bool,
    /// Without brackets, in lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// HTTP/2 from the first byte.
    pub(crate) http2: bool,
}

/// Where a request goes, by its URI.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) server: Server,
    /// As sent in requests: without user and password, and without the scheme's default port.
    pub(crate) authority: Authority,
    path: PathAndQuery,
    /// The user and password as a value of `Authorization`, which no `Debug` shows.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Target {
    pub(crate) fn new(uri: &Uri, http2: bool) -> Result<Self, BoxError> {
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("it is neither http nor https".into()),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        let text = authority.as_str();
        let (user_info, address) = text.rsplit_once('@').unwrap_or(("", text));
        let host = authority.host();
        let default = if https { 443 } else { 80 };
        let port = port_of(address, host, default)?;
        let authority = if port == default {
            host.parse()?
        } else {
            format!("{host}:{port}").parse()?
        };
        let path = uri.path_and_query().cloned();
        Ok(Self {
            server: Server {
                https,
                host: without_brackets(host).to_ascii_lowercase(),
                port,
                http2,
            },
            authority,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
            authorization: basic_authorization(user_info),
        })
    }

    /// The URI for a request; `whole` if a proxy has to find the server by it, or HTTP/2 is used.
    pub(crate) fn uri(&self, whole: bool) -> Uri {
        let uri = Uri::builder().path_and_query(self.path.clone());
        let scheme = if self.server.https { "https" } else { "http" };
        let uri = if whole {
            uri.scheme(scheme).authority(self.authority.clone())
        } else {
            uri
        };
        // The parts of one URI make a URI again.
        uri.build().unwrap_or_default()
    }
}

/// The port of `host:port`, or `default` if there is none. [`Uri`] ignores a port that is not a number.
pub(crate) fn port_of(address: &str, host: &str, default: u16) -> Result<u16, BoxError> {
    match address
        .strip_prefix(host)
        .map(|rest| rest.trim_start_matches(':'))
    {
        None | Some("") => Ok(default),
        Some(port) => port
            .parse()
            .map_err(|_| "its port is not a number up to 65535".into()),
    }
}

pub(crate) fn without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// `user:password`, percent-encoded, as a value of `Authorization`; `None` where both are empty.
pub(crate) fn basic_authorization(user_info: &str) -> Option<HeaderValue> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    if user.is_empty() && password.is_empty() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_needs_is_left() {
        for (uri, target, path, host, port) in [
            (
                "http://u:p@H:1/a%20b?c=d",
                "http://H:1/a%20b?c=d",
                "/a%20b?c=d",
                "h",
                1,
            ),
            ("https://h", "https://h/", "/", "h", 443),
            ("http://[::1]:80/?q", "http://[::1]/?q", "/?q", "::1", 80),
        ] {
            let found = Target::new(&uri.parse().unwrap(), false).unwrap();
            assert_eq!(found.uri(true).to_string(), target);
            assert_eq!(found.uri(false).to_string(), path);
            assert_eq!((&*found.server.host, found.server.port), (host, port));
        }
        for uri in [
            "/path",
            "ftp://h/",
            "*",
            "http://h:65536/",
            "http://h:x/",
            "http://h:h/",
        ] {
            let found = Target::new(&uri.parse().unwrap(), false);
            assert!(found.is_err(), "{uri}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_hidden() {
        for (uri, expected) in [
            ("http://h/", None),
            (
                "http://Aladdin:open%20sesame@h/",
                Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ),
            ("http://u@h/", Some("Basic dTo=")),
            ("http://:p@h/", Some("Basic OnA=")),
        ] {
            let value = Target::new(&uri.parse().unwrap(), false)
                .unwrap()
                .authorization;
            let shown = value.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(shown, expected);
            assert!(value.is_none_or(|value| format!("{value:?}") == "Sensitive"));
        }
    }
}
