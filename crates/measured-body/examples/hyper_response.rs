//! A hyper server that measures each response body, and a client that reads slowly.
//!
//! ```console
//! $ cargo run -p measured-body --example hyper_response
//! complete: 30000000 bytes in 1.3s, of which 1.3s waiting for the client
//! ```

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::TokioIo;
use measured_body::{MeasuredBody, Measurements};
use tokio::net::{TcpListener, TcpStream};

/// A response whose report is printed when hyper has taken the last byte, or drops the body.
async fn respond<B>(
    _request: Request<B>,
) -> Result<Response<impl http_body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
    let chunks = (0..300).map(|_| Ok(Frame::data(Bytes::from(vec![b'x'; 100_000]))));
    let body = StreamBody::new(stream::iter(chunks));
    let measured = MeasuredBody::new(body, |m: &Measurements| {
        println!(
            "{}: {} bytes in {:.1?}, of which {:.1?} waiting for the client",
            m.ending, m.bytes, m.total, m.consumer_wait
        );
    });
    Ok(Response::new(measured))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = async {
        let (socket, _) = listener.accept().await?;
        let connection = server::conn::http1::Builder::new();
        let serving = connection.serve_connection(TokioIo::new(socket), service_fn(respond));
        Ok::<_, Box<dyn Error>>(serving.await?)
    };
    let reading = async {
        let socket = TokioIo::new(TcpStream::connect(address).await?);
        let (mut sender, connection) = client::conn::http1::handshake(socket).await?;
        let request = Request::new(Empty::<Bytes>::new());
        let exchange = async {
            let mut body = sender.send_request(request).await?.into_body();
            while let Some(frame) = body.frame().await {
                let bytes = frame?.data_ref().map_or(0, Bytes::len);
                // About 30 MB in a second.
                tokio::time::sleep(Duration::from_micros(bytes as u64 / 30)).await;
            }
            drop(sender);
            Ok::<_, Box<dyn Error>>(())
        };
        let (exchanged, connected) = tokio::join!(exchange, connection);
        exchanged?;
        Ok(connected?)
    };
    tokio::try_join!(serving, reading)?;
    Ok(())
}
