//! Checks one JSON object as it arrives, in pieces of any size, and reports its members.

use std::borrow::Cow;

/// The deepest nesting, the object itself included.
const MAXIMUM_DEPTH: u32 = 128;

/// Why a document is no auction, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", shown(*place))]
pub struct DocumentMistake {
    problem: Cow<'static, str>,
    place: Option<Place>,
}

impl DocumentMistake {
    pub(crate) fn at(place: Place, problem: impl Into<Cow<'static, str>>) -> Self {
        let (problem, place) = (problem.into(), Some(place));
        Self { problem, place }
    }

    fn syntax(place: Place, what: &str) -> Self {
        Self::at(place, format!("the auction is not one JSON object: {what}"))
    }

    /// Where it is; `None` if it concerns the whole document.
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

    /// The byte before it, which must be in the same line.
    pub(crate) fn previous(self) -> Self {
        self.moved(self.offset - 1)
    }

    fn moved(self, offset: u64) -> Self {
        Self { offset, ..self }
    }
}

/// Checks the grammar (RFC 8259) of one JSON object in UTF-8, byte by byte, with up to 128 levels.
///
/// Accepts halves of surrogate pairs, as most parsers do that do not decode, and equal names.
#[derive(Clone, Debug)]
pub(crate) struct JsonScanner {
    state: State,
    depth: u32,
    /// One bit for each level, the innermost lowest: set for an object.
    objects: u128,
    /// Whether the string that is being read is a name.
    is_name: bool,
    /// The place of the next byte.
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
    /// So many digits of `\u1234` are still to come.
    Hex(u8),
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    End,
}

/// The last part of a number that was read.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The quote before a name was read.
    Name,
    /// The quote after a name was read.
    NameEnd,
    /// The first byte of a value was read: this one.
    Value(u8),
    /// A value ended before the next byte.
    ValueEnd,
    /// The object was closed.
    Close,
}

impl JsonScanner {
    pub(crate) fn new() -> Self {
        let (offset, line, line_start) = (0, 1, 0);
        Self {
            state: State::Start,
            depth: 0,
            objects: 0,
            is_name: false,
            place: Place {
                offset,
                line,
                line_start,
            },
        }
    }

    /// Where the next byte stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Reads on to the next mark, or through all of `bytes`: how many of them it has read. Marks are about members of the
    /// object itself, which is level 1, and of objects that are its members' values.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
    ) -> Result<(usize, Option<(u32, Mark)>), DocumentMistake> {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Text {
                let passed = self.pass_texts(&bytes[at..]);
                at += passed;
                self.place.offset += passed as u64;
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

    /// Reads on in a string, and through the strings after it where only `:` or `,` stands between them: most bytes of an
    /// auction. Returns how many bytes it has read.
    fn pass_texts(&mut self, bytes: &[u8]) -> usize {
        let in_object = self.objects & 1 == 1;
        let is_near = self.is_near();
        let mut at = plain_text(bytes);
        while let [b'"', between, b'"', rest @ ..] = &bytes[at..]
            && *between == if self.is_name { b':' } else { b',' }
            && !is_near
        {
            self.is_name = in_object && !self.is_name;
            at += 3 + plain_text(rest);
        }
        at
    }

    /// Checks that the object is whole, and returns its length.
    pub(crate) fn finish(&self) -> Result<u64, DocumentMistake> {
        let length = self.place.offset;
        let what = match self.state {
            State::End => return Ok(length),
            State::Start => {
                let (problem, place) = ("the auction is empty".into(), None);
                return Err(DocumentMistake { problem, place });
            }
            State::Text | State::Escape | State::Hex(_) => "a string",
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

    /// Reads a byte, unless it follows a number: then it only ends the number.
    fn step(&mut self, byte: u8) -> Result<(bool, Option<(u32, Mark)>), DocumentMistake> {
        let mut mark = None;
        match (self.state, byte) {
            (State::Text, b'"') => return Ok((true, self.text_ended())),
            (State::Text, b'\\') => self.state = State::Escape,
            (State::Text, ..0x20) => {
                let what = r"control character (\u0000-\u001F) found while parsing a string";
                return Err(self.wrong(what));
            }
            (State::Text, _) => {}
            (State::Escape, b'u') => self.state = State::Hex(4),
            (State::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.state = State::Text;
            }
            (State::Hex(1), _) if byte.is_ascii_hexdigit() => self.state = State::Text,
            (State::Hex(left), _) if byte.is_ascii_hexdigit() => self.state = State::Hex(left - 1),
            (State::Escape | State::Hex(_), _) => return Err(self.wrong("invalid escape")),
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
                mark = self.mark(Mark::Name);
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
                mark = self.mark(Mark::Value(byte));
                self.value_begins(byte)?;
            }
            _ => return Err(self.unexpected(byte)),
        }
        Ok((true, mark))
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

    fn mark(&self, mark: Mark) -> Option<(u32, Mark)> {
        self.is_near().then_some((self.depth, mark))
    }

    /// Whether marks are reported of this level.
    fn is_near(&self) -> bool {
        self.depth == 1 || self.depth == 2 && self.objects & 1 == 1
    }

    fn closed(&mut self) -> Option<(u32, Mark)> {
        self.depth -= 1;
        self.objects >>= 1;
        if self.depth == 0 {
            self.state = State::End;
            return Some((1, Mark::Close));
        }
        self.value_ended()
    }

    fn value_ended(&mut self) -> Option<(u32, Mark)> {
        self.state = State::AfterValue;
        self.mark(Mark::ValueEnd)
    }

    fn text_ended(&mut self) -> Option<(u32, Mark)> {
        if !self.is_name {
            return self.value_ended();
        }
        self.state = State::Colon;
        self.mark(Mark::NameEnd)
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
    /// The number with this byte, if the byte can follow.
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

/// How many of these bytes of a string are plain: neither its end nor an escape nor a control character. Checks 8 bytes at a
/// time, since most strings are short.
pub(crate) fn plain_text(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // Sets the highest bit of each byte that is below `least`. After the first such byte, others may be set, too.
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (below(word, 0x20) | quote | backslash) & (ONES << 7);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && !matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().take_while(is_plain).count()
}
