use std::time::Duration;

/// What happens when a branch holds a window back: it still needs the oldest chunk of a full window, and another branch waits
/// for space.
///
/// | policy | the others wait for it | then it | what that costs |
/// |---|---|---|---|
/// | [`Wait`](Self::Wait) | for ever | — | everybody's time: one stalled reader stops the tee |
/// | [`Fail`](Self::Fail) | not at all | ends with [`Lagged`](crate::TeeError::Lagged) | its own document |
/// | [`Replay`](Self::Replay) | not at all | continues from its offset, on another cursor | up to one more production |
/// | [`Patience`](Self::Patience) | for `limit`, summed over its life | does one of the two | at most `limit`, once |
///
/// "Not at all" has an exception: at the [maximum of cursors](crate::TeeBuilder::maximum_cursors) a branch that would replay has
/// no other cursor. With a timer, the others then wait for it, under [`Replay`](Self::Replay) too, for up to 500 ms each time
/// that it holds the window back, or for `limit` if that is longer.
///
/// The policy of the branch that lags decides, not that of the branch that waits. Branches are charged only for holding the
/// window back while somebody waits. When one of them is given up, others in the window that have read nothing meanwhile are
/// charged too: several that have stalled there cost the others one wait together. If branches that replay stall further
/// apart, each wait in vain makes the next half as long, down to 10 ms, so that all of them together cost hardly more than twice
/// what one costs. A branch that is slow while nobody waits spends nothing.
///
/// The default is `Patience { limit: 500 ms, then: Replay }` ([`LagPolicy::DEFAULT_PATIENCE`]) for a tee that has a replay, and
/// `Wait` for one that has none, since then there is no other way to lose nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagPolicy {
    /// The others wait for as long as it takes. Nothing is ever lost, and nothing bounds the waiting.
    Wait,
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged) as soon as its next chunk is given up.
    Fail,
    /// It moves to another cursor as soon as its next chunk is given up. Without a replay it fails.
    Replay,
    /// The others wait for it, for at most `limit` in total.
    ///
    /// Patience needs a clock: without a [`timer`](crate::TeeBuilder::timer) it counts as spent from the start.
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
    /// It continues from its own offset, on another cursor. Without a replay it fails.
    Replay,
}

impl LagPolicy {
    /// The limit of the default policy, 500 ms.
    ///
    /// That is longer than a healthy reader is not scheduled on a busy machine, so that healthy readers stay together and one
    /// production serves all, and shorter than the deadlines of requests that would wait for a stalled reader.
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

    /// Returns how long others wait (`None`: for ever), and what happens then.
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
