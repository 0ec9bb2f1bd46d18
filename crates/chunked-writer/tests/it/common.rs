//! Values of the whole serde data model, and ways to read a stream.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use chunked_writer::{JsonDocument, JsonError};
use futures_util::Stream;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Configures this many cases. A failing case is saved next to the test, and run first from then on.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::WithSource("regressions")) as _);
    ProptestConfig {
        cases,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

/// Any value of serde's data model. `serde_json` accepts all of them.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    /// Through `collect_str`, in pieces.
    Display(Vec<String>),
    Bytes(Vec<u8>),
    None,
    Some(Box<Self>),
    Unit,
    UnitStruct,
    UnitVariant(&'static str),
    NewtypeStruct(Box<Self>),
    NewtypeVariant(&'static str, Box<Self>),
    /// With or without a length.
    Seq(bool, Vec<Self>),
    /// Through `collect_seq`.
    Slice(Vec<Self>),
    Tuple(Vec<Self>),
    TupleStruct(Vec<Self>),
    TupleVariant(&'static str, Vec<Self>),
    /// With or without a length; key and value in one call or in two.
    Map(bool, bool, Vec<(Key, Self)>),
    /// Through `collect_map`.
    Entries(Vec<(Key, Self)>),
    Struct(Vec<(&'static str, Self)>),
    StructVariant(&'static str, Vec<(&'static str, Self)>),
    Raw(String),
}

/// A key that JSON can have.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Str(String),
    Display(Vec<String>),
    Char(char),
    Bool(bool),
    I64(i64),
    U8(u8),
    I128(i128),
    U128(u128),
    F32(f32),
    F64(f64),
    Variant(&'static str),
    Newtype(Box<Self>),
    Some(Box<Self>),
}

struct Pieces<'a>(&'a [String]);

impl std::fmt::Display for Pieces<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|piece| formatter.write_str(piece))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Str(text) => serializer.serialize_str(text),
            Self::Display(pieces) => serializer.collect_str(&Pieces(pieces)),
            Self::Char(value) => serializer.serialize_char(*value),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::I64(value) => serializer.serialize_i64(*value),
            Self::U8(value) => serializer.serialize_u8(*value),
            Self::I128(value) => serializer.serialize_i128(*value),
            Self::U128(value) => serializer.serialize_u128(*value),
            Self::F32(value) => serializer.serialize_f32(*value),
            Self::F64(value) => serializer.serialize_f64(*value),
            Self::Variant(name) => serializer.serialize_unit_variant("Enum", 3, name),
            Self::Newtype(key) => serializer.serialize_newtype_struct("Newtype", &**key),
            Self::Some(key) => serializer.serialize_some(&**key),
        }
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::I8(value) => serializer.serialize_i8(*value),
            Self::I16(value) => serializer.serialize_i16(*value),
            Self::I32(value) => serializer.serialize_i32(*value),
            Self::I64(value) => serializer.serialize_i64(*value),
            Self::I128(value) => serializer.serialize_i128(*value),
            Self::U8(value) => serializer.serialize_u8(*value),
            Self::U16(value) => serializer.serialize_u16(*value),
            Self::U32(value) => serializer.serialize_u32(*value),
            Self::U64(value) => serializer.serialize_u64(*value),
            Self::U128(value) => serializer.serialize_u128(*value),
            Self::F32(value) => serializer.serialize_f32(*value),
            Self::F64(value) => serializer.serialize_f64(*value),
            Self::Char(value) => serializer.serialize_char(*value),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Display(pieces) => serializer.collect_str(&Pieces(pieces)),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::None => serializer.serialize_none(),
            Self::Some(value) => serializer.serialize_some(&**value),
            Self::Unit => serializer.serialize_unit(),
            Self::UnitStruct => serializer.serialize_unit_struct("UnitStruct"),
            Self::UnitVariant(name) => serializer.serialize_unit_variant("Enum", 0, name),
            Self::NewtypeStruct(value) => serializer.serialize_newtype_struct("Newtype", &**value),
            Self::NewtypeVariant(name, value) => {
                serializer.serialize_newtype_variant("Enum", 1, name, &**value)
            }
            Self::Seq(sized, items) => {
                let mut seq = serializer.serialize_seq(sized.then_some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Slice(items) => serializer.collect_seq(items),
            Self::Tuple(items) => {
                let mut tuple = serializer.serialize_tuple(items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Self::TupleStruct(items) => {
                let mut tuple = serializer.serialize_tuple_struct("TupleStruct", items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::TupleVariant(name, items) => {
                let mut tuple = serializer.serialize_tuple_variant("Enum", 2, name, items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::Map(sized, in_one_call, entries) => {
                let mut map = serializer.serialize_map(sized.then_some(entries.len()))?;
                for (key, value) in entries {
                    if *in_one_call {
                        map.serialize_entry(key, value)?;
                    } else {
                        map.serialize_key(key)?;
                        map.serialize_value(value)?;
                    }
                }
                map.end()
            }
            Self::Entries(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Self::Struct(fields) => {
                let mut fields_out = serializer.serialize_struct("Struct", fields.len())?;
                for (name, value) in fields {
                    fields_out.skip_field("skipped")?;
                    fields_out.serialize_field(name, value)?;
                }
                fields_out.end()
            }
            Self::StructVariant(name, fields) => {
                let mut fields_out =
                    serializer.serialize_struct_variant("Enum", 4, name, fields.len())?;
                for (name, value) in fields {
                    fields_out.serialize_field(name, value)?;
                }
                fields_out.end()
            }
            Self::Raw(text) => serde_json::value::RawValue::from_string(text.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,12}",
        2 => any::<String>(),
        2 => "[\"\\\\\n\r\t\u{0}-\u{1f}\u{7f}aé€😀]{0,90}",
        1 => "[0-9a-f]{60,200}",
        1 => Just("$serde_json::private::Number".to_owned()),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "a",
        "kind",
        "with \"quotes\"",
        "ключ",
        "a name of more than sixteen bytes",
        "\\\n",
    ])
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    let leaf = prop_oneof![
        4 => text().prop_map(Key::Str),
        1 => vec(text(), 0..3).prop_map(Key::Display),
        1 => any::<char>().prop_map(Key::Char),
        1 => any::<bool>().prop_map(Key::Bool),
        1 => any::<i64>().prop_map(Key::I64),
        1 => any::<u8>().prop_map(Key::U8),
        1 => any::<i128>().prop_map(Key::I128),
        1 => any::<u128>().prop_map(Key::U128),
        1 => any::<f32>().prop_filter("finite", |value| value.is_finite()).prop_map(Key::F32),
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Key::F64),
        1 => name().prop_map(Key::Variant),
    ];
    leaf.prop_recursive(2, 4, 1, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| Key::Newtype(Box::new(key))),
            inner.prop_map(|key| Key::Some(Box::new(key))),
        ]
    })
}

pub(crate) fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        prop_oneof![
            any::<bool>().prop_map(Model::Bool),
            any::<i8>().prop_map(Model::I8),
            any::<i16>().prop_map(Model::I16),
            any::<i32>().prop_map(Model::I32),
            any::<i64>().prop_map(Model::I64),
            any::<i128>().prop_map(Model::I128),
            any::<u8>().prop_map(Model::U8),
            any::<u16>().prop_map(Model::U16),
            any::<u32>().prop_map(Model::U32),
            any::<u64>().prop_map(Model::U64),
            any::<u128>().prop_map(Model::U128),
        ],
        prop_oneof![
            prop::num::f32::ANY.prop_map(Model::F32),
            prop::num::f64::ANY.prop_map(Model::F64),
            any::<char>().prop_map(Model::Char),
            vec(any::<u8>(), 0..20).prop_map(Model::Bytes),
            Just(Model::None),
            Just(Model::Unit),
            Just(Model::UnitStruct),
            name().prop_map(Model::UnitVariant),
        ],
        text().prop_map(Model::Str),
        vec(text(), 0..4).prop_map(Model::Display),
        text().prop_map(|text| Model::Raw(serde_json::to_string(&[text]).unwrap())),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let items = || vec(inner.clone(), 0..6);
        let entries = || vec((key(), inner.clone()), 0..6);
        let fields = || vec((name(), inner.clone()), 0..6);
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Model::Some),
            boxed().prop_map(Model::NewtypeStruct),
            (name(), boxed()).prop_map(|(name, value)| Model::NewtypeVariant(name, value)),
            (any::<bool>(), items()).prop_map(|(sized, items)| Model::Seq(sized, items)),
            items().prop_map(Model::Slice),
            items().prop_map(Model::Tuple),
            items().prop_map(Model::TupleStruct),
            (name(), items()).prop_map(|(name, items)| Model::TupleVariant(name, items)),
            (any::<bool>(), any::<bool>(), entries())
                .prop_map(|(sized, one, entries)| Model::Map(sized, one, entries)),
            entries().prop_map(Model::Entries),
            fields().prop_map(Model::Struct),
            (name(), fields()).prop_map(|(name, fields)| Model::StructVariant(name, fields)),
        ]
    })
}

/// Mostly small sizes, which hit every boundary, and some that hold everything.
pub(crate) fn chunk_size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1..20_usize, 2 => 20..300_usize, 1 => prop::sample::select(vec![4096, 65_536, usize::MAX])]
}

pub(crate) fn document<T: Serialize>(value: T, chunk_size: usize) -> JsonDocument<T> {
    JsonDocument::new(value).with_chunk_size(NonZeroUsize::new(chunk_size).unwrap())
}

/// Reads everything that a stream yields, however often it is `Pending`. Checks that it stays ended.
pub(crate) fn drain<S: Stream<Item = Result<Bytes, E>> + Unpin, E>(
    mut stream: S,
) -> (Vec<Bytes>, Result<(), E>) {
    let mut context = Context::from_waker(Waker::noop());
    let mut chunks = Vec::new();
    let result = loop {
        match Pin::new(&mut stream).poll_next(&mut context) {
            Poll::Ready(Some(Ok(chunk))) => chunks.push(chunk),
            Poll::Ready(Some(Err(error))) => break Err(error),
            Poll::Ready(None) => break Ok(()),
            Poll::Pending => {}
        }
    };
    for _ in 0..3 {
        assert!(
            matches!(
                Pin::new(&mut stream).poll_next(&mut context),
                Poll::Ready(None)
            ),
            "it goes on after its end"
        );
    }
    (chunks, result)
}

/// Reads a whole stream that does not fail, in chunks of the exact size.
pub(crate) fn exact_chunks<S>(stream: S, chunk_size: usize) -> Vec<u8>
where
    S: Stream<Item = Result<Bytes, JsonError>> + Unpin,
{
    let (chunks, result) = drain(stream);
    assert_eq!(result, Ok(()));
    if let Some((last, full)) = chunks.split_last() {
        for chunk in full {
            assert_eq!(chunk.len(), chunk_size);
        }
        assert!((1..=chunk_size).contains(&last.len()));
    }
    chunks.concat()
}

/// Runs a future that wakes itself whenever it is pending.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

/// Ignores the results of its calls and continues.
pub(crate) struct Careless<T>(pub(crate) Vec<T>);

impl<T: Serialize> Serialize for Careless<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for item in &self.0 {
            if sequence.serialize_element(item).is_err() {
                let _ = sequence.serialize_element("a replacement");
            }
        }
        sequence.end()
    }
}
