use std::fmt;

use super::place::Place;
use super::problem::Problem;
use driver_streaming::error_chain;

/// A mistake in a configuration file, shown as one line: `driver.toml:12:1: solver[1].encoding: no codec is called …`.
///
/// No message repeats what may be secret: endpoints, locations and the values of headers. What a library said is part
/// of the line, so there is no [`source`](std::error::Error::source); it is kept in [`problem`](Self::problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) struct ConfigError {
    /// Where; its key is the one that it is about, or the table that lacks something.
    pub(crate) place: Place,
    /// What is wrong.
    pub(crate) problem: Box<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}: {}", self.place, error_chain(&*self.problem));
        formatter.write_str(&line.replace(char::is_control, " "))
    }
}
