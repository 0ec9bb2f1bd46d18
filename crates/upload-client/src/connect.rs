use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::connection::{Connection, Stream};
use crate::early_answer::Wire;
use crate::error::{Because, BoxError, Failure, RequestError};
use crate::proxy::{Proxies, Proxy, is_local_name};
use crate::target::{Server, Target};
use crate::tls::{Trust, secure};

/// How long an address may keep the next one waiting (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The longest answer to a tunnel's opening.
const TUNNEL_HEAD: usize = 16 * 1024;

/// Makes connections, up to where HTTP begins.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) proxies: Proxies,
    pub(crate) trust: Trust,
    pub(crate) limit: Duration,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) idle_timeout: Duration,
}

impl Connector {
    /// The proxy that forwards the requests for `server`.
    pub(crate) fn forwarder(&self, server: &Server) -> Option<&Proxy> {
        // A tunnel concerns the proxy only while it is opened, and the proxy need not speak HTTP/2.
        let forwards = !server.https && !server.http2;
        self.proxies.proxy_for(server).filter(|_| forwards)
    }

    /// Cancel safe: dropping the future leaves nothing.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Connection, RequestError> {
        let connected = timeout(self.limit, self.open(target)).await;
        connected.unwrap_or_else(|_elapsed| {
            let late = format!("no connection within {:?}", self.limit);
            Err(RequestError::before(Failure::Connect, late))
        })
    }

    async fn open(&self, target: &Target) -> Result<Connection, RequestError> {
        let server = &target.server;
        // Reads the trusted certificates before it connects.
        let tls = if server.https {
            Some(self.trust.of(Some(server)).await?)
        } else {
            None
        };
        let proxy = self.proxies.proxy_for(server);
        let (host, port) = match proxy {
            Some(proxy) => proxy.address()?,
            None => (&*server.host, server.port),
        };
        let tcp = self.dial(host, port).await;
        let tcp = tcp.map_err(|error| RequestError::before(Failure::Connect, error))?;
        let (stream, wire) = Wire::new(tcp);
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if let Some(proxy) = proxy {
            if proxy.is_https() {
                let tls = self.trust.of(None).await?;
                stream = secure(tls, host, stream, &[]).await?.0;
            }
            if self.forwarder(server).is_none() {
                let opened = open_tunnel(&mut stream, target, proxy.authorization.as_ref()).await;
                opened.map_err(|error| RequestError::before(Failure::Proxy, error))?;
            }
        }
        let mut http2 = server.http2;
        if let Some(tls) = tls {
            let protocols = [&b"h2"[..], b"http/1.1"];
            let offered = &protocols[..if http2 { 1 } else { 2 }];
            let (secured, chosen) = secure(tls, &server.host, stream, offered).await?;
            if http2 && !chosen {
                let source = "it does not choose HTTP/2 in the TLS handshake";
                return Err(RequestError::before(Failure::NotHttp2, source));
            }
            (stream, http2) = (secured, chosen);
        }
        Connection::begin(server.clone(), stream, wire, http2, self.idle_timeout)
            .await
            .map_err(|error| RequestError::before(Failure::Connect, error))
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, BoxError> {
        let unknown = |error| Because::new(format!("{host} has no address"), error);
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            // Resolvers need not know them (RFC 6761, 6.3).
            Err(_name) if is_local_name(host) => vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ],
            Err(_name) => by_turns(lookup_host((host, port)).await.map_err(unknown)?),
        };
        let tcp = first_of(addresses, TcpStream::connect).await?;
        // The last bytes of a body must not wait for the acknowledgement of those before. A socket that is gone fails later.
        let _gone = tcp.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _gone = socket2::SockRef::from(&tcp).set_tcp_user_timeout(self.tcp_user_timeout);
        Ok(tcp)
    }
}

/// Alternates between the address families, and begins with the one that the resolver prefers (RFC 8305, 4).
fn by_turns(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut counts = [0, 0];
    let mut ranked: Vec<_> = addresses
        .map(|address| {
            let count = &mut counts[usize::from(address.is_ipv6())];
            *count += 1;
            (*count, address)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, address)| address).collect()
}

/// Returns the first connection to one of `addresses`, or the first error.
///
/// An address that neither answers nor refuses costs [`ATTEMPT_DELAY`]; attempts in progress go on in the meantime.
async fn first_of<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, BoxError>
where
    F: Future<Output = io::Result<T>>,
{
    let connect = |address| {
        let connecting = connect(address);
        let failed = move |error| Because::new(format!("{address} cannot be reached"), error);
        async move { connecting.await.map_err(failed) }
    };
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        attempts.extend(waiting.next().map(&connect));
        match timeout(ATTEMPT_DELAY, attempts.next()).await {
            Ok(Some(Ok(connected))) => return Ok(connected),
            Ok(Some(Err(error))) => {
                failure.get_or_insert(error);
            }
            Ok(None) => {
                return Err(failure.map_or_else(|| "the name has no address".into(), Into::into));
            }
            Err(_elapsed) => {}
        }
    }
}

/// Asks a proxy for a tunnel to the target (RFC 9110, 9.3.6).
async fn open_tunnel(
    stream: &mut dyn Stream,
    target: &Target,
    authorization: Option<&HeaderValue>,
) -> Result<(), BoxError> {
    let authority = format!("{}:{}", target.authority.host(), target.server.port);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend([b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    // What follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == TUNNEL_HEAD {
            return Err("the head of its answer is too long".into());
        }
        head.push(stream.read_u8().await?);
    }
    let status = head
        .strip_prefix(b"HTTP/1.")
        .and_then(|head| head.get(2..5));
    match StatusCode::from_bytes(status.unwrap_or_default()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(format!("it refuses a tunnel: {status}").into()),
        Err(_none) => Err("its answer is not HTTP".into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn addresses(hosts: &[&str]) -> Vec<SocketAddr> {
        let address = |host: &&str| SocketAddr::new(host.parse().unwrap(), 1);
        hosts.iter().map(address).collect()
    }

    /// 10.x swallows, 11.x refuses, all others answer after a second.
    async fn connect(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.to_string() {
            text if text.starts_with("10.") => std::future::pending().await,
            text if text.starts_with("11.") => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(address)
            }
        }
    }

    /// Who is connected to, and after how many milliseconds.
    async fn raced(hosts: &[&str]) -> (String, u128) {
        let started = Instant::now();
        let first = first_of(addresses(hosts), connect).await.unwrap();
        (first.ip().to_string(), started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_swallows_costs_a_quarter_of_a_second_and_one_that_refuses_nothing() {
        for (hosts, first, milliseconds) in [
            (&["1.1.1.1"][..], "1.1.1.1", 1000),
            (&["10.0.0.1", "1.1.1.1"], "1.1.1.1", 1250),
            (&["11.0.0.1", "1.1.1.1"], "1.1.1.1", 1000),
            (&["10.0.0.1", "11.0.0.1", "1.1.1.1"], "1.1.1.1", 1250),
            (&["10.0.0.1", "10.0.0.2", "::2"], "::2", 1500),
            (&["1.1.1.1", "2.2.2.2"], "1.1.1.1", 1000),
            (&["1.1.1.1", "11.0.0.1"], "1.1.1.1", 1000),
        ] {
            assert_eq!(
                raced(hosts).await,
                (first.to_owned(), milliseconds),
                "{hosts:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_refuse_it_is_the_first_ones_error() {
        let refused = first_of(addresses(&["11.0.0.1", "11.0.0.2"]), connect).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "11.0.0.1:1 cannot be reached"
        );
        let none = first_of(Vec::new(), connect).await.unwrap_err();
        assert_eq!(none.to_string(), "the name has no address");
    }

    #[test]
    fn families_take_turns() {
        for (given, expected) in [
            (
                &["::1", "::2", "::3", "1.1.1.1"][..],
                &["::1", "1.1.1.1", "::2", "::3"][..],
            ),
            (
                &["1.1.1.1", "2.2.2.2", "::1"],
                &["1.1.1.1", "::1", "2.2.2.2"],
            ),
            (&[], &[]),
        ] {
            assert_eq!(by_turns(addresses(given).into_iter()), addresses(expected));
        }
    }
}
