//! Finds the members of an auction as it arrives: where their values are, its id and its deadline.

use std::collections::HashSet;

use bytes::Bytes;
use driver_streaming::{AuctionId, AuctionIdError};
use jiff::Timestamp;

use crate::json_scanner::{DocumentMistake, JsonScanner, Mark, Place};

/// The longest name of a member, and the longest value that is decoded, in bytes: both are kept in memory.
const LONGEST_TEXT: usize = 64 * 1024;

/// How many bytes all names may have together, with so many for each of them.
const MOST_NAMES: usize = 1024 * 1024;
const BYTES_FOR_EACH_NAME: usize = 64;

/// Names and ids are compared, and so must be decoded.
const HALF_CHARACTER: &str = "half of a surrogate pair stands in the name of a member or in the id";

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The name as JSON text.
    pub(crate) key: Bytes,
    /// The first byte of its value.
    pub(crate) first: u8,
    pub(crate) start: u64,
    /// Where its value ends, once that is known.
    pub(crate) end: Option<u64>,
}

/// What is known of an auction so far.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) list: Vec<Member>,
    /// Where the value ends of the last member of the bytes before.
    earlier_end: Option<u64>,
    /// Whether there are no more members.
    pub(crate) are_all: bool,
    id: Option<FoundId>,
    /// `metadata.auction_id`, which counts if there is no other.
    second_id: Option<FoundId>,
    pub(crate) deadline: Option<Timestamp>,
}

type FoundId = Result<AuctionId, DocumentMistake>;

impl Members {
    /// The auction's own id: the member `id`, else `metadata.auction_id`, which counts once all members are known. `null` is no
    /// id.
    pub(crate) fn id(&self) -> Option<&FoundId> {
        let second = || self.second_id.as_ref().filter(|_| self.are_all);
        self.id.as_ref().or_else(second)
    }

    /// Adds what was found in the next bytes.
    pub(crate) fn append(&mut self, mut next: Self) {
        if let (Some(member), Some(end)) = (self.list.last_mut(), next.earlier_end) {
            member.end = Some(end);
        }
        self.list.append(&mut next.list);
        self.are_all |= next.are_all;
        self.id = next.id.or(self.id.take());
        self.second_id = next.second_id.or(self.second_id.take());
        self.deadline = next.deadline.or(self.deadline);
    }
}

/// Checks an auction in pieces of any size, and finds its members.
///
/// Keeps the names of all members, 1 MiB at most, and one name or value that is being read.
#[derive(Debug, Default)]
pub(crate) struct AuctionCheck {
    scanner: JsonScanner,
    /// The start of a character that the last piece cut off.
    cut: Vec<u8>,
    names: HashSet<String>,
    names_bytes: usize,
    /// The name or value that is being read, if it is needed; cut off one byte after the longest that is taken.
    text: Vec<u8>,
    keeps: bool,
    /// Where it begins.
    place: Place,
    /// The last name, and its JSON text.
    name: (String, Bytes),
    value: Value,
}

/// What the value that is being read is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Other,
    Id,
    Deadline,
    Metadata {
        is_id: bool,
    },
}

impl AuctionCheck {
    /// Takes the next piece, and adds to `members` what is in it. Not to be called again after a mistake.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        members: &mut Members,
    ) -> Result<(), DocumentMistake> {
        let mut rest = piece;
        while let ([first, after @ ..], false) = (rest, self.cut.is_empty()) {
            self.cut.push(*first);
            let character = std::mem::take(&mut self.cut);
            self.cut = self.push_utf8(&character, members)?.to_vec();
            rest = after;
        }
        if !rest.is_empty() {
            self.cut = self.push_utf8(rest, members)?.to_vec();
        }
        Ok(())
    }

    /// Takes whole characters only, and returns the rest.
    fn push_utf8<'a>(
        &mut self,
        piece: &'a [u8],
        members: &mut Members,
    ) -> Result<&'a [u8], DocumentMistake> {
        let error = str::from_utf8(piece).err();
        let valid = error.map_or(piece.len(), |error| error.valid_up_to());
        self.scan(&piece[..valid], members)?;
        if error.is_some_and(|error| error.error_len().is_some()) {
            let problem = "the auction is not valid UTF-8";
            return Err(DocumentMistake::at(self.scanner.place(), problem));
        }
        Ok(&piece[valid..])
    }

    fn scan(&mut self, text: &[u8], members: &mut Members) -> Result<(), DocumentMistake> {
        let mut rest = text;
        while !rest.is_empty() {
            let (read, mark) = self.scanner.scan(rest)?;
            let (passed, after) = rest.split_at(read);
            rest = after;
            if self.keeps {
                let left = (LONGEST_TEXT + 1).saturating_sub(self.text.len());
                self.text.extend_from_slice(&passed[..read.min(left)]);
            }
            let in_metadata = matches!(self.value, Value::Metadata { .. });
            let Some((level, mark)) = mark.filter(|(level, _)| *level == 1 || in_metadata) else {
                continue;
            };
            self.keeps = mark == Mark::Name;
            if let Mark::Name | Mark::Value(_) = mark {
                self.text = vec![passed[read - 1]];
                self.place = self.scanner.place().previous();
            }
            match (mark, &mut self.value) {
                (Mark::Name, _) => {}
                (Mark::NameEnd, Value::Metadata { is_id }) => {
                    *is_id = decoded(&self.text).is_some_and(|name| name == "auction_id");
                }
                (Mark::NameEnd, _) => self.name = self.checked_name()?,
                (Mark::Value(_), Value::Metadata { is_id }) => self.keeps = *is_id,
                (Mark::Value(first), _) => members.list.push(self.member(first)),
                (Mark::ValueEnd, Value::Metadata { is_id }) if level > 1 => {
                    if *is_id {
                        let found = id("metadata.auction_id", &self.text, self.place);
                        members.second_id = found.or(members.second_id.take());
                    }
                }
                (Mark::ValueEnd, value) => {
                    match value {
                        Value::Id => members.id = id("id", &self.text, self.place),
                        Value::Deadline => {
                            members.deadline =
                                decoded(&self.text).and_then(|time| time.parse().ok());
                        }
                        Value::Other | Value::Metadata { .. } => {}
                    }
                    *value = Value::Other;
                    let end = Some(self.scanner.place().offset());
                    match members.list.last_mut() {
                        Some(member) => member.end = end,
                        None => members.earlier_end = end,
                    }
                }
                (Mark::Close, _) => members.are_all = true,
            }
        }
        Ok(())
    }

    /// Checks that the auction is whole: its length.
    pub(crate) fn finish(&self) -> Result<u64, DocumentMistake> {
        self.scanner.finish()
    }

    /// Refuses duplicate names, and too many of them.
    fn checked_name(&mut self) -> Result<(String, Bytes), DocumentMistake> {
        let place = self.place;
        let refuse = |problem| Err(DocumentMistake::at(place, problem));
        if self.text.len() > LONGEST_TEXT {
            return refuse("the auction has a member whose name is longer than 64 KiB".to_owned());
        }
        let Some(name) = decoded(&self.text) else {
            return refuse(HALF_CHARACTER.to_owned());
        };
        self.names_bytes += name.len() + BYTES_FOR_EACH_NAME;
        if self.names_bytes > MOST_NAMES {
            return refuse("the auction has too many members".to_owned());
        }
        if !self.names.insert(name.clone()) {
            return refuse(format!(
                "the auction is not one JSON object: the member {name:?} appears twice"
            ));
        }
        Ok((name, std::mem::take(&mut self.text).into()))
    }

    /// The member whose value begins with this byte.
    fn member(&mut self, first: u8) -> Member {
        let (name, key) = std::mem::take(&mut self.name);
        self.value = match &*name {
            "id" => Value::Id,
            "deadline" => Value::Deadline,
            "metadata" if first == b'{' => Value::Metadata { is_id: false },
            _ => Value::Other,
        };
        self.keeps = matches!(self.value, Value::Id | Value::Deadline);
        let (start, end) = (self.place.offset(), None);
        Member {
            name,
            key,
            first,
            start,
            end,
        }
    }
}

/// Decodes a JSON string. `None` for other values, and for half of a surrogate pair.
fn decoded(json: &[u8]) -> Option<String> {
    serde_json::from_slice(json).ok()
}

/// The id in a member; `None` if it is `null`.
fn id(member: &str, json: &[u8], place: Place) -> Option<FoundId> {
    let refuse = |problem: String| Some(Err(DocumentMistake::at(place, problem)));
    let shown = String::from_utf8_lossy(json);
    let text = match json {
        b"null" => return None,
        _ if json.len() > LONGEST_TEXT => {
            return refuse(format!("the auction's {member} is longer than 64 KiB"));
        }
        [b'"', ..] => match decoded(json) {
            Some(text) => text,
            None => return refuse(HALF_CHARACTER.to_owned()),
        },
        [b'0'..=b'9' | b'-', ..] if !shown.contains(['.', 'e', 'E']) => shown.into_owned(),
        _ => {
            let found = match json {
                [b'[', ..] => "an array",
                [b'{', ..] => "an object",
                _ => &shown[..shown.len().min(40)],
            };
            return refuse(format!(
                "the auction's {member} is {found}, and must be a string or an integer"
            ));
        }
    };
    let id = text.parse();
    Some(id.map_err(|error: AuctionIdError| DocumentMistake::at(place, error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a document that comes in pieces of this size.
    fn check(text: &str, piece: usize) -> Result<Members, DocumentMistake> {
        let (mut check, mut members) = (AuctionCheck::default(), Members::default());
        for piece in text.as_bytes().chunks(piece) {
            let mut found = Members::default();
            check.push(piece, &mut found)?;
            members.append(found);
        }
        assert_eq!(check.finish()?, text.len() as u64);
        Ok(members)
    }

    fn id_of(text: &str) -> Result<Option<String>, DocumentMistake> {
        let mut ids = [1, 2, 3, 1000].map(|piece| {
            let id = check(text, piece).unwrap().id().cloned().transpose();
            id.map(|id| id.map(|id| id.to_string()))
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        std::mem::replace(&mut ids[0], Ok(None))
    }

    #[test]
    fn the_id_is_found_in_either_place() {
        for (text, id) in [
            (r#"{"id":"a"}"#, Some("a")),
            (r#"{"x":{"id":3},"\u0069d": "a\u002d" }"#, Some("a-")),
            (
                r#"{"id":12345678901234567890123}"#,
                Some("12345678901234567890123"),
            ),
            (r#"{"id":-1,"metadata":{"auction_id":2}}"#, Some("-1")),
            (r#"{"metadata":{"auction_id":2},"id":7 }"#, Some("7")),
            (r#"{"metadata":{"x":[],"auction_id":"b","y":1}}"#, Some("b")),
            (
                r#"{"metadata":{"x":{"auction_id":1}, "auction_id":2 }}"#,
                Some("2"),
            ),
            (r#"{"id":null,"metadata":{"auction_id":2}}"#, Some("2")),
            (r#"{"id":null,"metadata":{"auction_id":null}}"#, None),
            (
                r#"{"metadata":{"auction_id":1,"auction_id":null}}  "#,
                Some("1"),
            ),
            (r#"{"id": null }"#, None),
            (r#"{"metadata":{"x":1}}"#, None),
            (r#"{"metadata":[1]}"#, None),
            ("{}", None),
        ] {
            assert_eq!(id_of(text).unwrap().as_deref(), id, "{text}");
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
                assert!(id_of(&text).is_err(), "{text}");
            }
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST_TEXT));
        assert!(id_of(&long).unwrap_err().to_string().contains("64 KiB"));
    }

    #[test]
    fn places_are_those_of_the_file() {
        for (text, line, column) in [
            (
                "{\"a\":1,\n\"metadata\":{\"x\":[1],\n\"y\":2,\n \"auction_id\":1.5}}",
                4,
                15,
            ),
            ("{\n\"id\":\n [1]}", 3, 2),
            ("{\"a\":1,\n\"id\":\"\\ud800\"}", 2, 6),
        ] {
            let place = id_of(text).unwrap_err().place().unwrap();
            assert_eq!((place.line(), place.column()), (line, column), "{text}");
        }
        for (text, line, column) in [
            ("{\"a\":1,\n\n\"\\ud800\":1}", 3, 1),
            ("{\"a\":1,\"a\":2}", 1, 8),
            ("{\"a\":1, \"\\u0061\":2}", 1, 9),
        ] {
            let place = check(text, 1).unwrap_err().place().unwrap();
            assert_eq!((place.line(), place.column()), (line, column), "{text}");
        }
        assert_eq!(
            check(r#"{"a":1,"a":2}"#, 3).unwrap_err().to_string(),
            "the auction is not one JSON object: the member \"a\" appears twice at line 1, column 8"
        );
    }

    #[test]
    fn names_are_bounded() {
        let long = format!("{{\"{}\":1}}", "x".repeat(LONGEST_TEXT));
        assert!(
            check(&long, 1000)
                .unwrap_err()
                .to_string()
                .contains("64 KiB")
        );
        let many = (0..20_000).map(|index| format!("\"{index}\":1"));
        let many = format!("{{{}}}", many.collect::<Vec<_>>().join(","));
        assert!(
            check(&many, 1000)
                .unwrap_err()
                .to_string()
                .contains("too many")
        );
        let blanks = " \n".repeat(LONGEST_TEXT);
        let text = format!(r#"{{{blanks}"a"{blanks}:{blanks}1{blanks},{blanks}"b":2}}"#);
        assert_eq!(check(&text, 1000).unwrap().list.len(), 2);
    }

    #[test]
    fn the_deadline_is_a_time() {
        let of = |json: &str| check(json, 1).unwrap().deadline;
        let time = Timestamp::from_millisecond(1_500).unwrap();
        for text in ["1970-01-01T00:00:01.5Z", "1970-01-01T02:00:01.500+02:00"] {
            assert_eq!(
                of(&format!(r#"{{"a":{{}},"deadline": "{text}"}}"#)),
                Some(time)
            );
        }
        for none in ["null", "7", r#""soon""#, "[]", r#""1970-01-01""#] {
            assert_eq!(of(&format!(r#"{{"deadline":{none}}}"#)), None, "{none}");
        }
        assert_eq!(of(r#"{"a":{"deadline":"1970-01-01T00:00:01Z"}}"#), None);
    }

    #[test]
    fn values_stand_where_they_do_in_the_text() {
        let text =
            " { \"a\" : {\"b\":[1,\"}\\\",{\"]} ,\"\\u0062\": 2 ,\"c\":[{\"b\":3}],\"d\":\"x\"} ";
        for piece in 1..=text.len() {
            let members = check(text, piece).unwrap();
            assert!(members.are_all);
            let found = members.list.iter().map(|member| {
                let value = &text[member.start as usize..member.end.unwrap() as usize];
                assert_eq!(value.as_bytes()[0], member.first);
                (&*member.name, str::from_utf8(&member.key).unwrap(), value)
            });
            assert_eq!(
                found.collect::<Vec<_>>(),
                [
                    ("a", "\"a\"", "{\"b\":[1,\"}\\\",{\"]}"),
                    ("b", "\"\\u0062\"", "2"),
                    ("c", "\"c\"", "[{\"b\":3}]"),
                    ("d", "\"d\"", "\"x\""),
                ]
            );
        }
    }
}
