//! Errors, panics, and adaptors between the value and the serializer.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::common::{Careless, document, drain, exact_chunks, run};
use chunked_writer::{JsonError, RawJson};
use serde::ser::{Error as _, SerializeMap, SerializeStruct, Serializer};
use serde::{Serialize, Serialize as SerializeTrait};

/// Fails with a message.
struct Fails;

impl SerializeTrait for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("out of order"))
    }
}

#[derive(Serialize)]
enum Tree {
    Leaf(Fails),
    Branch {
        before: Vec<u32>,
        child: Box<Tree>,
        after: u8,
    },
    Pair(u8, Box<Tree>),
    Inside(Box<Tree>),
    List(Vec<Tree>),
    Map(BTreeMap<&'static str, Tree>),
}

fn deep(depth: usize) -> Tree {
    (0..depth).fold(Tree::Leaf(Fails), |tree, level| match level % 5 {
        0 => Tree::Branch {
            before: vec![7; 4],
            child: Box::new(tree),
            after: 1,
        },
        1 => Tree::Pair(3, Box::new(tree)),
        2 => Tree::Inside(Box::new(tree)),
        3 => Tree::List(vec![tree]),
        _ => Tree::Map(BTreeMap::from([("key", tree)])),
    })
}

#[test]
fn a_failure_comes_after_the_chunks_before_it() {
    for depth in 0..12 {
        // What serde_json has written until then.
        let mut before = Vec::new();
        serde_json::to_writer(&mut before, &deep(depth)).unwrap_err();
        for chunk_size in 1..40 {
            let document = document(deep(depth), chunk_size);
            let (chunks, result) = drain(document.stream());
            let offset = before.len() as u64;
            assert_eq!(
                result,
                Err(JsonError::Value {
                    offset,
                    message: "out of order".into()
                })
            );
            let sent = chunks.concat();
            assert!(before.starts_with(&sent));
            // All full chunks, except one that the last byte has filled.
            assert!(
                before.len() - sent.len() <= chunk_size,
                "{} of {}",
                sent.len(),
                before.len()
            );
            assert!(chunks.iter().all(|chunk| chunk.len() == chunk_size));
            assert_eq!(run(document.count_length()), result.map(|()| 0));
            assert_eq!(document.known_length(), None);
        }
    }
}

/// Panics in its second call.
struct Panics(AtomicU32);

impl SerializeTrait for Panics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0.fetch_add(1, Relaxed) == 0, "by design");
        serializer.collect_seq(["aaaa", "bbbb"])
    }
}

#[test]
fn after_a_panic_the_stream_fails_and_does_not_end_well() {
    let document = document((1, Panics(AtomicU32::new(0)), 2), 4);
    let mut stream = document.stream();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut poll = || futures_util::StreamExt::poll_next_unpin(&mut stream, &mut context);
    assert!(matches!(poll(), std::task::Poll::Ready(Some(Ok(_)))));
    catch_unwind(AssertUnwindSafe(|| while poll().is_ready() {})).unwrap_err();
    assert_eq!(
        poll(),
        std::task::Poll::Ready(Some(Err(JsonError::Poisoned)))
    );
    assert_eq!(poll(), std::task::Poll::Ready(None));
}

#[test]
fn chunks_that_a_panic_left_behind_are_not_handed_over() {
    struct PanicsAtTheEnd;
    impl std::fmt::Display for PanicsAtTheEnd {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("enough for several chunks")?;
            panic!("by design")
        }
    }
    impl Serialize for PanicsAtTheEnd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    let mut stream = document(PanicsAtTheEnd, 4).stream();
    catch_unwind(AssertUnwindSafe(|| stream.next_chunk())).unwrap_err();
    assert_eq!(stream.next_chunk(), Some(Err(JsonError::Poisoned)));
    assert_eq!(stream.next_chunk(), None);
}

/// A map with one entry, whose key may be anything.
struct KeyOf<K>(K);

impl<K: Serialize> SerializeTrait for KeyOf<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_key(&self.0)?;
        map.serialize_value("value")?;
        map.end()
    }
}

/// Checks that the bytes, or the error, are those of serde_json.
fn key_like_serde_json<K: Serialize + Clone>(key: &K) {
    let expected = serde_json::to_vec(&KeyOf(key));
    for chunk_size in [1, 2, 3, 5, 8, 100] {
        let (chunks, result) = drain(document(KeyOf(key), chunk_size).stream());
        match (&expected, result) {
            (Ok(expected), Ok(())) => assert_eq!(&chunks.concat(), expected),
            (Err(expected), Err(JsonError::Key { message, .. })) => {
                assert_eq!(expected.to_string(), message);
            }
            (expected, result) => panic!("serde_json: {expected:?}, here: {result:?}"),
        }
    }
}

#[test]
fn keys_follow_the_rules_of_serde_json() {
    #[derive(Clone, Serialize)]
    enum Variant {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    #[derive(Clone, Serialize)]
    struct Newtype<T>(T);
    #[derive(Clone, Serialize)]
    struct Unit;
    #[derive(Clone, Serialize)]
    struct Struct {
        a: u8,
    }
    #[derive(Clone, Serialize)]
    struct Tuple(u8, u8);
    #[derive(Clone)]
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(b"bytes")
        }
    }

    key_like_serde_json(&"with \"quotes\" and ümläuts\n");
    key_like_serde_json(&"");
    key_like_serde_json(&'"');
    key_like_serde_json(&std::net::Ipv4Addr::LOCALHOST);
    key_like_serde_json(&true);
    key_like_serde_json(&i8::MIN);
    key_like_serde_json(&i16::MIN);
    key_like_serde_json(&i32::MIN);
    key_like_serde_json(&i64::MIN);
    key_like_serde_json(&i128::MIN);
    key_like_serde_json(&u8::MAX);
    key_like_serde_json(&u16::MAX);
    key_like_serde_json(&u32::MAX);
    key_like_serde_json(&u64::MAX);
    key_like_serde_json(&u128::MAX);
    key_like_serde_json(&1.5_f32);
    key_like_serde_json(&-0.0_f64);
    key_like_serde_json(&f32::NAN);
    key_like_serde_json(&f32::INFINITY);
    key_like_serde_json(&f64::NEG_INFINITY);
    key_like_serde_json(&());
    key_like_serde_json(&None::<u8>);
    key_like_serde_json(&Some(1_u8));
    key_like_serde_json(&Some(vec![1_u8]));
    key_like_serde_json(&Newtype("newtype"));
    key_like_serde_json(&Newtype(Newtype(())));
    key_like_serde_json(&Unit);
    key_like_serde_json(&Variant::Unit);
    key_like_serde_json(&Variant::Newtype(1));
    key_like_serde_json(&Variant::Tuple(1, 2));
    key_like_serde_json(&Variant::Struct { a: 1 });
    key_like_serde_json(&Struct { a: 1 });
    key_like_serde_json(&Tuple(1, 2));
    key_like_serde_json(&(1, 2));
    key_like_serde_json(&[1, 2]);
    key_like_serde_json(&vec!["a"]);
    key_like_serde_json(&BTreeMap::from([("a", 1)]));
    key_like_serde_json(&Bytes);
    key_like_serde_json(&RawJson::from_trusted("\"raw\""));
}

/// Replaces every error with its own.
struct Rewriting<T>(T);

impl<T: Serialize> SerializeTrait for Rewriting<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0
            .serialize(serializer)
            .map_err(|_| S::Error::custom("rewritten"))
    }
}

#[test]
fn adaptors_may_swallow_or_rewrite_a_suspension() {
    let value = || {
        let inner = || {
            Careless(vec![
                Rewriting(vec!["one", "two", "three"]),
                Rewriting(vec![]),
                Rewriting(vec!["four"]),
            ])
        };
        Rewriting(Careless(vec![Rewriting(inner()), Rewriting(inner())]))
    };
    let expected = serde_json::to_vec(&value()).unwrap();
    for chunk_size in 1..=expected.len() + 1 {
        assert_eq!(
            exact_chunks(document(value(), chunk_size).stream(), chunk_size),
            expected
        );
    }
}

#[test]
fn a_failure_that_was_swallowed_fails_the_document_all_the_same() {
    struct CarelessMap;
    impl Serialize for CarelessMap {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_entry("a", &1);
            let _ = map.serialize_entry(&vec![1], &2);
            let _ = map.serialize_entry("b", &3);
            map.end()
        }
    }
    struct CarelessRaw;
    impl Serialize for CarelessRaw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let token = "$serde_json::private::RawValue";
            let mut raw = serializer.serialize_struct(token, 1)?;
            let _ = raw.serialize_field(token, &1);
            raw.end()
        }
    }
    for chunk_size in [1, 2, 7, 1000] {
        let failed = drain(document((1, Careless(vec![Some(Fails), None])), chunk_size).stream()).1;
        assert_eq!(
            failed,
            Err(JsonError::Value {
                offset: 4,
                message: "out of order".into()
            })
        );
        let failed = drain(document((1, CarelessMap, 2), chunk_size).stream()).1;
        assert!(
            matches!(
                failed,
                Err(JsonError::Key {
                    message: "key must be a string",
                    ..
                })
            ),
            "{failed:?}"
        );
        let failed = drain(document([CarelessRaw], chunk_size).stream()).1;
        assert_eq!(
            failed,
            Err(JsonError::Value {
                offset: 1,
                message: "expected RawValue".into()
            })
        );
    }
}

#[test]
fn a_display_that_fails_is_an_error_and_no_panic() {
    struct NoDisplay;
    impl std::fmt::Display for NoDisplay {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("half")?;
            Err(std::fmt::Error)
        }
    }
    impl Serialize for NoDisplay {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    let failed = drain(document([NoDisplay], 2).stream()).1;
    let message = "a Display implementation returned an error".into();
    assert_eq!(failed, Err(JsonError::Value { offset: 6, message }));
}

#[test]
fn errors_say_what_and_where() {
    let key = JsonError::Key {
        offset: 3,
        message: "key must be a string",
    };
    assert_eq!(
        key.to_string(),
        "a map key cannot be written after 3 bytes: key must be a string"
    );
    let io = std::io::Error::from(key.clone());
    assert_eq!(io.kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(io.into_inner().unwrap().downcast_ref(), Some(&key));
}

#[test]
fn a_tuple_of_100_levels_is_resumed_anywhere() {
    fn nested(depth: usize) -> serde_json::Value {
        (0..depth).fold(serde_json::json!("leaf"), |inner, level| match level % 2 {
            0 => serde_json::json!([1, inner, 2]),
            _ => serde_json::json!({"a": null, "b": inner, "c": true}),
        })
    }
    let value = nested(100);
    let expected = serde_json::to_vec(&value).unwrap();
    for chunk_size in [1, 2, 3, 10, 64, 1000] {
        assert_eq!(
            exact_chunks(document(value.clone(), chunk_size).stream(), chunk_size),
            expected
        );
    }
}
