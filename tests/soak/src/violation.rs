use std::fmt;

use tokio::sync::watch;

use crate::chance::Place;

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

    /// What an error of this kind violates.
    pub(crate) fn by<E: fmt::Debug>(what: &str) -> impl Fn(E) -> Self + Copy {
        move |error| Self::new(what).with("error", error)
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

/// The first violation, for whoever waits for one.
#[derive(Debug, Default)]
pub(crate) struct Verdict(watch::Sender<Option<Violation>>);

impl Verdict {
    /// Only the first counts: others may follow from it.
    pub(crate) fn fail(&self, violation: Violation) {
        self.0.send_modify(|first| {
            first.get_or_insert(violation);
        });
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits for the first violation.
    pub(crate) async fn failed(&self) {
        // The sender is here, so it cannot be gone.
        let mut first = self.0.subscribe();
        let _failed = first.wait_for(Option::is_some).await;
    }

    pub(crate) fn take(&self) -> Option<Violation> {
        self.0.send_replace(None)
    }
}
