use std::sync::{Arc, OnceLock};
use std::time::Duration;

use archive_sink::{Archive, Codec};
use bytes::Bytes;
use driver_streaming::{ArchiveTarget, Progress, Stage};
use scripted_store::ScriptedStore;
use tokio::runtime::{Handle, Runtime};

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much there is of [`content`] and [`noise`].
const LARGEST: usize = 9 * 1024 * 1024;

/// The parts of uploads to a scripted store: small, so that there are many.
const PART: usize = 256 * 1024;

/// The runtime of the servers that the tests start in this process.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime starts"))
}

/// Runs what a test does with the library, on a runtime of its own.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, test)
            .await
            .expect("it comes to an end")
    })
}

/// Waits until it is so.
pub(crate) async fn until(mut it_is_so: impl FnMut() -> bool) {
    while !it_is_so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until no more tasks are left of this runtime than there were.
pub(crate) async fn until_tasks_are(count: usize) {
    until(|| alive_tasks() <= count).await;
}

/// How many tasks this runtime has.
pub(crate) fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// What a reader of a run, a solver or `archive`, is doing.
pub(crate) fn stage(progress: &Progress, name: &str) -> Stage {
    progress
        .readers()
        .find(|reader| reader.name == name)
        .expect("there is such a reader")
        .stage
}

/// So many bytes of lines that no codec shrinks to nothing.
pub(crate) fn content(bytes: usize) -> Bytes {
    static LINES: OnceLock<Bytes> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        random(|number| format!("{{\"sellAmount\":\"{number}\"}},\n").into_bytes())
    });
    lines.slice(..bytes)
}

/// So many bytes that no codec shrinks at all.
pub(crate) fn noise(bytes: usize) -> Bytes {
    static NOISE: OnceLock<Bytes> = OnceLock::new();
    // Multiplied, since the plain sequence has linear patterns.
    let noise = NOISE
        .get_or_init(|| random(|number| number.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()));
    noise.slice(..bytes)
}

/// As many numbers of a sequence, each as these bytes, as the largest document takes.
fn random<B: AsRef<[u8]>>(shown: impl Fn(u64) -> B) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(LARGEST + 64);
    while bytes.len() < LARGEST {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(shown(state).as_ref());
    }
    bytes.into()
}

/// An archive in this store, in small parts.
pub(crate) fn archive_in(store: &ScriptedStore, codec: Codec) -> ArchiveTarget {
    let archive = Archive::builder(Arc::new(store.clone()))
        .codec(codec)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .expect("the codec is compiled");
    ArchiveTarget::new(archive, "memory:///".parse().expect("this is a URL"))
}
