//! The parts that a lazy value is a list of.

use std::borrow::Cow;

use serde::Serialize;

use crate::text::{Rule, TextSerializer};
use crate::unwind::Unwind;
use crate::walker::Walker;

/// A part writes itself, and keeps where it stands: after a suspension it is called again and goes on.
pub(crate) trait Part: Send {
    /// # Errors
    ///
    /// When the walker is suspended, or has failed.
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind>;
}

/// Brackets and commas.
pub(crate) struct Punctuation(pub(crate) &'static str);

impl Part for Punctuation {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        walker.write(self.0.as_bytes())
    }
}

/// The name of a member, with its colon.
pub(crate) struct Name(pub(crate) Cow<'static, str>);

impl Part for Name {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        walker.field(false, &self.0)
    }
}

/// One value, as a whole.
pub(crate) struct Value<V>(pub(crate) V);

impl<V: Serialize + Send> Part for Value<V> {
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        self.0.serialize(walker).map(drop)
    }
}

/// The elements of a sequence.
pub(crate) struct Elements<I: Iterator> {
    pub(crate) items: I,
    /// The one that is partly written.
    pub(crate) current: Option<I::Item>,
    pub(crate) first: bool,
}

impl<I> Part for Elements<I>
where
    I: Iterator<Item: Serialize + Send> + Send,
{
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        loop {
            let item = match self.current.take() {
                Some(item) => item,
                None => match self.items.next() {
                    Some(item) => {
                        separate(walker, &mut self.first)?;
                        item
                    }
                    None => return Ok(()),
                },
            };
            // Kept for the next walk if this one ends in the middle of it.
            item.serialize(&mut *walker)
                .inspect_err(|_| self.current = Some(item))?;
            if walker.stop() {
                return Err(walker.pause());
            }
        }
    }
}

/// The entries of a map.
pub(crate) struct Entries<I: Iterator<Item = (K, V)>, K, V> {
    pub(crate) entries: I,
    /// The value that is partly written.
    pub(crate) current: Option<V>,
    pub(crate) first: bool,
}

impl<I, K, V> Part for Entries<I, K, V>
where
    I: Iterator<Item = (K, V)> + Send,
    K: Serialize,
    V: Serialize + Send,
{
    fn write(&mut self, walker: &mut Walker) -> Result<(), Unwind> {
        loop {
            let value = match self.current.take() {
                Some(value) => value,
                None => match self.entries.next() {
                    Some((key, value)) => {
                        separate(walker, &mut self.first)?;
                        key.serialize(TextSerializer {
                            walker,
                            rule: Rule::Key,
                        })?;
                        walker.write(b":")?;
                        value
                    }
                    None => return Ok(()),
                },
            };
            value
                .serialize(&mut *walker)
                .inspect_err(|_| self.current = Some(value))?;
            if walker.stop() {
                return Err(walker.pause());
            }
        }
    }
}

fn separate(walker: &mut Walker, first: &mut bool) -> Result<(), Unwind> {
    if std::mem::take(first) {
        Ok(())
    } else {
        walker.write(b",")
    }
}
