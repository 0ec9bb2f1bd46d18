use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

use crate::loopback::is_loopback;

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

    pub(super) fn new(matcher: Matcher) -> Self {
        Self {
            matcher: Arc::new(matcher),
        }
    }

    /// The proxy for requests to `destination`.
    pub(super) fn intercept(&self, destination: &Uri) -> Option<Intercept> {
        let proxy = self.matcher.intercept(destination)?;
        let url = Url::parse(&destination.to_string()).ok()?;
        (!is_loopback(&url)).then_some(proxy)
    }
}

#[cfg(test)]
mod tests {
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
