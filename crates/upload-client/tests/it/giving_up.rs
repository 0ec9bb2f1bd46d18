use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::stream;
use http::{Request, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upload_client::{BoxError, ResponseFuture, UploadClient};

use crate::peers::frame;
use crate::support::{
    RequestBody, alive_tasks, answer, body_of, client, http2_post, listen, patiently, post,
    read_answer, read_head, send, tasks_are_back_to,
};

/// Sends a body without end to a server that says this and reads nothing, until nothing moves any more.
async fn stall(
    client: &UploadClient,
    listener: &TcpListener,
    greeting: &[u8],
    request: impl Fn(RequestBody) -> Request<RequestBody>,
) -> (ResponseFuture, TcpStream) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let chunks = std::iter::from_fn(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Some(Ok(chunk.clone()))
    });
    let mut pending = send(client, request(body_of(chunks)));
    let mut socket = tokio::select! {
        response = &mut pending => panic!("{response:?}"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    socket.write_all(greeting).await.unwrap();
    let mut before = 0;
    loop {
        // A stall that is seen too soon makes the test easier, and never fails it.
        let wait = tokio::time::timeout(Duration::from_millis(50), &mut pending).await;
        assert!(wait.is_err(), "{wait:?}");
        let now = taken.load(Ordering::Relaxed);
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    (pending, socket)
}

/// The connection ends, and without the end of a request.
async fn is_cut_off(mut socket: TcpStream) {
    let mut received = Vec::new();
    let _reset_or_not = patiently(socket.read_to_end(&mut received)).await;
    assert!(
        !received.ends_with(b"\r\n0\r\n\r\n"),
        "the request looks whole"
    );
}

#[tokio::test]
async fn a_request_to_a_stalled_peer_leaves_no_task() {
    let (listener, uri) = listen().await;
    let client = client();
    // Without these, HTTP/2 stops before the kernel's buffers are full.
    let settings = frame(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    let open_windows = [settings, frame(8, 0, 0, &[0x7f, 0, 0, 0])].concat();
    for (make, greeting) in [
        (post as fn(&_, _) -> _, &[][..]),
        (http2_post, &[]),
        (http2_post, &open_windows),
    ] {
        let before = alive_tasks();
        let (pending, socket) = stall(&client, &listener, greeting, |body| make(&uri, body)).await;
        assert!(alive_tasks() > before);
        drop(pending);
        tasks_are_back_to(before).await;
        is_cut_off(socket).await;
    }
}

/// By default, the kernel keeps the rest of a request for minutes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nor_does_it_leave_a_socket_in_the_kernel() {
    let (listener, uri) = listen().await;
    let server = format!("0100007F:{:04X}", listener.local_addr().unwrap().port());
    let is_there = || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        // Established, or closed with bytes left to send: what was taken in time may linger.
        let mut found = sockets.lines().map(|line| line.split_whitespace().skip(2));
        found.any(|mut found| {
            found.next() == Some(&server) && matches!(found.next(), Some("01" | "04"))
        })
    };
    let (pending, _unread) = stall(&client(), &listener, &[], |body| post(&uri, body)).await;
    drop(pending);
    assert!(is_there());
    let gone = async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    patiently(gone).await;
}

#[tokio::test]
async fn nor_does_the_rest_of_one_that_has_an_answer() {
    let (listener, uri) = listen().await;
    let client = client();
    let before = alive_tasks();
    for finish in [false, true] {
        let (pending, mut socket) = stall(&client, &listener, &[], |body| post(&uri, body)).await;
        read_head(&mut socket).await;
        let answered = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let (response, _) = patiently(join(pending, answered)).await;
        let response = response.unwrap();
        if finish {
            read_answer(response).await.unwrap();
        } else {
            drop(response);
        }
        tasks_are_back_to(before).await;
        is_cut_off(socket).await;
    }
}

/// A body that brings nothing, and holds `held`.
fn waiting_body(held: &Arc<()>) -> RequestBody {
    let held = Arc::clone(held);
    let never = stream::poll_fn(move |_| -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let _held = &held;
        Poll::Pending
    });
    StreamBody::new(never).boxed_unsync()
}

#[tokio::test]
async fn a_body_that_waits_is_let_go_in_the_same_call() {
    let (listener, uri) = listen().await;
    let client = client();
    let before = alive_tasks();
    let held = Arc::new(());
    let mut pending = send(&client, post(&uri, waiting_body(&held)));
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        socket
    };
    let socket = tokio::select! {
        response = &mut pending => panic!("{response:?}"),
        socket = patiently(server) => socket,
    };
    drop(pending);
    assert_eq!(Arc::strong_count(&held), 1);
    tasks_are_back_to(before).await;
    is_cut_off(socket).await;
}

#[tokio::test]
async fn so_is_one_that_was_never_sent() {
    let held = Arc::new(());
    let uri: Uri = "http://localhost:1/".parse().unwrap();
    drop(send(&client(), post(&uri, waiting_body(&held))));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test]
async fn a_body_that_was_sent_is_let_go_before_the_answer() {
    let (listener, uri) = listen().await;
    let client = client();
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let mut chunk = Some(Ok(Bytes::from_static(b"small")));
    let chunks = std::iter::from_fn(move || {
        let _held = &kept;
        chunk.take()
    });
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
        answer(&mut socket, "answer").await;
        socket
    };
    let request = send(&client, post(&uri, body_of(chunks)));
    let (response, _socket) = patiently(join(request, server)).await;
    assert_eq!(read_answer(response.unwrap()).await.unwrap(), "answer");
}

#[tokio::test]
async fn a_body_that_waits_is_let_go_when_the_answer_has_been_read() {
    let (listener, uri) = listen().await;
    let client = client();
    let before = alive_tasks();
    let held = Arc::new(());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        socket
    };
    let request = async {
        let response = send(&client, post(&uri, waiting_body(&held)))
            .await
            .unwrap();
        assert_eq!(read_answer(response).await.unwrap(), "early");
        assert_eq!(Arc::strong_count(&held), 1);
    };
    let ((), socket) = patiently(join(request, server)).await;
    tasks_are_back_to(before).await;
    is_cut_off(socket).await;
}

#[tokio::test]
async fn dropping_an_answer_drops_the_body_in_the_same_call() {
    let (listener, uri) = listen().await;
    let client = client();
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let frames = stream::repeat_with(move || {
        let _held = &kept;
        Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 1024])))
    });
    let request = post(&uri, StreamBody::new(frames).boxed_unsync());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        socket
    };
    let (early, mut socket) = patiently(join(send(&client, request), server)).await;
    let early = early.unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    drop(early);
    assert_eq!(Arc::strong_count(&held), 1);
    // And the connection is closed, or reset.
    let _end = patiently(socket.read_to_end(&mut Vec::new())).await;
}

/// How many sockets this process has.
#[cfg(target_os = "linux")]
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory, in bytes.
#[cfg(target_os = "linux")]
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Files and memory are the whole process's: alone with
/// `cargo test -p upload-client --test it -- --ignored ten_thousand`
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "must be the process's only test"]
async fn ten_thousand_requests_that_are_given_up_leave_nothing() {
    for make in [post, http2_post] {
        let (listener, uri) = listen().await;
        let client = client();
        let mut facts = Vec::new();
        for round in 0..10_100 {
            if round == 100 || round == 10_099 {
                tasks_are_back_to(0).await;
                facts.push((open_files(), memory()));
            }
            let held = Arc::new(());
            let mut pending = send(&client, make(&uri, waiting_body(&held)));
            let socket = tokio::select! {
                response = &mut pending => panic!("{response:?}"),
                accepted = listener.accept() => accepted.unwrap().0,
            };
            drop(pending);
            assert_eq!(Arc::strong_count(&held), 1);
            drop(socket);
        }
        let [(files, memory), (files_later, memory_later)] = facts[..] else {
            panic!("{facts:?}");
        };
        println!("{files} files and {memory} bytes, then {files_later} and {memory_later}");
        assert_eq!(files, files_later);
        assert!(memory_later < memory + 2_000_000, "{memory} {memory_later}");
    }
}
