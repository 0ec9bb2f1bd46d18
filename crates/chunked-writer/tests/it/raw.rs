//! Text that is already JSON.

use crate::common::{document, drain, exact_chunks};
use chunked_writer::{JsonError, RawJson};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Holder<'a> {
    before: u8,
    raw: RawJson<'a>,
    list: Vec<RawJson<'a>>,
    after: &'static str,
}

const HOLDER: Holder<'static> = Holder {
    before: 1,
    raw: RawJson::from_trusted(
        r#"{ "digits": 1.00000000000000000000000000000001, "escape": "\u0041" }"#,
    ),
    list: Vec::new(),
    after: "end",
};

#[test]
fn it_is_written_as_it_is_and_as_serde_json_writes_it() {
    let list = ["1", "[2,\t3]", "4,5,6"]
        .map(RawJson::from_trusted)
        .to_vec();
    assert_eq!(list[1].get(), "[2,\t3]");
    let holder = Holder { list, ..HOLDER };
    let expected = serde_json::to_vec(&holder).unwrap();
    assert_eq!(
        String::from_utf8(expected.clone()).unwrap(),
        "{\"before\":1,\"raw\":{ \"digits\": 1.00000000000000000000000000000001, \"escape\": \"\\u0041\" },\
         \"list\":[1,[2,\t3],4,5,6],\"after\":\"end\"}"
    );
    let document = document(holder, 1);
    for chunk_size in (1..150).chain([1000]) {
        let document = document
            .clone()
            .with_chunk_size(chunk_size.try_into().unwrap());
        assert_eq!(exact_chunks(document.stream(), chunk_size), expected);
        for offset in 0..=expected.len() {
            assert_eq!(
                exact_chunks(document.stream_from(offset as u64), chunk_size),
                expected[offset..]
            );
        }
    }
}

#[test]
fn raw_values_of_serde_json_are_taken_too() {
    let text = r#"{"a": [1.50, 1e400]}"#;
    let value = vec![serde_json::from_str::<Box<RawValue>>(text).unwrap(); 3];
    let expected = serde_json::to_vec(&value).unwrap();
    for chunk_size in 1..70 {
        assert_eq!(
            exact_chunks(document(value.clone(), chunk_size).stream(), chunk_size),
            expected
        );
    }
}

#[test]
fn an_empty_one_writes_nothing() {
    assert_eq!(
        exact_chunks(document(RawJson::from_trusted(""), 7).stream(), 7),
        b""
    );
    assert_eq!(
        exact_chunks(document([RawJson::from_trusted("")], 1).stream(), 1),
        b"[]"
    );
}

/// A number of arbitrary precision, as `serde_json` passes it with that feature.
struct Digits(&'static str);

impl Serialize for Digits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        const TOKEN: &str = "$serde_json::private::Number";
        let mut number = serializer.serialize_struct(TOKEN, 1)?;
        number.serialize_field(TOKEN, self.0)?;
        number.end()
    }
}

#[test]
fn numbers_of_arbitrary_precision_keep_their_digits() {
    let digits = vec![
        Digits("1.000000000000000000000000000000000000001"),
        Digits("-0"),
        Digits("1e9999"),
    ];
    for chunk_size in 1..60 {
        let document = document(&digits, chunk_size);
        assert_eq!(
            exact_chunks(document.stream(), chunk_size),
            b"[1.000000000000000000000000000000000000001,-0,1e9999]"
        );
    }
}

/// What `serde_json` refuses, at chunk sizes that cut it anywhere.
#[track_caller]
fn refused<T: Serialize>(value: &T, reason: &str) {
    for chunk_size in [64, 7, 1, 65_536] {
        let result = drain(document(value, chunk_size).stream()).1;
        assert!(
            matches!(&result, Err(JsonError::Value { message, .. }) if **message == *reason),
            "{result:?} at {chunk_size}"
        );
    }
}

#[test]
fn text_in_a_tagged_enum_is_refused_as_by_serde_json() {
    #[derive(Serialize)]
    #[serde(tag = "t")]
    enum Tagged {
        Raw(Box<RawValue>),
        Number(Digits),
    }
    let raw = |text: &str| RawValue::from_string(format!("\"{text}\"")).unwrap();
    for value in [
        Tagged::Raw(raw("xxxxxxxxxx")),
        Tagged::Raw(raw(&"x".repeat(200_000))),
    ] {
        let expected = serde_json::to_vec(&value).unwrap_err().to_string();
        refused(&value, &expected);
        refused(&("something before", value), &expected);
    }
    refused(&Tagged::Number(Digits("17")), "invalid number");
}

/// Text in some number of fields.
struct Fields(&'static str, usize);

impl Serialize for Fields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct(self.0, self.1)?;
        for _ in 0..self.1 {
            fields.serialize_field(self.0, "12345678")?;
        }
        fields.end()
    }
}

#[test]
fn text_has_exactly_one_field() {
    let raw = "$serde_json::private::RawValue";
    let number = "$serde_json::private::Number";
    for chunk_size in [1, 7, 64] {
        let both = (Fields(raw, 1), Fields(number, 1));
        let stream = document(both, chunk_size).stream();
        assert_eq!(exact_chunks(stream, chunk_size), b"[12345678,12345678]");
    }
    for fields in [0, 2, 3] {
        refused(&Fields(raw, fields), "expected value");
        refused(&Fields(number, fields), "invalid number");
    }
}
