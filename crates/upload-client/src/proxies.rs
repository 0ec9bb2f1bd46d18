use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::{Host, Url};

/// Which requests go by which proxy: none to this machine, where no proxy could find it.
#[derive(Clone, Debug)]
pub struct Proxies {
    matcher: Arc<Matcher>,
}

impl Proxies {
    /// Those that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, as curl reads them.
    pub fn from_environment() -> Self {
        Self::new(Matcher::from_env())
    }

    pub(crate) fn new(matcher: Matcher) -> Self {
        Self {
            matcher: Arc::new(matcher),
        }
    }

    /// The proxy for requests to `destination`.
    pub(crate) fn intercept(&self, destination: &Uri) -> Option<Intercept> {
        let proxy = self.matcher.intercept(destination)?;
        let url = Url::parse(&destination.to_string()).ok()?;
        (!is_loopback(&url)).then_some(proxy)
    }
}

/// Whether the host of `url` is this machine, by RFC 6761 (`localhost`) and RFC 6890 (loopback addresses).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod proxies_tests {
    use super::*;

    #[test]
    fn this_machine_is_reached_directly() {
        let proxies = Proxies::new(Matcher::builder().all("http://u:secret@proxy:1").build());
        for (destination, intercepted) in [
            ("http://localhost:1/", false),
            ("https://127.0.0.1/", false),
            ("http://[::1]:8/", false),
            ("http://10.0.0.1/", true),
            ("https://solver.example/", true),
        ] {
            let proxy = proxies.intercept(&Uri::from_static(destination));
            assert_eq!(proxy.is_some(), intercepted, "{destination}");
        }
        assert!(!format!("{proxies:?}").contains("secret"));
    }
}

#[cfg(test)]
mod loopback_tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for (url, loopback) in [
            ("http://localhost:1", true),
            ("http://a.localhost", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), loopback, "{url}");
        }
    }
}
