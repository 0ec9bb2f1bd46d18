//! Readers behind real sockets, which pull until the socket blocks, as an HTTP client does with a body:
//!
//! `cargo run --release -p tee-stream --features tokio-time --example sockets -- [READERS] [MIB] [healthy|stalled|speeds]`
//!
//! Prints how often the document was produced, the peak of all windows, and how long it took until the last reader that
//! does not stall had everything.

use std::{
    convert::Infallible,
    io::{self, Write},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tee_stream::{Tee, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const CHUNK: usize = 64 * 1024;

/// The document is produced anew each time, at the cost of filling its chunks.
fn document(
    offset: u64,
    length: u64,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let first = offset / CHUNK as u64;
    stream::iter(
        (first..length / CHUNK as u64).map(|number| Ok(Bytes::from(vec![number as u8; CHUNK]))),
    )
}

/// How long a reader waits after each 64 KiB; `None` for one that stalls after the first.
fn pace(kind: &str, reader: u32) -> Option<Duration> {
    match kind {
        "stalled" if reader == 0 => None,
        "speeds" => Some(Duration::from_micros(200) * reader),
        _ => Some(Duration::ZERO),
    }
}

async fn receive(mut socket: TcpStream, pace: Option<Duration>) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let (mut received, mut since) = (0, 0);
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(received);
        }
        received += read as u64;
        since += read;
        match pace {
            None => std::future::pending().await,
            Some(pace) if !pace.is_zero() && since >= CHUNK => {
                since = 0;
                tokio::time::sleep(pace).await;
            }
            Some(_) => {}
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let readers: u32 = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(32);
    let mebibytes: u64 = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(26);
    let kind = arguments.next().unwrap_or_else(|| "healthy".into());
    let length = mebibytes * 1024 * 1024;

    let tee = Tee::builder()
        .timer(TokioTimer::new())
        .build_replayable(move |offset| document(offset, length));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let began = Instant::now();
    let mut receivers = Vec::new();
    // All of them first: a branch that joins when the beginning has left the window costs a production of its own.
    let branches: Vec<_> = (0..readers).map(|reader| (reader, tee.branch())).collect();
    for (reader, mut branch) in branches {
        tokio::spawn(async move {
            let mut socket = TcpStream::connect(address).await?;
            while let Some(Ok(chunk)) = branch.next().await {
                socket.write_all(&chunk).await?;
            }
            socket.shutdown().await
        });
        let (socket, _) = listener.accept().await?;
        let pace = pace(&kind, reader);
        let task = tokio::spawn(receive(socket, pace));
        if pace.is_some() {
            receivers.push(task);
        }
    }
    for receiver in receivers {
        assert_eq!(receiver.await??, length);
    }
    let statistics = tee.statistics();
    writeln!(
        io::stdout(),
        "{kind}: {readers} readers of {mebibytes} MiB in {:.0} ms, {:.2} productions, {} opened, {} KiB cached at the peak",
        began.elapsed().as_secs_f64() * 1000.0,
        statistics.bytes_produced as f64 / length as f64,
        statistics.productions_opened,
        statistics.cached_bytes_peak / 1024,
    )
}
