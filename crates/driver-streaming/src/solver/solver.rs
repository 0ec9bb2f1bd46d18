use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use super::redact::redacted;
use super::solver_error::SolverError;

/// A solver engine: a name for reports, and where requests go.
///
/// ```
/// use driver_streaming::Solver;
///
/// let solver: Solver = "baseline=http://localhost:8080/mainnet/?trace=1".parse()?;
/// assert_eq!(solver.name(), "baseline");
/// assert_eq!(solver.shown_url(), "http://localhost:8080/mainnet/solve?trace=1");
/// # Ok::<(), driver_streaming::SolverError>(())
/// ```
#[derive(Clone)]
pub struct Solver {
    name: String,
    url: Url,
}

impl Solver {
    /// A solver whose requests go to `/solve` below `endpoint`.
    ///
    /// # Errors
    /// When the name is empty or the endpoint is no http or https URL.
    pub fn new(name: impl Into<String>, endpoint: &str) -> Result<Self, SolverError> {
        let name = name.into();
        if name.is_empty() {
            return Err(SolverError::EmptyName);
        }
        if name.chars().any(char::is_control) {
            return Err(SolverError::Name { name });
        }
        let mut url = match Url::parse(endpoint) {
            Ok(url) => url,
            Err(source) => return Err(SolverError::Url { name, source }),
        };
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme().to_owned();
            return Err(SolverError::Scheme { name, scheme });
        }
        url.set_fragment(None);
        let path = format!("{}/solve", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self { name, url })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where requests go, with `***` in place of user and password.
    pub fn shown_url(&self) -> String {
        redacted(&self.url).into()
    }

    /// Where requests go, with user and password.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the engine is on this machine, where no proxy could find it.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

/// Whether the host of `url` is this machine, by RFC 6761 (`localhost`) and RFC 6890 (loopback addresses).
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

impl std::fmt::Debug for Solver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Solver")
            .field("name", &self.name)
            .field("url", &self.shown_url())
            .finish()
    }
}

/// `NAME=URL`.
impl FromStr for Solver {
    type Err = SolverError;

    fn from_str(text: &str) -> Result<Self, SolverError> {
        // Without a name, the first '=' may be one of the URL's query.
        let (name, endpoint) = text
            .split_once('=')
            .filter(|(name, _)| !name.contains("://"))
            .ok_or(SolverError::NoName)?;
        Self::new(name, endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solve_is_appended_with_one_slash_and_the_query_kept() {
        for (endpoint, url) in [
            ("http://h:1", "http://h:1/solve"),
            ("http://h:1/", "http://h:1/solve"),
            ("http://h/a", "http://h/a/solve"),
            ("https://h/a//?x=1&y=/", "https://h/a/solve?x=1&y=/"),
            ("http://h/a%20b/#part", "http://h/a%20b/solve"),
        ] {
            assert_eq!(Solver::new("s", endpoint).unwrap().url().as_str(), url);
        }
    }

    #[test]
    fn what_cannot_be_addressed_is_refused_without_showing_the_password() {
        for text in [
            "http://h",
            "=http://h",
            "a=",
            "a=h:1",
            "a=ftp://u:secret@h",
            "a=http://",
            "a=http://u:secret@h:99999",
            "http://u:secret@h/?next=http://h",
            "a\n=http://h",
        ] {
            let error = text.parse::<Solver>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
        let solver: Solver = "a=http://u:secret@h/".parse().unwrap();
        assert!(!format!("{solver:?}").contains("secret"));
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for (endpoint, loopback) in [
            ("http://localhost:1", true),
            ("http://a.localhost", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(
                Solver::new("s", endpoint).unwrap().is_loopback(),
                loopback,
                "{endpoint}"
            );
        }
    }
}
