use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt;
use tee_stream::{Branch, BranchOptions, Tee};

use crate::document::{DocumentError, DocumentStream, skip_bytes};
use crate::encoding::{Codec, encode};
use crate::shared_document::{SharedDocument, tee};

/// A document as it is compressed, once for all readers that want the same bytes.
///
/// A tee of its own: its source is one branch of the raw document, and a reader that falls behind too far has the
/// document compressed again, from byte 0, for what comes after its offset.
pub(crate) struct EncodedDocument {
    pub(crate) tee: Tee<DocumentError>,
    readers: Arc<ReaderCount>,
    compressed: Arc<AtomicU64>,
}

impl EncodedDocument {
    /// `shared` with `tail` appended, as `codec` compresses it.
    pub(crate) fn new(
        shared: &SharedDocument,
        tail: Bytes,
        codec: Codec,
        window_bytes: usize,
    ) -> Self {
        let readers = Arc::new(ReaderCount::default());
        let raw = shared.tee.clone();
        let compressed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&compressed);
        let produce: Produce = Arc::new(move |offset| {
            let options = BranchOptions::new()
                .name(codec.to_string())
                .tail(tail.clone());
            let count = Arc::clone(&count);
            let encoded = encode(raw.branch_with(options), codec).inspect_ok(move |chunk| {
                count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            });
            // The same bytes give the same compressed bytes, and the tee of `raw` checks that they are the same.
            Box::pin(skip_bytes(encoded, offset))
        });
        let productions = Arc::clone(&readers);
        let tee = tee(window_bytes, move |offset| {
            productions.production(offset, Arc::clone(&produce))
        });
        Self {
            tee,
            readers,
            compressed,
        }
    }

    /// How many bytes compressions have yielded, those included that were thrown away since a reader had them already.
    pub(crate) fn bytes_compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }

    pub(crate) fn branch(&self, options: BranchOptions) -> Branch<DocumentError> {
        self.readers.enter();
        let readers = Arc::clone(&self.readers);
        self.tee
            .branch_with(options.on_end(move |_end| readers.leave()))
    }
}

/// Produces a document from an offset on.
type Produce = Arc<dyn Fn(u64) -> DocumentStream + Send + Sync>;

/// Counts the readers of a tee. When the last has gone, the tee's productions are let go; who comes later has them made
/// again, each from where it was.
///
/// A production that is a branch of another tee holds that one's window back. Without a reader nobody polls it: the
/// others would wait for it, for all of its patience.
#[derive(Default)]
struct ReaderCount(Mutex<State>);

#[derive(Default)]
struct State {
    readers: usize,
    productions: Vec<Weak<Slot>>,
}

/// A production, while it is not being polled and has not been let go, and the waker of whoever was last told to wait.
type Slot = Mutex<(Option<DocumentStream>, Option<Waker>)>;

impl ReaderCount {
    /// A reader has come.
    fn enter(&self) {
        lock(&self.0).readers += 1;
    }

    /// A reader has gone.
    fn leave(&self) {
        let mut state = lock(&self.0);
        state.readers = state.readers.saturating_sub(1);
        if state.readers > 0 {
            return;
        }
        let slots: Vec<_> = state.productions.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        for slot in slots {
            let (production, waker) = std::mem::take(&mut *lock(&slot));
            drop(production);
            // A reader that came in between waits for what is gone now: it has it made again.
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// A production from `offset` on. It is made at once, so that what it reads from counts it among its readers.
    fn production(&self, offset: u64, produce: Produce) -> ReleasedWhenIdle {
        let slot = Arc::new(Slot::new((Some(produce(offset)), None)));
        let mut state = lock(&self.0);
        state.productions.retain(|slot| slot.strong_count() > 0);
        state.productions.push(Arc::downgrade(&slot));
        ReleasedWhenIdle {
            slot,
            offset,
            produce,
        }
    }
}

/// A production that is let go when nobody reads it, and made again when somebody does.
struct ReleasedWhenIdle {
    slot: Arc<Slot>,
    offset: u64,
    produce: Produce,
}

impl Stream for ReleasedWhenIdle {
    type Item = Result<Bytes, DocumentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // Out of its slot while it is polled: that runs code of others.
        let taken = lock(&this.slot).0.take();
        let mut production = taken.unwrap_or_else(|| (this.produce)(this.offset));
        let polled = production.as_mut().poll_next(context);
        let waker = polled.is_pending().then(|| context.waker().clone());
        let replaced = std::mem::replace(&mut *lock(&this.slot), (Some(production), waker));
        drop(replaced);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            this.offset += chunk.len() as u64;
        }
        polled
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of others runs while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_nobody_reads_is_let_go_and_made_again_from_where_it_was() {
        let held = Arc::new(());
        let made = Arc::new(AtomicUsize::new(0));
        let (holds, makes) = (Arc::clone(&held), Arc::clone(&made));
        let produce: Produce = Arc::new(move |offset| {
            makes.fetch_add(1, Ordering::Relaxed);
            let held = Arc::clone(&holds);
            let rest = Bytes::from_static(b"abc").slice(offset as usize..);
            Box::pin(stream::iter(rest).map(move |byte| {
                let _held = &held;
                Ok(Bytes::copy_from_slice(&[byte]))
            }))
        });
        let readers = ReaderCount::default();
        let mut production = readers.production(0, produce);
        let mut next = || production.next().now_or_never().unwrap().unwrap().unwrap();
        assert_eq!(made.load(Ordering::Relaxed), 1);
        readers.enter();
        readers.enter();
        assert_eq!(next(), "a");
        readers.leave();
        assert_eq!(next(), "b");
        assert_eq!(
            (made.load(Ordering::Relaxed), Arc::strong_count(&held)),
            (1, 3)
        );
        readers.leave();
        assert_eq!(Arc::strong_count(&held), 2);
        readers.enter();
        assert_eq!(next(), "c");
        assert_eq!(made.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn who_waits_for_what_is_let_go_is_woken_and_has_it_made_again() {
        let made = Arc::new(AtomicUsize::new(0));
        let makes = Arc::clone(&made);
        let produce: Produce = Arc::new(move |_| {
            // The first never goes on.
            match makes.fetch_add(1, Ordering::Relaxed) {
                0 => Box::pin(stream::pending()),
                _ => Box::pin(stream::iter([Ok(Bytes::from_static(b"a"))])),
            }
        });
        let readers = ReaderCount::default();
        let mut production = readers.production(0, produce);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        readers.enter();
        assert!(production.poll_next_unpin(&mut context).is_pending());
        readers.leave();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        let Poll::Ready(Some(Ok(chunk))) = production.poll_next_unpin(&mut context) else {
            panic!("it is made again");
        };
        assert_eq!((&chunk[..], made.load(Ordering::Relaxed)), (&b"a"[..], 2));
    }
}
