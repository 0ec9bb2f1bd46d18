use std::fmt;

use crate::place::Place;

/// Something that must hold, and did not.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    place: Option<Place>,
    what: String,
    details: Vec<(&'static str, String)>,
}

impl Violation {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            place: None,
            what: what.into(),
            details: Vec::new(),
        }
    }

    /// Says where, unless that is known already.
    #[must_use]
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Adds what helps to understand it.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, detail: impl fmt::Debug) -> Self {
        self.details.push((name, format!("{detail:?}")));
        self
    }

    pub(crate) fn place(&self) -> Option<Place> {
        self.place
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.what)?;
        for (name, detail) in &self.details {
            write!(formatter, "\n{name}: {detail}")?;
        }
        Ok(())
    }
}
