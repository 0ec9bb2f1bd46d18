//! The serializer: the whole data model of serde, written like `serde_json` writes it.

use std::fmt::{self, Display};

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::ser::Formatter;

use crate::compound::Compound;
use crate::error::Unwind;
use crate::map_key::{NUMBER_TOKEN, RAW_TOKEN, Rule, integers};
use crate::path::{Frame, KeyHash, Kind, UNKNOWN_LENGTH};
use crate::raw_json::TextField;
use crate::walker::{Mode, Walker, Written};

impl<'a> Serializer for &'a mut Walker {
    type Ok = Written;
    type Error = Unwind;

    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Compound<'a>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<Written, Unwind> {
        self.close(if value { b"true" } else { b"false" })
    }

    integers!();

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<Written, Unwind> {
        if value.is_finite() {
            self.number(|formatter, walker| formatter.write_f32(walker, value))
        } else {
            self.serialize_unit()
        }
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<Written, Unwind> {
        if value.is_finite() {
            self.number(|formatter, walker| formatter.write_f64(walker, value))
        } else {
            self.serialize_unit()
        }
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<Written, Unwind> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<Written, Unwind> {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Written, Unwind> {
        self.byte_array(value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<Written, Unwind> {
        self.close(b"null")
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<Written, Unwind> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        variant: &'static str,
    ) -> Result<Written, Unwind> {
        self.string(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Written, Unwind> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _variant_index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Written, Unwind> {
        let key = KeyHash::of(variant.as_bytes());
        match self.enter(Kind::NewtypeVariant, UNKNOWN_LENGTH)? {
            None => {
                self.write(b"{")?;
                self.field(false, variant)?;
            }
            Some(frame) if frame.key != key => {
                return Err(self.changed("its variant differs from before"));
            }
            Some(_) => {}
        }
        match value.serialize(&mut *self) {
            Ok(Written { .. }) => self.close(b"}"),
            Err(unwind) => {
                self.leave(
                    Err(unwind),
                    Frame {
                        index: 0,
                        length: UNKNOWN_LENGTH,
                        key,
                        kind: Kind::NewtypeVariant,
                    },
                );
                Err(Unwind::STOPPED)
            }
        }
    }

    #[inline]
    fn serialize_none(self) -> Result<Written, Unwind> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Written, Unwind> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a>, Unwind> {
        Compound::open(self, Kind::Sequence, b"[", b"]", len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Compound<'a>, Unwind> {
        Compound::open(self, Kind::Tuple, b"[", b"]", Some(len))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, Unwind> {
        Compound::open(self, Kind::TupleStruct, b"[", b"]", Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, Unwind> {
        self.open_variant(variant)?;
        Compound::open(self, Kind::TupleVariant, b"[", b"]", Some(len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a>, Unwind> {
        Compound::open(self, Kind::Map, b"{", b"}", len)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'a>, Unwind> {
        match name {
            RAW_TOKEN => Ok(Fields::Text(TextField::new(self, Rule::Raw))),
            NUMBER_TOKEN => Ok(Fields::Text(TextField::new(self, Rule::Number))),
            _ => Ok(Fields::Struct(Compound::open(
                self,
                Kind::Struct,
                b"{",
                b"}",
                Some(len),
            )?)),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _variant_index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, Unwind> {
        self.open_variant(variant)?;
        Compound::open(self, Kind::StructVariant, b"{", b"}", Some(len))
    }

    /// Called by slices, `Vec` and `VecDeque`, which skip written elements at no cost.
    #[inline]
    fn collect_seq<I>(self, items: I) -> Result<Written, Unwind>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let mut items = items.into_iter();
        let mut sequence = self.serialize_seq(exact_len(&items))?;
        sequence.jump(&mut items)?;
        for item in items {
            sequence.element(&item)?;
        }
        sequence.close(b"]", b"")
    }

    #[inline]
    fn collect_map<K, V, I>(self, entries: I) -> Result<Written, Unwind>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut entries = entries.into_iter();
        let mut map = self.serialize_map(exact_len(&entries))?;
        map.jump(&mut entries)?;
        for (key, value) in entries {
            map.entry(&key, &value)?;
        }
        map.close(b"}", b"")
    }

    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Result<Written, Unwind> {
        /// Escapes the output of a `Display` implementation, which cannot be interrupted.
        struct Escape<'a>(&'a mut Walker);

        impl fmt::Write for Escape<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0
                    .write_escaped(text.as_bytes())
                    .map_err(|_| fmt::Error)
            }
        }

        self.write(b"\"")?;
        match fmt::write(&mut Escape(self), format_args!("{value}")) {
            Ok(()) => self.close(b"\""),
            Err(fmt::Error) => Err(serde::ser::Error::custom(
                "a Display implementation returned an error",
            )),
        }
    }
}

impl Walker {
    /// Writes `{"Variant":` before the content of a variant, unless the walk resumes inside the content.
    fn open_variant(&mut self, variant: &str) -> Result<(), Unwind> {
        if self.is_resuming() {
            return Ok(());
        }
        self.write(b"{")?;
        self.field(false, variant)
    }

    /// Leaves a container whose child failed, or reported an impossible success.
    pub(crate) fn leave(&mut self, result: Result<(), Unwind>, frame: Frame) {
        match (self.mode(), result) {
            (Mode::Suspended, Err(_)) => self.push_frame(frame),
            (Mode::Failed, _) => {}
            (Mode::Writing | Mode::Resuming, Err(unwind)) => {
                self.fail_value(unwind);
            }
            (Mode::Suspended, Ok(())) => {
                self.fail_value(serde::ser::Error::custom(
                    "an error of the serializer was swallowed",
                ));
            }
            (Mode::Writing | Mode::Resuming, Ok(())) => {
                self.changed("its shape differs from before");
            }
        }
    }
}

fn exact_len<I: Iterator>(iterator: &I) -> Option<usize> {
    match iterator.size_hint() {
        (low, Some(high)) if low == high => Some(low),
        _ => None,
    }
}

/// A struct with fields, or one that `serde_json` uses to pass text that is written unchanged.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Struct(Compound<'a>),
    Text(TextField<'a>),
}

impl SerializeStruct for Fields<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwind> {
        match self {
            Self::Struct(fields) => fields.field(name, value),
            Self::Text(text) => text.field(name, value),
        }
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        match self {
            Self::Struct(fields) => fields.close(b"}", b""),
            Self::Text(text) => text.end(),
        }
    }
}
