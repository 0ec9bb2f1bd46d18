/// Whether the source may be polled: keeps ended sources ended, and remembers a panic.
///
/// A poll that unwinds never reaches [`leave`](Gate::leave), so finding the gate still entered means
/// that the source panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Entered,
    Closed,
}

impl Gate {
    /// Before a poll of the source. `false`: it has ended, do not poll it.
    ///
    /// # Panics
    ///
    /// When the source panicked before. It has no error type we could make a value of, and whatever
    /// it said next could look like a clean end.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(&mut self) -> bool {
        assert!(
            *self != Self::Entered,
            "polled again after a poll of the source panicked"
        );
        if *self == Self::Closed {
            return false;
        }
        *self = Self::Entered;
        true
    }

    /// After a poll that may be followed by another.
    #[inline]
    pub(crate) fn leave(&mut self) {
        *self = Self::Open;
    }

    /// After a poll that returned the end or an error.
    #[inline]
    pub(crate) fn close(&mut self) {
        *self = Self::Closed;
    }

    /// Outside of a poll: whether the source panicked.
    #[inline]
    pub(crate) fn is_poisoned(self) -> bool {
        self == Self::Entered
    }

    /// Whether the source has returned the end or an error.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self == Self::Closed
    }
}
