use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tee_stream::{Branch, TeeError};

pub(crate) type Item = Result<Bytes, io::Error>;
pub(crate) type Polled = Poll<Option<Result<Bytes, TeeError<io::Error>>>>;

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How often since the last call.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Bytes of which no two neighbourhoods look alike.
pub(crate) fn document(length: usize) -> Bytes {
    (0..length as u64)
        .map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}

/// The document from `offset` on, in chunks that end at multiples of `size`.
pub(crate) fn chunks(
    document: &Bytes,
    offset: u64,
    size: usize,
) -> impl Stream<Item = Item> + Send + 'static {
    let document = document.clone();
    let mut offset = offset as usize;
    stream::iter(std::iter::from_fn(move || {
        let end = ((offset / size + 1) * size).min(document.len());
        let chunk = document.slice(offset.min(end)..end);
        offset = end;
        (!chunk.is_empty()).then_some(Ok(chunk))
    }))
}

/// A document whose first production differs from the later ones.
pub(crate) fn first_then(
    first: impl Stream<Item = Item> + Send + 'static,
    later: impl Fn(u64) -> Pin<Box<dyn Stream<Item = Item> + Send>>,
) -> impl Fn(u64) -> Pin<Box<dyn Stream<Item = Item> + Send>> {
    let first = Mutex::new(Some(first.boxed()));
    move |offset| {
        let first = first.lock().unwrap().take();
        first.unwrap_or_else(|| later(offset))
    }
}

/// How `document` is produced, in chunks that end at multiples of `size`.
pub(crate) fn replay(
    document: &Bytes,
    size: usize,
) -> impl Fn(u64) -> Pin<Box<dyn Stream<Item = Item> + Send>> + use<> {
    let document = document.clone();
    move |offset| chunks(&document, offset, size).boxed()
}

pub(crate) fn poll(branch: &mut Branch<io::Error>) -> Polled {
    branch.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn poll_with(branch: &mut Branch<io::Error>, wakes: &Arc<Wakes>) -> Polled {
    branch.poll_next_unpin(&mut Context::from_waker(&Waker::from(Arc::clone(wakes))))
}

/// Polls, and polls again for as long as the branch only lets others run.
pub(crate) fn poll_on(branch: &mut Branch<io::Error>) -> Polled {
    loop {
        let wakes = Wakes::new();
        let polled = poll_with(branch, &wakes);
        if polled.is_ready() || wakes.take() == 0 {
            return polled;
        }
    }
}

/// The next chunk, which must be there.
pub(crate) fn next(branch: &mut Branch<io::Error>) -> Bytes {
    match poll_on(branch) {
        Poll::Ready(Some(Ok(chunk))) => chunk,
        other => panic!("expected a chunk, got {other:?}"),
    }
}

/// The error that must come next.
pub(crate) fn next_error(branch: &mut Branch<io::Error>) -> TeeError<io::Error> {
    match poll_on(branch) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("expected an error, got {other:?}"),
    }
}

/// Reads until the branch is pending or ends; true when it ended well.
pub(crate) fn read_on(branch: &mut Branch<io::Error>, into: &mut Vec<u8>) -> bool {
    loop {
        match poll_on(branch) {
            Poll::Ready(Some(Ok(chunk))) => into.extend_from_slice(&chunk),
            Poll::Ready(Some(Err(error))) => panic!("unexpected {error}"),
            Poll::Ready(None) => return true,
            Poll::Pending => return false,
        }
    }
}

/// All that is left, which must be there.
pub(crate) fn read_to_end(branch: &mut Branch<io::Error>) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(
        read_on(branch, &mut bytes),
        "pending after {} bytes",
        bytes.len()
    );
    bytes
}

/// A source that does what it is told, and counts.
#[derive(Clone, Default)]
pub(crate) struct Script {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    items: VecDeque<Item>,
    ended: bool,
    panics: bool,
    waker: Option<Waker>,
    polls: usize,
    dropped: bool,
}

impl Script {
    pub(crate) fn push(&self, item: Item) {
        let mut inner = self.inner.lock().unwrap();
        inner.items.push_back(item);
        let waker = inner.waker.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn push_bytes(&self, bytes: &'static [u8]) {
        self.push(Ok(Bytes::from_static(bytes)));
    }

    pub(crate) fn end(&self) {
        self.inner.lock().unwrap().ended = true;
    }

    pub(crate) fn panic_next(&self) {
        self.inner.lock().unwrap().panics = true;
    }

    pub(crate) fn wake(&self) {
        let waker = self.inner.lock().unwrap().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn polls(&self) -> usize {
        self.inner.lock().unwrap().polls
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.inner.lock().unwrap().dropped
    }

    pub(crate) fn stream(&self) -> ScriptStream {
        ScriptStream(self.clone())
    }
}

pub(crate) struct ScriptStream(Script);

impl Stream for ScriptStream {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let mut inner = self.0.inner.lock().unwrap();
        inner.polls += 1;
        if inner.panics {
            drop(inner);
            panic!("the source panics as it was told to");
        }
        if let Some(item) = inner.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if inner.ended {
            return Poll::Ready(None);
        }
        inner.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for ScriptStream {
    fn drop(&mut self) {
        self.0.inner.lock().unwrap().dropped = true;
    }
}
