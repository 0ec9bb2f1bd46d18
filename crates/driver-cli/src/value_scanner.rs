//! Where a JSON value ends.

/// The deepest nesting below the top level: together with it, 128 levels.
const MAXIMUM_DEPTH: u32 = 127;

/// Follows one JSON value, in pieces of any size, to the byte behind it: by strings and brackets, not by its grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ValueScanner {
    depth: u32,
    /// One bit for each level, the innermost lowest: set for an object.
    objects: u128,
    in_string: bool,
    /// The next character of the string is escaped.
    escaped: bool,
}

/// What a piece came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// All of it belongs to the value.
    More,
    /// The `,` or `}` of the level above stands at this offset.
    Ended(usize),
    /// At this offset stands what cannot, where this must.
    Wrong(usize, &'static str),
}

impl ValueScanner {
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' if self.depth == MAXIMUM_DEPTH => {
                    return Scanned::Wrong(at, "no level deeper than 128");
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    self.objects = self.objects << 1 | u128::from(byte == b'{');
                }
                b',' | b'}' if self.depth == 0 => return Scanned::Ended(at),
                b']' if self.depth == 0 => return Scanned::Wrong(at, "',' or '}'"),
                b'}' if self.objects & 1 == 0 => return Scanned::Wrong(at, "',' or ']'"),
                b']' if self.objects & 1 == 1 => return Scanned::Wrong(at, "',' or '}'"),
                b'}' | b']' => {
                    self.depth -= 1;
                    self.objects >>= 1;
                }
                _ => {}
            }
        }
        Scanned::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_the_value_does() {
        for (text, scanned) in [
            ("1,", Scanned::Ended(1)),
            (r#"{"a":[1,"}]"]},"#, Scanned::Ended(14)),
            (r#""\"}"}"#, Scanned::Ended(5)),
            ("[1", Scanned::More),
            ("1]", Scanned::Wrong(1, "',' or '}'")),
            ("[1}", Scanned::Wrong(2, "',' or ']'")),
            (r#"{"a":[]]"#, Scanned::Wrong(7, "',' or '}'")),
        ] {
            assert_eq!(
                ValueScanner::default().scan(text.as_bytes()),
                scanned,
                "{text}"
            );
        }
        let deepest = format!("{}{},", "[".repeat(127), "]".repeat(127));
        assert_eq!(
            ValueScanner::default().scan(deepest.as_bytes()),
            Scanned::Ended(254)
        );
        assert_eq!(
            ValueScanner::default().scan("[".repeat(128).as_bytes()),
            Scanned::Wrong(127, "no level deeper than 128")
        );
    }
}
