use std::error::Error;

use http::Uri;
use http::uri::{Authority, InvalidUri, Parts, PathAndQuery, Scheme};

/// What stands in place of what nobody else should read in a query.
const REDACTED: &str = "REDACTED";

/// Where a solver's requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    uri: Uri,
    without_secrets: Uri,
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
        let (path, shown_path) = match uri.query() {
            Some(query) => (
                format!("{path}/solve?{query}"),
                format!("{path}/solve?{}", redacted_query(query)),
            ),
            None => (format!("{path}/solve"), format!("{path}/solve")),
        };
        let authority = authority(&uri);
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let host = host.parse::<Authority>()?;
        let with = |authority, path: &str| {
            let mut parts = Parts::default();
            parts.scheme = uri.scheme().cloned();
            parts.authority = authority;
            parts.path_and_query = Some(path.parse::<PathAndQuery>()?);
            // Its parts are those of a URI, with another path.
            Ok::<_, InvalidUri>(Uri::from_parts(parts).unwrap_or_default())
        };
        Ok(Self {
            without_secrets: with(Some(host), &shown_path)?,
            uri: with(uri.authority().cloned(), &path)?,
        })
    }

    /// All that requests need, user and password included.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Without user and password, and without the values of the query, of which any may be a key.
    pub(crate) fn without_secrets(&self) -> &Uri {
        &self.without_secrets
    }

    /// Like [`without_secrets`](Self::without_secrets), with `***` in place of user and password.
    pub(crate) fn shown(&self) -> String {
        let shown = self.without_secrets.to_string();
        if authority(&self.uri).contains('@') {
            shown.replacen("://", "://***@", 1)
        } else {
            shown
        }
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", Authority::as_str)
}

/// Whether something stands where `uri` may have a port.
fn has_port(uri: &Uri) -> bool {
    let port = authority(uri).rsplit_once(uri.host().unwrap_or_default());
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
            assert_eq!(endpoint.shown(), shown);
            let without_user = shown.replace("***@", "");
            assert_eq!(endpoint.without_secrets().to_string(), without_user);
        }
    }
}
