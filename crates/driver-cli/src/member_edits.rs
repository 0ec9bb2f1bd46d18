//! Edits of an auction's top-level members, which solvers get.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::auction_members::Members;

/// The member that solvers which look for liquidity themselves are not sent.
const LIQUIDITY: &str = "liquidity";

/// Edits of an auction's top-level members: the key of a view that solvers with the same edits share.
///
/// Members that differ between solvers are removed here, and [appended](closing_members) to the document that is left open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemberEdits {
    removed: BTreeSet<String>,
    /// Arrays and objects of which only the brackets stay.
    emptied: BTreeSet<String>,
    left_open: bool,
}

impl MemberEdits {
    /// No edits.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Removes these members, too.
    #[must_use]
    pub fn remove<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.removed.extend(names.into_iter().map(Into::into));
        self
    }

    /// Empties the member `liquidity`, as the driver of CoW Protocol does for solvers that fetch none.
    #[must_use]
    pub fn without_liquidity(mut self) -> Self {
        self.emptied.insert(LIQUIDITY.to_owned());
        self
    }

    /// Leaves out the closing brace, and ends with a comma if there is a member, so that members can be appended.
    #[must_use]
    pub fn left_open(mut self) -> Self {
        self.left_open = true;
        self
    }

    /// Whether there are no edits.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What replaces a member's value that begins with this byte, if anything does.
    fn replacement(&self, name: &str, first: u8) -> Option<&'static [u8]> {
        match first {
            b'[' if self.emptied.contains(name) => Some(b"[]"),
            b'{' if self.emptied.contains(name) => Some(b"{}"),
            _ => None,
        }
    }
}

/// The end of an auction that was left open: these members, as names and JSON texts, and the brace.
pub fn closing_members(members: &[(String, Bytes)]) -> Bytes {
    let members = members.iter().map(|(name, value)| {
        let name = serde_json::Value::from(name.as_str()).to_string();
        [name.as_bytes(), b":", value].concat()
    });
    let members = members.collect::<Vec<_>>().join(&b',');
    [&members[..], b"}"].concat().into()
}

/// A part of an edited document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Bytes),
    /// These bytes of the original document.
    Original(Range<u64>),
}

impl Piece {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Original(range) => range.end - range.start,
        }
    }

    /// Splits off the first `length` bytes.
    pub(crate) fn split_to(&mut self, length: u64) -> Self {
        match self {
            // Text is in memory, so that its length fits.
            Self::Text(text) => Self::Text(text.split_to(length as usize)),
            Self::Original(range) => {
                let first = range.start..range.start + length;
                range.start = first.end;
                Self::Original(first)
            }
        }
    }
}

/// Iterates over the pieces of an edited document whose original may still be arriving.
///
/// Drops white space around members, and keeps it inside their values.
#[derive(Debug)]
pub(crate) struct EditedPieces {
    edits: Option<Arc<MemberEdits>>,
    next: Next,
    /// Whether a member has been returned.
    any: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Member(usize),
    /// The value of this member, from this byte on.
    Value(usize, u64),
    End,
}

impl EditedPieces {
    /// Without edits, the pieces are the document byte for byte.
    pub(crate) fn new(edits: Option<Arc<MemberEdits>>) -> Self {
        let (next, any) = (Next::Member(0), false);
        Self { edits, next, any }
    }

    /// The next piece, if it is known. `members` and `readable` are what is known of the original.
    pub(crate) fn next(&mut self, members: &Members, readable: u64) -> Option<Piece> {
        let Some(edits) = &self.edits else {
            let from = match self.next {
                Next::Value(_, from) => from,
                _ => 0,
            };
            self.next = Next::Value(0, readable);
            return (from < readable).then_some(Piece::Original(from..readable));
        };
        loop {
            match self.next {
                Next::Member(index) => {
                    let Some(member) = members.list.get(index) else {
                        let end: &[u8] = match (edits.left_open, self.any) {
                            _ if !members.are_all => return None,
                            (false, true) => b"}",
                            (false, false) => b"{}",
                            (true, true) => b",",
                            (true, false) => b"{",
                        };
                        self.next = Next::End;
                        return Some(Piece::Text(Bytes::from_static(end)));
                    };
                    if edits.removed.contains(&member.name) {
                        self.next = Next::Member(index + 1);
                        continue;
                    }
                    let empty = edits.replacement(&member.name, member.first);
                    self.next = match empty {
                        Some(_) => Next::Member(index + 1),
                        None => Next::Value(index, member.start),
                    };
                    let before: &[u8] = if self.any { b"," } else { b"{" };
                    let text = [before, &member.key, b":", empty.unwrap_or_default()].concat();
                    self.any = true;
                    return Some(Piece::Text(text.into()));
                }
                Next::Value(index, from) => {
                    let end = members.list[index].end;
                    let known = end.unwrap_or(readable).min(readable);
                    self.next = match end {
                        Some(end) if end == known => Next::Member(index + 1),
                        _ => Next::Value(index, known.max(from)),
                    };
                    if from < known {
                        return Some(Piece::Original(from..known));
                    }
                    if matches!(self.next, Next::Value(..)) {
                        return None;
                    }
                }
                Next::End => return None,
            }
        }
    }

    /// Whether there are no more pieces, once the original is known to be whole.
    pub(crate) fn are_over(&self) -> bool {
        self.edits.is_none() || self.next == Next::End
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auction_members::AuctionCheck;

    fn sent(json: &str, edits: &MemberEdits) -> String {
        let (mut check, mut members) = (AuctionCheck::default(), Members::default());
        check.push(json.as_bytes(), &mut members).unwrap();
        let edits = (!edits.is_nothing()).then(|| Arc::new(edits.clone()));
        let mut pieces = EditedPieces::new(edits);
        let mut sent = String::new();
        while let Some(piece) = pieces.next(&members, json.len() as u64) {
            sent += match &piece {
                Piece::Text(text) => str::from_utf8(text).unwrap(),
                Piece::Original(range) => &json[range.start as usize..range.end as usize],
            };
        }
        assert!(pieces.are_over());
        sent
    }

    fn edited(json: &str, edits: MemberEdits, members: &[(&str, &str)]) -> String {
        let members: Vec<(String, Bytes)> = members
            .iter()
            .map(|&(name, value)| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes())))
            .collect();
        if members.is_empty() {
            return sent(json, &edits);
        }
        let tail = closing_members(&members);
        sent(json, &edits.left_open()) + std::str::from_utf8(&tail).unwrap()
    }

    #[test]
    fn what_differs_comes_last() {
        let auction = r#"{"id":"1","liquidity":[{"a":1}],"deadline":7,"orders":[1,2]}"#;
        let deadline = || MemberEdits::nothing().remove(["deadline"]);
        for (edits, members, expected) in [
            (MemberEdits::nothing(), &[][..], auction),
            (
                deadline(),
                &[("deadline", "8"), ("x\"", "null")][..],
                r#"{"id":"1","liquidity":[{"a":1}],"orders":[1,2],"deadline":8,"x\"":null}"#,
            ),
            (
                deadline().without_liquidity(),
                &[("deadline", "8")],
                r#"{"id":"1","liquidity":[],"orders":[1,2],"deadline":8}"#,
            ),
            (
                deadline().remove(["id", "liquidity", "orders", "none"]),
                &[("id", "2")],
                r#"{"id":2}"#,
            ),
        ] {
            assert_eq!(edited(auction, edits, members), expected);
        }
        assert_eq!(
            edited("{}", MemberEdits::nothing(), &[("a", "1")]),
            r#"{"a":1}"#
        );
        assert_eq!(edited("{}", MemberEdits::nothing(), &[]), "{}");
    }

    #[test]
    fn liquidity_that_is_an_object_stays_one() {
        for (auction, expected) in [
            (r#"{"liquidity":{"a":1}}"#, r#"{"liquidity":{}}"#),
            (r#"{"liquidity":"x","b":1}"#, r#"{"liquidity":"x","b":1}"#),
        ] {
            let edits = MemberEdits::nothing().without_liquidity();
            assert_eq!(edited(auction, edits, &[]), expected);
        }
    }
}
