//! Checks JSON as it arrives, in pieces of any size, and finds the members of its one object.

use std::borrow::Cow;

/// The deepest nesting, the object itself included.
const MAXIMUM_DEPTH: u32 = 128;

/// Why bytes are no auction, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", shown(*place))]
pub struct DocumentMistake {
    problem: Cow<'static, str>,
    place: Option<Place>,
}

impl DocumentMistake {
    pub(crate) fn at(place: Place, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            problem: problem.into(),
            place: Some(place),
        }
    }

    fn syntax(place: Place, what: &str) -> Self {
        Self::at(place, format!("the auction is not one JSON object: {what}"))
    }

    /// Where it is; `None` where it is about the document as a whole.
    pub fn place(&self) -> Option<Place> {
        self.place
    }
}

fn shown(place: Option<Place>) -> String {
    place.map_or_else(String::new, |place| {
        format!(" at line {}, column {}", place.line, place.column())
    })
}

/// A byte of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    offset: u64,
    line: u64,
    line_start: u64,
}

impl Place {
    const START: Self = Self {
        offset: 0,
        line: 1,
        line_start: 0,
    };

    /// The number of bytes before it.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its line, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Its column in bytes, from 1.
    pub fn column(&self) -> u64 {
        self.offset - self.line_start + 1
    }

    /// The byte before it, in the same line.
    pub(crate) fn previous(self) -> Self {
        self.moved(self.offset - 1)
    }

    fn moved(self, offset: u64) -> Self {
        Self { offset, ..self }
    }
}

/// Follows one JSON object byte by byte: its grammar, as RFC 8259 has it, UTF-8, and nesting up to 128 levels.
///
/// Halves of surrogate pairs pass, as they do in most parsers that do not decode; so do equal names.
#[derive(Clone, Debug)]
pub(crate) struct JsonScanner {
    state: State,
    depth: u32,
    /// One bit for each level, the innermost lowest: set for an object.
    objects: u128,
    /// Whether the string that is being read is a name.
    is_name: bool,
    /// Of the next byte.
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// After `{`.
    FirstName,
    /// After the `,` of an object.
    Name,
    Colon,
    /// After `[`.
    FirstItem,
    /// After the `,` of an array.
    Item,
    /// After `:`.
    Value,
    AfterValue,
    Text,
    Escape,
    /// This many digits of `\u1234` are missing.
    Hex(u8),
    /// Within a character: this many bytes of it are read and missing, and the next is within these bounds.
    Character {
        read: u8,
        missing: u8,
        bounds: (u8, u8),
    },
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    End,
}

/// What was last read of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

/// Something about a member of the object itself, not of one within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The quote before its name was read.
    Name,
    /// The quote after its name was read.
    NameEnd,
    /// The first byte of its value was read: this one.
    Value(u8),
    /// Its value ended before the next byte.
    ValueEnd,
    /// The object was closed.
    Close,
}

impl JsonScanner {
    pub(crate) fn new() -> Self {
        Self::of_part(Place::START)
    }

    /// For an object that begins at `place` of a document.
    pub(crate) fn of_part(place: Place) -> Self {
        Self {
            state: State::Start,
            depth: 0,
            objects: 0,
            is_name: false,
            place,
        }
    }

    /// Where the next byte stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Reads on to the next mark, or through all of `bytes`: how many of them it has read.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<(usize, Option<Mark>), DocumentMistake> {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Text {
                let plain = plain_text(&bytes[at..]);
                at += plain;
                self.place.offset += plain as u64;
                if at == bytes.len() {
                    break;
                }
            }
            let (read, mark) = self.step(bytes[at])?;
            if read {
                at += 1;
                self.place.offset += 1;
            }
            if mark.is_some() {
                return Ok((at, mark));
            }
        }
        Ok((at, None))
    }

    /// Checks that the object is whole: its length.
    pub(crate) fn finish(&self) -> Result<u64, DocumentMistake> {
        let length = self.place.offset;
        let what = match self.state {
            State::End => return Ok(length),
            State::Start => {
                return Err(DocumentMistake {
                    problem: "the auction is empty".into(),
                    place: None,
                });
            }
            State::Text | State::Escape | State::Hex(_) | State::Character { .. } => "a string",
            State::FirstItem => "a list",
            State::AfterValue if self.objects & 1 == 0 => "a list",
            State::AfterValue | State::FirstName | State::Name | State::Colon => "an object",
            State::Item | State::Value | State::Number(_) | State::Literal(_) => "a value",
        };
        // The last byte, as long as it is in this line.
        let last = self.place.moved(length.max(self.place.line_start + 1) - 1);
        Err(DocumentMistake::syntax(
            last,
            &format!("EOF while parsing {what}"),
        ))
    }

    /// Reads a byte, unless it ends a number: then that is all that happens.
    fn step(&mut self, byte: u8) -> Result<(bool, Option<Mark>), DocumentMistake> {
        let (depth, mut mark) = (self.depth, None);
        match (self.state, byte) {
            (State::Text, b'"') => return Ok((true, self.text_ended())),
            (State::Text, b'\\') => self.state = State::Escape,
            (State::Text, ..0x20) => {
                return Err(
                    self.wrong(r"control character (\u0000-\u001F) found while parsing a string")
                );
            }
            (State::Text, _) => self.state = self.character(byte)?,
            (State::Escape, b'u') => self.state = State::Hex(4),
            (State::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.state = State::Text;
            }
            (State::Hex(1), _) if byte.is_ascii_hexdigit() => self.state = State::Text,
            (State::Hex(left), _) if byte.is_ascii_hexdigit() => self.state = State::Hex(left - 1),
            (State::Escape | State::Hex(_), _) => return Err(self.wrong("invalid escape")),
            (
                State::Character {
                    read,
                    missing,
                    bounds,
                },
                _,
            ) => {
                if !(bounds.0..=bounds.1).contains(&byte) {
                    return Err(self.not_utf8(read));
                }
                self.state = match missing {
                    1 => State::Text,
                    _ => State::Character {
                        read: read + 1,
                        missing: missing - 1,
                        bounds: (0x80, 0xbf),
                    },
                };
            }
            (State::Literal(rest), _) => match rest {
                [next, rest @ ..] if *next == byte => {
                    self.state = State::Literal(rest);
                    if rest.is_empty() {
                        return Ok((true, self.value_ended()));
                    }
                }
                _ => return Err(self.wrong("expected ident")),
            },
            (State::Number(number), _) => match number.next(byte) {
                Some(number) => self.state = State::Number(number),
                None if number.is_whole() && !byte.is_ascii_digit() => {
                    return Ok((false, self.value_ended()));
                }
                None => return Err(self.wrong("invalid number")),
            },
            (_, b' ' | b'\t' | b'\r') => {}
            (_, b'\n') => {
                self.place.line += 1;
                self.place.line_start = self.place.offset + 1;
            }
            (State::FirstName | State::Name, b'"') => {
                (self.state, self.is_name) = (State::Text, true);
                mark = Some(Mark::Name);
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, b',') if self.objects & 1 == 1 => self.state = State::Name,
            (State::AfterValue, b',') => self.state = State::Item,
            (State::AfterValue | State::FirstName, b'}') if self.objects & 1 == 1 => {
                return Ok((true, self.closed()));
            }
            (State::AfterValue, b']') | (State::FirstItem, b']') if self.objects & 1 == 0 => {
                return Ok((true, self.closed()));
            }
            (State::Start, b'{') => self.open(byte)?,
            (State::Value | State::Item | State::FirstItem, _) => {
                self.value_begins(byte)?;
                mark = Some(Mark::Value(byte));
            }
            _ => return Err(self.unexpected(byte)),
        }
        Ok((true, mark.filter(|_| depth == 1)))
    }

    fn value_begins(&mut self, byte: u8) -> Result<(), DocumentMistake> {
        self.state = match byte {
            b'{' | b'[' => return self.open(byte),
            b'"' => {
                self.is_name = false;
                State::Text
            }
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Integer),
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => return Err(self.unexpected(byte)),
        };
        Ok(())
    }

    fn open(&mut self, bracket: u8) -> Result<(), DocumentMistake> {
        if self.depth == MAXIMUM_DEPTH {
            let problem = "the auction is nested deeper than 128 levels";
            return Err(DocumentMistake::at(self.place, problem));
        }
        let is_object = bracket == b'{';
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        self.state = if is_object {
            State::FirstName
        } else {
            State::FirstItem
        };
        Ok(())
    }

    fn closed(&mut self) -> Option<Mark> {
        self.depth -= 1;
        self.objects >>= 1;
        if self.depth == 0 {
            self.state = State::End;
            return Some(Mark::Close);
        }
        self.value_ended()
    }

    fn value_ended(&mut self) -> Option<Mark> {
        self.state = State::AfterValue;
        (self.depth == 1).then_some(Mark::ValueEnd)
    }

    fn text_ended(&mut self) -> Option<Mark> {
        if !self.is_name {
            return self.value_ended();
        }
        self.state = State::Colon;
        (self.depth == 1).then_some(Mark::NameEnd)
    }

    /// The first byte of a character outside ASCII, in a string.
    fn character(&self, byte: u8) -> Result<State, DocumentMistake> {
        let (missing, bounds) = match byte {
            0xc2..=0xdf => (1, (0x80, 0xbf)),
            // No overlong form, and no half of a surrogate pair.
            0xe0 => (2, (0xa0, 0xbf)),
            0xed => (2, (0x80, 0x9f)),
            0xe1..=0xef => (2, (0x80, 0xbf)),
            // Nothing beyond U+10FFFF.
            0xf0 => (3, (0x90, 0xbf)),
            0xf1..=0xf3 => (3, (0x80, 0xbf)),
            0xf4 => (3, (0x80, 0x8f)),
            _ => return Err(self.not_utf8(0)),
        };
        Ok(State::Character {
            read: 1,
            missing,
            bounds,
        })
    }

    /// The character that is wrong began so many bytes ago.
    fn not_utf8(&self, read: u8) -> DocumentMistake {
        let place = self.place.moved(self.place.offset - u64::from(read));
        DocumentMistake::at(place, "the auction is not valid UTF-8")
    }

    fn unexpected(&self, byte: u8) -> DocumentMistake {
        self.wrong(match (self.state, byte) {
            (State::Start, 0xef) if self.place.offset == 0 => {
                let problem = "the auction starts with a byte-order mark";
                return DocumentMistake::at(self.place, problem);
            }
            (State::Start, _) => "expected `{`",
            (State::Name, b'}') | (State::Item, b']') => "trailing comma",
            (State::FirstName | State::Name, _) => "key must be a string",
            (State::Colon, _) => "expected `:`",
            (State::AfterValue, _) if self.objects & 1 == 1 => "expected `,` or `}`",
            (State::AfterValue, _) => "expected `,` or `]`",
            (State::End, _) => "trailing characters",
            _ => "expected value",
        })
    }

    fn wrong(&self, what: &str) -> DocumentMistake {
        DocumentMistake::syntax(self.place, what)
    }
}

impl Number {
    /// What the number is with this byte, if it can follow.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::E),
            (Self::E, b'+' | b'-') => Some(Self::Sign),
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Some(Self::Exponent),
            _ => None,
        }
    }

    fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Integer | Self::Fraction | Self::Exponent
        )
    }
}

/// How many of these bytes of a string need no look: neither its end nor an escape, a control character or part of one
/// outside ASCII. Looks at 8 at a time, as most strings are too short for more.
fn plain_text(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of each byte that is below `least`; of those above the first, it may be set for others, too.
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ ONES * u64::from(b'"'), 1);
        let backslash = below(word ^ ONES * u64::from(b'\\'), 1);
        let found = (word | below(word, 0x20) | quote | backslash) & ONES << 7;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| matches!(byte, 0x20..0x80) && !matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Checks a document in pieces of this size.
    fn check(text: &[u8], piece: usize) -> Result<u64, DocumentMistake> {
        let mut scanner = JsonScanner::new();
        for mut piece in text.chunks(piece) {
            while !piece.is_empty() {
                let (read, _mark) = scanner.scan(piece)?;
                piece = &piece[read..];
            }
        }
        scanner.finish()
    }

    fn message(text: &[u8]) -> String {
        let mistake = check(text, usize::MAX).unwrap_err();
        for piece in 1..text.len().min(20) {
            assert_eq!(check(text, piece).as_ref(), Err(&mistake));
        }
        mistake.to_string()
    }

    #[test]
    fn problems_name_their_place() {
        for (text, problem) in [
            (&b""[..], "the auction is empty"),
            (b" \n\t", "the auction is empty"),
            (
                b"\xef\xbb\xbf{}",
                "the auction starts with a byte-order mark at line 1, column 1",
            ),
            (
                b"{\n\"a\":\"\xff\"}",
                "the auction is not valid UTF-8 at line 2, column 6",
            ),
            (
                b"{\"a\":\"\xc3\xa4\xf0\x9f\x92\"}",
                "the auction is not valid UTF-8 at line 1, column 9",
            ),
            (
                b"{\"a\":1}\n{}",
                "the auction is not one JSON object: trailing characters at line 2, column 1",
            ),
            (
                b"{\"a\":[1,",
                "the auction is not one JSON object: EOF while parsing a value at line 1, column 8",
            ),
            (
                b"{\"a\":[1\n",
                "the auction is not one JSON object: EOF while parsing a list at line 2, column 1",
            ),
            (
                b"[1]",
                "the auction is not one JSON object: expected `{` at line 1, column 1",
            ),
            (
                b"{\"a\":nil}",
                "the auction is not one JSON object: expected ident at line 1, column 7",
            ),
            (
                b"{\"a\":\"x\ny\"}",
                "the auction is not one JSON object: control character (\\u0000-\\u001F) found while parsing a string at line 1, column 8",
            ),
        ] {
            assert_eq!(message(text), problem);
        }
        for text in [
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
            let message = message(text.as_bytes());
            assert!(message.contains(" at line 1, column "), "{text}: {message}");
        }
    }

    #[test]
    fn depth_is_limited_to_128_levels() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!("{{\"a\":{open}{close}}}")
        };
        assert!(check(nested(128).as_bytes(), 1000).is_ok());
        assert_eq!(
            message(nested(129).as_bytes()),
            "the auction is nested deeper than 128 levels at line 1, column 133"
        );
        assert!(check(nested(100_000).as_bytes(), 1000).is_err());
        let objects = format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(128), "}".repeat(128));
        assert!(check(objects.as_bytes(), 1000).is_err());
    }

    #[test]
    fn counts_levels_and_not_brackets() {
        let inside = |json: &str| {
            let text = format!("{{\"a\":{}{json}{}}}", "[".repeat(125), "]".repeat(125));
            check(text.as_bytes(), 7).map_err(|mistake| mistake.place().unwrap().column() - 131)
        };
        assert!(inside("[[1],[2],[3]]").is_ok());
        assert_eq!(inside("[[1],[[2]],[3]]").unwrap_err(), 6);
        assert!(inside(r#"["[[[[\"[[[", {"{{{": "}}"}]"#).is_ok());
        assert!(inside("1").is_ok());
    }

    #[test]
    fn what_is_cut_off_never_looks_whole() {
        let text = "\r\n{ \"id\" : -1.5e+7 ,\"\\u20ae\u{e4}\u{1f4a1}\":[ true,null, {\"\":\"\\\"\"}, 0 ] } ";
        let end = text.trim_end().len();
        for length in 0..=text.len() {
            for piece in [1, 2, 3, 1000] {
                let checked = check(&text.as_bytes()[..length], piece);
                assert_eq!(
                    checked.is_ok(),
                    length >= end,
                    "{length} bytes: {checked:?}"
                );
            }
        }
    }

    #[test]
    fn a_word_at_a_time_sees_what_a_byte_at_a_time_does() {
        for byte in 0..=u8::MAX {
            let is_plain = (0x20..0x80).contains(&byte) && byte != b'"' && byte != b'\\';
            for length in 0..40 {
                for before in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f] {
                    let mut text = [before; 40];
                    text[length] = byte;
                    let expected = if is_plain { 40 } else { length };
                    assert_eq!(plain_text(&text), expected, "{byte} after {before}");
                }
            }
        }
    }

    fn object() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            "null|true|false|-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            r#""([a-zA-Z0-9 \{\}\[\],:ä€💡]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,12}""#,
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            let name = r#""([a-c]|\\n|ä){0,3}"[ \n]?:\t?"#;
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                    let members = members.into_iter().map(|(name, value)| name + &value);
                    format!("{{{}}}", members.collect::<Vec<_>>().join("\r\n,"))
                }),
            ]
        });
        value.prop_map(|value| format!(" {{\"x\":{value}\n}}").into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_a_parser(
            text in object(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<prop::sample::Index>()), 0..3),
            piece in 1usize..40,
        ) {
            let mut text = text;
            // Bytes that mean something are likelier to make something else that is whole.
            let bytes = b"{}[]:,\"\\ \n01.-+eEtrufalsn\x00\x1f\x7f\x80\xbf\xc3\xed\xa0\xf0\xff";
            for (place, how, byte) in changes {
                let (at, byte) = (place.index(text.len()), *byte.get(bytes));
                match how {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    _ => text.truncate(at.max(1)),
                }
            }
            let is_object = text.trim_ascii_start().first() == Some(&b'{');
            let parsed = std::str::from_utf8(&text).is_ok()
                && serde_json::from_slice::<IgnoredAny>(&text).is_ok();
            let checked = check(&text, piece);
            prop_assert_eq!(checked.is_ok(), parsed && is_object, "{:?}", checked);
            prop_assert_eq!(check(&text, usize::MAX), checked);
        }
    }
}
