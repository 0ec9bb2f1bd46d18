//! Writes a download into a file and hashes it at the same time, without holding it in memory:
//! `cargo run -p tee-stream --example download`.

#![expect(clippy::print_stdout, reason = "it prints the digest")]

use std::{error::Error, io, net::SocketAddr, path::Path};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use sha2::{Digest, Sha256};
use tee_stream::{Branch, Tee};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let path = std::env::temp_dir().join(format!("download-{}", std::process::id()));
    let server = serve().await?;
    // A download cannot be produced again, so each branch waits for the other one. With reqwest, the source is
    // `response.bytes_stream()`.
    let tee = Tee::new(download(server).await?);
    let both = tokio::try_join!(write(tee.branch(), &path), hash(tee.branch()));
    // An incomplete download ends both branches with an error. This example does not need the file any longer.
    let removed = fs::remove_file(&path).await;
    let (bytes, digest) = both?;
    removed?;
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{bytes} bytes with SHA-256 {digest}");
    println!(
        "at most {} bytes in memory",
        tee.statistics().cached_bytes_peak
    );
    Ok(())
}

async fn write(mut branch: Branch<io::Error>, path: &Path) -> Result<u64, Failure> {
    let mut file = File::create(path).await?;
    while let Some(chunk) = branch.next().await {
        file.write_all(&chunk?).await?;
    }
    file.sync_all().await?;
    Ok(branch.position())
}

async fn hash(mut branch: Branch<io::Error>) -> Result<Vec<u8>, Failure> {
    let mut hasher = Sha256::new();
    while let Some(chunk) = branch.next().await {
        hasher.update(&chunk?);
    }
    Ok(hasher.finalize().to_vec())
}

/// The chunks of a download, each in an allocation of its own.
async fn download(
    server: SocketAddr,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    let socket = TcpStream::connect(server).await?;
    Ok(stream::try_unfold(socket, |mut socket| async {
        let mut chunk = BytesMut::with_capacity(64 * 1024);
        let read = socket.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), socket)))
    }))
}

/// Serves 32 MiB to one client.
async fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        for _ in 0..512 {
            socket.write_all(&[b'x'; 64 * 1024]).await?;
        }
        socket.shutdown().await
    });
    Ok(address)
}
