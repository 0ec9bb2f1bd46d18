//! A download into a file and a hasher at once: `cargo run -p tee-stream --example download`.
//!
//! The file and the hasher read at their own pace, and the download is in memory by no more than the window. If it breaks
//! off, both get the error, so that the incomplete file is never renamed to its final name.

use std::io::{self, Write};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt, future, stream};
use sha2::{Digest, Sha256};
use tee_stream::{Branch, Tee};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CHUNK: usize = 64 * 1024;

/// The download. With reqwest, this would be `response.bytes_stream()`.
fn chunks(server: TcpStream) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(server, |mut server| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = server.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), server)))
    })
}

/// Writes the download to `path`, which appears when it is complete.
async fn save(mut download: Branch<io::Error>, path: &Path) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = fs::File::create(&partial).await?;
    while let Some(chunk) = download.try_next().await.map_err(io::Error::other)? {
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    fs::rename(partial, path).await
}

async fn hash(mut download: Branch<io::Error>) -> io::Result<Sha256> {
    let mut hasher = Sha256::new();
    while let Some(chunk) = download.try_next().await.map_err(io::Error::other)? {
        hasher.update(&chunk);
    }
    Ok(hasher)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    // Something to download.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await?;
        client.write_all(&vec![7; 10_000_000]).await
    });

    let tee = Tee::new(chunks(TcpStream::connect(address).await?));
    let path = std::env::temp_dir().join("tee-stream-download.bin");
    // Create both branches before either is polled.
    let (file, hasher) = (tee.branch(), tee.branch());
    let ((), hasher) = future::try_join(save(file, &path), hash(hasher)).await?;
    let digest: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    writeln!(io::stdout(), "{digest}  {}", path.display())
}
