use std::time::Duration;

/// What happens when a branch is in the way: it still needs the oldest chunk of a full window, and another branch
/// waits for room.
///
/// | policy | the others wait for it | then it | what that costs |
/// |---|---|---|---|
/// | [`Wait`](Self::Wait) | for ever | — | everybody's time: one stalled reader stops the tee |
/// | [`Fail`](Self::Fail) | not at all | ends with [`Lagged`](crate::TeeError::Lagged) | its own document |
/// | [`Replay`](Self::Replay) | not at all | goes on from its offset, on another cursor | up to one more production |
/// | [`Patience`](Self::Patience) | for `limit`, a sum over its life | does one of the two | at most `limit`, once |
///
/// "Not at all" has an exception: at the [maximum of cursors](crate::TeeBuilder::maximum_cursors) a branch that would replay has
/// nowhere to go. With a timer, the others then wait for it up to 500 ms, or `limit` if that is longer, each time that it is in
/// the way, under [`Replay`](Self::Replay) too.
///
/// The policy is that of the branch which lags, not of the one which waits. Only branches that hold the window back while
/// somebody waits are charged, and, when one of those is given up, others in the window that have read nothing all that time:
/// several that have stalled there cost the others one wait together. Where they stall further apart, each wait in vain makes
/// the next half as long, down to 10 ms, for branches that go on by a replay: all of them together cost hardly more than twice
/// what one costs. A branch that is slow where nobody minds spends nothing.
///
/// Without a policy, a tee that has a replay uses `Patience { limit: 500 ms, then: Replay }` ([`LagPolicy::DEFAULT_PATIENCE`]),
/// and a tee without one uses `Wait`, since then there is no other way to lose nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagPolicy {
    /// The others wait for as long as it takes. Nothing is ever lost, and nothing bounds the waiting.
    Wait,
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged) as soon as its next chunk is given up.
    Fail,
    /// It moves to another cursor as soon as its next chunk is given up. Without a replay it fails.
    Replay,
    /// The others wait for it, but for no more than `limit` in all.
    ///
    /// Patience needs a clock: without [`timer`](crate::TeeBuilder::timer) it counts as spent from the start.
    Patience {
        /// How long the others wait for this branch, summed over its life.
        limit: Duration,
        /// What happens when that is spent.
        then: AfterPatience,
    },
}

/// What happens to a branch when the patience for it is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterPatience {
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged).
    Fail,
    /// It goes on from its own offset, on another cursor. Without a replay it fails.
    Replay,
}

impl LagPolicy {
    /// The limit of the default policy, 500 ms.
    ///
    /// Long against the few milliseconds for which a healthy reader is not scheduled on a busy machine, so that healthy
    /// readers stay together and one production serves all; short against the deadlines of the requests that would
    /// wait for a reader that has stalled.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_millis(500);

    pub(crate) fn default_for(can_replay: bool) -> Self {
        if can_replay {
            Self::Patience {
                limit: Self::DEFAULT_PATIENCE,
                then: AfterPatience::Replay,
            }
        } else {
            Self::Wait
        }
    }

    /// How long others wait (`None`: for ever), and what then.
    pub(crate) fn terms(self, timed: bool) -> (Option<Duration>, AfterPatience) {
        match self {
            Self::Wait => (None, AfterPatience::Fail),
            Self::Fail => (Some(Duration::ZERO), AfterPatience::Fail),
            Self::Replay => (Some(Duration::ZERO), AfterPatience::Replay),
            Self::Patience { limit, then } => {
                (Some(if timed { limit } else { Duration::ZERO }), then)
            }
        }
    }
}
