//! Servers that nobody here wrote, which answer 413 before they have read a request. One that is not installed is passed
//! over, and the output says so. They need hypercorn and uvicorn (`pip install hypercorn uvicorn`), nginx, HAProxy, Node
//! or Go:
//!
//! `cargo test -p upload-client --test it -- --ignored --nocapture foreign`

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use tempfile::TempDir;

use crate::support::{
    builder, certificate, error_chain, http2_post, large_body, patiently, post, read_answer, send,
};

/// How often each is asked, in each form.
const TIMES: usize = 50;

/// What they answer, where they can be told.
const ANSWER: &str = "0123456789abcdef0123456789abcdef";

/// A server that runs until it is dropped, with ports of its own: plain, plain for HTTP/2, and TLS.
struct Server {
    child: Child,
    ports: [u16; 3],
    _home: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Starts `program`, of which this many ports come to listen; `None` if there is none. In the arguments and the files,
/// words in capitals are filled in.
fn start(
    program: &str,
    arguments: &[&str],
    files: &[(&str, &str)],
    listens: usize,
) -> Option<Server> {
    let home = tempfile::tempdir().unwrap();
    let ports = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = ports.map(|listener| listener.local_addr().unwrap().port());
    let chain = fs::read_to_string(certificate("server.pem")).unwrap();
    let key = fs::read_to_string(certificate("server.key.pem")).unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("both.pem"), format!("{chain}{key}")).unwrap();
    let fill = |text: &str| {
        text.replace("PLAIN", &ports[0].to_string())
            .replace("SECOND", &ports[1].to_string())
            .replace("SECURE", &ports[2].to_string())
            .replace("CHAIN", certificate("server.pem").to_str().unwrap())
            .replace("KEY", certificate("server.key.pem").to_str().unwrap())
            .replace("HOME", home.path().to_str().unwrap())
            .replace("ANSWER", ANSWER)
    };
    for (name, text) in files {
        fs::write(path(name), fill(text)).unwrap();
    }
    let child = Command::new(program)
        .args(arguments.iter().map(|argument| fill(argument)))
        .current_dir(home.path())
        .stdout(Stdio::null())
        .stderr(fs::File::create(path("errors")).unwrap())
        .spawn();
    let Ok(mut child) = child else {
        println!("{program} is not installed");
        return None;
    };
    let started = Instant::now();
    for port in &ports[..listens] {
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            let errors = || fs::read_to_string(Path::new(&path("errors"))).unwrap();
            if child.try_wait().unwrap().is_some() && errors().contains("No module named") {
                println!("{program} {arguments:?} is not installed");
                return None;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{}", errors());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    Some(Server {
        child,
        ports,
        _home: home,
    })
}

/// Forms in which a server is asked.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    /// HTTP/2 from the first byte.
    Http2,
    /// Whatever it prefers by TLS.
    Tls,
}

/// Asks each server in each of these forms, with and without a length, whose every answer must be whole.
async fn ask(server: &Server, forms: &[(Form, usize)], expected: Option<&str>) {
    let client = builder().trust(certificate("authority.pem")).build();
    for (form, port) in forms {
        let scheme = if matches!(form, Form::Tls) {
            "https"
        } else {
            "http"
        };
        let uri: Uri = format!("{scheme}://127.0.0.1:{}/", server.ports[*port])
            .parse()
            .unwrap();
        for announced in [false, true] {
            for number in 0..TIMES {
                let body = if announced {
                    let data = Full::new(Bytes::from(vec![b'x'; 8_000_000]));
                    data.map_err(|never| match never {}).boxed_unsync()
                } else {
                    large_body(128)
                };
                let request = match form {
                    Form::Http2 => http2_post(&uri, body),
                    Form::Plain | Form::Tls => post(&uri, body),
                };
                let exchange = async {
                    let answer = send(&client, request).await?;
                    Ok::<_, upload_client::RequestError>((
                        answer.status(),
                        read_answer(answer).await?,
                    ))
                };
                let (status, body) = patiently(exchange).await.unwrap_or_else(|error| {
                    panic!("{form:?}, {announced}, {number}: {}", error_chain(&error))
                });
                assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
                match expected {
                    Some(expected) => assert_eq!(body, expected),
                    None => assert!(body.ends_with(b"</html>\r\n"), "{body:?}"),
                }
            }
        }
    }
}

const ASGI: &str = r#"
async def app(scope, receive, send):
    await receive()
    headers = [(b"content-length", b"32")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"ANSWER"})
"#;

#[tokio::test]
#[ignore = "needs hypercorn"]
async fn hypercorn() {
    let arguments = [
        "-m",
        "hypercorn",
        "--insecure-bind",
        "127.0.0.1:PLAIN",
        "--bind",
        "127.0.0.1:SECURE",
        "--certfile",
        "CHAIN",
        "--keyfile",
        "KEY",
        "app:app",
    ];
    if let Some(server) = start("python3", &arguments, &[("app.py", ASGI)], 1) {
        let forms = [(Form::Plain, 0), (Form::Http2, 0), (Form::Tls, 2)];
        ask(&server, &forms, Some(ANSWER)).await;
    }
}

#[tokio::test]
#[ignore = "needs uvicorn"]
async fn uvicorn() {
    let arguments = [
        "-m",
        "uvicorn",
        "--lifespan",
        "off",
        "--port",
        "PLAIN",
        "app:app",
    ];
    if let Some(server) = start("python3", &arguments, &[("app.py", ASGI)], 1) {
        ask(&server, &[(Form::Plain, 0)], Some(ANSWER)).await;
    }
}

const NGINX: &str = r"
daemon off;
pid HOME/pid;
events {}
http {
    access_log off;
    client_body_temp_path HOME/body;
    proxy_temp_path HOME/proxy;
    fastcgi_temp_path HOME/fastcgi;
    uwsgi_temp_path HOME/uwsgi;
    scgi_temp_path HOME/scgi;
    client_max_body_size 1k;
    LINGERING
    server {
        listen 127.0.0.1:PLAIN;
        listen 127.0.0.1:SECOND http2;
        listen 127.0.0.1:SECURE ssl PROTOCOL;
        ssl_certificate CHAIN;
        ssl_certificate_key KEY;
        location / { proxy_pass http://127.0.0.1:1; }
    }
}
";

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx() {
    for lingering in ["", "lingering_close off;"] {
        for protocol in ["", "http2"] {
            let text = NGINX
                .replace("LINGERING", lingering)
                .replace("PROTOCOL", protocol);
            let arguments = ["-c", "HOME/nginx.conf", "-e", "HOME/log"];
            let Some(server) = start("/usr/sbin/nginx", &arguments, &[("nginx.conf", &text)], 3)
            else {
                return;
            };
            let forms = [(Form::Plain, 0), (Form::Http2, 1), (Form::Tls, 2)];
            ask(&server, &forms, None).await;
        }
    }
}

const HAPROXY: &str = r#"
defaults
    mode http
    timeout client 10s
    timeout connect 1s
    timeout server 1s
frontend refusing
    bind 127.0.0.1:PLAIN
    bind 127.0.0.1:SECOND proto h2
    bind 127.0.0.1:SECURE ssl crt HOME/both.pem alpn h2,http/1.1
    http-request return status 413 content-type text/plain string "ANSWER"
"#;

#[tokio::test]
#[ignore = "needs HAProxy"]
async fn haproxy() {
    let arguments = ["-f", "HOME/haproxy.cfg", "-db"];
    if let Some(server) = start(
        "/usr/sbin/haproxy",
        &arguments,
        &[("haproxy.cfg", HAPROXY)],
        3,
    ) {
        let forms = [(Form::Plain, 0), (Form::Http2, 1), (Form::Tls, 2)];
        ask(&server, &forms, Some(ANSWER)).await;
    }
}

const NODE: &str = r#"
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
const headers = { "content-length": 32 };
const refuse = (request, response) => {
    response.writeHead(413, headers);
    response.end("ANSWER", () => request.destroy());
};
const refuseStream = (stream) => {
    stream.respond({ ":status": 413, ...headers });
    stream.end("ANSWER");
    stream.on("error", () => {});
};
http.createServer(refuse).listen(PLAIN, "127.0.0.1");
http2.createServer().on("stream", refuseStream).listen(SECOND, "127.0.0.1");
const keys = { cert: readFileSync("CHAIN"), key: readFileSync("KEY") };
http2.createSecureServer(keys).on("stream", refuseStream).listen(SECURE, "127.0.0.1");
"#;

#[tokio::test]
#[ignore = "needs Node"]
async fn node() {
    if let Some(server) = start("node", &["server.mjs"], &[("server.mjs", NODE)], 3) {
        let forms = [(Form::Plain, 0), (Form::Http2, 1), (Form::Tls, 2)];
        ask(&server, &forms, Some(ANSWER)).await;
    }
}

const GO: &str = r#"
package main

import (
    "io"
    "net/http"
)

func main() {
    http.HandleFunc("/", func(writer http.ResponseWriter, request *http.Request) {
        request.Body = http.MaxBytesReader(writer, request.Body, 1000)
        if _, err := io.Copy(io.Discard, request.Body); err != nil {
            writer.WriteHeader(413)
            io.WriteString(writer, "ANSWER")
        }
    })
    go http.ListenAndServe("127.0.0.1:PLAIN", nil)
    http.ListenAndServeTLS("127.0.0.1:SECURE", "CHAIN", "KEY", nil)
}
"#;

#[tokio::test]
#[ignore = "needs Go"]
async fn go() {
    if let Some(server) = start("go", &["run", "server.go"], &[("server.go", GO)], 1) {
        ask(&server, &[(Form::Plain, 0), (Form::Tls, 2)], Some(ANSWER)).await;
    }
}
