use futures_util::future::join;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upload_client::{Failure, Proxies, UploadClient};

use crate::peers::server_config;
use crate::support::{
    answer, builder, certificate, error_chain, http2_post, listen, patiently, post, read_answer,
    read_head, read_small, send, small_body,
};

/// Whether the proxy's user and password are in `head`.
fn has_credentials(head: &str) -> bool {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization")
                && value == "Basic QWxhZGRpbjpvcGVuc2VzYW1l"
        })
}

async fn proxy(user: &str) -> (TcpListener, UploadClient) {
    let (listener, uri) = listen().await;
    let proxies = Proxies::all(&format!("http://{user}{}", uri.authority().unwrap()));
    (listener, builder().proxies(proxies).build())
}

async fn proxy_with_user() -> (TcpListener, UploadClient) {
    proxy("Aladdin:opensesame@").await
}

/// Waits for a tunnel's opening, and answers it with `status`.
async fn open(listener: &TcpListener, status: &str) -> (String, TcpStream) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let head = read_head(&mut socket).await;
    let answer = format!("HTTP/1.1 {status}\r\n\r\n");
    socket.write_all(answer.as_bytes()).await.unwrap();
    (head, socket)
}

/// This process is started again to have an environment with a proxy.
#[tokio::test]
async fn by_default_the_environment_names_the_proxy() {
    let (listener, uri) = listen().await;
    let this = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(this);
    again
        .args(["--exact", "proxying::in_an_environment_with_a_proxy"])
        .arg("--ignored")
        .env("http_proxy", uri.to_string())
        .env_remove("no_proxy")
        .env_remove("NO_PROXY");
    let mut again = tokio::task::spawn_blocking(move || again.output().unwrap());
    let mut socket = tokio::select! {
        accepted = listener.accept() => accepted.unwrap().0,
        output = &mut again => panic!("{output:?}"),
    };
    let head = read_small(&mut socket).await;
    answer(&mut socket, "by proxy").await;
    assert!(
        head.starts_with("POST http://solver.invalid/ HTTP/1.1\r\n"),
        "{head}"
    );
    let output = patiently(again).await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
#[ignore = "another test runs it with an environment of its own"]
async fn in_an_environment_with_a_proxy() {
    let client = UploadClient::default();
    let uri: Uri = "http://solver.invalid/".parse().unwrap();
    let response = send(&client, post(&uri, small_body())).await.unwrap();
    assert_eq!(read_answer(response).await.unwrap(), "by proxy");
}

#[tokio::test]
async fn a_plain_request_is_made_by_the_proxy() {
    let (listener, client) = proxy_with_user().await;
    let uri: Uri = "http://u:p@solver.example/solve?x=1".parse().unwrap();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let head = read_small(&mut socket).await;
        answer(&mut socket, "by proxy").await;
        head
    };
    let request = async {
        let response = send(&client, post(&uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    let (body, head) = patiently(join(request, server)).await;
    assert_eq!(body, "by proxy");
    assert!(
        head.starts_with("POST http://solver.example/solve?x=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("host: solver.example\r\n"), "{head}");
    assert!(has_credentials(&head), "{head}");
}

#[tokio::test]
async fn a_request_by_tls_goes_through_a_tunnel() {
    for user in ["Aladdin:opensesame@", ""] {
        let (listener, client) = proxy(user).await;
        let uri: Uri = "https://solver.example/solve".parse().unwrap();
        let server = async {
            let (head, mut socket) = open(&listener, "200 OK").await;
            (head, socket.read_u8().await.unwrap())
        };
        let request = send(&client, post(&uri, small_body()));
        let (response, (head, first)) = patiently(join(request, server)).await;
        assert!(
            head.starts_with("CONNECT solver.example:443 HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("Host: solver.example:443\r\n"), "{head}");
        assert_eq!(has_credentials(&head), !user.is_empty(), "{head}");
        assert_eq!(first, 22, "no TLS handshake");
        let error = response.unwrap_err();
        assert_eq!(error.failure, Failure::Connect, "{error:?}");
    }
}

/// The proxy's head and the tunnel's first bytes come in one piece.
#[tokio::test]
async fn what_is_said_in_a_tunnel_is_the_servers() {
    let (listener, client) = proxy_with_user().await;
    let client_of_tls = builder()
        .proxies(Proxies::all(&format!(
            "http://{}",
            listener.local_addr().unwrap()
        )))
        .trust(certificate("authority.pem"))
        .build();
    let uri: Uri = "https://solver.example/solve".parse().unwrap();
    let server = async {
        let (_head, socket) = open(&listener, "200 Connection established").await;
        let acceptor = tokio_rustls::TlsAcceptor::from(server_config(false, "server.pem"));
        let mut stream = acceptor.accept(socket).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"small") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntunnel";
        stream.write_all(answer).await.unwrap();
        stream.flush().await.unwrap();
        (String::from_utf8(request).unwrap(), stream)
    };
    let request = async {
        let response = send(&client_of_tls, post(&uri, small_body()))
            .await
            .unwrap();
        read_answer(response).await.unwrap()
    };
    let (body, (head, _stream)) = patiently(join(request, server)).await;
    assert_eq!(body, "tunnel");
    // The server hears nothing of the proxy.
    assert!(head.starts_with("POST /solve HTTP/1.1\r\n"), "{head}");
    assert!(!has_credentials(&head), "{head}");
    drop(client);
}

#[tokio::test]
async fn a_proxy_may_be_spoken_to_by_tls() {
    let (listener, uri) = listen().await;
    let proxy = format!("https://localhost:{}", uri.port_u16().unwrap());
    let builder = builder().proxies(Proxies::all(&proxy));
    let client = builder.trust(certificate("authority.pem")).build();
    let uri: Uri = "http://solver.example/solve".parse().unwrap();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(server_config(false, "server.pem"));
        let mut stream = acceptor.accept(socket).await.unwrap();
        let head = read_small(&mut stream).await;
        answer(&mut stream, "by proxy").await;
        (head, stream)
    };
    let request = async {
        let response = send(&client, post(&uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    let (body, (head, _stream)) = patiently(join(request, server)).await;
    assert_eq!(body, "by proxy");
    let start = "POST http://solver.example/solve HTTP/1.1\r\n";
    assert!(head.starts_with(start), "{head}");
}

#[tokio::test]
async fn http2_goes_through_a_tunnel_as_well() {
    let (listener, client) = proxy_with_user().await;
    let uri: Uri = "http://solver.example/solve".parse().unwrap();
    let server = async {
        let (head, mut socket) = open(&listener, "200 OK").await;
        let mut preface = [0; 14];
        socket.read_exact(&mut preface).await.unwrap();
        (head, preface)
    };
    let request = send(&client, http2_post(&uri, small_body()));
    let (_, (head, preface)) = patiently(join(request, server)).await;
    assert!(
        head.starts_with("CONNECT solver.example:80 HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(&preface, b"PRI * HTTP/2.0");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let (listener, client) = proxy_with_user().await;
    let uri: Uri = "https://solver.example/solve".parse().unwrap();
    // A long head, such as one with cookies, is read as well.
    let status = format!("407 No\r\nSet-Cookie: {}", "x".repeat(16_000));
    let server = open(&listener, &status);
    let request = send(&client, post(&uri, small_body()));
    let (response, _) = patiently(join(request, server)).await;
    let error = response.unwrap_err();
    assert_eq!(
        error_chain(&error),
        "cannot connect through the proxy: it refuses a tunnel: 407 Proxy Authentication Required"
    );
    assert!(!format!("{error:?}").contains("opensesame"));
}

#[tokio::test]
async fn so_is_one_that_closes_or_speaks_no_http() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
        &"x".repeat(20_000),
    ] {
        let (listener, client) = proxy_with_user().await;
        let uri: Uri = "https://solver.example/solve".parse().unwrap();
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            socket.write_all(said.as_bytes()).await.unwrap();
        };
        let request = send(&client, post(&uri, small_body()));
        let (response, ()) = patiently(join(request, server)).await;
        let error = response.unwrap_err();
        let chain = error_chain(&error);
        assert!(
            chain.starts_with("cannot connect through the proxy: "),
            "{chain}"
        );
    }
}

#[tokio::test]
async fn one_that_cannot_be_reached_is_not_gone_around() {
    let (listener, client) = proxy_with_user().await;
    drop(listener);
    let uri: Uri = "http://solver.example/".parse().unwrap();
    let error = patiently(send(&client, post(&uri, small_body()))).await;
    let error = error.unwrap_err();
    assert_eq!(error.failure, Failure::Connect, "{error:?}");
    let chain = error_chain(&error);
    assert!(chain.contains(" cannot be reached: "), "{chain}");
}

#[tokio::test]
async fn other_kinds_of_proxies_are_refused() {
    let uri: Uri = "http://solver.example/".parse().unwrap();
    for (proxy, expected) in [
        ("socks5://127.0.0.1:1", "socks5 proxies are not supported"),
        ("gopher://127.0.0.1:1", "gopher proxies are not supported"),
        ("http://", "its URL has no valid host and port"),
        (
            "http://127.0.0.1:65536",
            "its URL has no valid host and port",
        ),
    ] {
        let client = builder().proxies(Proxies::all(proxy)).build();
        let error = patiently(send(&client, post(&uri, small_body()))).await;
        let expected = format!("cannot connect through the proxy: {expected}");
        assert_eq!(error_chain(&error.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn this_machine_is_reached_directly() {
    let (listener, uri) = listen().await;
    let client = builder()
        .proxies(Proxies::all("http://127.0.0.1:1"))
        .build();
    let port = uri.port_u16().unwrap();
    for host in [
        "localhost",
        "localhost.",
        "a.localhost",
        "127.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ] {
        let uri: Uri = format!("http://{host}:{port}/").parse().unwrap();
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_small(&mut socket).await;
            answer(&mut socket, "direct").await;
        };
        let request = async {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            read_answer(response).await.unwrap()
        };
        assert_eq!(patiently(join(request, server)).await.0, "direct");
    }
}
