//! Any value, any chunk size, any offset, and several streams of one document polled in any order: the bytes are those of
//! `serde_json`, or the document fails as there.
#![no_main]

use std::num::NonZeroUsize;

use arbitrary::Arbitrary;
use chunked_writer::{JsonDocument, JsonError, JsonStream, RawJson};
use libfuzzer_sys::fuzz_target;
use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

#[derive(Arbitrary, Debug)]
struct Input {
    value: Value,
    chunk_size: u8,
    other_chunk_size: u16,
    offset: u16,
    left_open: bool,
    /// Which of the streams is polled next.
    polls: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Value {
    Unit,
    Bool(bool),
    I64(i64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(String),
    Display(String),
    Bytes(Vec<u8>),
    Raw(i32),
    Fails,
    Some(Box<Value>),
    Newtype(Box<Value>),
    UnitVariant,
    NewtypeVariant(Box<Value>),
    Slice(Vec<Value>),
    Sequence(Option<u8>, Vec<Value>),
    Tuple(Vec<Value>),
    TupleStruct(Vec<Value>),
    TupleVariant(Vec<Value>),
    Entries(Vec<(Value, Value)>),
    Map(Option<u8>, bool, Vec<(Value, Value)>),
    Struct(Vec<Value>),
    StructVariant(Vec<Value>),
    /// Ignores errors and goes on.
    Careless(Vec<Value>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unit => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::I64(value) => serializer.serialize_i64(*value),
            Self::U128(value) => serializer.serialize_u128(*value),
            Self::F32(value) => serializer.serialize_f32(*value),
            Self::F64(value) => serializer.serialize_f64(*value),
            Self::Char(value) => serializer.serialize_char(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Display(text) => serializer.collect_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Raw(number) => {
                RawJson::from_trusted(&format!("[{number}, null]")).serialize(serializer)
            }
            Self::Fails => Err(S::Error::custom("fails")),
            Self::Some(value) => serializer.serialize_some(&**value),
            Self::Newtype(value) => serializer.serialize_newtype_struct("Newtype", &**value),
            Self::UnitVariant => serializer.serialize_unit_variant("Enum", 0, "Unit"),
            Self::NewtypeVariant(value) => {
                serializer.serialize_newtype_variant("Enum", 1, "Newtype", &**value)
            }
            Self::Slice(items) => serializer.collect_seq(items),
            Self::Sequence(length, items) => {
                let mut sequence = serializer.serialize_seq(length.map(usize::from))?;
                items
                    .iter()
                    .try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Self::Tuple(items) => {
                let mut tuple = serializer.serialize_tuple(items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Self::TupleStruct(items) => {
                let mut tuple = serializer.serialize_tuple_struct("Tuple", items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::TupleVariant(items) => {
                let mut tuple =
                    serializer.serialize_tuple_variant("Enum", 2, "Tuple", items.len())?;
                items
                    .iter()
                    .try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::Entries(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Self::Map(length, in_one_call, entries) => {
                let mut map = serializer.serialize_map(length.map(usize::from))?;
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
            Self::Struct(items) => {
                let mut fields = serializer.serialize_struct("Struct", items.len())?;
                items
                    .iter()
                    .try_for_each(|item| fields.serialize_field("field \"name\"", item))?;
                fields.end()
            }
            Self::StructVariant(items) => {
                let mut fields =
                    serializer.serialize_struct_variant("Enum", 3, "Struct", items.len())?;
                items
                    .iter()
                    .try_for_each(|item| fields.serialize_field("field", item))?;
                fields.end()
            }
            Self::Careless(items) => {
                let mut sequence = serializer.serialize_seq(None)?;
                for item in items {
                    let _ = sequence.serialize_element(item);
                }
                sequence.end()
            }
        }
    }
}

/// Whether something in the value returns an error, even if somebody swallows it.
fn fails(value: &Value) -> bool {
    match value {
        Value::Fails => true,
        Value::Some(value) | Value::Newtype(value) | Value::NewtypeVariant(value) => fails(value),
        Value::Slice(items)
        | Value::Sequence(_, items)
        | Value::Tuple(items)
        | Value::TupleStruct(items)
        | Value::TupleVariant(items)
        | Value::Struct(items)
        | Value::StructVariant(items)
        | Value::Careless(items) => items.iter().any(fails),
        Value::Entries(entries) | Value::Map(_, _, entries) => entries
            .iter()
            .any(|(key, value)| key_fails(key) || fails(value)),
        _ => false,
    }
}

/// Which keys are refused is the business of `serde_json`.
fn key_fails(key: &Value) -> bool {
    struct OneEntry<'a>(&'a Value);
    impl Serialize for OneEntry<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(self.0, ())])
        }
    }
    serde_json::to_vec(&OneEntry(key)).is_err()
}

struct Reader<'a> {
    stream: JsonStream<&'a Value>,
    chunk_size: usize,
    read: Vec<u8>,
    last: usize,
    result: Option<Result<(), JsonError>>,
}

impl<'a> Reader<'a> {
    fn new(stream: JsonStream<&'a Value>, chunk_size: usize) -> Self {
        Self {
            stream,
            chunk_size,
            read: Vec::new(),
            last: chunk_size,
            result: None,
        }
    }

    fn next(&mut self) {
        match self.stream.next_chunk() {
            Some(Ok(chunk)) => {
                assert!(self.result.is_none(), "it goes on after its end");
                assert_eq!(
                    self.last, self.chunk_size,
                    "only the last chunk may be short"
                );
                assert!((1..=self.chunk_size).contains(&chunk.len()));
                self.last = chunk.len();
                self.read.extend_from_slice(&chunk);
            }
            Some(Err(error)) => {
                assert!(self.result.is_none(), "it goes on after its end");
                self.result = Some(Err(error));
            }
            None => {
                self.result.get_or_insert(Ok(()));
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let mut expected = Vec::new();
    let expected_result = serde_json::to_writer(&mut expected, &input.value);
    let failed = fails(&input.value);
    assert!(failed || expected_result.is_ok());

    let mut document = JsonDocument::new(&input.value);
    if input.left_open {
        document = document.left_open();
    }
    let size = |size: usize| NonZeroUsize::new(size.max(1)).expect("not 0");
    let (first, other) = (
        size(input.chunk_size.into()),
        size(input.other_chunk_size.into()),
    );
    let document = document.with_chunk_size(first);
    let other_document = document.clone().with_chunk_size(other);
    let mut readers = [
        Reader::new(document.stream(), first.get()),
        Reader::new(other_document.stream_from(input.offset.into()), other.get()),
        Reader::new(other_document.stream(), other.get()),
    ];
    for poll in &input.polls {
        readers[usize::from(*poll) % 3].next();
    }
    for reader in &mut readers {
        while reader.result.is_none() {
            reader.next();
        }
        reader.next();
    }

    let [whole, rest, again] = &readers;
    assert_eq!(
        whole.result.as_ref().map(Result::is_ok),
        again.result.as_ref().map(Result::is_ok)
    );
    if failed {
        assert!(whole.result.as_ref().is_some_and(Result::is_err));
        assert!(expected.starts_with(&whole.read) && expected.starts_with(&again.read));
        return;
    }
    if input.left_open && !matches!(expected.pop(), Some(b'}' | b']')) {
        assert_eq!(whole.result, Some(Err(JsonError::NotOpen)));
        return;
    }
    assert_eq!(whole.result, Some(Ok(())));
    assert_eq!(whole.read, expected);
    assert_eq!(again.read, expected);
    match expected.get(usize::from(input.offset)..) {
        Some(expected) => assert_eq!((&rest.result, &*rest.read), (&Some(Ok(())), expected)),
        None => assert!(matches!(
            rest.result,
            Some(Err(JsonError::OffsetBeyondEnd { .. }))
        )),
    }
});
