//! A value that is put together of parts.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use serde::Serialize;

use crate::lazy::part::{Elements, Entries, Name, Part, Punctuation, Value};
use crate::unwind::Unwind;
use crate::walker::{Walker, Written};

/// A value that is put together while it is written: an [object](Self::object), a sequence of
/// [elements](Self::elements), or a map of [entries](Self::entries).
///
/// Iterators are asked for an item when it is to be written, and the item is dropped when it has been. So the items
/// never all exist at once, and going on after a suspension costs nothing: the iterator itself is the place.
///
/// Used up by being written: a [`LazyDocument`](crate::LazyDocument) makes one for each stream.
pub struct LazyJson {
    /// Never locked: it makes what is only `Send` `Sync` too, as HTTP bodies have to be.
    parts: Mutex<VecDeque<Box<dyn Part>>>,
}

impl LazyJson {
    /// An object without members yet.
    #[must_use]
    pub fn object() -> LazyObject {
        LazyObject {
            parts: VecDeque::from([part(Punctuation("{"))]),
            empty: true,
        }
    }

    /// One value as a whole, written as [`JsonDocument`](crate::JsonDocument) does.
    #[must_use]
    pub fn value<V>(value: V) -> Self
    where
        V: Serialize + Send + 'static,
    {
        Self::of([part(Value(value))])
    }

    /// A JSON array.
    #[must_use]
    pub fn elements<I>(items: I) -> Self
    where
        I: IntoIterator<Item: Serialize + Send + 'static, IntoIter: Send + 'static>,
    {
        let elements = Elements {
            items: items.into_iter(),
            current: None,
            first: true,
        };
        Self::of([
            part(Punctuation("[")),
            part(elements),
            part(Punctuation("]")),
        ])
    }

    /// A JSON object, of keys and values. The rules for keys are those of `serde_json`.
    #[must_use]
    pub fn entries<I, K, V>(entries: I) -> Self
    where
        I: IntoIterator<Item = (K, V), IntoIter: Send + 'static>,
        K: Serialize + 'static,
        V: Serialize + Send + 'static,
    {
        let entries = Entries {
            entries: entries.into_iter(),
            current: None,
            first: true,
        };
        Self::of([
            part(Punctuation("{")),
            part(entries),
            part(Punctuation("}")),
        ])
    }

    fn of<const COUNT: usize>(parts: [Box<dyn Part>; COUNT]) -> Self {
        Self {
            parts: Mutex::new(parts.into()),
        }
    }

    fn parts(&mut self) -> &mut VecDeque<Box<dyn Part>> {
        self.parts
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Goes on where the last walk was suspended.
    pub(crate) fn walk(&mut self, walker: &mut Walker) -> Result<Written, Unwind> {
        let parts = self.parts();
        while let Some(part) = parts.front_mut() {
            // Not when all is written: the end must come with the last byte.
            if walker.stop() {
                return Err(walker.pause());
            }
            part.write(walker)?;
            parts.pop_front();
        }
        walker.close(b"")
    }
}

fn part(part: impl Part + 'static) -> Box<dyn Part> {
    Box::new(part)
}

impl fmt::Debug for LazyJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LazyJson").finish_non_exhaustive()
    }
}

/// Builds a JSON object member by member. From [`LazyJson::object`].
///
/// Names are written in the order given; that each comes once is the caller's business.
pub struct LazyObject {
    parts: VecDeque<Box<dyn Part>>,
    empty: bool,
}

impl LazyObject {
    /// Adds a member whose value is there already.
    #[must_use]
    pub fn field<V>(self, name: impl Into<Cow<'static, str>>, value: V) -> Self
    where
        V: Serialize + Send + 'static,
    {
        self.lazy(name, LazyJson::value(value))
    }

    /// Adds a member that is an array, whose elements are made when they are written.
    #[must_use]
    pub fn elements<I>(self, name: impl Into<Cow<'static, str>>, items: I) -> Self
    where
        I: IntoIterator<Item: Serialize + Send + 'static, IntoIter: Send + 'static>,
    {
        self.lazy(name, LazyJson::elements(items))
    }

    /// Adds a member that is an object, whose entries are made when they are written.
    #[must_use]
    pub fn entries<I, K, V>(self, name: impl Into<Cow<'static, str>>, entries: I) -> Self
    where
        I: IntoIterator<Item = (K, V), IntoIter: Send + 'static>,
        K: Serialize + 'static,
        V: Serialize + Send + 'static,
    {
        self.lazy(name, LazyJson::entries(entries))
    }

    /// Adds a member that is lazy itself: an object, for one.
    #[must_use]
    pub fn lazy(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<LazyJson>) -> Self {
        if !std::mem::take(&mut self.empty) {
            self.parts.push_back(part(Punctuation(",")));
        }
        self.parts.push_back(part(Name(name.into())));
        self.parts.append(value.into().parts());
        self
    }
}

impl From<LazyObject> for LazyJson {
    fn from(mut object: LazyObject) -> Self {
        object.parts.push_back(part(Punctuation("}")));
        Self {
            parts: Mutex::new(object.parts),
        }
    }
}

impl fmt::Debug for LazyObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LazyObject").finish_non_exhaustive()
    }
}
