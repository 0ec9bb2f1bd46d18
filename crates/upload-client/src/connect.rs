use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::connection::{Connection, Protocol, Stream};
use crate::early_answer::Wire;
use crate::error::{ConnectError, RequestError};
use crate::proxy::{Proxies, Proxy, is_loopback};
use crate::target::{Server, Target};
use crate::tls::Trust;

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
    /// The proxy that makes the requests for `server` in our place.
    pub(crate) fn forwarder(&self, server: &Server) -> Option<&Proxy> {
        // Where there is a tunnel, only its opening concerns the proxy; and it need not speak HTTP/2.
        let forwards = !server.https && !server.http2;
        self.proxies.proxy_for(server).filter(|_| forwards)
    }

    /// Cancel safe: dropped half-way, nothing is left.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Connection, RequestError> {
        let limit = self.limit;
        match timeout(limit, self.open(target)).await {
            Ok(connected) => connected,
            Err(_elapsed) => Err(ConnectError::Limit { limit }.into()),
        }
    }

    async fn open(&self, target: &Target) -> Result<Connection, RequestError> {
        let server = &target.server;
        // The system's certificates are read before anything is connected.
        let tls = if server.https {
            Some(self.trust.config(server).await?)
        } else {
            None
        };
        let proxy = self.proxies.proxy_for(server);
        let forwarding = self.forwarder(server).is_some();
        let (host, port) = match proxy {
            Some(proxy) => proxy.address()?,
            None => (&*server.host, server.port),
        };
        let tcp = self.dial(host, port).await?;
        let (stream, wire) = Wire::new(tcp);
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if let Some(proxy) = proxy {
            if proxy.is_https() {
                let config = self.trust.system().await?;
                let (secured, _http2) = config.connect(host, stream, &[]).await?;
                stream = secured;
            }
            if !forwarding {
                open_tunnel(&mut stream, server, proxy.authorization()).await?;
            }
        }
        let mut http2 = server.http2;
        if let Some(config) = tls {
            let offered: &[&[u8]] = if http2 {
                &[b"h2"]
            } else {
                &[b"h2", b"http/1.1"]
            };
            let (secured, chosen) = config.connect(&server.host, stream, offered).await?;
            if http2 && !chosen {
                return Err(RequestError::NotHttp2 {
                    source: "by TLS, it does not choose HTTP/2".into(),
                });
            }
            stream = secured;
            http2 = chosen;
        }
        let protocol = Protocol {
            http2,
            forwarding,
            idle_timeout: self.idle_timeout,
        };
        Ok(Connection::begin(stream, wire, protocol).await?)
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let unnamed = |source| ConnectError::Name {
            host: host.to_owned(),
            source,
        };
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            // No resolver need know them (RFC 6761, 6.3).
            Err(_name) if is_loopback(host) && host.contains("local") => {
                let addresses = [
                    IpAddr::from(Ipv4Addr::LOCALHOST),
                    Ipv6Addr::LOCALHOST.into(),
                ];
                addresses
                    .map(|address| SocketAddr::new(address, port))
                    .into()
            }
            Err(_name) => match lookup_host((host, port)).await {
                Ok(addresses) => by_turns(addresses.collect()),
                Err(error) => return Err(unnamed(Some(error))),
            },
        };
        let tcp = first_of(addresses, TcpStream::connect)
            .await
            .unwrap_or_else(|| Err(unnamed(None)))?;
        // The last bytes of a body must not wait for the acknowledgement of those before. A socket that is gone fails later.
        let _gone = tcp.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _gone = socket2::SockRef::from(&tcp).set_tcp_user_timeout(self.tcp_user_timeout);
        Ok(tcp)
    }
}

/// The addresses of both families by turns, beginning with that which the resolver prefers (RFC 8305, 4).
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == preferred);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// What the first of `addresses` that can be connected to gives, or the first one's error; `None` where there are none.
///
/// One that neither answers nor refuses costs [`ATTEMPT_DELAY`]; attempts that are under way go on meanwhile.
async fn first_of<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Option<Result<T, ConnectError>>
where
    F: Future<Output = io::Result<T>>,
{
    let connect = |address| {
        let connecting = connect(address);
        async move {
            let connected = connecting.await;
            connected.map_err(|source| ConnectError::Address { address, source })
        }
    };
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        attempts.extend(waiting.next().map(&connect));
        let ended = if waiting.len() == 0 {
            attempts.next().await
        } else {
            match timeout(ATTEMPT_DELAY, attempts.next()).await {
                Ok(ended) => ended,
                Err(_elapsed) => continue,
            }
        };
        match ended {
            Some(Ok(connected)) => return Some(Ok(connected)),
            Some(Err(error)) => {
                failure.get_or_insert(error);
            }
            None => return failure.map(Err),
        }
    }
}

/// Has a proxy pass on all that follows (RFC 9110, 9.3.6).
async fn open_tunnel(
    stream: &mut dyn Stream,
    server: &Server,
    authorization: Option<&HeaderValue>,
) -> Result<(), ConnectError> {
    let (host, port) = (&server.host, server.port);
    let authority = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let answer = async {
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        // What follows the head belongs to the tunnel.
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
            if head.len() > TUNNEL_HEAD {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its answer has no end",
                ));
            }
        }
        let status = head
            .strip_prefix(b"HTTP/1.")
            .and_then(|head| head.get(2..5));
        status
            .and_then(|digits| StatusCode::from_bytes(digits).ok())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its answer is no HTTP"))
    };
    match answer.await {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(ConnectError::ProxyRefused { status }),
        Err(source) => Err(ConnectError::Proxy { source }),
    }
}

impl From<ConnectError> for RequestError {
    fn from(source: ConnectError) -> Self {
        Self::Connect { source }
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
        let first = first_of(addresses(hosts), connect).await.unwrap().unwrap();
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
    async fn where_all_refuse_it_is_the_first_ones_error_and_where_there_are_none_it_is_none() {
        let refused = first_of(addresses(&["11.0.0.1", "11.0.0.2"]), connect).await;
        let error = refused.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "11.0.0.1:1 cannot be reached");
        assert!(first_of(Vec::new(), connect).await.is_none());
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
            assert_eq!(by_turns(addresses(given)), addresses(expected));
        }
    }
}
