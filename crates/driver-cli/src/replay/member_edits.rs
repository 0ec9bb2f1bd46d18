use std::collections::BTreeSet;

use bytes::Bytes;

/// What is changed of the top-level members of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberEdits {
    replaced: Vec<(String, Bytes)>,
    removed: BTreeSet<String>,
    emptied: BTreeSet<String>,
    left_open: bool,
}

/// What is done to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberEdit {
    Keep,
    /// Its value is that of the replacement with this index.
    Replace(usize),
    Remove,
    /// If it is an array or an object, nothing is in it.
    Empty,
}

impl MemberEdits {
    /// Members that get these values, JSON texts, or are appended with them. Of two with one name, the last counts.
    pub(super) fn replace(mut self, members: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        for (name, value) in members {
            match self.replaced.iter_mut().find(|(other, _)| *other == name) {
                Some((_, replaced)) => *replaced = value,
                None => self.replaced.push((name, value)),
            }
        }
        self
    }

    /// Members that are left out.
    pub(super) fn remove(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.removed.extend(names);
        self
    }

    /// Arrays and objects of which the brackets are left.
    pub(super) fn empty(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.emptied.extend(names);
        self
    }

    /// Leaves out the closing brace and writes a comma after the last member, if there is one: whoever appends members
    /// need not know whether others stand before them.
    pub(super) fn left_open(mut self) -> Self {
        self.left_open = true;
        self
    }

    pub(super) fn is_left_open(&self) -> bool {
        self.left_open
    }

    pub(super) fn replacements(&self) -> &[(String, Bytes)] {
        &self.replaced
    }

    pub(super) fn of(&self, name: &str) -> MemberEdit {
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
