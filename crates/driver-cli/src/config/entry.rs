use std::time::Duration;

use toml::de::DeValue;

use super::config_error::ConfigError;
use super::key_path::KeyPath;
use super::placed::Placed;
use super::problem::Problem;
use super::section::Section;
use super::source::Source;
use crate::duration::parse_duration;

/// A value of the file, and where it stands.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    pub(super) source: Source<'a>,
    pub(super) path: KeyPath,
    /// The last key of the path; empty for the elements of an array.
    pub(super) key: &'a str,
    /// Where the key begins, or an element, in bytes.
    pub(super) offset: usize,
    pub(super) value: &'a DeValue<'a>,
}

impl<'a> Entry<'a> {
    /// A text.
    ///
    /// # Errors
    /// When the value is something else.
    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        let text = self.value.as_str();
        text.ok_or_else(|| self.type_error("a string"))
    }

    /// A text of one character or more.
    ///
    /// # Errors
    /// When the value is something else, or empty.
    pub(super) fn some_text(&self) -> Result<&'a str, ConfigError> {
        match self.text()? {
            "" => Err(self.error(Problem::Empty)),
            text => Ok(text),
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When the value is something else.
    pub(super) fn switch(&self) -> Result<bool, ConfigError> {
        let switch = self.value.as_bool();
        switch.ok_or_else(|| self.type_error("true or false"))
    }

    /// An integer of 64 bits.
    ///
    /// # Errors
    /// When the value is something else, or greater or less than that.
    pub(super) fn integer(&self) -> Result<i64, ConfigError> {
        let integer = self.value.as_integer();
        let integer = integer.ok_or_else(|| self.type_error("an integer"))?;
        i64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_error| self.error(Problem::IntegerRange))
    }

    /// A text such as `15s`.
    ///
    /// # Errors
    /// When the value is something else, or out of the range that options have.
    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        parse_duration(self.text()?).map_err(|message| self.error(Problem::Duration { message }))
    }

    /// A table.
    ///
    /// # Errors
    /// When the value is something else.
    pub(super) fn section(&self) -> Result<Section<'a>, ConfigError> {
        let table = self.value.as_table();
        let table = table.ok_or_else(|| self.type_error("a table"))?;
        Ok(Section {
            source: self.source,
            path: self.path.clone(),
            offset: self.offset,
            table,
        })
    }

    /// The elements of an array.
    ///
    /// # Errors
    /// When the value is something else than `expected`.
    pub(super) fn elements(
        &self,
        expected: &'static str,
    ) -> Result<impl Iterator<Item = Self>, ConfigError> {
        let elements = self.value.as_array();
        let elements = elements.ok_or_else(|| self.type_error(expected))?;
        let indexed = elements.iter().enumerate();
        Ok(indexed.map(|(index, element)| Self {
            source: self.source,
            path: self.path.element(index),
            key: "",
            offset: element.span().start,
            value: element.get_ref(),
        }))
    }

    /// `value`, which was read here.
    pub(super) fn placed<T>(&self, value: T) -> Placed<T> {
        Placed {
            value,
            place: self.source.place(self.offset, self.path.clone()),
        }
    }

    /// An error about this value.
    pub(super) fn error(&self, problem: impl Into<Problem>) -> ConfigError {
        self.source
            .error(self.offset, self.path.clone(), problem.into())
    }

    /// An error that says which type the value must have.
    pub(super) fn type_error(&self, expected: &'static str) -> ConfigError {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.error(Problem::Type { expected, found })
    }
}
