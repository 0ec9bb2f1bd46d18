//! Derived shapes, with each attribute that changes the calls of the serializer.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, LinkedList, VecDeque};
use std::num::NonZeroU8;

use crate::common::{document, exact_chunks};
use serde::Serialize;

/// The bytes of `serde_json::to_vec`, whatever the chunk size and from whatever offset.
#[track_caller]
fn same<T: Serialize>(value: &T) {
    let expected = serde_json::to_vec(value).unwrap();
    let document = document(value, 1);
    for chunk_size in (1..24).chain([64, 1 << 20]) {
        let document = document
            .clone()
            .with_chunk_size(chunk_size.try_into().unwrap());
        assert_eq!(
            exact_chunks(document.stream(), chunk_size),
            expected,
            "chunks of {chunk_size}"
        );
    }
    for offset in 0..=expected.len() {
        assert_eq!(
            exact_chunks(document.stream_from(offset as u64), 1),
            expected[offset..]
        );
    }
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Plain {
    a_field: u8,
    #[serde(rename = "with \"quotes\" and a name of some length")]
    renamed: &'static str,
    #[serde(skip)]
    _skipped: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<u8>,
    last: Option<Box<Self>>,
}

fn plain() -> Plain {
    let inner = Plain {
        a_field: 1,
        renamed: "\u{1}\u{8}\u{c}\n\r\t\"\\/é😀\u{7f}",
        _skipped: 9,
        absent: None,
        last: None,
    };
    Plain {
        absent: Some(3),
        last: Some(Box::new(inner.clone())),
        ..inner
    }
}

#[test]
fn structs() {
    #[derive(Serialize)]
    struct Empty {}
    #[derive(Serialize)]
    struct Unit;
    #[derive(Serialize)]
    struct Newtype(Plain);
    #[derive(Serialize)]
    struct Tuple(u8, (), Plain, [u8; 0]);
    #[derive(Serialize)]
    struct AllSkipped {
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
    }
    #[derive(Serialize)]
    #[serde(transparent)]
    struct Transparent {
        inner: Vec<Plain>,
    }

    #[derive(Serialize)]
    struct ShortNames {
        #[serde(rename = "")]
        none: u8,
        a: u8,
        bc: u8,
    }

    same(&plain());
    same(&ShortNames {
        none: 1,
        a: 2,
        bc: 3,
    });
    same(&(Empty {}, Unit, Newtype(plain()), Tuple(1, (), plain(), [])));
    same(&[AllSkipped { absent: None }, AllSkipped { absent: Some(1) }]);
    same(&Transparent {
        inner: vec![plain(), plain()],
    });
}

#[test]
fn enums_in_each_representation() {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum External {
        UnitVariant,
        Newtype(Plain),
        NewtypeOfVec(Vec<u8>),
        Tuple(u8, Plain),
        EmptyTuple(),
        Struct { a: u8, b: Plain },
        EmptyStruct {},
        Nested(Box<External>),
    }
    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Internal {
        Unit,
        Newtype(Plain),
        OfMap(BTreeMap<String, Vec<u8>>),
        Struct { a: u8, b: Vec<Plain> },
        OfEnum(External),
    }
    #[derive(Serialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        Unit,
        Newtype(Plain),
        Tuple(u8, Plain),
        Struct { a: u8, b: Plain },
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Untagged {
        Unit,
        Newtype(Plain),
        Tuple(u8, Plain),
        Struct { a: u8, b: Plain },
    }

    same(&[
        External::UnitVariant,
        External::Newtype(plain()),
        External::NewtypeOfVec(vec![1, 2, 3]),
        External::Tuple(1, plain()),
        External::EmptyTuple(),
        External::Struct { a: 1, b: plain() },
        External::EmptyStruct {},
        External::Nested(Box::new(External::Nested(Box::new(External::Tuple(
            1,
            plain(),
        ))))),
    ]);
    same(&[
        Internal::Unit,
        Internal::Newtype(plain()),
        Internal::OfMap(BTreeMap::from([
            ("x".to_owned(), vec![1, 2]),
            ("y".to_owned(), vec![]),
        ])),
        Internal::Struct {
            a: 1,
            b: vec![plain(), plain()],
        },
        Internal::OfEnum(External::Struct { a: 2, b: plain() }),
        Internal::OfEnum(External::Tuple(2, plain())),
    ]);
    same(&[
        Adjacent::Unit,
        Adjacent::Newtype(plain()),
        Adjacent::Tuple(1, plain()),
        Adjacent::Struct { a: 1, b: plain() },
    ]);
    same(&[
        Untagged::Unit,
        Untagged::Newtype(plain()),
        Untagged::Tuple(1, plain()),
        Untagged::Struct { a: 1, b: plain() },
    ]);
    same(&External::Nested(Box::new(External::UnitVariant)));
    same(&vec![Ok(plain()), Err("no")]);
}

#[test]
fn flattened_and_converted() {
    #[derive(Serialize, Clone)]
    struct Flattened {
        id: u8,
        #[serde(flatten)]
        plain: Plain,
        #[serde(flatten)]
        rest: BTreeMap<String, Vec<Plain>>,
        #[serde(flatten)]
        tagged: Tagged,
        #[serde(flatten)]
        absent: Option<Plain>,
        #[serde(serialize_with = "as_pairs")]
        pairs: Vec<u8>,
        #[serde(with = "as_text")]
        text: u32,
    }
    #[derive(Serialize, Clone)]
    #[serde(tag = "type")]
    enum Tagged {
        One { x: Vec<u8> },
    }
    #[derive(Serialize, Clone)]
    #[serde(into = "Flattened")]
    struct Into(u8);
    impl From<Into> for Flattened {
        fn from(Into(id): Into) -> Self {
            Self {
                id,
                plain: plain(),
                rest: BTreeMap::from([("x".to_owned(), vec![plain()]), ("y".to_owned(), vec![])]),
                tagged: Tagged::One { x: vec![1, 2, 3] },
                absent: None,
                pairs: vec![1, 2],
                text: 17,
            }
        }
    }
    fn as_pairs<S: serde::Serializer>(values: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|value| (value, [value, value])))
    }
    mod as_text {
        pub(crate) fn serialize<S: serde::Serializer>(
            value: &u32,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("<{value}>"))
        }
    }

    same(&Flattened::from(Into(1)));
    same(&[Into(2), Into(3)]);
}

#[test]
fn scalars() {
    same(&(i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN));
    same(&(u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX));
    same(&[
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1e300,
        1.0 / 3.0,
        5e-324,
        f64::MAX,
        100.0,
    ]);
    same(&[
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        -0.0,
        1e30,
        1.0 / 3.0,
        1e-45,
        f32::MAX,
        16_777_216.0,
    ]);
    same(&('a', '"', '\u{0}', '😀', "", true, false, ()));
    same(&(
        Some(Some(1)),
        Some(None::<u8>),
        None::<()>,
        std::marker::PhantomData::<u8>,
    ));
    same(&std::time::Duration::from_millis(1500));
    same(&(std::net::Ipv4Addr::LOCALHOST, std::net::Ipv6Addr::LOCALHOST));
    same(&(
        1..2,
        3..=4,
        std::ops::Bound::Included(5),
        NonZeroU8::MIN,
        std::cmp::Reverse(1),
    ));
    for root in ["", "a", "\"", "root"] {
        same(&root);
    }
    same(&17);
    same(&());
}

#[test]
fn collections() {
    same(&vec![vec![1_u8], vec![], vec![2, 3]]);
    same(&VecDeque::from([plain(), plain()]));
    same(&LinkedList::from([1, 2, 3]));
    same(&BTreeSet::from(["a", "b"]));
    same(&HashMap::from([(1, vec![plain()]), (2, vec![])]));
    same(&BTreeMap::from([(
        (1, 2).0,
        BTreeMap::from([('x', Some(1.5))]),
    )]));
    same(&BTreeMap::<u8, u8>::new());
    same(&Vec::<u8>::new());
    same(&([1_u8; 5], [(); 0], [plain(), plain()]));
    same(&(
        Cow::Borrowed("cow"),
        Box::new(1),
        Cell::new(2),
        std::sync::Mutex::new(3),
    ));
    same(&serde_json::json!({"a": [1, 2.5, null, true, "x", {}, []], "b": {"c": {"d": [[[[]]]]}}}));
}

/// Iterators that do not know their length.
#[test]
fn filtered_collections() {
    struct Even(bool);
    impl Serialize for Even {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let numbers = (0..10).filter(|number| number % 2 == 0);
            if self.0 {
                serializer.collect_map(numbers.map(|number| (number, [number])))
            } else {
                serializer.collect_seq(numbers)
            }
        }
    }
    same(&[Even(false), Even(true)]);
}

/// Wrong lengths: `serde_json` writes something for them too.
#[test]
fn lengths_that_are_not_true() {
    struct Liar(usize, Vec<u8>);
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut sequence = serializer.serialize_seq(Some(self.0))?;
            self.1
                .iter()
                .try_for_each(|item| sequence.serialize_element(item))?;
            sequence.end()
        }
    }
    same(&[Liar(0, vec![1, 2]), Liar(5, vec![]), Liar(0, vec![])]);
}

#[test]
fn a_value_is_a_stream_in_one_call() {
    let value = vec![plain(); 2000];
    let expected = serde_json::to_vec(&value).unwrap();
    assert_eq!(
        exact_chunks(chunked_writer::to_stream(value), 64 * 1024),
        expected
    );
}
