use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::plan::BadHttp;

/// After so long without a byte a request is taken for whole: its end is not looked for.
const QUIET: Duration = Duration::from_millis(30);

/// More header than any client takes.
const ENDLESS: usize = 4_000_000;

/// Serves what is no good HTTP, for as long as it is polled.
pub(super) async fn serve_bad_http(listener: TcpListener, after: u64, what: BadHttp) {
    // Dropped with it.
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // The client may well break off first.
            connections.spawn(async move { serve_one(stream, after, what).await.ok() });
        }
    }
}

async fn serve_one(mut stream: TcpStream, after: u64, what: BadHttp) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut read = 0;
    while read <= after {
        match tokio::time::timeout(QUIET, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(more) => read += more? as u64,
            Err(_quiet) if read > 0 => break,
            Err(_quiet) => {}
        }
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let answer = match what {
        BadHttp::Nothing => return Ok(()),
        BadHttp::Garbage => "220 mail.example ESMTP\r\n\r\n".to_owned(),
        BadHttp::Half => format!("{head}content-length: 100\r\n\r\n{{\"solutions\":["),
        BadHttp::HeadOnly => format!("{head}content-length: 100\r\n\r\n"),
        BadHttp::BadChunks => format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n"),
        BadHttp::OddEncoding => {
            format!("{head}content-encoding: rot13\r\ncontent-length: 2\r\n\r\n{{}}")
        }
        BadHttp::FalseGzip => {
            format!("{head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}")
        }
        BadHttp::EndlessHead => {
            stream.write_all(head.as_bytes()).await?;
            let line = format!("x: {}\r\n", "y".repeat(1_000));
            for _ in 0..ENDLESS / line.len() {
                stream.write_all(line.as_bytes()).await?;
            }
            return Ok(());
        }
    };
    stream.write_all(answer.as_bytes()).await?;
    if what == BadHttp::HeadOnly {
        while stream.read(&mut buffer).await? > 0 {}
    }
    Ok(())
}
