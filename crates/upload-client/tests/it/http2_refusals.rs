use futures_util::future::join;
use h2::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upload_client::{Failure, RequestError};

use crate::peers::frame;
use crate::support::{
    client, endless_body, error_chain, http2_post, listen, patiently, reset, send, small_body,
};

/// Servers say by these that they would rather not have had this request, or not now.
const REFUSALS: [Reason; 6] = [
    Reason::REFUSED_STREAM,
    Reason::INTERNAL_ERROR,
    Reason::CANCEL,
    Reason::NO_ERROR,
    Reason::ENHANCE_YOUR_CALM,
    Reason::CONNECT_ERROR,
];

/// And by these that what they are sent, or the way it is sent, makes no sense to them.
const MISUNDERSTANDINGS: [Reason; 6] = [
    Reason::PROTOCOL_ERROR,
    Reason::FLOW_CONTROL_ERROR,
    Reason::FRAME_SIZE_ERROR,
    Reason::COMPRESSION_ERROR,
    Reason::INADEQUATE_SECURITY,
    Reason::HTTP_1_1_REQUIRED,
];

/// Takes one request up and does this with it and its connection, until the client has closed that.
async fn serve(
    listener: &TcpListener,
    refuse: impl FnOnce(
        &mut h2::server::Connection<TcpStream, bytes::Bytes>,
        h2::server::SendResponse<bytes::Bytes>,
    ),
) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let (_request, respond) = connection.accept().await.unwrap().unwrap();
    refuse(&mut connection, respond);
    while connection.accept().await.is_some() {}
}

/// A request to a server that does this with it, and then drops the connection of the client.
async fn refused(
    refuse: impl FnOnce(
        &mut h2::server::Connection<TcpStream, bytes::Bytes>,
        h2::server::SendResponse<bytes::Bytes>,
    ),
) -> RequestError {
    let (listener, uri) = listen().await;
    let request = async {
        let client = client();
        let response = send(&client, http2_post(&uri, endless_body())).await;
        response.unwrap_err()
    };
    patiently(join(request, serve(&listener, refuse))).await.0
}

/// Of a server that closes while it is written to, the client may have read nothing by then.
fn is_broken(error: &RequestError) -> bool {
    matches!(error.failure, Failure::Disconnected | Failure::Unheard)
}

/// A request to a server that goes away without having taken up any.
async fn left(reason: Reason) -> RequestError {
    let (listener, uri) = listen().await;
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).await.unwrap();
        let last_stream = [0; 4];
        let goodbye = [last_stream, u32::from(reason).to_be_bytes()].concat();
        // SETTINGS and GOAWAY.
        let leaving = [frame(4, 0, 0, &[]), frame(7, 0, 0, &goodbye)].concat();
        socket.write_all(&leaving).await.unwrap();
        let _reset_or_not = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    };
    let request = send(&client, http2_post(&uri, endless_body()));
    let (response, ()) = patiently(join(request, server)).await;
    response.unwrap_err()
}

#[tokio::test]
async fn a_stream_that_is_reset_before_an_answer_is_a_disconnection() {
    for reason in REFUSALS {
        let error = refused(|_, mut respond| respond.send_reset(reason)).await;
        assert_eq!(
            error.failure,
            Failure::Disconnected,
            "{reason:?}: {error:?}"
        );
        let chain = error_chain(&error);
        assert!(chain.contains(reason.description()), "{chain}");
    }
}

#[tokio::test]
async fn so_is_a_connection_that_the_server_goes_away_from() {
    for reason in REFUSALS {
        let error = left(reason).await;
        assert_eq!(
            error.failure,
            Failure::Disconnected,
            "{reason:?}: {error:?}"
        );
        let error = refused(|connection, _| connection.abrupt_shutdown(reason)).await;
        assert!(is_broken(&error), "{reason:?}: {error:?}");
    }
}

#[tokio::test]
async fn what_the_server_does_not_understand_is_not() {
    for reason in MISUNDERSTANDINGS {
        let error = refused(|_, mut respond| respond.send_reset(reason)).await;
        assert_eq!(error.failure, Failure::Protocol, "{reason:?}: {error:?}");
        let error = left(reason).await;
        assert_eq!(error.failure, Failure::Protocol, "{reason:?}: {error:?}");
    }
}

#[tokio::test]
async fn the_next_request_after_a_server_has_left_is_made_on_another_connection() {
    let (listener, uri) = listen().await;
    let client = client();
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let server = serve(&listener, |connection, _| {
            connection.abrupt_shutdown(reason);
        });
        let request = send(&client, http2_post(&uri, small_body()));
        let (response, ()) = patiently(join(request, server)).await;
        let error = response.unwrap_err();
        assert!(is_broken(&error), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_http2_is_named() {
    let (listener, uri) = listen().await;
    for answer in [
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n\r\nno",
        "<html>Bad request version</html>",
    ] {
        let client = client();
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut preface = [0; 24];
            socket.read_exact(&mut preface).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            let _reset_or_not = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
        };
        let request = send(&client, http2_post(&uri, endless_body()));
        let (response, ()) = patiently(join(request, server)).await;
        let error = response.unwrap_err();
        assert_eq!(error.failure, Failure::NotHttp2, "{error:?}");
        let chain = error_chain(&error);
        assert!(
            chain.starts_with("the server does not seem to speak HTTP/2: "),
            "{chain}"
        );
    }
}

#[tokio::test]
async fn so_is_one_that_breaks_the_connection_without_a_word() {
    let (listener, uri) = listen().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).await.unwrap();
        // SETTINGS lie unread.
        reset(socket).await;
    };
    let client = client();
    let request = send(&client, http2_post(&uri, endless_body()));
    let (response, ()) = patiently(join(request, server)).await;
    let error = response.unwrap_err();
    assert_eq!(error.failure, Failure::Unheard, "{error:?}");
}
