use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::depth::{MAXIMUM_DEPTH, too_deep_at};
use super::member::{EntryRun, Member, Value};
use super::parse_error::{ParseError, Problem};
use super::span::Span;

/// Neighbouring elements are indexed as one run until they fill this many bytes, so that the index of a long list of
/// small numbers stays small beside its text.
const RUN_LENGTH: usize = 4096;

/// Checks that `text` is an auction and finds its members.
pub(super) fn parse(text: &str) -> Result<Vec<Member>, ParseError> {
    if text.trim_ascii().is_empty() {
        return Err(ParseError::new(Problem::Empty));
    }
    let mut index = Index {
        text,
        refused: None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer
        .deserialize_map(Members { index: &mut index })
        .and_then(|members| deserializer.end().map(|()| members));
    match (members, index.refused) {
        (_, Some((problem, offset))) => Err(ParseError::at(problem, text.as_bytes(), offset)),
        (Ok(members), None) => Ok(members),
        (Err(error), None) => Err(ParseError::json(&error)),
    }
}

/// What the visitors share.
struct Index<'a> {
    text: &'a str,
    /// What serde_json lets pass, and where it stands.
    refused: Option<(Problem, usize)>,
}

impl Index<'_> {
    /// Stops the parser. What it makes of this is replaced by the problem and its place.
    fn refuse<E: serde::de::Error>(&mut self, problem: Problem, offset: usize) -> E {
        self.refused = Some((problem, offset));
        E::custom("refused")
    }

    /// The text of a key, which a raw value leaves unread.
    fn key<E: serde::de::Error>(&mut self, quoted: &str) -> Result<String, E> {
        serde_json::from_str(quoted).map_err(|_| {
            let offset = Span::of(quoted, self.text).start();
            self.refuse(Problem::HalfCharacter, offset)
        })
    }

    /// Notes where `part` stands, which lies below `levels` others.
    fn span<E: serde::de::Error>(&mut self, part: &str, levels: usize) -> Result<Span, E> {
        let span = Span::of(part, self.text);
        if let Some(offset) = too_deep_at(part, MAXIMUM_DEPTH - levels) {
            return Err(self.refuse(Problem::TooDeep, span.start() + offset));
        }
        Ok(span)
    }
}

/// The auction itself.
struct Members<'i, 'a> {
    index: &'i mut Index<'a>,
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = Vec<Member>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Vec<Member>, A::Error> {
        let mut members = Vec::new();
        let mut names = HashSet::new();
        while let Some(key) = access.next_key::<&'de RawValue>()? {
            let name = self.index.key(key.get())?;
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom(format_args!(
                    "the member {name:?} stands twice"
                )));
            }
            let after = Span::of(key.get(), self.index.text).end();
            let opening = opening(&self.index.text[after..]);
            let value = access.next_value_seed(MemberValue {
                index: &mut *self.index,
                opening,
            })?;
            members.push(Member { name, value });
        }
        Ok(members)
    }
}

/// The first byte of the value that follows a key: it tells how to read the value, so that one pass is enough.
fn opening(after_key: &str) -> Option<u8> {
    let mut bytes = after_key.bytes();
    bytes.find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':'))
}

/// A member's value: of arrays and objects the elements, one level down.
struct MemberValue<'i, 'a> {
    index: &'i mut Index<'a>,
    opening: Option<u8>,
}

impl<'de> DeserializeSeed<'de> for MemberValue<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Self { index, opening } = self;
        match opening {
            Some(b'[') => deserializer
                .deserialize_seq(Elements { index })
                .map(Value::Array),
            Some(b'{') => deserializer
                .deserialize_map(Entries { index })
                .map(Value::Object),
            _ => {
                let scalar: &'de RawValue = serde::Deserialize::deserialize(deserializer)?;
                index.span(scalar.get(), 1).map(Value::Scalar)
            }
        }
    }
}

struct Elements<'i, 'a> {
    index: &'i mut Index<'a>,
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = Vec<Span>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<Span>, A::Error> {
        let mut runs: Vec<Span> = Vec::new();
        while let Some(element) = access.next_element::<&'de RawValue>()? {
            let span = self.index.span(element.get(), 2)?;
            match runs.last_mut() {
                Some(run) if span.end() - run.start() <= RUN_LENGTH => {
                    *run = Span::new(run.start(), span.end());
                }
                _ => runs.push(span),
            }
        }
        runs.shrink_to_fit();
        Ok(runs)
    }
}

struct Entries<'i, 'a> {
    index: &'i mut Index<'a>,
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = Vec<EntryRun>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Vec<EntryRun>, A::Error> {
        let mut runs: Vec<EntryRun> = Vec::new();
        while let Some((key, value)) = access.next_entry::<&'de RawValue, &'de RawValue>()? {
            if key.get().contains('\\') {
                // A key is written anew when its run is sent; half a surrogate pair could not be.
                self.index.key::<A::Error>(key.get())?;
            }
            let key = self.index.span(key.get(), 2)?;
            let value = self.index.span(value.get(), 2)?;
            match runs.last_mut() {
                Some(run) if value.end() - run.key.start() <= RUN_LENGTH => {
                    run.rest = Span::new(run.rest.start(), value.end());
                }
                _ => runs.push(EntryRun { key, rest: value }),
            }
        }
        runs.shrink_to_fit();
        Ok(runs)
    }
}
