//! Values that differ when they are walked again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::common::{Careless, document, drain, exact_chunks, run};
use bytes::Bytes;
use chunked_writer::{JsonDocument, JsonError, RawJson};
use futures_util::Stream;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

/// A value that changes after this many calls.
struct Changes<A, B> {
    calls: AtomicU32,
    after: u32,
    first: A,
    then: B,
}

impl<A: Serialize, B: Serialize> Serialize for Changes<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.calls.fetch_add(1, Relaxed) < self.after {
            self.first.serialize(serializer)
        } else {
            self.then.serialize(serializer)
        }
    }
}

/// Announces no length.
struct Unannounced<T>(Vec<T>);

impl<T: Serialize> Serialize for Unannounced<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        for item in &self.0 {
            sequence.serialize_element(item)?;
        }
        sequence.end()
    }
}

#[track_caller]
fn change_is_found<A: Serialize, B: Serialize>(first: A, then: B) {
    let before = serde_json::to_vec(&first).unwrap();
    let value = Changes {
        calls: AtomicU32::new(0),
        after: 1,
        first,
        then,
    };
    let (chunks, result) = drain(document(value, 12).stream());
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
    assert!(
        !chunks.is_empty() && before.starts_with(&chunks.concat()),
        "more than what came before the change"
    );
}

#[test]
fn a_value_that_changes_between_two_walks_is_found() {
    let long = "a string that takes several chunks";
    // Another kind of container, or none at all.
    change_is_found(
        vec!["aaaaaaaa", "bbbbbbbb"],
        BTreeMap::from([("a", 1), ("b", 2), ("c", 3)]),
    );
    change_is_found(vec!["aaaaaaaa", "bbbbbbbb"], ("aaaaaaaa", "bbbbbbbb"));
    change_is_found(vec!["aaaaaaaa", "bbbbbbbb"], "aaaaaaaa");
    change_is_found(vec!["aaaaaaaa", "bbbbbbbb"], 17);
    // Fewer children.
    change_is_found(vec!["aaaa", "bbbb", "cccc", "dddd"], vec!["aaaa"]);
    change_is_found(
        Careless(vec!["aaaa", "bbbb", "cccc", "dddd"]),
        Careless(vec!["aaaa"]),
    );
    change_is_found(Careless(vec!["a", long]), Careless(vec!["a"]));
    change_is_found(
        Unannounced(vec!["aaaa", "bbbb", "cccc", "dddd"]),
        Unannounced(vec!["aaaa"]),
    );
    change_is_found(
        BTreeMap::from([("a", "bbbb"), ("c", "dddd")]),
        BTreeMap::<&str, &str>::new(),
    );
    // Another child, where the walk has stopped.
    change_is_found(("a", long), ("a", 1));
    change_is_found(("a", long), ("a", vec![1]));
    change_is_found(("a", long), ("a", "short"));
    change_is_found(
        ("a", RawJson::from_trusted("[1,2,3,4,5,6,7,8,9]")),
        ("a", RawJson::from_trusted("[1]")),
    );
    change_is_found(BTreeMap::from([("a", long)]), BTreeMap::from([("b", long)]));
    change_is_found(BTreeMap::from([(1, long)]), BTreeMap::from([(2, long)]));
    for letter in 'b'..='z' {
        for key in ["a0", "0a"] {
            let other = key.replace('a', &letter.to_string());
            change_is_found(
                BTreeMap::from([(key, long)]),
                BTreeMap::from([(other, long)]),
            );
        }
    }
    change_is_found(("a", long), ("a", format!("{long} and more")));
    // More children than announced, or a length that was not announced before.
    change_is_found(vec!["aaaa"; 4], vec!["aaaa"; 5]);
    change_is_found(Careless(vec!["aaaa"; 4]), Careless(vec!["aaaa"; 5]));
    #[derive(Serialize)]
    struct OneField<'a> {
        field: &'a str,
    }
    #[derive(Serialize)]
    struct OtherField<'a> {
        other: &'a str,
    }
    #[derive(Serialize)]
    enum Variant<'a> {
        One(&'a str),
        Other(&'a str),
        Tuple(&'a str, u8),
    }
    change_is_found(OneField { field: long }, OtherField { other: long });
    change_is_found(Variant::One(long), Variant::Other(long));
    change_is_found(Variant::One(long), Variant::Tuple(long, 1));
}

/// Counts the streams: the first gets one value, later ones another.
fn replays<A: Serialize, B: Serialize>(first: A, then: B) -> JsonDocument<Changes<A, B>> {
    let length = serde_json::to_vec(&first).unwrap();
    let document = document(
        Changes {
            calls: AtomicU32::new(0),
            after: u32::MAX / 2,
            first,
            then,
        },
        64 * 1024,
    );
    assert_eq!(exact_chunks(document.stream(), 64 * 1024), length);
    let walks = u32::try_from(document.statistics().walks).unwrap();
    assert_eq!(document.value().calls.load(Relaxed), walks);
    document.value().calls.store(u32::MAX / 2, Relaxed);
    document
}

#[test]
fn a_replay_that_yields_other_bytes_is_found() {
    let numbers: Vec<u32> = (100_000..200_000).collect();
    let length = serde_json::to_vec(&numbers).unwrap().len() as u64;
    for changed_at in [0, 50_000, 99_999] {
        let mut other = numbers.clone();
        other[changed_at] += 1;
        let document = replays(numbers.clone(), other);
        let (chunks, result) = drain(document.stream());
        assert!(
            matches!(result, Err(JsonError::Changed { .. })),
            "{result:?}"
        );
        let changed_chunk = changed_at * 7 / (64 * 1024);
        assert!(
            chunks.len() <= changed_chunk + 2,
            "{} chunks, changed in {changed_chunk}",
            chunks.len()
        );
    }
    // The same from the middle, with the change before the offset, after it, and at the very end.
    for (changed_at, found) in [(60_000, true), (99_999, true), (1, false)] {
        let mut other = numbers.clone();
        other[changed_at] += 1;
        let document = replays(numbers.clone(), other);
        let result = drain(document.stream_from(length / 2)).1;
        // What precedes the last checkpoint is not walked, so it is not compared.
        assert_eq!(
            matches!(result, Err(JsonError::Changed { .. })),
            found,
            "{result:?}"
        );
    }
    let mut shorter = numbers.clone();
    shorter.pop();
    let result = drain(replays(numbers, shorter).stream_from(length / 2)).1;
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
}

#[test]
fn a_length_that_was_counted_is_checked() {
    let document = document(
        Changes {
            calls: AtomicU32::new(0),
            after: 1,
            first: vec![1, 2, 3],
            then: vec![1, 2, 3, 4],
        },
        64,
    );
    assert_eq!(run(document.count_length()), Ok(7));
    let result = drain(document.stream()).1;
    assert!(
        matches!(result, Err(JsonError::Changed { offset: 9, .. })),
        "{result:?}"
    );
}

#[test]
fn an_empty_document_that_grew_is_not_taken_for_whole() {
    let value = Changes {
        calls: AtomicU32::new(0),
        after: 1,
        first: RawJson::from_trusted(""),
        then: 1,
    };
    let document = document(value, 64);
    assert_eq!(run(document.count_length()), Ok(0));
    let result = drain(document.stream()).1;
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
}

/// A string of this many bytes of JSON.
fn text(length: usize) -> String {
    "x".repeat(length - 2)
}

#[track_caller]
fn stops_before<S>(stream: S, length: usize)
where
    S: Stream<Item = Result<Bytes, JsonError>> + Unpin,
{
    let (chunks, result) = drain(stream);
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
    let sent = chunks.concat().len();
    assert!(sent < length, "{sent} of {length} would look whole");
    assert!(sent + 64 >= length, "{sent} of {length} is early");
}

#[test]
fn what_grew_is_never_handed_over_up_to_the_known_length() {
    for length in [10, 63, 64, 65, 127, 128, 129, 640] {
        for grown in [1, 2, 63, 64, 65, 1000, 200_000] {
            let value = Changes {
                calls: AtomicU32::new(0),
                after: 1,
                first: text(length),
                then: text(length + grown),
            };
            let document = document(value, 64);
            let early = document.stream();
            assert_eq!(run(document.count_length()), Ok(length as u64));
            stops_before(document.stream(), length);
            stops_before(early, length);
        }
        let kept = document(text(length), 64);
        assert_eq!(run(kept.count_length()), Ok(length as u64));
        assert_eq!(exact_chunks(kept.stream(), 64).len(), length);
        for offset in 0..=length {
            let rest = exact_chunks(kept.stream_from(offset as u64), 64);
            assert_eq!(rest.len(), length - offset);
        }
        let open = document(vec![text(length - 1)], 64).left_open();
        assert_eq!(run(open.count_length()), Ok(length as u64));
        assert_eq!(exact_chunks(open.stream(), 64).len(), length);
    }
}

#[test]
fn a_sequence_that_grew_after_the_count_stops_too() {
    let value = Changes {
        calls: AtomicU32::new(0),
        after: 2,
        first: vec!["xxxxxxxxxxxxxx"; 5000],
        then: vec!["xxxxxxxxxxxxxx"; 50_000],
    };
    let document = document(value, 64);
    assert_eq!(run(document.count_length()), Ok(85_001));
    stops_before(document.stream(), 85_001);
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("out of luck"))
    }
}

#[test]
fn a_failure_at_the_known_length_is_not_taken_for_its_end() {
    // The colon after the key pushes out the chunk, and the same walk fails.
    let value = Changes {
        calls: AtomicU32::new(0),
        after: 1,
        first: text(64),
        then: BTreeMap::from([("x".repeat(61), Fails)]),
    };
    let document = document(value, 64);
    assert_eq!(run(document.count_length()), Ok(64));
    let (chunks, result) = drain(document.stream());
    assert_eq!(chunks.len(), 0);
    assert!(matches!(result, Err(JsonError::Value { .. })), "{result:?}");
    // After the error, nothing is left of the length.
    let mut stream = document.stream();
    assert_eq!(stream.remaining(), Some(64));
    assert!(matches!(stream.next_chunk(), Some(Err(_))));
    assert_eq!((stream.remaining(), stream.is_ended()), (Some(0), true));
}

/// A sequence that writing exhausts.
struct OneShot<I>(Mutex<I>);

impl<I: Iterator<Item: Serialize>> Serialize for OneShot<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&mut *self.0.lock().unwrap())
    }
}

/// The same as a map.
struct OneShotMap<I>(Mutex<I>);

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)>> Serialize for OneShotMap<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&mut *self.0.lock().unwrap())
    }
}

#[track_caller]
fn used_up(value: impl Serialize, chunk_size: usize) {
    let (chunks, result) = drain(document(value, chunk_size).stream());
    assert!(
        matches!(result, Err(JsonError::Changed { .. })),
        "{result:?}"
    );
    assert!(!chunks.is_empty());
}

#[test]
fn an_iterator_that_is_used_up_is_found() {
    for total in [10_000, 20_000, 30_000, 40_000, 60_000, 200_000] {
        let numbers: Vec<u32> = (0..total).collect();
        for chunk_size in [64, 4096, 10_000] {
            used_up(OneShot(Mutex::new(numbers.clone().into_iter())), chunk_size);
            let entries = numbers.clone().into_iter().map(|number| (number, ()));
            used_up(OneShotMap(Mutex::new(entries)), chunk_size);
        }
    }
}
