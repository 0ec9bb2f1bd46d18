use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use driver_streaming::{Progress, Stage};
use tokio::runtime::Handle;

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest [`content`].
const LARGEST: usize = 9 * 1024 * 1024;

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
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut text = Vec::with_capacity(LARGEST + 64);
        while text.len() < LARGEST {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.extend_from_slice(format!("{{\"sellAmount\":\"{state}\"}},\n").as_bytes());
        }
        text.into()
    });
    assert!(bytes <= LARGEST);
    lines.slice(..bytes)
}
