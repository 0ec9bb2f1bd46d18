use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::rewrite_error::RewriteError;
use super::value_scanner::{Scanned, ValueScanner};

/// The longest name of a top-level member: it is held to be compared.
const LONGEST_NAME: usize = 64 * 1024;

/// Replaces top-level members of a JSON object that comes in pieces of any size.
///
/// The structure of the top level is checked, and that brackets match; what stands between them is passed on as it is,
/// without a copy and without being parsed. A member that the object does not have is appended. Holds no more than one member's name and the new values.
#[derive(Debug)]
pub(super) struct MemberRewriter {
    replacements: Vec<Replacement>,
    state: State,
    /// The name being read, with its quotes.
    name: BytesMut,
    /// Whether the object has had a member.
    any: bool,
    offset: u64,
}

#[derive(Clone, Debug)]
struct Replacement {
    name: String,
    value: Bytes,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// After `{`.
    First,
    /// After `,`.
    Name,
    InName {
        escaped: bool,
    },
    Colon,
    /// After `:`.
    Value {
        replaced: bool,
    },
    InValue {
        replaced: bool,
        scanner: ValueScanner,
    },
    End,
}

impl MemberRewriter {
    pub(super) fn new(replacements: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let replacement = |(name, value)| Replacement {
            name,
            value,
            done: false,
        };
        Self {
            replacements: replacements.into_iter().map(replacement).collect(),
            state: State::Start,
            name: BytesMut::new(),
            any: false,
            offset: 0,
        }
    }

    /// Takes the next piece and appends what becomes of it to `output`.
    pub(super) fn push(
        &mut self,
        piece: &Bytes,
        output: &mut VecDeque<Bytes>,
    ) -> Result<(), RewriteError> {
        // What has been looked at and is passed on as it stands, but not yet handed out.
        let mut kept_from = 0;
        let mut at = 0;
        while at < piece.len() {
            let byte = piece[at];
            match self.state {
                State::InValue {
                    replaced,
                    mut scanner,
                } => {
                    let scanned = scanner.scan(&piece[at..]);
                    self.state = State::InValue { replaced, scanner };
                    at = match scanned {
                        Scanned::More => piece.len(),
                        Scanned::Ended(after) => at + after,
                        Scanned::Wrong(after, expected) => {
                            return Err(RewriteError::Unexpected {
                                found: char::from(piece[at + after]),
                                expected,
                                offset: self.offset + (at + after) as u64,
                            });
                        }
                    };
                    if replaced {
                        kept_from = at;
                    }
                    if matches!(scanned, Scanned::Ended(_)) {
                        let ended = piece[at];
                        if ended == b'}' {
                            self.close(piece, kept_from, at, output);
                            kept_from = at;
                            self.state = State::End;
                        } else {
                            self.state = State::Name;
                        }
                        at += 1;
                    }
                    continue;
                }
                State::InName { escaped } => {
                    if self.name.len() >= LONGEST_NAME {
                        let offset = self.offset + at as u64;
                        return Err(RewriteError::LongName {
                            limit: LONGEST_NAME,
                            offset,
                        });
                    }
                    self.name.extend_from_slice(&[byte]);
                    self.state = match byte {
                        _ if escaped => State::InName { escaped: false },
                        b'\\' => State::InName { escaped: true },
                        b'"' => State::Colon,
                        _ => State::InName { escaped: false },
                    };
                }
                State::Start
                | State::First
                | State::Name
                | State::Colon
                | State::Value { .. }
                | State::End
                    if byte.is_ascii_whitespace() => {}
                State::Start if byte == b'{' => self.state = State::First,
                State::First if byte == b'}' => {
                    self.close(piece, kept_from, at, output);
                    kept_from = at;
                    self.state = State::End;
                }
                State::First | State::Name if byte == b'"' => {
                    self.any = true;
                    self.name.clear();
                    self.name.extend_from_slice(b"\"");
                    self.state = State::InName { escaped: false };
                }
                State::Colon if byte == b':' => {
                    let replaced = self
                        .replacement()
                        .map(|replacement| replacement.value.clone());
                    if let Some(value) = &replaced {
                        emit(piece, kept_from, at + 1, output);
                        output.push_back(value.clone());
                        kept_from = at + 1;
                    }
                    self.state = State::Value {
                        replaced: replaced.is_some(),
                    };
                }
                State::Value { replaced } if !matches!(byte, b',' | b'}' | b']' | b':') => {
                    self.state = State::InValue {
                        replaced,
                        scanner: ValueScanner::default(),
                    };
                    if replaced {
                        kept_from = at;
                    }
                    continue;
                }
                _ => return Err(self.unexpected(byte, at)),
            }
            at += 1;
            if matches!(self.state, State::Value { replaced: true }) {
                kept_from = at;
            }
        }
        emit(piece, kept_from, piece.len(), output);
        self.offset += piece.len() as u64;
        Ok(())
    }

    /// Says whether the object was whole.
    pub(super) fn finish(&self) -> Result<(), RewriteError> {
        match self.state {
            State::End => Ok(()),
            _ => Err(RewriteError::CutOff {
                length: self.offset,
            }),
        }
    }

    /// The replacement for the member whose name has just been read.
    fn replacement(&mut self) -> Option<&mut Replacement> {
        // A name that does not decode is none of ours, and is passed on.
        let name: String = serde_json::from_slice(&self.name).ok()?;
        let found = self
            .replacements
            .iter_mut()
            .find(|replacement| replacement.name == name)?;
        found.done = true;
        Some(found)
    }

    /// Hands out what is kept before the closing brace at `at`, and the members that the object did not have.
    fn close(&mut self, piece: &Bytes, kept_from: usize, at: usize, output: &mut VecDeque<Bytes>) {
        emit(piece, kept_from, at, output);
        for replacement in self
            .replacements
            .iter()
            .filter(|replacement| !replacement.done)
        {
            let comma = if self.any { "," } else { "" };
            let name = serde_json::Value::from(replacement.name.as_str());
            output.push_back(Bytes::from(format!("{comma}{name}:")));
            output.push_back(replacement.value.clone());
            self.any = true;
        }
    }

    fn unexpected(&self, found: u8, at: usize) -> RewriteError {
        let expected = match self.state {
            State::Start => "'{'",
            State::First => "a member or '}'",
            State::Name | State::InName { .. } => "a member",
            State::Colon => "':'",
            State::Value { .. } | State::InValue { .. } => "a value",
            State::End => "the end",
        };
        RewriteError::Unexpected {
            found: char::from(found),
            expected,
            offset: self.offset + at as u64,
        }
    }
}

fn emit(piece: &Bytes, from: usize, to: usize, output: &mut VecDeque<Bytes>) {
    if from < to {
        output.push_back(piece.slice(from..to));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewrite(text: &[u8], piece: usize, set: &[(&str, &str)]) -> Result<String, RewriteError> {
        let set = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::from((*value).to_owned())));
        let mut rewriter = MemberRewriter::new(set);
        let mut output = VecDeque::new();
        for piece in text.chunks(piece) {
            rewriter.push(&Bytes::copy_from_slice(piece), &mut output)?;
        }
        rewriter.finish()?;
        Ok(String::from_utf8(output.into_iter().flatten().collect()).unwrap())
    }

    #[test]
    fn replaces_and_appends_whatever_the_pieces() {
        let text = br#" { "a" : {"b":[1,"}\",{"]} ,"\u0062": 2 ,"c":[{"b":3}]} "#;
        for piece in 1..=text.len() {
            assert_eq!(rewrite(text, piece, &[]).unwrap().as_bytes(), text);
            assert_eq!(
                rewrite(text, piece, &[("b", "true"), ("d", "\"x\"")]).unwrap(),
                r#" { "a" : {"b":[1,"}\",{"]} ,"\u0062":true,"c":[{"b":3}],"d":"x"} "#
            );
            assert_eq!(
                rewrite(text, piece, &[("a", "0"), ("c", "1")]).unwrap(),
                r#" { "a" :0,"\u0062": 2 ,"c":1} "#
            );
            assert_eq!(
                rewrite(b"{ }", piece, &[("a", "0"), ("b", "1")]).unwrap(),
                r#"{ "a":0,"b":1}"#
            );
        }
    }

    #[test]
    fn what_is_no_whole_object_is_an_error() {
        for text in [
            "",
            " ",
            "[1]",
            "1",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":[1}",
            "{\"a\":[1}}",
            "{\"a\":1]}",
            "{}{}",
            "{,}",
            "{\"a\":,}",
            "{a:1}",
            "{\"a\" 1}",
            "{\"a\":1,}",
        ] {
            for piece in 1..=text.len().max(1) {
                assert!(
                    rewrite(text.as_bytes(), piece, &[("a", "0")]).is_err(),
                    "{text:?} in pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn a_long_name_is_refused_before_it_is_held() {
        let text = format!("{{\"{}\":1}}", "x".repeat(LONGEST_NAME));
        assert!(matches!(
            rewrite(text.as_bytes(), 1000, &[]),
            Err(RewriteError::LongName { .. })
        ));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            r#"[\{\}\[\],:"\\a-c]{0,8}"#.prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_parser(
            members in prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, json(), 0..5),
            set in prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, json(), 0..4),
            piece in 1usize..40,
            pretty in any::<bool>(),
        ) {
            let object = serde_json::Value::Object(members.clone().into_iter().collect());
            let text = if pretty { format!("{object:#}") } else { object.to_string() };
            let set: Vec<(String, String)> = set.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            let borrowed: Vec<(&str, &str)> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let found: serde_json::Value = serde_json::from_str(&rewrite(text.as_bytes(), piece, &borrowed).unwrap()).unwrap();
            let mut expected = members;
            for (name, value) in set {
                expected.insert(name, serde_json::from_str(&value).unwrap());
            }
            prop_assert_eq!(found, serde_json::Value::Object(expected.into_iter().collect()));
        }
    }
}
