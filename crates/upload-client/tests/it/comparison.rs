//! What becomes of early answers with this client, `reqwest` and hyper-util's: the table of the README.
//!
//! `cargo test -p upload-client --test it -- --ignored --nocapture comparison`

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::peers::{Case, Peer, answer, cases};
use crate::support::{RequestBody, builder, certificate, http2_post, large_body, post, send};

const TIMES: usize = 50;

/// 8 MB.
const CHUNKS: usize = 128;

type Answer = Result<(StatusCode, Bytes), upload_client::BoxError>;
type Send = Box<dyn Fn(&Case, &http::Uri) -> BoxFuture<'static, Answer>>;

fn body() -> RequestBody {
    large_body(CHUNKS)
}

fn ours() -> Send {
    let client = builder().trust(certificate("authority.pem")).build();
    Box::new(move |case, uri| {
        let make = if case.http2 && !case.tls {
            http2_post
        } else {
            post
        };
        let sending = send(&client, make(uri, body()));
        Box::pin(async move {
            let (head, body) = sending.await?.into_parts();
            Ok((head.status, body.collect().await?.to_bytes()))
        })
    })
}

fn reqwest() -> Send {
    let authority = std::fs::read(certificate("authority.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let client = |prior_knowledge| {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority.clone()]);
        let builder = if prior_knowledge {
            builder.http2_prior_knowledge()
        } else {
            builder
        };
        builder.build().unwrap()
    };
    let (negotiated, http2) = (client(false), client(true));
    Box::new(move |case, uri| {
        let client = if case.http2 && !case.tls {
            &http2
        } else {
            &negotiated
        };
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let chunks = std::iter::repeat_n(chunk, CHUNKS).map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        let sending = client.post(uri.to_string()).body(body).send();
        Box::pin(async move {
            let answer = sending.await?;
            Ok((answer.status(), answer.bytes().await?))
        })
    })
}

fn hyper_util() -> Send {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(certificate("authority.pem"));
    roots.add(authority.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = |http2| {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_all_versions()
            .build();
        legacy::Client::builder(TokioExecutor::new())
            .http2_only(http2)
            .build::<_, RequestBody>(connector)
    };
    let (negotiated, http2) = (client(false), client(true));
    Box::new(move |case, uri| {
        let client = if case.http2 && !case.tls {
            &http2
        } else {
            &negotiated
        };
        let mut request = post(uri, body());
        *request.version_mut() = Version::HTTP_11;
        let sending = client.request(request);
        Box::pin(async move {
            let (head, body) = sending.await?.into_parts();
            Ok((head.status, body.collect().await?.to_bytes()))
        })
    })
}

/// How many of these answers came whole, each by a client of its own: some would send the next request by a connection
/// that the peer is done with.
async fn whole(case: Case, client: fn() -> Send) -> usize {
    let peer = Peer::start(case, TIMES);
    let mut whole = 0;
    for number in 0..TIMES {
        let client = client();
        let patience = Duration::from_secs(5);
        let outcome = tokio::time::timeout(patience, client(&case, &peer.uri)).await;
        let expected = answer(number);
        whole += usize::from(matches!(
            outcome,
            Ok(Ok((StatusCode::PAYLOAD_TOO_LARGE, body))) if body == expected
        ));
        peer.release();
    }
    peer.finish();
    whole
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long, and is for the README"]
async fn of_early_answers() {
    println!("| early answers that are whole, of {TIMES} | this | `reqwest` | hyper-util |");
    println!("|---|---|---|---|");
    for case in cases() {
        let mut counts = Vec::new();
        for client in [ours, reqwest, hyper_util] {
            counts.push(whole(case, client).await.to_string());
        }
        println!("| {} | {} |", case.name(), counts.join(" | "));
        assert_eq!(counts[0], TIMES.to_string());
    }
}
