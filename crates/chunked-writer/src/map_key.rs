//! Text in special places: map keys, raw JSON, and numbers of arbitrary precision.

use std::fmt::Display;
use std::io;

use serde::ser::{Impossible, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::error::{JsonError, Unwind};
use crate::walker::{Walker, Written};

/// The name by which `serde_json` recognizes a `RawValue`: the name of the struct and of its only field.
pub(crate) const RAW_TOKEN: &str = "$serde_json::private::RawValue";
/// The name by which `serde_json` recognizes a number of arbitrary precision.
pub(crate) const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// What the text is used for. This decides which values are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A map key: scalars are quoted.
    Key,
    /// Raw JSON: only a string is accepted.
    Raw,
    /// The digits of a number: only a string is accepted.
    Number,
}

impl Rule {
    /// Returns the name of the field that contains the text.
    pub(crate) fn token(self) -> Option<&'static str> {
        match self {
            Self::Key => None,
            Self::Raw => Some(RAW_TOKEN),
            Self::Number => Some(NUMBER_TOKEN),
        }
    }
}

/// Writes text according to a rule of `serde_json`.
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

    /// Writes a scalar in quotes, if the rule allows it.
    fn number(
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
        self.number(write)
    }
}

/// Generates the serializer methods for integers, which all call `self.number`.
macro_rules! integers {
    () => {
        integers! {
            serialize_i8(i8) = write_i8,
            serialize_i16(i16) = write_i16,
            serialize_i32(i32) = write_i32,
            serialize_i64(i64) = write_i64,
            serialize_i128(i128) = write_i128,
            serialize_u8(u8) = write_u8,
            serialize_u16(u16) = write_u16,
            serialize_u32(u32) = write_u32,
            serialize_u64(u64) = write_u64,
            serialize_u128(u128) = write_u128,
        }
    };
    ($($serialize:ident($integer:ty) = $write:ident),+ $(,)?) => {$(
        #[inline]
        fn $serialize(self, value: $integer) -> Result<Written, Unwind> {
            self.number(|formatter, walker| formatter.$write(walker, value))
        }
    )+};
}
pub(crate) use integers;

/// Generates the serializer methods for values that cannot be text.
macro_rules! refused {
    ($($serialize:ident($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $serialize(self, $(_: $argument),*) -> Result<$ok, Unwind> {
            self.refuse()
        }
    )*};
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
        self.number(|formatter, walker| formatter.write_bool(walker, value))
    }

    integers!();

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

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _variant_index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Written, Unwind> {
        self.refuse()
    }

    refused! {
        serialize_bytes(&[u8]) -> Written;
        serialize_none() -> Written;
        serialize_unit() -> Written;
        serialize_unit_struct(&'static str) -> Written;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
