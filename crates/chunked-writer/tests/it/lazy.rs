//! Documents that are created while they are sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::common::{Key, Model, chunk_size, drain, exact_chunks, key, model, run};
use chunked_writer::{CountLength, JsonDocument, JsonError, JsonStream, LazyJson, LazyObject};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;

fn sized(document: JsonDocument<LazyJson>, chunk_size: usize) -> JsonDocument<LazyJson> {
    document.with_chunk_size(chunk_size.try_into().unwrap())
}

#[derive(Clone, Serialize)]
struct Whole {
    id: Model,
    elements: Vec<Model>,
    #[serde(rename = "with \"quotes\"")]
    entries: Model,
    nested: BTreeMap<&'static str, Vec<Model>>,
    last: u8,
}

fn lazy(elements: Vec<Model>, entries: Vec<(Key, Model)>) -> JsonDocument<LazyJson> {
    JsonDocument::lazy(move || {
        let nested = LazyJson::object().elements("again", elements.clone());
        LazyJson::object()
            .field("id", Model::Tuple(elements.clone()))
            .elements("elements", elements.clone())
            .entries("with \"quotes\"", entries.clone())
            .lazy("nested", nested)
            .field("last", 7)
    })
}

proptest! {
    #![proptest_config(crate::common::config(200))]

    #[test]
    fn the_bytes_are_those_of_the_whole(
        elements in vec(model(), 0..5),
        entries in vec((key(), model()), 0..5),
        chunk_size in chunk_size(),
        offset in any::<prop::sample::Index>(),
    ) {
        let whole = Whole {
            id: Model::Tuple(elements.clone()),
            elements: elements.clone(),
            entries: Model::Entries(entries.clone()),
            nested: BTreeMap::from([("again", elements.clone())]),
            last: 7,
        };
        let mut expected = serde_json::to_vec(&whole).unwrap();
        let document = sized(lazy(elements, entries), chunk_size);
        prop_assert_eq!(&exact_chunks(document.stream(), chunk_size), &expected);
        let offset = offset.index(expected.len() + 1);
        prop_assert_eq!(&exact_chunks(document.stream_from(offset as u64), chunk_size), &expected[offset..]);
        let counted = run(sized(document.clone(), 1).left_open().count_length());
        prop_assert_eq!(counted, Ok(expected.len() as u64 - 1));
        expected.pop();
        prop_assert_eq!(&exact_chunks(document.left_open().stream(), chunk_size), &expected);
    }
}

#[test]
fn empty_ones() {
    let text =
        |make: fn() -> LazyJson| exact_chunks(sized(JsonDocument::lazy(make), 1).stream(), 1);
    assert_eq!(text(|| LazyJson::object().into()), b"{}");
    assert_eq!(text(|| LazyJson::elements([0_u8; 0])), b"[]");
    assert_eq!(text(|| LazyJson::entries([("", 1); 0])), b"{}");
    assert_eq!(text(|| LazyJson::value(())), b"null");
}

#[test]
fn items_are_made_one_at_a_time_and_nothing_is_passed_over() {
    #[derive(Default)]
    struct Alive {
        now: AtomicUsize,
        most: AtomicUsize,
        made: AtomicUsize,
    }
    struct Item(Arc<Alive>);
    impl Serialize for Item {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str("some text")
        }
    }
    impl Drop for Item {
        fn drop(&mut self) {
            self.0.now.fetch_sub(1, Relaxed);
        }
    }
    let alive = Arc::new(Alive::default());
    let counted = Arc::clone(&alive);
    let document = JsonDocument::lazy(move || {
        let alive = Arc::clone(&counted);
        LazyJson::elements((0..10_000).map(move |_| {
            alive.made.fetch_add(1, Relaxed);
            let now = alive.now.fetch_add(1, Relaxed) + 1;
            alive.most.fetch_max(now, Relaxed);
            Item(Arc::clone(&alive))
        }))
    });
    let document = sized(document, 100);
    assert_eq!(exact_chunks(document.stream(), 100).len(), 120_001);
    assert_eq!((alive.now.load(Relaxed), alive.most.load(Relaxed)), (0, 1));
    assert_eq!(
        alive.made.load(Relaxed),
        10_000,
        "each is made once, and for one walk"
    );
    assert_eq!(document.known_length(), Some(120_001));
    let beyond = JsonError::OffsetBeyondEnd {
        offset: 120_002,
        length: 120_001,
    };
    assert_eq!(drain(document.stream_from(120_002)).1, Err(beyond));
    assert_eq!(drain(document.stream_from(120_001)), (vec![], Ok(())));
}

#[test]
fn many_parts_are_not_written_in_one_go() {
    let document = JsonDocument::lazy(|| {
        let field = |object: LazyObject, index: u32| object.field(index.to_string(), index);
        (0..2000).fold(LazyJson::object(), field)
    });
    let document = sized(document, 100);
    let mut stream = document.stream();
    while let Some(chunk) = stream.next_chunk() {
        chunk.unwrap();
        let ahead = document.statistics().bytes_produced - stream.offset();
        assert!(ahead < 120, "{ahead} bytes ahead");
    }
}

#[test]
fn failures_are_those_of_other_documents() {
    #[derive(Clone)]
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    for chunk_size in [1, 4, 100] {
        let of =
            |make: fn() -> LazyJson| drain(sized(JsonDocument::lazy(make), chunk_size).stream()).1;
        let failed = Err(JsonError::Value {
            offset: 4,
            message: "no".into(),
        });
        assert_eq!(
            of(|| LazyJson::elements([Ok(1), Err(Fails)].map(Result::ok_or_fail))),
            failed
        );
        assert_eq!(of(|| LazyJson::entries([("", Fails)])), failed);
        assert_eq!(of(|| LazyJson::object().field("", Fails).into()), failed);
        let failed = Err(JsonError::Key {
            offset: 1,
            message: "key must be a string",
        });
        assert_eq!(of(|| LazyJson::entries([((), 1)])), failed);
        assert_eq!(
            of(|| LazyJson::entries([(Fails, 1)])),
            Err(JsonError::Value {
                offset: 1,
                message: "no".into()
            })
        );
    }

    trait OkOrFail {
        fn ok_or_fail(self) -> Box<dyn erased_serde::Serialize + Send>;
    }
    impl OkOrFail for Result<u8, Fails> {
        fn ok_or_fail(self) -> Box<dyn erased_serde::Serialize + Send> {
            match self {
                Ok(_) => Box::new("".repeat(0)),
                Err(fails) => Box::new(fails),
            }
        }
    }
}

#[test]
fn a_document_that_is_made_differently_is_found() {
    let calls = AtomicUsize::new(0);
    let document = JsonDocument::lazy(move || {
        let call = calls.fetch_add(1, Relaxed);
        LazyJson::elements((0..200_000).map(move |index| {
            if index == 30_000 {
                10_000 + call
            } else {
                10_000
            }
        }))
    });
    assert_eq!(drain(document.stream()).1, Ok(()));
    let (chunks, result) = drain(document.stream());
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
    // Found at a checkpoint, long before the end.
    assert!(chunks.len() <= 4, "{} chunks", chunks.len());
}

#[test]
fn a_panic_in_an_iterator_poisons() {
    let document = JsonDocument::lazy(|| {
        LazyJson::elements((0..5).inspect(|index| assert!(*index < 3, "by design")))
    });
    let mut stream = document.stream();
    let mut poll = || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        futures_util::StreamExt::poll_next_unpin(&mut stream, &mut context)
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut poll)).unwrap_err();
    assert_eq!(
        poll(),
        std::task::Poll::Ready(Some(Err(JsonError::Poisoned)))
    );
    assert_eq!(poll(), std::task::Poll::Ready(None));
}

#[test]
fn auto_traits() {
    static_assertions::assert_impl_all!(JsonDocument<LazyJson>: Send, Sync, Unpin, Clone, std::fmt::Debug);
    static_assertions::assert_impl_all!(LazyJson: Send, Sync, Unpin, std::fmt::Debug);
    static_assertions::assert_impl_all!(LazyObject: Send, Unpin, std::fmt::Debug);
    static_assertions::assert_impl_all!(CountLength<LazyJson>: Send, Sync, Unpin, std::fmt::Debug);
    static_assertions::assert_impl_all!(JsonStream<LazyJson>: Send, Sync, Unpin, std::fmt::Debug);
}
