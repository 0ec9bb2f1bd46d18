//! Peers that answer before they have read a request, on threads and blocking sockets of their own: what they do with a
//! connection is what it says, and when.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::support::certificate;

/// What a peer does after it has written its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    /// Closes with the request unread, which is a reset after all that was written.
    Closes,
    /// Closes its own side, as an orderly server does, and the rest when the client has seen it.
    ShutsDown,
    Resets,
    /// Neither reads nor closes.
    Lingers,
    /// HTTP/1.1: has said `Connection: close`, and closes.
    SaysClose,
    /// HTTP/2: GOAWAY, and closes.
    GoesAway,
    /// HTTP/2: RST_STREAM with NO_ERROR (RFC 9113, 8.1), and lingers.
    StopsStream,
    /// HTTP/2: RST_STREAM with INTERNAL_ERROR, and closes.
    ResetsStream,
}

/// A way of answering early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) http2: bool,
    pub(crate) tls: bool,
    pub(crate) then: Then,
    /// How much of the answer's body is not sent, though announced.
    pub(crate) withheld: usize,
}

/// All ways with whole answers.
pub(crate) fn cases() -> Vec<Case> {
    use Then::{
        Closes, GoesAway, Lingers, Resets, ResetsStream, SaysClose, ShutsDown, StopsStream,
    };

    let mut cases = Vec::new();
    for http2 in [false, true] {
        let own: &[Then] = if http2 {
            &[GoesAway, StopsStream, ResetsStream]
        } else {
            &[SaysClose]
        };
        for tls in [false, true] {
            for then in [Closes, ShutsDown, Resets, Lingers].iter().chain(own) {
                cases.push(Case {
                    http2,
                    tls,
                    then: *then,
                    withheld: 0,
                });
            }
        }
    }
    cases
}

impl Case {
    pub(crate) fn name(&self) -> String {
        let protocol = if self.http2 { "HTTP/2" } else { "HTTP/1.1" };
        let tls = if self.tls { " over TLS" } else { "" };
        let then = match self.then {
            Then::Closes => "closes with the request unread",
            Then::ShutsDown => "closes its side",
            Then::Resets => "resets the connection",
            Then::Lingers => "lingers",
            Then::SaysClose => "says `Connection: close` and closes",
            Then::GoesAway => "sends GOAWAY and closes",
            Then::StopsStream => "sends RST_STREAM (NO_ERROR)",
            Then::ResetsStream => "sends RST_STREAM (INTERNAL_ERROR) and closes",
        };
        format!("{protocol}{tls}, the server {then}")
    }
}

/// What is answered, of one length or the other.
pub(crate) fn answer(number: usize) -> Vec<u8> {
    let length = [16, 12_000][number % 2];
    b"0123456789abcdef"
        .iter()
        .copied()
        .cycle()
        .take(length)
        .collect()
}

/// A peer of one case, each of whose connections has one request.
pub(crate) struct Peer {
    pub(crate) uri: Uri,
    case: Case,
    thread: Option<JoinHandle<()>>,
    /// Says when the client is done with a connection.
    done: std::sync::mpsc::Sender<()>,
}

impl Peer {
    /// Answers the first `times` requests.
    pub(crate) fn start(case: Case, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if case.tls { "https" } else { "http" };
        let uri = format!("{scheme}://{}/", listener.local_addr().unwrap());
        let (done, is_done) = channel();
        let tls = server_config(case.http2, "server.pem");
        let thread = std::thread::spawn(move || {
            for number in 0..times {
                let (socket, _) = listener.accept().unwrap();
                serve(case, &socket, Arc::clone(&tls), number, &is_done).unwrap();
            }
        });
        Self {
            uri: uri.parse().unwrap(),
            case,
            thread: Some(thread),
            done,
        }
    }

    /// To be called after each request, whatever came of it.
    pub(crate) fn release(&self) {
        let _ended = self.done.send(());
    }

    /// Fails if the peer has.
    pub(crate) fn finish(mut self) {
        let joined = self.thread.take().unwrap().join();
        assert!(joined.is_ok(), "{:?}: the peer failed", self.case);
    }
}

pub(crate) fn server_config(http2: bool, chain: &str) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate(chain)).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate("server.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

trait Stream: Read + Write {
    /// As an orderly server does before it closes.
    fn close_notify(&mut self) {}
}

impl Stream for TcpStream {}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn close_notify(&mut self) {
        self.conn.send_close_notify();
        let _gone = self.flush();
    }
}

fn serve(
    case: Case,
    socket: &TcpStream,
    tls: Arc<ServerConfig>,
    number: usize,
    is_done: &Receiver<()>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = if case.tls {
        let session = ServerConnection::new(tls).map_err(io::Error::other)?;
        Box::new(StreamOwned::new(session, socket.try_clone()?))
    } else {
        Box::new(socket.try_clone()?)
    };
    let answer = answer(number);
    if case.http2 {
        read_http2_head(&mut *stream)?;
        stream.write_all(&http2_answer(case, &answer))?;
    } else {
        read_head(&mut *stream)?;
        stream.write_all(&http1_answer(case, &answer))?;
    }
    stream.flush()?;
    match case.then {
        Then::Closes | Then::SaysClose | Then::GoesAway | Then::ResetsStream => {
            stream.close_notify();
        }
        Then::ShutsDown => {
            stream.close_notify();
            let _closed_already = socket.shutdown(Shutdown::Write);
            wait(is_done);
            return Ok(());
        }
        Then::Resets => SockRef::from(socket).set_linger(Some(Duration::ZERO))?,
        Then::Lingers | Then::StopsStream => {
            wait(is_done);
            return Ok(());
        }
    }
    drop(stream);
    let _closed_already = socket.shutdown(Shutdown::Read);
    // The last handle is closed by the caller; what is unread resets the connection.
    Ok(())
}

fn wait(is_done: &Receiver<()>) {
    let _given_up = is_done.recv();
}

/// Reads a request's head and a kilobyte of its body.
fn read_head(stream: &mut dyn Stream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    stream.read_exact(&mut [0; 1000])
}

fn http1_answer(case: Case, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let close = if case.then == Then::SaysClose {
        "Connection: close\r\n"
    } else {
        ""
    };
    let head = format!("HTTP/1.1 413 Content Too Large\r\nContent-Length: {length}\r\n{close}\r\n");
    [head.as_bytes(), &body[..length - case.withheld]].concat()
}

fn read_http2_head(stream: &mut dyn Stream) -> io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        io::copy(
            &mut Read::take(&mut *stream, length.into()),
            &mut io::sink(),
        )?;
        // DATA.
        if header[3] == 0 {
            return Ok(());
        }
    }
}

/// A frame as RFC 9113, 4.1, has it.
pub(crate) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

fn http2_answer(case: Case, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut head = vec![0x08, 3];
    head.extend_from_slice(b"413");
    if body.len() > 16 || case.withheld > 0 {
        // `content-length`, which every other answer has.
        head.extend_from_slice(&[0x0f, 0x0d, u8::try_from(length.len()).unwrap()]);
        head.extend_from_slice(length.as_bytes());
    }
    let end = u8::from(case.withheld == 0);
    let mut frames = vec![
        frame(4, 0, 0, &[]),
        frame(4, 1, 0, &[]),
        frame(1, 4, 1, &head),
        frame(0, end, 1, &body[..body.len() - case.withheld]),
    ];
    match case.then {
        Then::GoesAway => frames.push(frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])),
        Then::StopsStream => frames.push(frame(3, 0, 1, &[0; 4])),
        Then::ResetsStream => frames.push(frame(3, 0, 1, &[0, 0, 0, 2])),
        _ => {}
    }
    frames.concat()
}
