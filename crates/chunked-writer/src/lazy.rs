//! JSON that is built while it is sent.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::document::JsonDocument;
use crate::error::Unwind;
use crate::map_key::{Rule, TextSerializer};
use crate::stream::Walk;
use crate::walker::{Walker, Written};

/// A value that is built while it is written: an [object](Self::object), a sequence of [elements](Self::elements), or a
/// map of [entries](Self::entries).
///
/// Each item is taken from its iterator when it is written, and dropped afterwards. So the items never exist all at once,
/// and continuing after a suspension costs nothing, because the iterator keeps the position.
///
/// Writing consumes it, so a [lazy document](JsonDocument::lazy) creates one for each stream.
pub struct LazyJson {
    /// The mutex is never locked. It makes parts `Sync` that are only `Send`, because HTTP bodies must be `Sync`.
    parts: Mutex<VecDeque<Box<dyn Part>>>,
}

impl LazyJson {
    /// Creates an object without members.
    #[must_use]
    pub fn object() -> LazyObject {
        LazyObject {
            parts: VecDeque::from([part(Punctuation("{"))]),
            empty: true,
        }
    }

    /// Creates a single value, written as in [`JsonDocument::new`].
    #[must_use]
    pub fn value<V>(value: V) -> Self
    where
        V: Serialize + Send + 'static,
    {
        Self::of([part(Value(value))])
    }

    /// Creates an array.
    #[must_use]
    pub fn elements<I>(items: I) -> Self
    where
        I: IntoIterator<Item: Serialize + Send + 'static, IntoIter: Send + 'static>,
    {
        // No key is ever written, so its type does not matter.
        let items = items.into_iter().map(|item| (None::<()>, item));
        Self::of([
            part(Punctuation("[")),
            part(Items::new(items)),
            part(Punctuation("]")),
        ])
    }

    /// Creates an object of keys and values. The rules for keys are those of `serde_json`.
    #[must_use]
    pub fn entries<I, K, V>(entries: I) -> Self
    where
        I: IntoIterator<Item = (K, V), IntoIter: Send + 'static>,
        K: Serialize + 'static,
        V: Serialize + Send + 'static,
    {
        let entries = entries.into_iter().map(|(key, value)| (Some(key), value));
        Self::of([
            part(Punctuation("{")),
            part(Items::new(entries)),
            part(Punctuation("}")),
        ])
    }

    fn of<const COUNT: usize>(parts: [Box<dyn Part>; COUNT]) -> Self {
        Self {
            parts: Mutex::new(parts.into()),
        }
    }

    fn parts(&mut self) -> &mut VecDeque<Box<dyn Part>> {
        self.parts.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LazyJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LazyJson").finish_non_exhaustive()
    }
}

impl JsonDocument<LazyJson> {
    /// Creates a document whose parts are created while they are sent. The function is called once for each stream.
    ///
    /// Use it for data that is converted on the way out, so that the converted objects never exist all at once. Use it also
    /// for large containers that a document from a [value](JsonDocument::new) would skip child by child for each chunk.
    /// Chunks and errors are the same. Continuing after a suspension costs only the way back into the current item.
    ///
    /// The function must return the same JSON each time. Hashes are compared about every 64 KiB and at the end; a
    /// difference is [`JsonError::Changed`](crate::JsonError::Changed).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use chunked_writer::{JsonDocument, LazyJson};
    ///
    /// let rows: Arc<[u32]> = Arc::from([1, 2, 3]);
    /// let document = JsonDocument::lazy(move || {
    ///     let rows = Arc::clone(&rows);
    ///     LazyJson::object()
    ///         .field("id", "17")
    ///         .elements("squares", (0..rows.len()).map(move |index| rows[index].pow(2)))
    /// });
    /// assert_eq!(document.stream().next_chunk().unwrap()?, r#"{"id":"17","squares":[1,4,9]}"#);
    /// # Ok::<(), chunked_writer::JsonError>(())
    /// ```
    #[must_use]
    pub fn lazy<J: Into<LazyJson>>(make: impl Fn() -> J + Send + Sync + 'static) -> Self {
        Self::from_origin(Arc::new(move || make().into()))
    }
}

impl Walk for LazyJson {
    type Origin = Arc<dyn Fn() -> Self + Send + Sync>;
    type Cursor = Self;
    const RESUMES_FROM_PATH: bool = false;

    fn start(origin: &Self::Origin) -> Self {
        origin()
    }

    fn walk(cursor: &mut Self, walker: &mut Walker) -> Result<Written, Unwind> {
        let parts = cursor.parts();
        while let Some(part) = parts.front_mut() {
            // Do not pause after the last part: the end must come with the last byte.
            if walker.stop() {
                return Err(walker.pause());
            }
            part.write(walker)?;
            parts.pop_front();
        }
        walker.close(b"")
    }
}

/// Builds a JSON object member by member. Returned by [`LazyJson::object`].
///
/// Members are written in the order in which they are added. Names are not checked for duplicates.
pub struct LazyObject {
    parts: VecDeque<Box<dyn Part>>,
    empty: bool,
}

impl LazyObject {
    /// Adds a member with an existing value.
    #[must_use]
    pub fn field<V>(self, name: impl Into<Cow<'static, str>>, value: V) -> Self
    where
        V: Serialize + Send + 'static,
    {
        self.lazy(name, LazyJson::value(value))
    }

    /// Adds an array whose elements are created when they are written.
    #[must_use]
    pub fn elements<I>(self, name: impl Into<Cow<'static, str>>, items: I) -> Self
    where
        I: IntoIterator<Item: Serialize + Send + 'static, IntoIter: Send + 'static>,
    {
        self.lazy(name, LazyJson::elements(items))
    }

    /// Adds an object whose entries are created when they are written.
    #[must_use]
    pub fn entries<I, K, V>(self, name: impl Into<Cow<'static, str>>, entries: I) -> Self
    where
        I: IntoIterator<Item = (K, V), IntoIter: Send + 'static>,
        K: Serialize + 'static,
        V: Serialize + Send + 'static,
    {
        self.lazy(name, LazyJson::entries(entries))
    }

    /// Adds a member that is itself lazy, such as another object.
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

/// A part of a lazy value. It writes itself and keeps its position: called again after a suspension, it continues.
trait Part: Send {
    /// # Errors
    ///
    /// If the walker is suspended or has failed.
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind>;
}

fn part(part: impl Part + 'static) -> Box<dyn Part> {
    Box::new(part)
}

/// Brackets and commas.
struct Punctuation(&'static str);

impl Part for Punctuation {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        walker.write(self.0.as_bytes())
    }
}

/// The name of a member, with its colon.
struct Name(Cow<'static, str>);

impl Part for Name {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        walker.field(false, &self.0)
    }
}

/// A single value.
struct Value<V>(V);

impl<V: Serialize + Send> Part for Value<V> {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        self.0.serialize(walker).map(drop)
    }
}

/// The elements of a sequence, or the entries of a map. Only entries have keys.
struct Items<I, V> {
    items: I,
    /// The partly written value.
    current: Option<V>,
    first: bool,
}

impl<I, V> Items<I, V> {
    fn new(items: I) -> Self {
        Self {
            items,
            current: None,
            first: true,
        }
    }
}

impl<I, K, V> Part for Items<I, V>
where
    I: Iterator<Item = (Option<K>, V)> + Send,
    K: Serialize,
    V: Serialize + Send,
{
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        loop {
            let value = match self.current.take() {
                Some(value) => value,
                None => {
                    let Some((key, value)) = self.items.next() else {
                        return Ok(());
                    };
                    if !std::mem::take(&mut self.first) {
                        walker.write(b",")?;
                    }
                    if let Some(key) = key {
                        key.serialize(TextSerializer {
                            walker,
                            rule: Rule::Key,
                        })?;
                        walker.write(b":")?;
                    }
                    value
                }
            };
            // Keep the value for the next walk if this one ends inside it.
            value
                .serialize(&mut *walker)
                .inspect_err(|_| self.current = Some(value))?;
            if walker.stop() {
                return Err(walker.pause());
            }
        }
    }
}
