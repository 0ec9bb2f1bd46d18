use futures_util::future::join;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use upload_client::{Failure, RequestError, UploadClient, UploadClientBuilder};

use crate::peers::server_config;
use crate::support::{
    builder, certificate, error_chain, http2_post, listen, patiently, post, read_answer, send,
    small_body,
};

/// Serves one request by TLS, if there is one.
async fn serve(listener: &TcpListener, chain: &str) {
    let (socket, _) = listener.accept().await.unwrap();
    let acceptor = TlsAcceptor::from(server_config(false, chain));
    let Ok(mut stream) = acceptor.accept(socket).await else {
        return;
    };
    let mut request = Vec::new();
    while !request.ends_with(b"small") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_gone) => return,
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer";
    stream.write_all(answer).await.unwrap();
    stream.flush().await.unwrap();
}

/// What becomes of a request to a server with this certificate.
async fn asked(client: &UploadClient, chain: &str, host: &str) -> Result<(), RequestError> {
    let (listener, uri) = listen().await;
    let uri = format!("https://{host}:{}/", uri.port_u16().unwrap());
    let uri = uri.parse().unwrap();
    let request = async {
        let response = send(client, post(&uri, small_body())).await?;
        assert_eq!(read_answer(response).await?, "answer");
        Ok(())
    };
    let server = async {
        serve(&listener, chain).await;
        std::future::pending().await
    };
    patiently(async {
        tokio::select! {
            answered = request => answered,
            never = server => never,
        }
    })
    .await
}

fn trusting(file: &str) -> UploadClientBuilder {
    builder().trust(certificate(file))
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_its_file() {
    for host in ["localhost", "127.0.0.1", "LOCALHOST", "localhost."] {
        let client = trusting("authority.pem").build();
        asked(&client, "server.pem", host).await.unwrap();
    }
    let error = asked(&builder().build(), "server.pem", "localhost").await;
    let chain = error_chain(&error.unwrap_err());
    assert!(
        chain.starts_with("cannot connect: no TLS with localhost: ")
            && chain.contains("UnknownIssuer"),
        "{chain}"
    );
}

#[tokio::test]
async fn several_files_are_trusted_together() {
    for files in [
        ["authority.pem", "elsewhere.pem"],
        ["elsewhere.pem", "authority.pem"],
    ] {
        let client = trusting(files[0]).trust(certificate(files[1])).build();
        asked(&client, "server.pem", "localhost").await.unwrap();
        let (listener, uri) = listen().await;
        let port = uri.port_u16().unwrap();
        let client = files.iter().fold(builder(), |builder, file| {
            builder.trust_for("localhost", port, certificate(file))
        });
        let uri = format!("https://localhost:{port}/").parse().unwrap();
        let client = client.build();
        let request = send(&client, post(&uri, small_body()));
        let (response, ()) = patiently(join(request, serve(&listener, "server.pem"))).await;
        response.unwrap();
    }
}

#[tokio::test]
async fn a_server_may_have_an_authority_of_its_own_and_no_other() {
    let (listener, uri) = listen().await;
    let port = uri.port_u16().unwrap();
    let uri: Uri = format!("https://localhost:{port}/").parse().unwrap();
    for (general, own, is_trusted) in [
        ("elsewhere.pem", "authority.pem", true),
        ("authority.pem", "elsewhere.pem", false),
    ] {
        let client = trusting(general)
            .trust_for("LocalHost", port, certificate(own))
            .build();
        let request = send(&client, post(&uri, small_body()));
        let server = serve(&listener, "server.pem");
        let (response, ()) = patiently(join(request, server)).await;
        assert_eq!(response.is_ok(), is_trusted, "{response:?}");
        // All others go by the general ones.
        let other = asked(&client, "server.pem", "localhost").await;
        assert_eq!(other.is_ok(), !is_trusted, "{other:?}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_by_its_file_for_its_names() {
    for own in [false, true] {
        for (file, trusted, is_trusted) in [
            ("self-signed.pem", "self-signed.pem", true),
            // It says that it is an authority's.
            (
                "self-signed-authority.pem",
                "self-signed-authority.pem",
                false,
            ),
            // Its name is another's.
            ("elsewhere.pem", "elsewhere.pem", false),
            // It is another with the same key.
            ("self-signed.pem", "elsewhere.pem", false),
        ] {
            let (listener, uri) = listen().await;
            let port = uri.port_u16().unwrap();
            let uri: Uri = format!("https://localhost:{port}/").parse().unwrap();
            let client = if own {
                builder().trust_for("localhost", port, certificate(trusted))
            } else {
                trusting(trusted)
            };
            let client = client.build();
            let request = send(&client, post(&uri, small_body()));
            let (response, ()) = patiently(join(request, serve(&listener, file))).await;
            assert_eq!(
                response.is_ok(),
                is_trusted,
                "{file} by {trusted}: {response:?}"
            );
            if file == "self-signed-authority.pem" {
                let chain = error_chain(&response.unwrap_err());
                assert!(
                    chain.contains("make one with the extension basicConstraints=CA:FALSE"),
                    "{chain}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_when_tls_is_met() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for path in [folder.path().join("none.pem"), empty] {
        let client = builder().trust(&path).build();
        let uri: Uri = "https://localhost:1/".parse().unwrap();
        let error = patiently(send(&client, post(&uri, small_body()))).await;
        let error = error.unwrap_err();
        assert_eq!(error.failure, Failure::Tls, "{error:?}");
        let chain = error_chain(&error);
        let start = format!(
            "TLS cannot be set up: {}: no certificates can be read from it: ",
            path.display()
        );
        assert!(chain.starts_with(&start), "{chain}");
        assert!(!error.may_be_made_again());
        // Plain HTTP has nothing to do with it.
        let uri: Uri = "http://localhost:1/".parse().unwrap();
        let error = patiently(send(&client, post(&uri, small_body()))).await;
        assert_eq!(error.unwrap_err().failure, Failure::Connect);
    }
}

#[tokio::test]
async fn http2_from_the_first_byte_is_what_tls_must_choose() {
    let client = trusting("authority.pem").build();
    let (listener, uri) = listen().await;
    let uri: Uri = format!("https://localhost:{}/", uri.port_u16().unwrap())
        .parse()
        .unwrap();
    let request = send(&client, http2_post(&uri, small_body()));
    let (response, ()) = patiently(join(request, serve(&listener, "server.pem"))).await;
    let error = response.unwrap_err();
    let chain = error_chain(&error);
    // rustls servers end the handshake, others choose nothing.
    assert!(
        error.failure == Failure::NotHttp2 || chain.contains("NoApplicationProtocol"),
        "{chain}"
    );
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(server_config(true, "server.pem"));
        let stream = acceptor.accept(socket).await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
        let answer = http::Response::new(());
        respond.send_response(answer, true).unwrap();
        while connection.accept().await.is_some() {}
    };
    let request = async {
        let response = send(&client, http2_post(&uri, small_body())).await;
        drop(client);
        read_answer(response.unwrap()).await.unwrap()
    };
    assert_eq!(patiently(join(request, server)).await.0, "");
}

/// A machine without certificate authorities, of which this process is started again to be one.
#[test]
fn without_authorities_plain_http_is_sent_and_an_error_says_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let output = std::process::Command::new(this)
        .args([
            "--exact",
            "tls::on_a_machine_without_authorities",
            "--ignored",
        ])
        .env("SSL_CERT_FILE", folder.path().join("none.pem"))
        .env("SSL_CERT_DIR", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
#[ignore = "another test runs it with an environment of its own"]
async fn on_a_machine_without_authorities() {
    let client = builder().build();
    let (listener, uri) = listen().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        crate::support::read_small(&mut socket).await;
        crate::support::answer(&mut socket, "plain").await;
    };
    let request = async {
        let response = send(&client, post(&uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    assert_eq!(patiently(join(request, server)).await.0, "plain");
    let uri: Uri = "https://localhost:1/".parse().unwrap();
    let error = patiently(send(&client, post(&uri, small_body()))).await;
    let chain = error_chain(&error.unwrap_err());
    for part in [
        "TLS cannot be set up: ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "ca-certificates",
    ] {
        assert!(chain.contains(part), "{chain}");
    }
    // A file of authorities is enough.
    let client = trusting("authority.pem").build();
    asked(&client, "server.pem", "localhost").await.unwrap();
}
