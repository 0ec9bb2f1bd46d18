//! Values that are another one when they are walked again.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use chunked_writer::{JsonDocument, JsonError, RawJson};
use common::{Careless, document, drain, exact_chunks, run};
use serde::Serialize;
use serde::ser::Serializer;

/// A value that is another one after so many calls.
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
        BTreeMap::from([("a", "bbbb"), ("c", "dddd")]),
        BTreeMap::<&str, &str>::new(),
    );
    // A child that is another one, where the walk had stopped.
    change_is_found(("a", long), ("a", 1));
    change_is_found(("a", long), ("a", vec![1]));
    change_is_found(("a", long), ("a", "short"));
    change_is_found(
        ("a", RawJson::from_trusted("[1,2,3,4,5,6,7,8,9]")),
        ("a", RawJson::from_trusted("[1]")),
    );
    change_is_found(BTreeMap::from([("a", long)]), BTreeMap::from([("b", long)]));
    change_is_found(BTreeMap::from([(1, long)]), BTreeMap::from([(2, long)]));
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

/// Counts the streams: the first gets what it got, later ones something else.
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
        // What lies before the last checkpoint is not walked over, and so not compared.
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
