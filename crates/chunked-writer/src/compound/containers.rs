//! The containers of serde's data model, in terms of [`Compound`].

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use crate::compound::{Child, Compound, hash_of_key};
use crate::error::Unwind;
use crate::text::{Rule, TextSerializer};
use crate::walker::{Mode, Walker, Written};

impl SerializeSeq for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unwind> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"]", b"")
    }
}

impl SerializeTuple for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unwind> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"]", b"")
    }
}

impl SerializeTupleStruct for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unwind> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"]", b"")
    }
}

impl SerializeTupleVariant for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unwind> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"]}", b"}")
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_key<K: ?Sized + Serialize>(&mut self, key: &K) -> Result<(), Unwind> {
        if self.entry.is_some() {
            return Err(self.misuse("a map was given a key after a key"));
        }
        let child = self.next(|| hash_of_key(key))?;
        if child == Child::Write {
            self.key(key)?;
        }
        self.entry = Some(child);
        Ok(())
    }

    /// The key is gone by now, so a later walk does not compare it.
    #[inline]
    fn serialize_value<V: ?Sized + Serialize>(&mut self, value: &V) -> Result<(), Unwind> {
        match self.entry.take() {
            Some(Child::PassOver) => return Ok(()),
            Some(Child::WriteRest) => {}
            Some(Child::Write) => self.walker.write(b":")?,
            None => return Err(self.misuse("a map was given a value without a key")),
        }
        self.value(value, || 0)
    }

    #[inline]
    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), Unwind>
    where
        K: ?Sized + Serialize,
        V: ?Sized + Serialize,
    {
        self.entry(key, value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"}", b"")
    }
}

impl SerializeStructVariant for Compound<'_> {
    type Ok = Written;
    type Error = Unwind;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwind> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<Written, Unwind> {
        self.close(b"}}", b"}")
    }
}

/// A struct: of fields, or one of those by which `serde_json` passes text that is written as it is.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Struct(Compound<'a>),
    Text(Text<'a>),
}

/// The one field of a struct that passes text.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    walker: &'a mut Walker,
    rule: Rule,
    written: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn new(walker: &'a mut Walker, rule: Rule) -> Self {
        Self {
            walker,
            rule,
            written: false,
        }
    }

    /// The field has the name of the struct. Others are there too where an adaptor adds one, as an internally tagged
    /// enum adds its tag.
    fn field<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Result<(), Unwind> {
        if self.written || self.rule.token() != Some(name) {
            return Err(self.refuse());
        }
        match value.serialize(TextSerializer {
            walker: self.walker,
            rule: self.rule,
        }) {
            Ok(_) => {
                self.written = true;
                Ok(())
            }
            Err(unwind) if self.walker.mode() == Mode::Suspended => Err(unwind),
            Err(unwind) => Err(self.walker.fail_value(unwind)),
        }
    }

    fn end(mut self) -> Result<Written, Unwind> {
        if self.written {
            self.walker.close(b"")
        } else {
            Err(self.refuse())
        }
    }

    #[cold]
    fn refuse(&mut self) -> Unwind {
        if self.walker.mode() == Mode::Suspended {
            return Unwind::STOPPED;
        }
        self.walker
            .fail_value(serde::ser::Error::custom(match self.rule {
                Rule::Number => "invalid number",
                Rule::Raw | Rule::Key => "expected value",
            }))
    }
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
