use std::time::Duration;

use object_store::Error;

/// A call that a script can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A single PUT.
    Put,
    /// The creation of a multipart upload.
    Create,
    /// One part of an upload.
    Part,
    /// The completion of an upload.
    Complete,
    /// The abort of an upload.
    Abort,
    /// A GET or a HEAD.
    Get,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] = [
        Self::Put,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Get,
    ];
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call fails and is not executed.
    Refuse(Failure),
    /// The call is executed, and then fails.
    LoseAnswer(Failure),
    /// The call fails at once, and is executed after this time on the tokio clock. Use it for a
    /// [`Put`](Operation::Put) that the client has given up.
    Late(Duration, Failure),
    /// The upload is completed, and then the call fails. Use it for an [`Abort`](Operation::Abort)
    /// that arrives after a completion in flight.
    CompleteInstead(Failure),
    /// The call is executed without its condition, as by a server that ignores it. Use it for a
    /// [`Put`](Operation::Put).
    IgnoreCondition,
    /// The call is not executed and never answers.
    Hang,
    /// The call is executed once the store is [released](crate::ScriptedStore::release).
    Hold,
    /// The call is executed after this time on the tokio clock.
    Delay(Duration),
    /// The call is executed after it has yielded to the runtime this often.
    Yield(usize),
    /// The call panics and is not executed.
    Panic,
}

/// The error with which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// [`Error::Generic`], like for a reset, a timeout or a server error.
    Other,
    /// [`Error::NotFound`].
    NotFound,
    /// [`Error::AlreadyExists`].
    AlreadyExists,
    /// [`Error::PermissionDenied`].
    Forbidden,
    /// [`Error::NotImplemented`].
    Unsupported,
}

impl Failure {
    pub(crate) fn error(self, message: String) -> Error {
        let path = String::new();
        match self {
            Self::Other => Error::Generic {
                store: "ScriptedStore",
                source: message.into(),
            },
            Self::NotFound => Error::NotFound {
                path,
                source: message.into(),
            },
            Self::AlreadyExists => Error::AlreadyExists {
                path,
                source: message.into(),
            },
            Self::Forbidden => Error::PermissionDenied {
                path,
                source: message.into(),
            },
            Self::Unsupported => Error::NotImplemented {
                operation: message,
                implementer: "ScriptedStore".into(),
            },
        }
    }
}

/// An effect, and the calls that it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    operation: Operation,
    calls: Calls,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    All,
    Nth(usize),
    EveryNth(usize),
}

impl Rule {
    /// Applies to every call.
    pub fn always(operation: Operation, effect: Effect) -> Self {
        Self::new(operation, Calls::All, effect)
    }

    /// Applies only to the `n`-th call of the operation, counted from 0.
    pub fn nth(operation: Operation, n: usize, effect: Effect) -> Self {
        Self::new(operation, Calls::Nth(n), effect)
    }

    /// Applies to every `n`-th call of the operation: to calls 2, 5 and 8 for 3. For 0, to none.
    pub fn every_nth(operation: Operation, n: usize, effect: Effect) -> Self {
        Self::new(operation, Calls::EveryNth(n), effect)
    }

    fn new(operation: Operation, calls: Calls, effect: Effect) -> Self {
        Self {
            operation,
            calls,
            effect,
        }
    }

    /// Returns the effect on the call with this number, if the rule applies to it.
    pub(crate) fn effect_on(&self, operation: Operation, number: usize) -> Option<Effect> {
        let meant = match self.calls {
            Calls::All => true,
            Calls::Nth(n) => number == n,
            Calls::EveryNth(n) => (number + 1).is_multiple_of(n),
        };
        (meant && self.operation == operation).then_some(self.effect)
    }
}
