//! Which members of an archived auction are replaced, removed or emptied.

use std::collections::BTreeSet;

use bytes::Bytes;

/// What is changed of the top-level members of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberEdits {
    /// Members that get these values, JSON texts, or are appended with them.
    pub(crate) replaced: Vec<(String, Bytes)>,
    /// Members that are left out.
    pub(crate) removed: BTreeSet<String>,
    /// Arrays and objects of which the brackets are left.
    pub(crate) emptied: BTreeSet<String>,
    /// Leaves out the closing brace and writes a comma after the last member, if there is one: whoever appends members
    /// need not know whether others stand before them.
    pub(crate) left_open: bool,
}

/// What is done to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberEdit {
    Keep,
    /// Its value is that of the replacement with this index.
    Replace(usize),
    Remove,
    /// If it is an array or an object, nothing is in it.
    Empty,
}

impl MemberEdits {
    /// Replaces or appends a member. Of two with one name, the last counts.
    pub(crate) fn replace(&mut self, name: String, value: Bytes) {
        match self.replaced.iter_mut().find(|(other, _)| *other == name) {
            Some((_, replaced)) => *replaced = value,
            None => self.replaced.push((name, value)),
        }
    }

    pub(crate) fn of(&self, name: &str) -> MemberEdit {
        let replaced = self.replaced.iter().position(|(other, _)| other == name);
        if let Some(index) = replaced {
            MemberEdit::Replace(index)
        } else if self.removed.contains(name) {
            MemberEdit::Remove
        } else if self.emptied.contains(name) {
            MemberEdit::Empty
        } else {
            MemberEdit::Keep
        }
    }
}
