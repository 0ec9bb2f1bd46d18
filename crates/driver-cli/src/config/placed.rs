use super::place::Place;

/// A value of a configuration file that is only put to use later, and where to say that it was wrong.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    /// The value.
    pub(crate) value: T,
    /// Where its key stands.
    pub(crate) place: Place,
}
