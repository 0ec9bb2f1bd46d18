use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::stream;
use http::{Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::io::AsyncReadExt;
use tower_service::Service;
use url::Url;

use super::support::{answer, listen, patiently, read_head, read_small, upload_client};
use crate::BoxError;

fn small(url: &Url) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"small")));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.as_str().parse().unwrap();
    request
}

#[tokio::test]
async fn requests_one_after_another_use_one_connection_and_overlapping_ones_do_not() {
    let (listener, url) = listen().await;
    let mut client = upload_client();
    let requests = async {
        for _ in 0..3 {
            let answer = client.call(small(&url)).await.unwrap();
            assert_eq!(
                answer.into_body().collect().await.unwrap().to_bytes(),
                "answer"
            );
        }
        let (first, second) = join(client.call(small(&url)), client.call(small(&url))).await;
        for answer in [first, second] {
            assert_eq!(answer.unwrap().status(), 200);
        }
    };
    let server = async {
        let (mut first, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            read_small(&mut first).await;
            answer(&mut first, "answer").await;
        }
        let (mut second, _) = listener.accept().await.unwrap();
        for socket in [&mut first, &mut second] {
            read_small(socket).await;
        }
        for socket in [&mut first, &mut second] {
            answer(socket, "answer").await;
        }
    };
    patiently(join(requests, server)).await;
}

#[tokio::test]
async fn dropping_an_answer_drops_the_body_in_the_same_call() {
    let (listener, url) = listen().await;
    let mut client = upload_client();
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let frames = stream::repeat_with(move || {
        let _held = &kept;
        Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 1024])))
    });
    let request = small(&url).map(|_small| StreamBody::new(frames));
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        socket
    };
    let (early, mut socket) = patiently(join(client.call(request), server)).await;
    let early = early.unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    drop(early);
    assert_eq!(Arc::strong_count(&held), 1);
    // And the connection is closed, or reset.
    let _end = patiently(socket.read_to_end(&mut Vec::new())).await;
}
