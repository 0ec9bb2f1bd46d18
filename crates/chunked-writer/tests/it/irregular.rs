//! Maps whose keys and values do not alternate, and wrong lengths.

use crate::common::{document, drain, exact_chunks};
use chunked_writer::JsonError;
use serde::ser::{Serialize, SerializeMap, Serializer};

#[derive(Clone, Copy, Debug)]
enum Call {
    Key,
    Value,
    Entry,
}

/// A map of regular entries, and then these calls.
struct Irregular {
    length: Option<usize>,
    entries: u32,
    calls: &'static [Call],
}

impl Serialize for Irregular {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.length)?;
        for index in 0..self.entries {
            map.serialize_key(&index)?;
            map.serialize_value(&[index, index])?;
        }
        for call in self.calls {
            match call {
                Call::Key => map.serialize_key("key")?,
                Call::Value => map.serialize_value("value")?,
                Call::Entry => map.serialize_entry("key", "value")?,
            }
        }
        map.end()
    }
}

#[test]
fn keys_and_values_must_alternate() {
    use Call::{Entry, Key, Value};
    let wrong: [(&'static [Call], &str); 8] = [
        (&[Key], "a map ended after a key"),
        (&[Entry, Key], "a map ended after a key"),
        (&[Key, Key, Value], "a map was given a key after a key"),
        (&[Key, Key], "a map was given a key after a key"),
        (&[Key, Entry], "a map was given a key after a key"),
        (&[Value], "a map was given a value without a key"),
        (
            &[Key, Value, Value],
            "a map was given a value without a key",
        ),
        (&[Entry, Value], "a map was given a value without a key"),
    ];
    for (calls, reason) in wrong {
        for entries in [0, 1, 20] {
            for length in [None, Some(0), Some(1)] {
                for chunk_size in [1, 7, 64, 65_536] {
                    let value = Irregular {
                        length,
                        entries,
                        calls,
                    };
                    let result = drain(document(value, chunk_size).stream()).1;
                    assert!(
                        matches!(&result, Err(JsonError::Value { message, .. }) if **message == *reason),
                        "{result:?} for {calls:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn entries_in_any_calls_are_those_of_serde_json() {
    use Call::{Entry, Key, Value};
    let right: [&'static [Call]; 4] = [&[], &[Entry], &[Key, Value], &[Entry, Key, Value, Entry]];
    for calls in right {
        for entries in [0, 1, 20] {
            for length in [None, Some(0), Some(1)] {
                for chunk_size in [1, 2, 7, 64, 65_536] {
                    let value = Irregular {
                        length,
                        entries,
                        calls,
                    };
                    let expected = serde_json::to_vec(&value).unwrap();
                    let stream = document(value, chunk_size).stream();
                    assert_eq!(exact_chunks(stream, chunk_size), expected);
                }
            }
        }
    }
}
