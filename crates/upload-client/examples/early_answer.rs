//! Posts 64 MB to a server that answers 413 after the first kilobyte and closes, and prints its whole answer.
//!
//! ```console
//! $ cargo run -p upload-client --example early_answer
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;

use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower_service::Service;
use upload_client::UploadClient;

const ANSWER: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 32\r\nconnection: close\r\n\r\n\
    at most 1 MB, please try a part\n";

/// Answers one request without reading its body. Closing the socket with bytes unread resets the connection.
async fn refuse(listener: TcpListener) -> std::io::Result<()> {
    let (mut socket, _peer) = listener.accept().await?;
    let mut first = [0; 1024];
    socket.read_exact(&mut first).await?;
    socket.write_all(ANSWER.as_bytes()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/upload", listener.local_addr()?);
    let server = tokio::spawn(refuse(listener));

    let body = Full::<bytes::Bytes>::from(vec![b'x'; 64_000_000]);
    let answer = UploadClient::default()
        .call(Request::post(url).body(body)?)
        .await?;
    println!("{}", answer.status());
    let text = answer.into_body().collect().await?.to_bytes();
    print!("{}", String::from_utf8_lossy(&text));
    server.await??;
    Ok(())
}
