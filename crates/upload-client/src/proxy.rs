use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use ipnet::IpNet;
use url::Host;

use crate::error::{Failure, RequestError};
use crate::target::{Server, basic_authorization, port_of, without_brackets};

/// Which requests use which proxy. Requests to this machine never do: a proxy could not find it. No proxy by default.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Vec<String>,
}

impl Proxies {
    /// Uses one HTTP proxy for all requests. Its URL may have a user and password.
    pub fn all(proxy: &str) -> Self {
        Self::from_variables(|name| (name == "all_proxy").then(|| proxy.to_owned()))
    }

    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` as curl does.
    ///
    /// A lower-case name takes precedence, and an empty variable counts as unset. `HTTP_PROXY` is ignored where
    /// `REQUEST_METHOD` is set: a CGI program gets it from whoever makes the request. A proxy's scheme is `http` by
    /// default, its port 1080 (443 for `https`). `NO_PROXY` lists hosts, which include all names below them, addresses and
    /// networks (`10.0.0.0/8`), separated by commas or white space, without ports; `*` matches every host.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_ascii_uppercase()));
        let all = either("all_proxy");
        let http = match get("REQUEST_METHOD") {
            Some(_cgi) => get("http_proxy"),
            None => either("http_proxy"),
        };
        let exceptions = either("no_proxy").unwrap_or_default();
        let exceptions = exceptions.split(|sign: char| sign == ',' || sign.is_ascii_whitespace());
        Self {
            http: http.or_else(|| all.clone()).map(|url| Proxy::parse(&url)),
            https: either("https_proxy").or(all).map(|url| Proxy::parse(&url)),
            exceptions: exceptions
                .filter(|word| !word.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }

    /// The proxy for requests to `server`.
    pub(crate) fn proxy_for(&self, server: &Server) -> Option<&Proxy> {
        let proxy = if server.https {
            &self.https
        } else {
            &self.http
        };
        let host = server.host.strip_suffix('.').unwrap_or(&server.host);
        let is_direct = is_loopback(host) || self.exceptions.iter().any(|word| excepts(word, host));
        proxy.as_ref().filter(|_| !is_direct)
    }
}

/// Whether a word of `NO_PROXY` matches `host`, both in lower case.
fn excepts(word: &str, host: &str) -> bool {
    if word == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let one = |word: &str| word.parse::<IpAddr>().map(IpNet::from);
        let network = word.parse().or_else(|_| one(word));
        return network.is_ok_and(|network| network.contains(&address));
    }
    let name = word.strip_suffix('.').unwrap_or(word);
    let above = host.strip_suffix(name.strip_prefix('.').unwrap_or(name));
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Whether `host` is this machine in any spelling: `localhost` and names below it (RFC 6761), loopback addresses
/// (RFC 6890), and the unspecified addresses, which the kernel treats as loopback.
pub fn is_loopback(host: &str) -> bool {
    let address = match without_brackets(host).parse() {
        Ok(address) => address,
        // Everything that a resolver accepts as an address is one.
        Err(_) => match Host::parse(host.strip_suffix('.').unwrap_or(host)) {
            Ok(Host::Ipv4(address)) => IpAddr::V4(address),
            _ => return is_local_name(host),
        },
    };
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// Whether `host` is a name of this machine (RFC 6761, 6.3).
pub(crate) fn is_local_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// A proxy, by its URL.
#[derive(Clone)]
pub(crate) struct Proxy {
    scheme: String,
    host: String,
    port: u16,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// An invalid URL is an error when the proxy is used: a configured proxy is never bypassed.
    fn parse(url: &str) -> Self {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, address) = rest.rsplit_once('@').unwrap_or(("", rest));
        let uri = address.parse::<Uri>().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let default = if scheme == "https" { 443 } else { 1080 };
        let port = port_of(address, host, default).ok();
        Self {
            scheme,
            host: port.map_or("", |_| without_brackets(host)).to_owned(),
            port: port.unwrap_or_default(),
            authorization: basic_authorization(user_info),
        }
    }

    pub(crate) fn address(&self) -> Result<(&str, u16), RequestError> {
        let problem = match &*self.scheme {
            "http" | "https" if !self.host.is_empty() => return Ok((&self.host, self.port)),
            "http" | "https" => "its URL has no valid host and port".to_owned(),
            scheme => format!("{scheme} proxies are not supported"),
        };
        Err(RequestError::before(Failure::Proxy, problem))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy(proxies: &Proxies, uri: &str) -> Option<String> {
        let target = crate::target::Target::new(&uri.parse().unwrap(), false).unwrap();
        proxies
            .proxy_for(&target.server)
            .map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn each_variable_is_read_in_both_spellings_as_curl_does() {
        const HTTP: &str = "http://h.example/";
        const HTTPS: &str = "https://h.example/";
        for (variables, uri, expected) in [
            (&[][..], HTTP, None),
            (&[("http_proxy", "http://p:1")], HTTP, Some("http://p:1")),
            (&[("HTTP_PROXY", "http://p:1")], HTTP, Some("http://p:1")),
            (
                &[("http_proxy", "a:1"), ("HTTP_PROXY", "b:1")],
                HTTP,
                Some("http://a:1"),
            ),
            (
                &[("http_proxy", ""), ("HTTP_PROXY", "b:1")],
                HTTP,
                Some("http://b:1"),
            ),
            (&[("http_proxy", "http://p:1")], HTTPS, None),
            (&[("https_proxy", "http://p:1")], HTTPS, Some("http://p:1")),
            (&[("HTTPS_PROXY", "http://p:1")], HTTPS, Some("http://p:1")),
            (&[("https_proxy", "http://p:1")], HTTP, None),
            (&[("all_proxy", "p:1")], HTTP, Some("http://p:1")),
            (&[("ALL_PROXY", "p:1")], HTTPS, Some("http://p:1")),
            (
                &[("ALL_PROXY", "p:1"), ("http_proxy", "q:1")],
                HTTP,
                Some("http://q:1"),
            ),
            // A CGI program has it from its client.
            (
                &[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")],
                HTTP,
                None,
            ),
            (
                &[("http_proxy", "p:1"), ("REQUEST_METHOD", "GET")],
                HTTP,
                Some("http://p:1"),
            ),
            // Forms of a proxy.
            (&[("http_proxy", "p")], HTTP, Some("http://p:1080")),
            (&[("http_proxy", "https://p")], HTTP, Some("https://p:443")),
            (
                &[("http_proxy", " HTTP://u:s@p:8/path ")],
                HTTP,
                Some("http://p:8"),
            ),
            (&[("http_proxy", "[::1]:8")], HTTP, Some("http://::1:8")),
            (
                &[("http_proxy", "socks5://p:8")],
                HTTP,
                Some("socks5://p:8"),
            ),
        ] {
            let found = proxy(&proxies(variables), uri);
            assert_eq!(found.as_deref(), expected, "{variables:?} {uri}");
        }
    }

    /// All but the last were compared with curl 7.88.
    #[test]
    fn exceptions_are_read_as_curl_does() {
        for (exceptions, uri, is_direct) in [
            ("*", "http://h.example/", true),
            ("h.example", "http://h.example/", true),
            ("h.example", "http://a.h.example/", true),
            ("h.example", "http://ah.example/", false),
            ("a.h.example", "http://h.example/", false),
            (".h.example", "http://h.example/", true),
            (".h.example", "http://a.h.example/", true),
            ("..h.example", "http://h.example/", false),
            ("h.example.", "http://h.example/", true),
            ("h.example", "http://h.example./", true),
            ("H.EXAMPLE", "http://h.Example/", true),
            ("x, h.example", "http://h.example/", true),
            ("x h.example", "http://h.example/", true),
            ("x\th.example", "http://h.example/", true),
            (" ,, h.example ,", "http://h.example/", true),
            ("h.example", "https://h.example:8/", true),
            ("10.1.2.3", "http://10.1.2.3/", true),
            ("10.1.2.3", "http://10.1.2.4/", false),
            ("2.3", "http://10.1.2.3/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.0.0.0/x", "http://10.0.0.0/", false),
            ("10.0.0.0/33", "http://10.0.0.0/", false),
            ("10.1.2.3/31", "http://10.1.2.2/", true),
            ("2001:db8::1", "http://[2001:db8::1]/", true),
            ("2001:db8::/32", "http://[2001:db8:9::1]/", true),
            ("2001:db8::/32", "http://[2001:db9::1]/", false),
            ("", "http://h.example/", false),
            ("h.example:80", "http://h.example/", false),
            ("h.example:80", "http://h.example:80/", false),
            ("10.1.2.3:8", "http://10.1.2.3:8/", false),
            ("[2001:db8::1]", "http://[2001:db8::1]/", false),
            // Here, curl sees no exception: there, `*` must be alone.
            ("x, *", "http://h.example/", true),
        ] {
            for name in ["no_proxy", "NO_PROXY"] {
                let found = proxies(&[("all_proxy", "p:1"), (name, exceptions)]);
                assert_eq!(
                    proxy(&found, uri).is_none(),
                    is_direct,
                    "{exceptions:?} {uri}"
                );
            }
        }
    }

    #[test]
    fn this_machine_is_reached_directly_however_it_is_spelled() {
        let proxies = Proxies::all("http://u:secret@proxy:1");
        for host in [
            "localhost",
            "localhost.",
            "LocalHost",
            "a.localhost",
            "a.b.localhost.",
            "127.0.0.1",
            "127.9.9.9",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",
            "0",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:0.0.0.0]",
        ] {
            for scheme in ["http", "https"] {
                assert_eq!(
                    proxy(&proxies, &format!("{scheme}://{host}:8/")),
                    None,
                    "{host}"
                );
            }
        }
        for host in [
            "10.0.0.1",
            "solver.example",
            "localhost.example",
            "notlocalhost",
            "[::2]",
            "128.0.0.1",
        ] {
            assert!(
                proxy(&proxies, &format!("http://{host}/")).is_some(),
                "{host}"
            );
        }
        assert!(!format!("{proxies:?}").contains("secret"));
    }
}
