//! What several tests need: documents, stores and a way to look at what is left in them.

use std::{
    future::poll_fn,
    path::Path as FilePath,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use archive_sink::{
    Archive, ArchiveBuilder, ArchiveReader, AttributeSupport, Codec, CodecKind, ReadError, Receipt,
};
use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use object_store::{
    ObjectStore, ObjectStoreExt, local::LocalFileSystem, memory::InMemory, path::Path,
};
use proptest::{prelude::*, sample::Index};

/// JSON-like text that no codec shrinks to nothing: lines with a counter and pseudo-random digits.
pub(crate) fn document(bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = Vec::with_capacity(bytes + 64);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let line = format!("{{\"uid\":\"0x{state:016x}\",\"sellAmount\":\"{state}\"}},\n");
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(bytes);
    text.into()
}

/// Bytes that nothing compresses.
pub(crate) fn noise(bytes: usize) -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Multiplied, since the plain sequence has linear patterns.
        noise.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    noise.truncate(bytes);
    noise.into()
}

/// The codecs of this build, at their default levels.
pub(crate) fn codecs() -> Vec<Codec> {
    CodecKind::ALL
        .into_iter()
        .filter(|kind| kind.is_compiled())
        .map(Codec::default_for)
        .collect()
}

/// A store under test.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) attributes: AttributeSupport,
    /// The least a part may have there.
    pub(crate) part_size: usize,
    /// Everything that the store keeps besides whole objects, if that can be seen.
    pub(crate) leftovers: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl Target {
    pub(crate) fn memory() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            attributes: AttributeSupport::Kept,
            part_size: 4096,
            leftovers: Arc::new(Vec::new),
        }
    }

    pub(crate) fn local(directory: &FilePath) -> Self {
        let root = directory.to_owned();
        Self {
            store: Arc::new(LocalFileSystem::new_with_prefix(directory).unwrap()),
            attributes: AttributeSupport::Absent,
            part_size: 4096,
            leftovers: Arc::new(move || files(&root, |name| name.contains('#'))),
        }
    }

    pub(crate) fn builder(&self) -> ArchiveBuilder {
        Archive::builder(Arc::clone(&self.store))
            .attributes(self.attributes)
            .part_size(self.part_size)
            .allow_small_parts()
    }
}

/// The names of files anywhere under `root` that `wanted` wants.
pub(crate) fn files(root: &FilePath, wanted: impl Fn(&str) -> bool + Copy) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), wanted));
        } else if wanted(&name) {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// `bytes` as a stream of chunks of `chunk` bytes.
pub(crate) fn chunks(
    bytes: &Bytes,
    chunk: usize,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + use<> {
    let bytes = bytes.clone();
    let starts = (0..bytes.len()).step_by(chunk);
    stream::iter(starts.map(move |start| {
        let end = (start + chunk).min(bytes.len());
        Ok(bytes.slice(start..end))
    }))
}

/// Archives `bytes` under `name`.
pub(crate) async fn store(archive: &Archive, name: &str, bytes: &Bytes) -> Receipt {
    let mut writer = archive.create(name).unwrap();
    let sent = writer.send_all(chunks(bytes, 10_000)).await.unwrap();
    assert_eq!(sent, bytes.len() as u64);
    writer.commit().await.unwrap()
}

/// Reads to the end, which has to be a good one.
pub(crate) async fn read(reader: ArchiveReader) -> Bytes {
    let (bytes, end) = read_until_end(reader).await;
    end.unwrap();
    bytes
}

/// Reads to the end and says which it was.
pub(crate) async fn read_until_end(mut reader: ArchiveReader) -> (Bytes, Result<(), ReadError>) {
    let mut bytes = vec![];
    loop {
        match poll_fn(|cx| Pin::new(&mut reader).poll_next(cx)).await {
            Some(Ok(chunk)) => {
                assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
                bytes.extend_from_slice(&chunk);
            }
            Some(Err(error)) => {
                let after = poll_fn(|cx| Pin::new(&mut reader).poll_next(cx)).await;
                assert!(after.is_none(), "the stream stays ended after an error");
                return (bytes.into(), Err(error));
            }
            None => {
                let after = poll_fn(|cx| Pin::new(&mut reader).poll_next(cx)).await;
                assert!(after.is_none(), "the stream stays ended");
                return (bytes.into(), Ok(()));
            }
        }
    }
}

/// The stored bytes of an object, or `None` when there is none.
pub(crate) async fn stored(store: &dyn ObjectStore, location: &Path) -> Option<Bytes> {
    match store.get(location).await {
        Ok(result) => Some(result.bytes().await.unwrap()),
        Err(object_store::Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Drives a future without a runtime. It has to wake itself or be ready.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1_000_000 {
        let cx = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return output;
        }
    }
    panic!("it waits for ever")
}

/// Codecs of this build of these kinds, at any level that does not take long.
pub(crate) fn codec_of(kinds: &[CodecKind]) -> impl Strategy<Value = Codec> + use<> {
    let kinds: Vec<_> = kinds
        .iter()
        .copied()
        .filter(|kind| kind.is_compiled())
        .collect();
    (any::<Index>(), any::<Index>()).prop_map(move |(kind, level)| {
        let kind = *kind.get(&kinds);
        match kind.levels() {
            None => Codec::Identity,
            Some(levels) => {
                let levels: Vec<u8> = levels.take_while(|level| *level < 10).collect();
                Codec::with_level(kind, *level.get(&levels)).unwrap()
            }
        }
    })
}

pub(crate) fn any_codec() -> impl Strategy<Value = Codec> {
    codec_of(&CodecKind::ALL)
}

pub(crate) fn any_document() -> impl Strategy<Value = Bytes> {
    (0..100_000_usize, any::<bool>()).prop_map(|(bytes, is_noise)| {
        if is_noise {
            noise(bytes)
        } else {
            document(bytes)
        }
    })
}

/// A waker that counts, and its count.
pub(crate) fn counting_waker() -> (Waker, impl Fn() -> usize) {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    (Arc::clone(&count).into(), move || count.0.load(SeqCst))
}
