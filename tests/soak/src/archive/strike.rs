use std::time::Duration;

/// The calls that a writer makes of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StoreCall {
    Put,
    Create,
    Part,
    Complete,
    Abort,
    Look,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not carried out.
    Refused,
    /// It is carried out, but the answer is lost.
    AnswerLost,
    /// It is carried out later.
    Delayed(Duration),
    /// It panics.
    Panics,
}

/// A fault of every so many calls of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) call: StoreCall,
    pub(crate) every: u64,
    pub(crate) fault: Fault,
}
