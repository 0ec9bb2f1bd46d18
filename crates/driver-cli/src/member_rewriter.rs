//! Changes top-level members of a JSON object on its way, in constant memory.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::member_edits::{MemberEdit, MemberEdits};
use crate::value_scanner::{Scanned, ValueScanner};

/// The longest name of a top-level member: it is held to be compared. White space around it that is longer is dropped.
const LONGEST_NAME: usize = 64 * 1024;

/// Why an archived document cannot be an auction. The offset counts bytes of the archived document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RewriteError {
    /// Something stands where the structure of the top level wants something else.
    #[error(
        "the archived document is no JSON object: {found:?} at byte {offset}, where {expected} must stand"
    )]
    Unexpected {
        found: char,
        expected: &'static str,
        offset: u64,
    },
    /// The document ends within the object.
    #[error("the archived document is cut off after {length} bytes")]
    CutOff { length: u64 },
    /// The name of a top-level member is longer than is held.
    #[error(
        "the archived document has a member name longer than {LONGEST_NAME} bytes at byte {offset}"
    )]
    LongName { offset: u64 },
}

/// Changes top-level members of a JSON object that comes in pieces of any size, as [`MemberEdits`] say.
///
/// The structure of the top level is checked, and that brackets match; what is not to be changed is passed on as it is,
/// values without a copy and without being parsed. Holds no more than one member's name.
#[derive(Debug)]
pub(crate) struct MemberRewriter {
    edits: MemberEdits,
    state: State,
    /// What stands before the value whose member is being read: comma, white space, name.
    held: BytesMut,
    /// Where the name begins in that.
    name_start: usize,
    /// Whether a member has been handed out.
    any: bool,
    /// Of the piece that is being read.
    offset: u64,
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
    Value(MemberEdit),
    InValue(MemberEdit, ValueScanner),
    AfterValue,
    End,
}

impl MemberRewriter {
    pub(crate) fn new(edits: MemberEdits) -> Self {
        Self {
            edits,
            state: State::Start,
            held: BytesMut::new(),
            name_start: 0,
            any: false,
            offset: 0,
        }
    }

    /// Takes the next piece and appends what becomes of it to `output`.
    pub(crate) fn push(
        &mut self,
        piece: &Bytes,
        output: &mut VecDeque<Bytes>,
    ) -> Result<(), RewriteError> {
        let mut at = 0;
        while at < piece.len() {
            let State::InValue(edit, scanner) = &mut self.state else {
                self.step(piece[at], at, output)?;
                at += 1;
                continue;
            };
            let (keep, scanned) = (*edit == MemberEdit::Keep, scanner.scan(&piece[at..]));
            let end = match scanned {
                Scanned::More => piece.len(),
                Scanned::Ended(after) => at + after,
                Scanned::Wrong(after, expected) => {
                    return Err(self.unexpected(piece[at + after], at + after, expected));
                }
            };
            if matches!(scanned, Scanned::Ended(_)) {
                self.state = State::AfterValue;
            }
            if keep && at < end {
                output.push_back(piece.slice(at..end));
            }
            at = end;
        }
        if matches!(
            self.state,
            State::Start | State::Value(MemberEdit::Keep) | State::End
        ) {
            self.flush(output);
        }
        self.offset += piece.len() as u64;
        Ok(())
    }

    /// Takes the next byte outside of values, which stands at `at` in the piece.
    fn step(
        &mut self,
        byte: u8,
        at: usize,
        output: &mut VecDeque<Bytes>,
    ) -> Result<(), RewriteError> {
        let is_space = byte.is_ascii_whitespace();
        match (self.state, byte) {
            (State::InName { escaped }, _) => {
                self.hold(byte, at)?;
                self.state = match byte {
                    b'"' if !escaped => State::Colon,
                    _ => State::InName {
                        escaped: byte == b'\\' && !escaped,
                    },
                };
            }
            (State::First | State::Name | State::Colon, _) if is_space => {
                if self.held.len() < LONGEST_NAME {
                    self.held.put_u8(byte);
                }
            }
            (State::Start | State::Value(MemberEdit::Keep), _) if is_space => {
                self.held.put_u8(byte);
            }
            // What follows an object that is left open would stand before what others append to it.
            (State::End, _) if is_space && !self.edits.left_open => self.held.put_u8(byte),
            (State::Value(_) | State::End, _) if is_space => {}
            (State::Start, b'{') => {
                self.held.put_u8(byte);
                self.flush(output);
                self.state = State::First;
            }
            (State::First | State::Name, b'"') => {
                self.name_start = self.held.len();
                self.held.put_u8(byte);
                self.state = State::InName { escaped: false };
            }
            (State::Colon, b':') => self.state = State::Value(self.decide()),
            (State::Value(edit), _) if !matches!(byte, b',' | b'}' | b']' | b':') => {
                let mut scanner = ValueScanner::default();
                scanner.scan(&[byte]);
                let empty = edit.replaces(byte);
                self.state = match (edit, &empty) {
                    (MemberEdit::Remove, _) | (_, Some(_)) => {
                        State::InValue(MemberEdit::Remove, scanner)
                    }
                    _ => {
                        self.held.put_u8(byte);
                        State::InValue(MemberEdit::Keep, scanner)
                    }
                };
                self.flush(output);
                output.extend(empty);
            }
            (State::AfterValue, b',') => {
                self.held.put_u8(byte);
                self.state = State::Name;
            }
            (State::First | State::AfterValue, b'}') => {
                match (self.edits.left_open, self.any) {
                    (false, _) => self.held.put_u8(byte),
                    (true, true) => self.held.put_u8(b','),
                    (true, false) => {}
                }
                self.state = State::End;
            }
            (state, _) => {
                let expected = match state {
                    State::Start => "'{'",
                    State::First => "a member or '}'",
                    State::Name | State::InName { .. } => "a member",
                    State::Colon => "':'",
                    State::Value(_) | State::InValue(..) => "a value",
                    State::AfterValue => "',' or '}'",
                    State::End => "the end",
                };
                return Err(self.unexpected(byte, at, expected));
            }
        }
        Ok(())
    }

    /// Says whether the object was whole.
    pub(crate) fn finish(&self) -> Result<(), RewriteError> {
        match self.state {
            State::End => Ok(()),
            _ => Err(RewriteError::CutOff {
                length: self.offset,
            }),
        }
    }

    /// Keeps a byte until it is known whether its member is handed out.
    fn hold(&mut self, byte: u8, at: usize) -> Result<(), RewriteError> {
        if self.held.len() - self.name_start >= LONGEST_NAME {
            let offset = self.offset + at as u64;
            return Err(RewriteError::LongName { offset });
        }
        self.held.put_u8(byte);
        Ok(())
    }

    /// Decides what becomes of the member whose name has just been read. Of one that is removed, nothing is held any more.
    fn decide(&mut self) -> MemberEdit {
        // A name that does not decode is none of ours, and is passed on.
        let name = serde_json::from_slice::<String>(self.held[self.name_start..].trim_ascii()).ok();
        let edit = name.map_or(MemberEdit::Keep, |name| self.edits.of(&name));
        if edit == MemberEdit::Remove {
            self.held.clear();
            return edit;
        }
        if !self.any && self.held.first() == Some(&b',') {
            self.held.advance(1);
        }
        self.any = true;
        self.held.put_u8(b':');
        edit
    }

    /// Hands out what is held.
    fn flush(&mut self, output: &mut VecDeque<Bytes>) {
        if !self.held.is_empty() {
            output.push_back(self.held.split().freeze());
        }
    }

    fn unexpected(&self, found: u8, at: usize, expected: &'static str) -> RewriteError {
        RewriteError::Unexpected {
            found: char::from(found),
            expected,
            offset: self.offset + at as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::member_edits::closing_members;

    /// With these members removed, and appended again with the values that are given.
    fn rewrite(text: &[u8], piece: usize, set: &[(&str, &str)]) -> Result<String, RewriteError> {
        let edits = MemberEdits::nothing().remove(set.iter().map(|(name, _)| *name));
        if set.is_empty() {
            return run(text, piece, edits);
        }
        let members: Vec<_> = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::from((*value).to_owned())))
            .collect();
        let tail = closing_members(&members);
        run(text, piece, edits.left_open()).map(|text| text + std::str::from_utf8(&tail).unwrap())
    }

    fn run(text: &[u8], piece: usize, edits: MemberEdits) -> Result<String, RewriteError> {
        let mut rewriter = MemberRewriter::new(edits);
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
                r#" { "a" : {"b":[1,"}\",{"]} ,"c":[{"b":3}],"b":true,"d":"x"}"#
            );
            assert_eq!(
                rewrite(text, piece, &[("a", "0"), ("c", "1")]).unwrap(),
                r#" {"\u0062": 2 ,"a":0,"c":1}"#
            );
            assert_eq!(
                rewrite(b"{ }", piece, &[("a", "0"), ("b", "1")]).unwrap(),
                r#"{ "a":0,"b":1}"#
            );
        }
    }

    #[test]
    fn removes_and_empties_whatever_the_pieces() {
        let text = br#" { "a" : {"b":[1,"}\",{"]} ,"\u0062": 2 ,"c":[{"b":3}] ,"d":7} "#;
        let edits = |removed: &[&str], emptied: &[&str], left_open| MemberEdits {
            removed: removed.iter().map(|&name| name.to_owned()).collect(),
            emptied: emptied.iter().map(|&name| name.to_owned()).collect(),
            left_open,
        };
        for piece in 1..=text.len() {
            for (removed, emptied, closed, open) in [
                (
                    &["a"][..],
                    &["c", "d"][..],
                    r#" {"\u0062": 2 ,"c":[],"d":7} "#,
                    r#" {"\u0062": 2 ,"c":[],"d":7,"#,
                ),
                (
                    &["b", "d", "x"],
                    &["a"],
                    r#" { "a" :{},"c":[{"b":3}] } "#,
                    r#" { "a" :{},"c":[{"b":3}] ,"#,
                ),
                (&["a", "b", "c", "d"], &[], " {} ", " {"),
            ] {
                let run = |left_open| run(text, piece, edits(removed, emptied, left_open));
                assert_eq!(run(false).unwrap(), closed);
                assert_eq!(run(true).unwrap(), open);
            }
            let left_open = edits(&[], &[], true);
            assert_eq!(run(b"{ }", piece, left_open).unwrap().trim(), "{");
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
    fn white_space_of_any_length_is_no_name() {
        let blanks = " \n".repeat(LONGEST_NAME);
        let text = format!(r#"{{{blanks}"a"{blanks}:{blanks}1{blanks},{blanks}"b":2}}"#);
        for set in [&[][..], &[("b", "3")]] {
            let found = rewrite(text.as_bytes(), 1000, set).unwrap();
            let found: serde_json::Value = serde_json::from_str(&found).unwrap();
            let b = if set.is_empty() { 2 } else { 3 };
            assert_eq!(found, serde_json::json!({"a": 1, "b": b}));
        }
        let long = format!(r#"{{{blanks}"{}":1}}"#, "n".repeat(LONGEST_NAME));
        let refused = rewrite(long.as_bytes(), 1000, &[]);
        assert!(matches!(refused, Err(RewriteError::LongName { .. })));
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
