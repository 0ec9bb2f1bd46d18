use std::fmt;

use http::uri::{Authority, Scheme};
use http::{HeaderName, Uri};

use crate::document::BoxError;

/// What replaces query values, which may be secret.
const REDACTED: &str = "REDACTED";

/// Where a solver's requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// For requests: with user and password.
    pub(crate) uri: Uri,
    /// Without user and password, and without query values, any of which may be a key.
    pub(crate) without_secrets: Uri,
}

/// Why a solver's settings are refused. Messages do not repeat the URL, which may contain a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolverError {
    /// A solver that was written without `NAME=`.
    #[error("a solver is written NAME=URL, and this one has no '='")]
    NoName,
    /// The name is empty, or has a control character.
    #[error("the solver's name {0}")]
    Name(String),
    /// The URL does not parse.
    #[error("the URL of solver {name:?} does not parse")]
    Url {
        /// The solver's name.
        name: String,
        /// What is wrong with the URL.
        #[source]
        source: BoxError,
    },
    /// The URL has no scheme, as in `localhost:8080`.
    #[error(
        "the URL of solver {name:?} does not begin with a scheme: write http:// before the host"
    )]
    NoScheme {
        /// The solver's name.
        name: String,
    },
    /// The URL is neither http nor https.
    #[error("the URL of solver {name:?} has the scheme {scheme:?}, and must have http or https")]
    Scheme {
        /// The solver's name.
        name: String,
        /// The URL's scheme.
        scheme: String,
    },
    /// The header describes the body, the connection or the encoding of answers.
    #[error("the header {name} cannot be set")]
    Header {
        /// The header's name.
        name: HeaderName,
    },
}

impl Endpoint {
    /// Appends `/solve` to the path of `base`, unless it ends with that. Errors name the solver.
    pub(crate) fn solve_below(solver: &str, base: &str) -> Result<Self, SolverError> {
        let unusable = |source: BoxError| SolverError::Url {
            name: solver.to_owned(),
            source,
        };
        let parsed = |text: &str| {
            let uri = text.parse::<Uri>();
            uri.map_err(|error| unusable(error.into()))
        };
        let uri = parsed(base.trim())?;
        if uri.scheme() != Some(&Scheme::HTTP) && uri.scheme() != Some(&Scheme::HTTPS) {
            let name = solver.to_owned();
            return Err(match uri.scheme_str() {
                Some(scheme) => SolverError::Scheme {
                    name,
                    scheme: scheme.to_owned(),
                },
                None => SolverError::NoScheme { name },
            });
        }
        if uri.port_u16().is_none() && has_port(&uri) {
            return Err(unusable("invalid port number".into()));
        }
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix("/solve").unwrap_or(path).to_owned() + "/solve";
        let scheme = uri.scheme_str().unwrap_or_default();
        let solve_at = |authority: &str, query: Option<String>| {
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            parsed(&format!("{scheme}://{authority}{path}{query}"))
        };
        let authority = authority(&uri);
        let host = authority.rsplit('@').next().unwrap_or_default();
        Ok(Self {
            uri: solve_at(authority, uri.query().map(ToOwned::to_owned))?,
            without_secrets: solve_at(host, uri.query().map(redacted_query))?,
        })
    }

    /// Returns `without_secrets` with `***` in place of user and password.
    pub(crate) fn shown(&self) -> String {
        let shown = self.without_secrets.to_string();
        if authority(&self.uri).contains('@') {
            shown.replacen("://", "://***@", 1)
        } else {
            shown
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown())
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", Authority::as_str)
}

/// Whether something follows the host, which may be no valid port.
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
            ("http://h:/a", "http://h:/a/solve"),
            ("http://h/a", "http://h/a/solve"),
            ("http://h/a/solve", "http://h/a/solve"),
            ("http://h/solve/?b=c", "http://h/solve?b=REDACTED"),
            ("http://h/resolve", "http://h/resolve/solve"),
            ("http://h/a?", "http://h/a/solve?"),
            (
                "http://h/?key=k&b=&c=d=e&&f",
                "http://h/solve?key=REDACTED&b=REDACTED&c=REDACTED&&REDACTED",
            ),
        ] {
            let Ok(endpoint) = Endpoint::solve_below("a", base) else {
                panic!("{base} is refused");
            };
            assert_eq!(endpoint.shown(), shown);
            let without_user = shown.replace("***@", "");
            assert_eq!(endpoint.without_secrets.to_string(), without_user);
        }
    }
}
