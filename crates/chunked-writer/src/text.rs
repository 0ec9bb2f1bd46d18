//! The serializer for what must be text: keys of maps, raw values and numbers of arbitrary precision.

use std::fmt::Display;
use std::io;

use serde::ser::{Impossible, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::error::{JsonError, Unwind};
use crate::raw_json::{NUMBER_TOKEN, RAW_TOKEN};
use crate::walker::{Walker, Written};

/// What the text is, and so what is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A key: scalars are quoted.
    Key,
    /// JSON already: a string.
    Raw,
    /// The digits of a number: a string.
    Number,
}

impl Rule {
    /// The name of the field that has the text.
    pub(crate) fn token(self) -> Option<&'static str> {
        match self {
            Self::Key => None,
            Self::Raw => Some(RAW_TOKEN),
            Self::Number => Some(NUMBER_TOKEN),
        }
    }
}

/// Writes text by one of the rules of `serde_json`.
pub(crate) struct TextSerializer<'a> {
    pub(crate) walker: &'a mut Walker,
    pub(crate) rule: Rule,
}

impl TextSerializer<'_> {
    fn refuse<T>(self) -> Result<T, Unwind> {
        Err(match self.rule {
            Rule::Key => self.refuse_key("key must be a string"),
            Rule::Raw => serde::ser::Error::custom("expected RawValue"),
            Rule::Number => serde::ser::Error::custom("invalid number"),
        })
    }

    fn refuse_key(self, message: &'static str) -> Unwind {
        let offset = self.walker.position();
        self.walker.fail(JsonError::Key { offset, message })
    }

    /// Writes a scalar in quotes, where that is allowed.
    fn quoted(
        self,
        write: impl FnOnce(&mut CompactFormatter, &mut Walker) -> io::Result<()>,
    ) -> Result<Written, Unwind> {
        if self.rule != Rule::Key {
            return self.refuse();
        }
        self.walker.write(b"\"")?;
        self.walker.number(write)?;
        self.walker.close(b"\"")
    }

    fn float(
        self,
        finite: bool,
        write: impl FnOnce(&mut CompactFormatter, &mut Walker) -> io::Result<()>,
    ) -> Result<Written, Unwind> {
        if self.rule == Rule::Key && !finite {
            return Err(self.refuse_key("float key must be finite (got NaN or +/-inf)"));
        }
        self.quoted(write)
    }
}

impl Serializer for TextSerializer<'_> {
    type Ok = Written;
    type Error = Unwind;

    type SerializeSeq = Impossible<Written, Unwind>;
    type SerializeTuple = Impossible<Written, Unwind>;
    type SerializeTupleStruct = Impossible<Written, Unwind>;
    type SerializeTupleVariant = Impossible<Written, Unwind>;
    type SerializeMap = Impossible<Written, Unwind>;
    type SerializeStruct = Impossible<Written, Unwind>;
    type SerializeStructVariant = Impossible<Written, Unwind>;

    #[inline]
    fn serialize_str(self, value: &str) -> Result<Written, Unwind> {
        match self.rule {
            Rule::Key => self.walker.key(value),
            Rule::Raw | Rule::Number => self.walker.raw(value.as_bytes()),
        }
    }

    fn serialize_char(self, value: char) -> Result<Written, Unwind> {
        if self.rule != Rule::Key {
            return self.refuse();
        }
        self.walker.key(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        variant: &'static str,
    ) -> Result<Written, Unwind> {
        if self.rule != Rule::Key {
            return self.refuse();
        }
        self.walker.key(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Written, Unwind> {
        if self.rule != Rule::Key {
            return self.refuse();
        }
        value.serialize(self)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Written, Unwind> {
        if self.rule != Rule::Key {
            return self.refuse();
        }
        value.serialize(self)
    }

    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Result<Written, Unwind> {
        match self.rule {
            Rule::Key => self.walker.collect_str(value),
            Rule::Raw | Rule::Number => self.serialize_str(&value.to_string()),
        }
    }

    fn serialize_bool(self, value: bool) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_bool(walker, value))
    }

    fn serialize_i8(self, value: i8) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_i8(walker, value))
    }

    fn serialize_i16(self, value: i16) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_i16(walker, value))
    }

    fn serialize_i32(self, value: i32) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_i32(walker, value))
    }

    fn serialize_i64(self, value: i64) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_i64(walker, value))
    }

    fn serialize_i128(self, value: i128) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_i128(walker, value))
    }

    fn serialize_u8(self, value: u8) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_u8(walker, value))
    }

    fn serialize_u16(self, value: u16) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_u16(walker, value))
    }

    fn serialize_u32(self, value: u32) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_u32(walker, value))
    }

    fn serialize_u64(self, value: u64) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_u64(walker, value))
    }

    fn serialize_u128(self, value: u128) -> Result<Written, Unwind> {
        self.quoted(|formatter, walker| formatter.write_u128(walker, value))
    }

    fn serialize_f32(self, value: f32) -> Result<Written, Unwind> {
        self.float(value.is_finite(), |formatter, walker| {
            formatter.write_f32(walker, value)
        })
    }

    fn serialize_f64(self, value: f64) -> Result<Written, Unwind> {
        self.float(value.is_finite(), |formatter, walker| {
            formatter.write_f64(walker, value)
        })
    }

    fn serialize_bytes(self, _value: &[u8]) -> Result<Written, Unwind> {
        self.refuse()
    }

    fn serialize_none(self) -> Result<Written, Unwind> {
        self.refuse()
    }

    fn serialize_unit(self) -> Result<Written, Unwind> {
        self.refuse()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Written, Unwind> {
        self.refuse()
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _variant_index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Written, Unwind> {
        self.refuse()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Unwind> {
        self.refuse()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Unwind> {
        self.refuse()
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, Unwind> {
        self.refuse()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwind> {
        self.refuse()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Unwind> {
        self.refuse()
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, Unwind> {
        self.refuse()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Unwind> {
        self.refuse()
    }
}
