//! An auction that came as JSON text: checked once, kept once, and sent as it stands.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use driver_streaming::{AuctionId, AuctionIdError};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::member_edits::{MemberEdit, MemberEdits};
use crate::text_document::TextDocument;
use crate::value_scanner::{Scanned, ValueScanner};

/// An auction as the JSON text it came in: any JSON object.
///
/// The text is kept once and never parsed into values: what this program does not know reaches the solvers as it was,
/// numbers digit for digit. White space around members is dropped, and white space inside their values is kept.
///
/// Costs the text, and some hundred bytes for each top-level member.
///
/// ```
/// use driver_cli::RawAuction;
///
/// let auction = RawAuction::parse(r#"{ "id": "7", "orders": [ {"uid":"0x01","price":1.50} ] }"#.into())?;
/// assert_eq!(auction.id()?.unwrap().as_str(), "7");
/// # Ok::<(), driver_cli::ParseError>(())
/// ```
pub struct RawAuction {
    text: Bytes,
    members: Vec<Member>,
}

/// A top-level member: its name, and what stands for name and value in the text.
struct Member {
    name: String,
    key: Bytes,
    value: Bytes,
}

impl RawAuction {
    /// Checks a text and finds its members.
    ///
    /// # Errors
    /// When the text is empty, not UTF-8, starts with a byte-order mark, is not exactly one JSON object, has a
    /// top-level member twice, or is nested deeper than 128 levels.
    pub fn parse(text: Vec<u8>) -> Result<Self, ParseError> {
        let text = Bytes::from(text);
        if text.starts_with(b"\xef\xbb\xbf") {
            let problem = "the auction starts with a byte-order mark";
            return Err(ParseError::at(problem, &text, &text));
        }
        let json = str::from_utf8(&text).map_err(|error| {
            let problem = "the auction is not valid UTF-8";
            ParseError::at(problem, &text, &text[error.valid_up_to()..])
        })?;
        let members = members(json, &text)?;
        Ok(Self { text, members })
    }

    /// An auction without members, in place of one that is not read any more.
    pub(crate) fn empty() -> Self {
        let (text, members) = (Bytes::from_static(b"{}"), Vec::new());
        Self { text, members }
    }

    /// The text's length in bytes: what is sent has too, but for white space around members.
    pub fn text_length(&self) -> usize {
        self.text.len()
    }

    /// The auction as it is sent, changed as `edits` say. Holds no copy of the text.
    pub fn document(&self, edits: &MemberEdits) -> TextDocument {
        const COMMA: Bytes = Bytes::from_static(b",");
        let mut pieces = vec![Bytes::from_static(b"{")];
        for member in &self.members {
            let edit = edits.of(&member.name);
            if edit == MemberEdit::Remove {
                continue;
            }
            if pieces.len() > 1 {
                pieces.push(COMMA);
            }
            let empty = edit.replaces(member.value[0]);
            let value = empty.unwrap_or_else(|| member.value.clone());
            pieces.extend([member.key.clone(), Bytes::from_static(b":"), value]);
        }
        match (edits.left_open, pieces.len()) {
            (true, 1) => {}
            (true, _) => pieces.push(COMMA),
            (false, _) => pieces.push(Bytes::from_static(b"}")),
        }
        TextDocument::new(pieces)
    }

    /// The id that the auction gives itself: the member `id`, else `metadata.auction_id`; `None` if it has neither. One
    /// that is `null` is as good as absent.
    ///
    /// # Errors
    /// When there is one that is neither a string nor an integer, or that is no [`AuctionId`].
    pub fn id(&self) -> Result<Option<AuctionId>, ParseError> {
        let (member, json) = match (self.value("id"), self.value("metadata")) {
            (Some(id), _) if id != "null" => ("id", id),
            (_, Some(metadata)) if metadata.starts_with('{') => {
                let found: Metadata<'_> = serde_json::from_str(metadata).map_err(|error| {
                    let problem = ParseError::json_problem(&error);
                    ParseError::at(problem, &self.text, metadata.as_bytes())
                })?;
                match found.auction_id {
                    Some(id) => ("metadata.auction_id", id.get()),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let refuse = |problem: &str| ParseError::at(problem, &self.text, json.as_bytes());
        let text: String = match json.as_bytes()[0] {
            b'"' => serde_json::from_str(json).map_err(|_half| refuse(HALF_CHARACTER))?,
            b'0'..=b'9' | b'-' if !json.contains(['.', 'e', 'E']) => json.to_owned(),
            first => {
                let found = match first {
                    b'[' => "an array",
                    b'{' => "an object",
                    _ => &json[..json.len().min(40)],
                };
                return Err(refuse(&format!(
                    "the auction's {member} is {found}, and must be a string or an integer"
                )));
            }
        };
        let id = text.parse().map(Some);
        id.map_err(|error: AuctionIdError| refuse(&error.to_string()))
    }

    /// The JSON text of a member's value.
    fn value(&self, name: &str) -> Option<&str> {
        let member = self.members.iter().find(|member| member.name == name)?;
        str::from_utf8(&member.value).ok()
    }
}

/// What is compared must decode.
const HALF_CHARACTER: &str = "half of a surrogate pair stands in the name of a member or in the id";

/// The part of `metadata` that names the auction.
#[derive(serde::Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    auction_id: Option<&'a RawValue>,
}

impl fmt::Debug for RawAuction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.members.iter().map(|member| &member.name);
        formatter.debug_list().entries(names).finish()
    }
}

/// Checks that `json`, which is `text`, is an auction, and finds its members.
fn members(json: &str, text: &Bytes) -> Result<Vec<Member>, ParseError> {
    if json.trim_ascii().is_empty() {
        return Err(ParseError::new("the auction is empty"));
    }
    let found: RawMembers<'_> =
        serde_json::from_str(json).map_err(|error| ParseError::json(&error))?;
    let mut names = HashSet::new();
    let members = found.0.into_iter().map(|(key, value)| {
        let (key, value) = (key.get().as_bytes(), value.get().as_bytes());
        let name: String = serde_json::from_slice(key)
            .map_err(|_undecodable| ParseError::at(HALF_CHARACTER, text, key))?;
        if !names.insert(name.clone()) {
            let problem =
                format!("the auction is not one JSON object: the member {name:?} stands twice");
            return Err(ParseError::at(problem, text, key));
        }
        // serde_json skips raw values without recursion and so without its own limit. They are JSON: nothing else is wrong.
        if let Scanned::Wrong(offset, _) = ValueScanner::default().scan(value) {
            let problem = "the auction is nested deeper than 128 levels";
            return Err(ParseError::at(problem, text, &value[offset..]));
        }
        let (key, value) = (text.slice_ref(key), text.slice_ref(value));
        Ok(Member { name, key, value })
    });
    members.collect()
}

/// An object's members as raw text, in their order, the same name perhaps twice.
struct RawMembers<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = RawMembers<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose())
                    .collect::<Result<_, _>>()
                    .map(RawMembers)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Why a text is no auction, and where.
#[derive(Debug, thiserror::Error)]
#[error("{problem}{}", shown(*place))]
pub struct ParseError {
    problem: String,
    place: Option<(usize, usize)>,
}

impl ParseError {
    /// An error about the text as a whole.
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            place: None,
        }
    }

    /// An error about `part` of `text`.
    fn at(problem: impl Into<String>, text: &[u8], part: &[u8]) -> Self {
        let offset = part.as_ptr().addr() - text.as_ptr().addr();
        let before = &text[..offset];
        let line_start = before.iter().rposition(|&byte| byte == b'\n');
        let line_start = line_start.map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        // Columns count bytes, as those of serde_json do.
        Self {
            place: Some((line, offset - line_start + 1)),
            ..Self::new(problem)
        }
    }

    /// What the parser says, where it says it: the text is not JSON, is cut off, or is followed by something else.
    fn json(error: &serde_json::Error) -> Self {
        Self {
            // serde_json counts what it has read: nothing yet, where the first byte of a line is wrong.
            place: Some((error.line(), error.column().max(1))),
            ..Self::new(Self::json_problem(error))
        }
    }

    fn json_problem(error: &serde_json::Error) -> String {
        let whole = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = whole.strip_suffix(&place).unwrap_or(&whole);
        format!("the auction is not one JSON object: {message}")
    }

    /// Line and column, in bytes, both from 1; `None` where the problem has no place.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place
    }
}

fn shown(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(" at line {line}, column {column}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RawAuction, ParseError> {
        RawAuction::parse(text.as_bytes().to_vec())
    }

    fn compact(text: &str) -> String {
        use driver_streaming::Document as _;
        use futures_util::{FutureExt, TryStreamExt};

        let document = parse(text).unwrap().document(&MemberEdits::nothing());
        let chunks = document.stream_from(0).try_collect::<Vec<_>>();
        let chunks = chunks.now_or_never().unwrap().unwrap();
        String::from_utf8(chunks.concat()).unwrap()
    }

    fn message(text: &[u8]) -> String {
        RawAuction::parse(text.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn keeps_every_digit_and_every_member() {
        let text = concat!(
            r#"{"id":1,"price":0.10000000000000000000000001e-400,"big":123456789012345678901234567890,"#,
            r#""unknown":{"a":[1.0,2.50,{"é\n":null}],"\u0041":true},"empty":{},"none":[],"text":"\u20ae\"","#,
            r#""orders":[{"uid":"0x1","x":-0},{"uid":"0x2"}]}"#
        );
        assert_eq!(compact(text), text);
    }

    #[test]
    fn white_space_between_members_is_dropped() {
        let text = "\r\n { \"id\" :\t7 ,\n\"orders\" : [ ] , \"tokens\":{ } } \n";
        assert_eq!(compact(text), r#"{"id":7,"orders":[ ],"tokens":{ }}"#);
    }

    #[test]
    fn the_id_is_found_in_either_place() {
        for (text, id) in [
            (r#"{"id":"a"}"#, Some("a")),
            (
                r#"{"id":12345678901234567890123}"#,
                Some("12345678901234567890123"),
            ),
            (r#"{"id":-1,"metadata":{"auction_id":2}}"#, Some("-1")),
            (r#"{"metadata":{"x":[],"auction_id":"b","y":1}}"#, Some("b")),
            (r#"{"id":null,"metadata":{"auction_id":2}}"#, Some("2")),
            (r#"{"id":null,"metadata":{"auction_id":null}}"#, None),
            (r#"{"id": null }"#, None),
            (r#"{"metadata":{"x":1}}"#, None),
            (r#"{"metadata":[1]}"#, None),
            ("{}", None),
        ] {
            assert_eq!(
                parse(text)
                    .unwrap()
                    .id()
                    .unwrap()
                    .map(|id| id.to_string())
                    .as_deref(),
                id,
                "{text}"
            );
        }
    }

    #[test]
    fn an_id_of_another_type_is_refused() {
        for id in [
            "1.5",
            "1e3",
            "true",
            "[1]",
            "{}",
            r#""""#,
            r#""a/b""#,
            r#""../x""#,
        ] {
            for text in [
                format!("{{\"id\":{id}}}"),
                format!("{{\"metadata\":{{\"auction_id\":{id}}}}}"),
            ] {
                assert!(parse(&text).unwrap().id().is_err(), "{text}");
            }
        }
    }

    #[test]
    fn problems_name_their_place() {
        assert_eq!(message(b""), "the auction is empty");
        assert_eq!(message(b" \n\t"), "the auction is empty");
        assert_eq!(
            message(b"\xef\xbb\xbf{}"),
            "the auction starts with a byte-order mark at line 1, column 1"
        );
        assert_eq!(
            message(b"{\n\"a\":\"\xff\"}"),
            "the auction is not valid UTF-8 at line 2, column 6"
        );
        assert_eq!(
            message(br#"{"a":1,"a":2}"#),
            "the auction is not one JSON object: the member \"a\" stands twice at line 1, column 8"
        );
        assert_eq!(
            message(b"{\"a\":1}\n{}"),
            "the auction is not one JSON object: trailing characters at line 2, column 1"
        );
        assert_eq!(
            message(b"{\"a\":[1,"),
            "the auction is not one JSON object: EOF while parsing a value at line 1, column 8"
        );
        for text in [
            "[1]",
            "1",
            "\"x\"",
            "null",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":[1 2]}",
            "{\"a\"",
        ] {
            assert!(
                message(text.as_bytes()).contains(" at line 1, column "),
                "{text}"
            );
        }
    }

    #[test]
    fn places_are_those_of_the_file() {
        let inner = r#"{"a":1,
"metadata":{"x":[1],
"y":2,
 "auction_id":1.5}}"#;
        let error = parse(inner).unwrap().id().unwrap_err();
        assert_eq!(error.place(), Some((4, 15)));
        let error = parse("{\n\"id\":\n [1]}").unwrap().id().unwrap_err();
        assert_eq!(error.place(), Some((3, 2)));
        let error = parse("{\"a\":1,\n\"id\":\"\\ud800\"}")
            .unwrap()
            .id()
            .unwrap_err();
        assert_eq!(error.place(), Some((2, 6)));
        for (text, line, column) in [("{\"a\":1,\n\n\"\\ud800\":1}", 3, 1), ("[1]", 1, 1)] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.place(), Some((line, column)), "{error}");
        }
    }

    #[test]
    fn depth_is_limited_to_128_levels() {
        let nested = |levels: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert!(parse(&nested(128)).is_ok());
        assert_eq!(
            message(nested(129).as_bytes()),
            "the auction is nested deeper than 128 levels at line 1, column 133"
        );
        assert!(parse(&nested(100_000)).is_err());
        let objects = format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(128), "}".repeat(128));
        assert!(parse(&objects).is_err());
    }

    #[test]
    fn counts_levels_and_not_brackets() {
        let inside = |json: &str| {
            let text = format!("{{\"a\":{}{json}{}}}", "[".repeat(125), "]".repeat(125));
            parse(&text).map_err(|error| error.place().unwrap().1 - 131)
        };
        assert!(inside("[[1],[2],[3]]").is_ok());
        assert_eq!(inside("[[1],[[2]],[3]]").unwrap_err(), 6);
        assert!(inside(r#"["[[[[\"[[[", {"{{{": "}}"}]"#).is_ok());
        assert!(inside("1").is_ok());
    }
}
