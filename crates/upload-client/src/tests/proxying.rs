use futures_util::future::join;
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::support::error_chain;
use super::support::{
    answer, client_by, listen, patiently, post, read_answer, read_head, read_small, small_body,
};
use crate::RequestError;
use crate::client::{HttpClient, OutgoingRequest};

/// Whether the proxy's user and password are in `head`.
fn has_credentials(head: &str) -> bool {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization")
                && value == "Basic QWxhZGRpbjpvcGVuc2VzYW1l"
        })
}

async fn proxy() -> (TcpListener, HttpClient) {
    let (listener, url) = listen().await;
    let port = url.port().unwrap();
    let proxy = format!("http://Aladdin:opensesame@127.0.0.1:{port}");
    (listener, client_by(Matcher::builder().all(proxy).build()))
}

/// Waits for a tunnel's opening, and answers it with `status`.
async fn open(listener: &TcpListener, status: &str) -> (String, tokio::net::TcpStream) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let head = read_head(&mut socket).await;
    let answer = format!("HTTP/1.1 {status}\r\n\r\n");
    socket.write_all(answer.as_bytes()).await.unwrap();
    (head, socket)
}

#[tokio::test]
async fn a_plain_request_is_made_by_the_proxy() {
    let (listener, client) = proxy().await;
    let url: Url = "http://u:p@solver.example/solve?x=1".parse().unwrap();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let head = read_small(&mut socket).await;
        answer(&mut socket, "by proxy").await;
        head
    };
    let request = async {
        let mut response = client.send(post(&url), small_body()).await.unwrap();
        read_answer(&mut response).await.unwrap()
    };
    let (body, head) = patiently(join(request, server)).await;
    assert_eq!(body, b"by proxy");
    assert!(
        head.starts_with("POST http://solver.example/solve?x=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("host: solver.example\r\n"), "{head}");
    assert!(has_credentials(&head), "{head}");
}

#[tokio::test]
async fn a_request_by_tls_goes_through_a_tunnel() {
    let (listener, client) = proxy().await;
    let url: Url = "https://solver.example/solve".parse().unwrap();
    let server = async {
        let (head, mut socket) = open(&listener, "200 OK").await;
        (head, socket.read_u8().await.unwrap())
    };
    let (response, (head, first)) =
        patiently(join(client.send(post(&url), small_body()), server)).await;
    assert!(
        head.starts_with("CONNECT solver.example:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(has_credentials(&head), "{head}");
    assert_eq!(first, 22, "no TLS handshake");
    let error = response.unwrap_err();
    assert!(matches!(error, RequestError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn http2_goes_through_a_tunnel_as_well() {
    let (listener, client) = proxy().await;
    let url: Url = "http://solver.example/solve".parse().unwrap();
    let server = async {
        let (head, mut socket) = open(&listener, "200 OK").await;
        let mut preface = [0; 14];
        socket.read_exact(&mut preface).await.unwrap();
        (head, preface)
    };
    let request = OutgoingRequest {
        http2: true,
        ..post(&url)
    };
    let (_, (head, preface)) = patiently(join(client.send(request, small_body()), server)).await;
    assert!(
        head.starts_with("CONNECT solver.example:80 HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(&preface, b"PRI * HTTP/2.0");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let (listener, client) = proxy().await;
    let url: Url = "https://solver.example/solve".parse().unwrap();
    let server = open(&listener, "407 Proxy Authentication Required");
    let (response, _) = patiently(join(client.send(post(&url), small_body()), server)).await;
    let error = response.unwrap_err();
    assert_eq!(
        error_chain(&error),
        "cannot connect: tunnel error: proxy authorization required"
    );
    assert!(!format!("{error:?}").contains("opensesame"));
}

#[tokio::test]
async fn other_kinds_of_proxies_are_refused() {
    let client = client_by(Matcher::builder().all("socks5://127.0.0.1:1").build());
    let url: Url = "http://solver.example/".parse().unwrap();
    let error = patiently(client.send(post(&url), small_body()))
        .await
        .unwrap_err();
    assert_eq!(
        error_chain(&error),
        "cannot connect: proxies by socks5 are not supported"
    );
}
