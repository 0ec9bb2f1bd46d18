use std::time::Duration;

use crate::support::{
    alive_tasks, builder, client, error_chain, http2_post, listen, patiently, post, send,
    small_body, tasks_are_back_to,
};
use http::Uri;
use tokio::net::TcpSocket;

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    // By RFC 6761, no resolver has one, and none asks others for it; one that cannot be reached says nothing else.
    let uri: Uri = "http://solver.invalid/".parse().unwrap();
    let error = patiently(send(&client(), post(&uri, small_body()))).await;
    let error = error.unwrap_err();
    let chain = error_chain(&error);
    assert!(
        chain.starts_with("cannot connect: solver.invalid has no address"),
        "{chain}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_answer_costs_the_limit() {
    // The kernel completes handshakes as long as the backlog is not full, and drops them then.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let filling = (0..8).map(|_| {
        let filler =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        filler.set_nonblocking(true).unwrap();
        let _in_progress = filler.connect(&address.into());
        filler
    });
    let _filling: Vec<_> = filling.collect();
    let uri: Uri = format!("http://{address}/").parse().unwrap();
    for limit in [None, Some(Duration::from_secs(2))] {
        let client = match limit {
            Some(limit) => builder().connect_timeout(limit).build(),
            None => client(),
        };
        let started = tokio::time::Instant::now();
        let error = send(&client, post(&uri, small_body())).await.unwrap_err();
        let limit = limit.unwrap_or(Duration::from_secs(5));
        assert!(started.elapsed() >= limit);
        assert_eq!(
            error_chain(&error),
            format!("cannot connect: no connection within {limit:?}")
        );
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_within_the_limit_too() {
    let (_listener, uri) = listen().await;
    let uri: Uri = uri.to_string().replace("http:", "https:").parse().unwrap();
    let limit = Duration::from_millis(50);
    let client = builder()
        .trust(crate::support::certificate("authority.pem"))
        .connect_timeout(limit)
        .build();
    for make in [post, http2_post] {
        let error = patiently(send(&client, make(&uri, small_body()))).await;
        assert_eq!(
            error_chain(&error.unwrap_err()),
            "cannot connect: no connection within 50ms"
        );
    }
    let before = alive_tasks();
    tasks_are_back_to(before).await;
}
