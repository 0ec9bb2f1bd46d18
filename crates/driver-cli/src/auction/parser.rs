//! The index of an auction: where its members and their elements stand in the text.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::parse_error::{MAXIMUM_DEPTH, ParseError};

/// Neighbouring elements are indexed as one run until they fill this many bytes, so that the index of a long list of
/// small numbers stays small beside its text.
const RUN_LENGTH: usize = 4096;

/// A top-level member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The value of a top-level member, by where its parts stand in the text.
#[derive(Debug)]
pub(super) enum Value {
    /// A number, a string, a literal.
    Scalar(Span),
    /// Runs of elements: each one or more elements, with the commas between them.
    Array(Vec<Span>),
    /// Runs of entries.
    Object(Vec<EntryRun>),
}

/// One or more entries of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryRun {
    /// The first entry's key, with its quotes.
    pub(super) key: Span,
    /// From the first entry's value to the end of the last entry.
    pub(super) rest: Span,
}

/// A stretch of the auction's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Where `part` stands in `text`, of which it is a slice.
    pub(super) fn of(part: &str, text: &str) -> Self {
        let start = part.as_ptr().addr() - text.as_ptr().addr();
        Self {
            start,
            end: start + part.len(),
        }
    }

    pub(super) fn start(self) -> usize {
        self.start
    }

    pub(super) fn end(self) -> usize {
        self.end
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A name is written anew, so it could not be passed on as it is.
pub(super) const HALF_CHARACTER: &str =
    "half of a surrogate pair stands in the name of a member or in the id";

/// Checks that `text` is an auction and finds its members.
pub(super) fn parse(text: &str) -> Result<Vec<Member>, ParseError> {
    if text.trim_ascii().is_empty() {
        return Err(ParseError::new("the auction is empty"));
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
    refused: Option<(String, usize)>,
}

impl Index<'_> {
    /// Stops the parser. What it makes of this is replaced by the problem and its place.
    fn refuse<E: serde::de::Error>(&mut self, problem: impl Into<String>, offset: usize) -> E {
        self.refused = Some((problem.into(), offset));
        E::custom("refused")
    }

    /// The text of a key, which a raw value leaves unread.
    fn key<E: serde::de::Error>(&mut self, quoted: &str) -> Result<String, E> {
        serde_json::from_str(quoted).map_err(|_| {
            let offset = Span::of(quoted, self.text).start();
            self.refuse(HALF_CHARACTER, offset)
        })
    }

    /// Notes where `part` stands, which lies below `levels` others.
    fn span<E: serde::de::Error>(&mut self, part: &str, levels: usize) -> Result<Span, E> {
        let span = Span::of(part, self.text);
        if let Some(offset) = too_deep_at(part, MAXIMUM_DEPTH - levels) {
            return Err(self.refuse(
                format!("the auction is nested deeper than {MAXIMUM_DEPTH} levels"),
                span.start() + offset,
            ));
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

/// Finds the byte of `json` that opens a level deeper than `allowed`.
///
/// `json` is valid JSON. serde_json skips raw values without recursion and so without its own limit.
fn too_deep_at(json: &str, allowed: usize) -> Option<usize> {
    // Nearly all elements have few brackets: counting them is vectorised, following them is not.
    let openings = json
        .bytes()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if openings <= allowed {
        return None;
    }
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (position, byte) in json.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > allowed {
                    return Some(position);
                }
            }
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_levels_and_not_brackets() {
        assert_eq!(too_deep_at("[[1],[2],[3]]", 2), None);
        assert_eq!(too_deep_at("[[1],[[2]],[3]]", 2), Some(6));
        assert_eq!(too_deep_at(r#"["[[[[\"[[[", {"{{{": "}}"}]"#, 2), None);
        assert_eq!(too_deep_at("1", 0), None);
        assert_eq!(too_deep_at("[]", 0), Some(0));
    }
}
