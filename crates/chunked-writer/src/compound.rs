//! A sequence, map or struct that is being written or skipped.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use crate::error::Unwind;
use crate::map_key::{Rule, TextSerializer};
use crate::path::{Frame, KeyHash, Kind, UNKNOWN_LENGTH};
use crate::walker::{Mode, Walker, Written};

/// What happens to the next child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is written.
    Live,
    /// It may already be written.
    Returning,
    /// Nothing: the walk was suspended or failed.
    Left,
}

/// What to do with a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Child {
    Write,
    /// Write only its value: everything before that is written.
    WriteRest,
    PassOver,
}

/// A container. It counts its children, so that a later walk can skip those that are written.
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    walker: &'a mut Walker,
    /// How many children are written or skipped.
    index: u64,
    /// How many children a resumed walk skips.
    resume: u64,
    /// The announced number of children, or [`UNKNOWN_LENGTH`].
    length: u64,
    /// The hash of the key of the partly written child.
    key: u32,
    kind: Kind,
    phase: Phase,
    /// Whether a comma comes before the next child.
    separate: bool,
    /// Whether the closing bracket is already written. As in `serde_json`, it follows at once if the announced length is 0.
    closed: bool,
    /// What to do with the value, in a map between a key and its value.
    entry: Option<Child>,
}

impl<'a> Compound<'a> {
    #[inline]
    pub(crate) fn open(
        walker: &'a mut Walker,
        kind: Kind,
        opening: &[u8],
        closing: &[u8],
        length: Option<usize>,
    ) -> Result<Self, Unwind> {
        let empty = length == Some(0);
        let length = length.map_or(UNKNOWN_LENGTH, |length| length as u64);
        let (phase, resume, key) = match walker.enter(kind, length)? {
            None => {
                walker.write(opening)?;
                if empty {
                    walker.write(closing)?;
                }
                (Phase::Live, 0, 0)
            }
            Some(frame) => (Phase::Returning, frame.index, frame.key),
        };
        let (separate, closed) = (empty || resume > 0, empty);
        Ok(Self {
            walker,
            index: 0,
            resume,
            length,
            key,
            kind,
            phase,
            separate,
            closed,
            entry: None,
        })
    }

    /// Skips the children of an iterator that are written.
    #[inline]
    pub(crate) fn jump<I: Iterator>(&mut self, children: &mut I) -> Result<(), Unwind> {
        if self.phase == Phase::Returning {
            self.jump_all(children)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn jump_all<I: Iterator>(&mut self, children: &mut I) -> Result<(), Unwind> {
        while self.index < self.resume {
            // On a 32-bit target a lazy sequence may be longer than `nth` can count.
            let step = usize::try_from(self.resume - self.index).unwrap_or(usize::MAX);
            if children.nth(step - 1).is_none() {
                return Err(self.walker.changed("it has fewer elements than before"));
            }
            self.index += step as u64;
        }
        Ok(())
    }

    #[inline]
    fn next(&mut self, key: impl FnOnce() -> u32) -> Result<Child, Unwind> {
        if self.phase == Phase::Live {
            Ok(Child::Write)
        } else {
            self.next_again(key)
        }
    }

    #[cold]
    fn next_again(&mut self, key: impl FnOnce() -> u32) -> Result<Child, Unwind> {
        if self.phase == Phase::Left {
            return Err(Unwind::STOPPED);
        }
        if self.index < self.resume {
            self.index += 1;
            return Ok(Child::PassOver);
        }
        self.phase = Phase::Live;
        if !self.walker.is_resuming() {
            return Ok(Child::Write);
        }
        if self.key != 0 && self.key != key() {
            self.phase = Phase::Left;
            return Err(self.walker.changed("a key differs from before"));
        }
        Ok(Child::WriteRest)
    }

    /// Writes the value of a child, and suspends if the walker stops. The frame gets the key if the child is suspended.
    #[inline]
    fn value<T: ?Sized + Serialize>(
        &mut self,
        value: &T,
        key: impl FnOnce() -> u32,
    ) -> Result<(), Unwind> {
        self.separate = true;
        let result = value.serialize(&mut *self.walker);
        if result.is_ok() && !self.walker.stop() {
            self.index += 1;
            return Ok(());
        }
        self.leave(result.map(drop), key)
    }

    #[cold]
    fn leave(
        &mut self,
        result: Result<(), Unwind>,
        key: impl FnOnce() -> u32,
    ) -> Result<(), Unwind> {
        self.phase = Phase::Left;
        if result.is_ok() && self.walker.mode() == Mode::Writing {
            // The child is written, and a chunk is full.
            let frame = self.frame(self.index + 1, 0);
            return Err(self.walker.suspend(frame));
        }
        let key = if self.walker.mode() == Mode::Suspended {
            key()
        } else {
            0
        };
        let frame = self.frame(self.index, key);
        self.walker.leave(result, frame);
        Err(Unwind::STOPPED)
    }

    fn frame(&self, index: u64, key: u32) -> Frame {
        Frame {
            index,
            length: self.length,
            key,
            kind: self.kind,
        }
    }

    #[inline]
    pub(crate) fn element<T: ?Sized + Serialize>(&mut self, element: &T) -> Result<(), Unwind> {
        match self.next(|| 0)? {
            Child::PassOver => return Ok(()),
            Child::WriteRest => {}
            Child::Write => {
                if self.separate {
                    self.walker.write(b",")?;
                }
            }
        }
        self.value(element, || 0)
    }

    #[inline]
    pub(crate) fn field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwind> {
        match self.next(|| KeyHash::of(name.as_bytes()))? {
            Child::PassOver => return Ok(()),
            Child::WriteRest => {}
            Child::Write => self.walker.field(self.separate, name)?,
        }
        self.value(value, || KeyHash::of(name.as_bytes()))
    }

    #[inline]
    pub(crate) fn entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), Unwind>
    where
        K: ?Sized + Serialize,
        V: ?Sized + Serialize,
    {
        if self.entry.is_some() {
            return Err(self.misuse("a map was given a key after a key"));
        }
        match self.next(|| hash_of_key(key))? {
            Child::PassOver => return Ok(()),
            Child::WriteRest => {}
            Child::Write => {
                self.key(key)?;
                self.walker.write(b":")?;
            }
        }
        self.value(value, || hash_of_key(key))
    }

    #[inline]
    fn key<K: ?Sized + Serialize>(&mut self, key: &K) -> Result<(), Unwind> {
        if self.separate {
            self.walker.write(b",")?;
        }
        self.separate = true;
        match key.serialize(TextSerializer {
            walker: &mut *self.walker,
            rule: Rule::Key,
        }) {
            Ok(Written { .. }) => Ok(()),
            Err(unwind) => {
                self.phase = Phase::Left;
                let frame = self.frame(self.index, 0);
                self.walker.leave(Err(unwind), frame);
                Err(Unwind::STOPPED)
            }
        }
    }

    /// Writes the closing bracket, if it is not written yet, and what follows it.
    #[inline]
    pub(crate) fn close(mut self, closing: &[u8], after: &[u8]) -> Result<Written, Unwind> {
        if self.index < self.resume {
            return Err(self.walker.changed("it has fewer elements than before"));
        }
        if self.entry.is_some() {
            return Err(self.misuse("a map ended after a key"));
        }
        if self.closed && self.index == 0 {
            self.walker.close(after)
        } else {
            self.walker.close(closing)
        }
    }

    /// Fails because keys and values do not alternate. The bytes would depend on where walks end.
    #[cold]
    fn misuse(&mut self, message: &'static str) -> Unwind {
        self.phase = Phase::Left;
        if self.walker.mode() == Mode::Suspended {
            return Unwind::STOPPED;
        }
        self.walker.fail_value(serde::ser::Error::custom(message))
    }
}

/// Implements the containers of elements. They differ in their names, in what closes them, and in what follows that.
macro_rules! elements {
    ($($container:ident { $serialize:ident, $closing:literal, $after:literal })*) => {$(
        impl $container for Compound<'_> {
            type Ok = Written;
            type Error = Unwind;

            #[inline]
            fn $serialize<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unwind> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<Written, Unwind> {
                self.close($closing, $after)
            }
        }
    )*};
}

elements! {
    SerializeSeq { serialize_element, b"]", b"" }
    SerializeTuple { serialize_element, b"]", b"" }
    SerializeTupleStruct { serialize_field, b"]", b"" }
    SerializeTupleVariant { serialize_field, b"]}", b"}" }
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

    /// The key is no longer available, so a later walk does not compare it.
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

/// Hashes a key in its written form.
fn hash_of_key<K: ?Sized + Serialize>(key: &K) -> u32 {
    struct OneEntry<'a, K: ?Sized>(&'a K);

    impl<K: ?Sized + Serialize> Serialize for OneEntry<'_, K> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(self.0, &())?;
            map.end()
        }
    }

    let mut hash = KeyHash::new();
    // A key that cannot be written has already failed, so it is not compared.
    if serde_json::to_writer(&mut hash, &OneEntry(key)).is_err() {
        return 0;
    }
    hash.finish()
}
