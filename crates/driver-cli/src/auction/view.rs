use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Serialize, Serializer};

use super::parser::Value;
use super::raw_auction::{InText, RawAuction};

/// The member that solvers which look for liquidity themselves are not sent.
pub(crate) const LIQUIDITY: &str = "liquidity";

/// Which part of an auction a solver is sent by all that it shares with others: a key by which solvers are grouped.
///
/// Members that differ from solver to solver are left out here, and [appended](closing_members) to the shared part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Omission {
    members: BTreeSet<String>,
    liquidity: bool,
}

impl Omission {
    /// Leaves nothing out.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Leaves out these top-level members too.
    #[must_use]
    pub fn members<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.members.extend(names.into_iter().map(Into::into));
        self
    }

    /// Leaves out what is in the member `liquidity`: it is an empty array, as the driver of CoW Protocol sends it to
    /// solvers that fetch none.
    #[must_use]
    pub fn liquidity(mut self) -> Self {
        self.liquidity = true;
        self
    }

    /// Whether the auction is sent as it is.
    pub fn is_nothing(&self) -> bool {
        !self.liquidity && self.members.is_empty()
    }

    /// The names of the members that are left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(String::as_str)
    }

    pub(crate) fn is_without_liquidity(&self) -> bool {
        self.liquidity
    }
}

/// An auction without what an [`Omission`] leaves out. Holds no copy of it.
#[derive(Clone, Debug)]
pub struct AuctionView {
    auction: Arc<RawAuction>,
    omission: Omission,
}

impl AuctionView {
    /// `auction` without what `omission` leaves out.
    pub fn new(auction: Arc<RawAuction>, omission: Omission) -> Self {
        Self { auction, omission }
    }

    /// Whether there is any member in it: then one that is appended comes after a comma.
    pub fn has_members(&self) -> bool {
        self.auction
            .members
            .iter()
            .any(|member| !self.omission.members.contains(&member.name))
    }
}

impl Serialize for AuctionView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = self
            .auction
            .members
            .iter()
            .filter(|member| !self.omission.members.contains(&member.name));
        serializer.collect_map(kept.map(|member| {
            let value = InText {
                text: &self.auction.text,
                part: &member.value,
            };
            let emptied = self.omission.liquidity && member.name == LIQUIDITY;
            (member.name.as_str(), MemberValue { value, emptied })
        }))
    }
}

/// The value of a member, or what is left of it when it is emptied.
struct MemberValue<'a> {
    value: InText<'a, &'a Value>,
    emptied: bool,
}

impl Serialize for MemberValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value.part {
            Value::Array(_) if self.emptied => serializer.collect_seq(std::iter::empty::<()>()),
            Value::Object(_) if self.emptied => {
                serializer.collect_map(std::iter::empty::<((), ())>())
            }
            _ => self.value.serialize(serializer),
        }
    }
}

/// What follows an object that was left open: these members, names and the JSON texts of their values, and the brace.
///
/// `after_member` says whether the first of them is to come after a comma.
pub fn closing_members(members: &[(String, Bytes)], after_member: bool) -> Bytes {
    let mut tail = BytesMut::new();
    for (index, (name, value)) in members.iter().enumerate() {
        if after_member || index > 0 {
            tail.put_u8(b',');
        }
        tail.put(
            serde_json::Value::from(name.as_str())
                .to_string()
                .as_bytes(),
        );
        tail.put_u8(b':');
        tail.put(&value[..]);
    }
    tail.put_u8(b'}');
    tail.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str, omission: Omission, members: &[(&str, &str)]) -> String {
        let auction = Arc::new(RawAuction::parse(json.as_bytes().to_vec()).unwrap());
        let view = AuctionView::new(auction, omission);
        let members: Vec<(String, Bytes)> = members
            .iter()
            .map(|&(name, value)| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes())))
            .collect();
        let mut text = serde_json::to_string(&view).unwrap();
        text.pop();
        let tail = closing_members(&members, view.has_members());
        text + std::str::from_utf8(&tail).unwrap()
    }

    #[test]
    fn what_differs_comes_last() {
        let auction = r#"{"id":"1","liquidity":[{"a":1}],"deadline":7,"orders":[1,2]}"#;
        let deadline = || Omission::nothing().members(["deadline"]);
        for (omission, members, expected) in [
            (Omission::nothing(), &[][..], auction),
            (
                deadline(),
                &[("deadline", "8"), ("x\"", "null")][..],
                r#"{"id":"1","liquidity":[{"a":1}],"orders":[1,2],"deadline":8,"x\"":null}"#,
            ),
            (
                deadline().liquidity(),
                &[("deadline", "8")],
                r#"{"id":"1","liquidity":[],"orders":[1,2],"deadline":8}"#,
            ),
            (
                deadline().members(["id", "liquidity", "orders", "none"]),
                &[("id", "2")],
                r#"{"id":2}"#,
            ),
        ] {
            assert_eq!(text(auction, omission, members), expected);
        }
        assert_eq!(text("{}", Omission::nothing(), &[("a", "1")]), r#"{"a":1}"#);
        assert_eq!(text("{}", Omission::nothing(), &[]), "{}");
    }

    #[test]
    fn liquidity_that_is_an_object_stays_one() {
        let omission = || Omission::nothing().liquidity();
        assert_eq!(
            text(r#"{"liquidity":{"a":1}}"#, omission(), &[]),
            r#"{"liquidity":{}}"#
        );
        assert_eq!(
            text(r#"{"liquidity":"x","b":1}"#, omission(), &[]),
            r#"{"liquidity":"x","b":1}"#
        );
    }
}
