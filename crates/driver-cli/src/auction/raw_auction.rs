use std::borrow::Cow;
use std::fmt;

use chunked_writer::RawJson;
use driver_streaming::{AuctionId, AuctionIdError};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::parse_error::ParseError;
use super::parser::{self, EntryRun, HALF_CHARACTER, Member, Span, Value};

/// An auction as the JSON text it came in: any JSON object.
///
/// The text is kept once and never parsed into values: what this program does not know reaches the solvers as it was,
/// numbers digit for digit. Serialising writes each top-level member anew and the elements below it as they stand in
/// the text; white space around members is dropped, and white space inside elements is kept.
///
/// Costs the text plus about 16 bytes for each 4 KiB of it.
///
/// ```
/// use driver_cli::RawAuction;
///
/// let auction = RawAuction::parse(r#"{ "id": "7", "orders": [ {"uid":"0x01","price":1.50} ] }"#.as_bytes().to_vec())?;
/// assert_eq!(auction.id()?.unwrap().as_str(), "7");
/// assert_eq!(serde_json::to_string(&auction).unwrap(), r#"{"id":"7","orders":[{"uid":"0x01","price":1.50}]}"#);
/// # Ok::<(), driver_cli::ParseError>(())
/// ```
pub struct RawAuction {
    pub(super) text: String,
    pub(super) members: Vec<Member>,
}

impl RawAuction {
    /// Checks and indexes a text.
    ///
    /// # Errors
    /// When the text is empty, not UTF-8, starts with a byte-order mark, is not exactly one JSON object, has a
    /// top-level member twice, or is nested deeper than 128 levels.
    pub fn parse(text: Vec<u8>) -> Result<Self, ParseError> {
        if text.starts_with(b"\xef\xbb\xbf") {
            return Err(ParseError::at(
                "the auction starts with a byte-order mark",
                &text,
                0,
            ));
        }
        let text = String::from_utf8(text)
            .map_err(|error| ParseError::utf8(error.utf8_error(), error.as_bytes()))?;
        let members = parser::parse(&text)?;
        Ok(Self { text, members })
    }

    /// The text's length in bytes: what the serialised auction has too, but for white space around members.
    pub fn text_length(&self) -> usize {
        self.text.len()
    }

    /// The id that the auction gives itself: the member `id`, else `metadata.auction_id`; `None` if it has neither. One
    /// that is `null` is as good as absent.
    ///
    /// # Errors
    /// When there is one that is neither a string nor an integer, or that is no [`AuctionId`].
    pub fn id(&self) -> Result<Option<AuctionId>, ParseError> {
        if let Some(member) = self.member("id")
            && !self.is_null(&member.value)
        {
            let (text, offset) = match &member.value {
                Value::Scalar(span) => (&self.text[span.range()], span.start()),
                Value::Array(runs) => {
                    return Err(self.no_id("an array", runs.first().map(|run| run.start())));
                }
                Value::Object(runs) => {
                    return Err(self.no_id("an object", runs.first().map(|run| run.key.start())));
                }
            };
            return self.read_id("id", text, offset).map(Some);
        }
        let Some(Value::Object(runs)) = self.member("metadata").map(|member| &member.value) else {
            return Ok(None);
        };
        // A run's text is the inside of an object: with braces around it, it is one.
        for run in runs {
            let (start, end) = (run.key.start(), run.rest.end());
            let object = format!("{{{}}}", &self.text[start..end]);
            let metadata: Metadata<'_> = serde_json::from_str(&object).map_err(|error| {
                ParseError::at(
                    ParseError::json_problem(&error),
                    self.text.as_bytes(),
                    start,
                )
            })?;
            if let Some(found) = metadata.auction_id {
                // The brace before it is not in the text.
                let offset = start + Span::of(found.get(), &object).start() - 1;
                return self
                    .read_id("metadata.auction_id", found.get(), offset)
                    .map(Some);
            }
        }
        Ok(None)
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    fn is_null(&self, value: &Value) -> bool {
        matches!(value, Value::Scalar(span) if &self.text[span.range()] == "null")
    }

    /// An id that is no scalar; `offset` is that of its content, if it has some.
    fn no_id(&self, found: &str, offset: Option<usize>) -> ParseError {
        match offset {
            Some(offset) => ParseError::at(id_type("id", found), self.text.as_bytes(), offset),
            None => ParseError::new(id_type("id", found)),
        }
    }

    fn read_id(
        &self,
        member: &'static str,
        json: &str,
        offset: usize,
    ) -> Result<AuctionId, ParseError> {
        let refuse = |problem: String| ParseError::at(problem, self.text.as_bytes(), offset);
        let text = if json.starts_with('"') {
            serde_json::from_str::<String>(json).map_err(|_| refuse(HALF_CHARACTER.to_owned()))?
        } else if json
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            json.to_owned()
        } else {
            let found: String = json.chars().take(40).collect();
            return Err(refuse(id_type(member, &found)));
        };
        text.parse()
            .map_err(|error: AuctionIdError| refuse(error.to_string()))
    }
}

fn id_type(member: &str, found: &str) -> String {
    format!("the auction's {member} is {found}, and must be a string or an integer")
}

/// The part of `metadata` that names the auction.
#[derive(serde::Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    auction_id: Option<&'a RawValue>,
}

impl fmt::Debug for RawAuction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect();
        formatter
            .debug_struct("RawAuction")
            .field("text_length", &self.text.len())
            .field("members", &names)
            .finish()
    }
}

impl Serialize for RawAuction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members.iter().map(|member| {
            let value = InText {
                text: &self.text,
                part: &member.value,
            };
            (member.name.as_str(), value)
        }))
    }
}

/// A part of the index together with the text it points into.
pub(super) struct InText<'a, P> {
    pub(super) text: &'a str,
    pub(super) part: P,
}

impl Serialize for InText<'_, &Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text;
        match self.part {
            Value::Scalar(span) => raw(text, *span).serialize(serializer),
            Value::Array(runs) => {
                let element = move |run: &Span| raw(text, *run);
                serializer.collect_seq(Runs {
                    runs: runs.iter(),
                    element,
                })
            }
            Value::Object(runs) => {
                let element = move |run: &EntryRun| {
                    (
                        InText {
                            text,
                            part: run.key,
                        },
                        raw(text, run.rest),
                    )
                };
                serializer.collect_map(Runs {
                    runs: runs.iter(),
                    element,
                })
            }
        }
    }
}

/// The key of an entry.
impl Serialize for InText<'_, Span> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let quoted = &self.text[self.part.range()];
        let inside = &quoted[1..quoted.len() - 1];
        let key: Cow<'_, str> = if inside.contains('\\') {
            Cow::Owned(serde_json::from_str(quoted).map_err(serde::ser::Error::custom)?)
        } else {
            Cow::Borrowed(inside)
        };
        serializer.serialize_str(&key)
    }
}

/// What `Map` is, with an `nth` that skips without calling the closure: a resumed serialisation skips what it wrote.
struct Runs<'a, R, F> {
    runs: std::slice::Iter<'a, R>,
    element: F,
}

impl<R, E, F: FnMut(&R) -> E> Iterator for Runs<'_, R, F> {
    type Item = E;

    fn next(&mut self) -> Option<E> {
        self.runs.next().map(&mut self.element)
    }

    fn nth(&mut self, skipped: usize) -> Option<E> {
        self.runs.nth(skipped).map(&mut self.element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.runs.size_hint()
    }
}

fn raw(text: &str, span: Span) -> RawJson<'_> {
    RawJson::from_trusted(&text[span.range()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RawAuction, ParseError> {
        RawAuction::parse(text.as_bytes().to_vec())
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
        let compact = serde_json::to_string(&parse(text).unwrap()).unwrap();
        assert_eq!(compact, text);
    }

    #[test]
    fn white_space_between_members_is_dropped() {
        let text = "\r\n { \"id\" :\t7 ,\n\"orders\" : [ ] , \"tokens\":{ } } \n";
        assert_eq!(
            serde_json::to_string(&parse(text).unwrap()).unwrap(),
            r#"{"id":7,"orders":[],"tokens":{}}"#
        );
    }

    #[test]
    fn the_index_is_small_however_small_the_elements() {
        let numbers = vec!["7"; 200_000].join(",");
        let entries: Vec<String> = (0..50_000).map(|n| format!("\"{n}\":0")).collect();
        let text = format!(
            "{{\"numbers\":[{numbers}],\"entries\":{{{}}}}}",
            entries.join(",")
        );
        let auction = parse(&text).unwrap();
        let runs: usize = auction
            .members
            .iter()
            .map(|member| match &member.value {
                Value::Scalar(_) => 1,
                Value::Array(runs) => runs.len(),
                Value::Object(runs) => runs.len(),
            })
            .sum();
        assert!(runs <= text.len() / 4096 + 2, "{runs}");
        assert_eq!(serde_json::to_string(&auction).unwrap(), text);
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
            "the auction is not one JSON object: the member \"a\" stands twice at line 1, column 10"
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
        assert_eq!(error.place(), Some((3, 3)));
        let error = parse("{\"a\":1,\n\"id\":\"\\ud800\"}")
            .unwrap()
            .id()
            .unwrap_err();
        assert_eq!(error.place(), Some((2, 6)));
        for (text, line, column) in [
            ("{\"a\":1,\n\n\"\\ud800\":1}", 3, 1),
            ("{\"a\":{\"b\":1,\n  \"\\ud800\":1}}", 2, 3),
            ("[1]", 1, 1),
        ] {
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
}
