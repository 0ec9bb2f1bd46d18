use std::error::Error;

use http::Uri;
use http::uri::{InvalidUri, Parts, PathAndQuery, Scheme};

/// What stands in place of what nobody else should read in a query.
const REDACTED: &str = "REDACTED";

/// Where a solver's requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    uri: Uri,
}

/// Why requests cannot go there.
pub(crate) enum EndpointError {
    Url(Box<dyn Error + Send + Sync>),
    /// It is neither http nor https.
    Scheme {
        scheme: String,
    },
}

impl From<InvalidUri> for EndpointError {
    fn from(error: InvalidUri) -> Self {
        Self::Url(error.into())
    }
}

impl Endpoint {
    /// `/solve` below `base`, with the query of that.
    pub(crate) fn solve_below(base: &str) -> Result<Self, EndpointError> {
        let uri: Uri = base.trim().parse()?;
        if uri.scheme() != Some(&Scheme::HTTP) && uri.scheme() != Some(&Scheme::HTTPS) {
            let scheme = match uri.scheme_str() {
                Some(scheme) => scheme,
                // As in `localhost:8080`, which is meant for a URL.
                None => base.split_once(':').map_or("", |(scheme, _rest)| scheme),
            };
            let scheme = scheme.to_owned();
            return Err(EndpointError::Scheme { scheme });
        }
        if uri.port_u16().is_none() && has_port(&uri) {
            return Err(EndpointError::Url("invalid port number".into()));
        }
        let path = uri.path().trim_end_matches('/');
        let path = match uri.query() {
            Some(query) => format!("{path}/solve?{query}"),
            None => format!("{path}/solve"),
        };
        let mut parts = Parts::from(uri);
        parts.path_and_query = Some(path.parse::<PathAndQuery>()?);
        Ok(Self {
            // Its parts are those of a URI, with another path.
            uri: Uri::from_parts(parts).unwrap_or_default(),
        })
    }

    /// All that requests need, user and password included.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Without the user and password that it may carry, in whose place stands `user`, and without the values of its query,
    /// of which any may be a key.
    pub(crate) fn shown(&self, user: &str) -> String {
        let uri = &self.uri;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let authority = match authority.rsplit_once('@') {
            Some((_secret, host)) if user.is_empty() => host.to_owned(),
            Some((_secret, host)) => format!("{user}@{host}"),
            None => authority.to_owned(),
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        let query = match uri.query() {
            Some(query) => format!("?{}", redacted_query(query)),
            None => String::new(),
        };
        format!("{scheme}://{authority}{}{query}", uri.path())
    }
}

/// Whether something stands where `uri` may have a port.
fn has_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = authority.rsplit_once(uri.host().unwrap_or_default());
    port.is_some_and(|(_user, port)| port.len() > 1)
}

fn redacted_query(query: &str) -> String {
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _secret)) => format!("{name}={REDACTED}"),
            None if pair.is_empty() => String::new(),
            // A bare word may be a key as well as the name of one.
            None => REDACTED.to_owned(),
        })
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_user_password_and_values() {
        for (base, shown) in [
            ("http://u:p@h:1/a?b", "http://***@h:1/a/solve?REDACTED"),
            ("http://u@h/", "http://***@h/solve"),
            ("http://:p@h/", "http://***@h/solve"),
            ("http://h/a", "http://h/a/solve"),
            ("http://h/a?", "http://h/a/solve?"),
            (
                "http://h/?key=k&b=&c=d=e&&f",
                "http://h/solve?key=REDACTED&b=REDACTED&c=REDACTED&&REDACTED",
            ),
        ] {
            let Ok(endpoint) = Endpoint::solve_below(base) else {
                panic!("{base} is refused");
            };
            assert_eq!(endpoint.shown("***"), shown);
            assert!(!endpoint.shown("").contains('@'));
        }
    }
}
