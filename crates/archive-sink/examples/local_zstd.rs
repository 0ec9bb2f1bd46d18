//! Archives a stream in a local folder with zstd, lists the folder, and reads the document back.
//!
//! ```console
//! $ cargo run -p archive-sink --example local_zstd --features fs,zstd -- orders
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::{env, error::Error, fs, io, path::PathBuf, sync::Arc};

use archive_sink::{
    Archive, AttributeSupport, Codec, CodecKind, LocalFolder, object_store::ObjectStore,
};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| env::temp_dir().join("archive-sink-example"));
    fs::create_dir_all(&folder)?;
    let store = Arc::new(LocalFolder::open(&folder)?);
    let archive = Archive::builder(store.clone())
        // A folder keeps no `Content-Encoding`: the name says how an object is encoded.
        .attributes(AttributeSupport::Absent)
        .codec(Codec::default_for(CodecKind::Zstd))
        .build()?;

    // Any stream of chunks. The document is never whole in memory.
    let orders =
        (0..100_000).map(|id| Ok::<_, io::Error>(Bytes::from(format!("{{\"id\":{id}}}\n"))));
    let receipt = archive.store("orders.jsonl", stream::iter(orders)).await?;
    println!(
        "{:?}: {} bytes became {} in {}",
        receipt.placement, receipt.raw_bytes, receipt.stored_bytes, receipt.location
    );

    let mut objects = store.list(None);
    while let Some(object) = objects.try_next().await? {
        println!("{:>10} bytes  {}", object.size, object.location);
    }

    // Reading decompresses on the fly. An error says that the object is damaged or cut off.
    let mut reader = archive.open("orders.jsonl").await?;
    let mut lines = 0;
    while let Some(chunk) = reader.try_next().await? {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    let verified = reader.verified().ok_or("the object has no digest")?;
    println!("{lines} lines, sha256 {verified}");
    if Some(verified) != receipt.sha256 {
        return Err("the document is another one".into());
    }
    Ok(())
}
