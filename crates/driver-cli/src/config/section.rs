use toml::de::DeTable;

use super::config_error::ConfigError;
use super::entry::Entry;
use super::key_path::KeyPath;
use super::problem::Problem;
use super::source::Source;

/// How long an unknown key may be to be compared with known ones, in bytes: comparing costs the product of the lengths.
const LONGEST_COMPARED: usize = 40;

/// A table of the file.
#[derive(Clone)]
pub(super) struct Section<'a> {
    pub(super) source: Source<'a>,
    pub(super) path: KeyPath,
    /// Where it begins, in bytes.
    pub(super) offset: usize,
    pub(super) table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// The value of `key`, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        let (key, value) = self.table.get_key_value(key)?;
        Some(Entry {
            source: self.source,
            path: self.path.key(key.get_ref()),
            key: key.get_ref(),
            offset: key.span().start,
            value: value.get_ref(),
        })
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn require(&self, key: &'static str) -> Result<Entry<'a>, ConfigError> {
        self.get(key)
            .ok_or_else(|| self.error(Problem::Missing { key }))
    }

    /// All values, in the order of the file.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter()
            .filter_map(|key| self.get(key.get_ref().as_ref()))
    }

    /// Refuses keys other than these.
    ///
    /// # Errors
    /// When there is one: the first.
    pub(super) fn allow(self, known: &[&'static str]) -> Result<Self, ConfigError> {
        let unknown = self
            .entries()
            .find(|entry| !known.contains(&entry.key))
            .map(|entry| {
                let nearest = nearest(entry.key, known);
                entry.error(Problem::UnknownKey { nearest })
            });
        match unknown {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// An error about the table.
    pub(super) fn error(&self, problem: Problem) -> ConfigError {
        self.source.error(self.offset, self.path.clone(), problem)
    }
}

/// The known key that `key` is most likely meant to be, if it is close to one.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    if key.len() > LONGEST_COMPARED {
        return None;
    }
    known
        .iter()
        .map(|known| (strsim::osa_distance(key, known), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).clamp(1, 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_keys_are_suggested() {
        let known = ["id", "deadline", "skip-liquidity", "http2", "length"];
        for (key, suggested) in [
            ("deadlin", Some("deadline")),
            ("skip_liquidity", Some("skip-liquidity")),
            ("lenght", Some("length")),
            ("http", Some("http2")),
            ("ID", None),
            ("url", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, &known), suggested, "{key}");
        }
        assert_eq!(nearest(&"deadline".repeat(100_000), &known), None);
    }
}
