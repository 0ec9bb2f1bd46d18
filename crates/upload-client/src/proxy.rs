use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use url::Host;

use crate::error::ConnectError;
use crate::target::{Server, basic_authorization, without_brackets};

/// Which requests go by which proxy: none to this machine, where no proxy could find it.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// No proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for all requests: the URL of one that speaks HTTP, perhaps with a user and password.
    pub fn all(proxy: &str) -> Self {
        Self::from_variables(|name| (name == "all_proxy").then(|| proxy.to_owned()))
    }

    /// Those that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, as curl reads them.
    ///
    /// A lower-case name goes before the upper-case one, an empty variable is an unset one, and `HTTP_PROXY` is not looked
    /// at where `REQUEST_METHOD` is set: a CGI program has it from whoever makes the request. A proxy without a scheme is
    /// an `http` one, and one without a port has port 1080 (443 by `https`). `NO_PROXY` names hosts, all below them, addresses and
    /// networks (`10.0.0.0/8`), with commas or white space between; `*` is all. Other than in curl, a name may have a port,
    /// `*` may be one of several, and an IPv6 address may have brackets.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_ascii_uppercase()));
        let is_cgi = get("REQUEST_METHOD").is_some();
        let proxy = |own: Option<String>| {
            own.or_else(|| either("all_proxy"))
                .as_deref()
                .map(Proxy::parse)
        };
        let http = if is_cgi {
            get("http_proxy")
        } else {
            either("http_proxy")
        };
        let exceptions = either("no_proxy").unwrap_or_default();
        Self {
            http: proxy(http),
            https: proxy(either("https_proxy")),
            exceptions: exceptions
                .split(|sign: char| sign == ',' || sign.is_ascii_whitespace())
                .filter(|word| !word.is_empty())
                .map(Exception::parse)
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
        let is_direct = || {
            let host = server.host.strip_suffix('.').unwrap_or(&server.host);
            let excepts = |exception: &Exception| exception.excepts(host, server.port);
            is_loopback(&server.host) || self.exceptions.iter().any(excepts)
        };
        proxy.as_ref().filter(|_| !is_direct())
    }
}

/// Whether `host` is this machine, however it is spelled: `localhost` and names below it (RFC 6761), loopback addresses
/// (RFC 6890), and the unspecified ones, which the kernel takes for those.
pub fn is_loopback(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    // An IPv6 address is to have brackets, and whatever the resolver would take for an IPv4 address is one.
    let parsed = match name.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Ok(Host::Ipv6(address)),
        Err(_) => Host::parse(name),
    };
    let address = match parsed {
        Ok(Host::Domain(name)) => return name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => IpAddr::V4(address),
        Ok(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical(),
        Err(_) => return false,
    };
    address.is_loopback() || address.is_unspecified()
}

/// A proxy, by its URL.
#[derive(Clone)]
pub(crate) struct Proxy {
    scheme: String,
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// What cannot be used is found out when it is to be used: a proxy that was asked for is never gone around.
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, address) = rest.rsplit_once('@').unwrap_or(("", rest));
        let uri = address.parse::<Uri>().ok();
        let authority = uri.as_ref().and_then(Uri::authority);
        let default = if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            1080
        };
        Self {
            scheme: scheme.to_ascii_lowercase(),
            host: authority
                .map_or("", |found| without_brackets(found.host()))
                .to_owned(),
            port: authority
                .and_then(|found| found.port_u16())
                .unwrap_or(default),
            authorization: basic_authorization(user_info),
        }
    }

    pub(crate) fn address(&self) -> Result<(&str, u16), ConnectError> {
        let scheme = match &*self.scheme {
            "http" | "https" if !self.host.is_empty() => return Ok((&self.host, self.port)),
            "http" | "https" => "an URL without a host".to_owned(),
            other => other.to_owned(),
        };
        Err(ConnectError::ProxyScheme { scheme })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// What no proxy stands before.
#[derive(Clone, Debug)]
enum Exception {
    All,
    Network {
        address: IpAddr,
        bits: u32,
        port: Option<u16>,
    },
    Name {
        name: String,
        port: Option<u16>,
    },
}

impl Exception {
    fn parse(word: &str) -> Self {
        if word == "*" {
            return Self::All;
        }
        let network = |text: &str, port| {
            let (text, bits) = text
                .split_once('/')
                .map_or((text, None), |(text, bits)| (text, Some(bits)));
            let address: IpAddr = without_brackets(text).parse().ok()?;
            let width = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
            (bits <= width).then_some(Self::Network {
                address,
                bits,
                port,
            })
        };
        if let Some(network) = network(word, None) {
            return network;
        }
        let (host, port) = match word.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (word, None),
        };
        network(host, port).unwrap_or_else(|| {
            let name = host.strip_suffix('.').unwrap_or(host);
            let name = name.strip_prefix('.').unwrap_or(name).to_ascii_lowercase();
            Self::Name { name, port }
        })
    }

    /// Whether `host`, in lower case, is meant.
    fn excepts(&self, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Name { name, port: only } => {
                let below = host.strip_suffix(name.as_str());
                only.is_none_or(|only| only == port)
                    && host.parse::<IpAddr>().is_err()
                    && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            Self::Network {
                address,
                bits,
                port: only,
            } => {
                let shared = |one: IpAddr, other: IpAddr| match (one, other) {
                    (IpAddr::V4(one), IpAddr::V4(other)) => {
                        Some((u32::from(one) ^ u32::from(other)).leading_zeros())
                    }
                    (IpAddr::V6(one), IpAddr::V6(other)) => {
                        Some((u128::from(one) ^ u128::from(other)).leading_zeros())
                    }
                    _ => None,
                };
                only.is_none_or(|only| only == port)
                    && host.parse().is_ok_and(|host| {
                        shared(host, *address).is_some_and(|shared| shared >= *bits)
                    })
            }
        }
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

    /// All but those in the second half were compared with curl 7.88.
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
            // Here, curl sees no exception.
            ("x, *", "http://h.example/", true),
            ("[2001:db8::1]", "http://[2001:db8::1]/", true),
            ("h.example:80", "http://h.example/", true),
            ("h.example:80", "http://h.example:81/", false),
            ("10.1.2.3:8", "http://10.1.2.3:8/", true),
            ("[2001:db8::1]:8", "http://[2001:db8::1]:8/", true),
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
