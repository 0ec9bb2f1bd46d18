use std::fmt::{self, Write};

/// How many characters of a key are shown.
const LONGEST_KEY: usize = 64;

/// Where a value stands in a file: `solver[1].set."a b"`, with the tables of an array counted from 0.
///
/// A key is quoted where TOML would have it quoted, and shortened if it is very long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(String);

impl KeyPath {
    /// The path of the file's top level.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// The path of a key of the table at this path.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        if !path.is_empty() {
            path.push('.');
        }
        let is_bare =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        if key.is_empty() || !key.chars().all(is_bare) {
            let shown: String = key.chars().take(LONGEST_KEY).collect();
            // Writing to a string cannot fail.
            let _written = write!(path, "{shown:?}");
        } else {
            // A bare key is ASCII, so this is between characters.
            path.push_str(&key[..key.len().min(LONGEST_KEY)]);
        }
        if key.chars().nth(LONGEST_KEY).is_some() {
            path.push('…');
        }
        Self(path)
    }

    /// The path of an element of the array at this path, counted from 0.
    pub(super) fn element(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// Whether it is the path of the top level.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_where_toml_quotes_them_and_stay_short() {
        let path = KeyPath::root().key("solver").element(1);
        for (key, shown) in [
            ("skip-liquidity", "solver[1].skip-liquidity"),
            ("a.b\n", "solver[1].\"a.b\\n\""),
            ("", "solver[1].\"\""),
        ] {
            assert_eq!(path.key(key).to_string(), shown);
        }
        let long = path.key(&"a".repeat(1_000)).to_string();
        assert_eq!(long, format!("solver[1].{}…", "a".repeat(64)));
        let long = path.key(&"ä".repeat(1_000)).to_string();
        assert_eq!(long, format!("solver[1].\"{}\"…", "ä".repeat(64)));
    }
}
