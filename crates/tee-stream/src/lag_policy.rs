use std::time::Duration;

/// What happens when a branch holds others back: it still needs the oldest chunk that its production keeps, and another
/// branch waits for space.
///
/// | policy | the others wait for it | then it | what that costs |
/// |---|---|---|---|
/// | [`Account`](Self::Account) | while the tee's account of waiting has credit | continues from its offset, on another production | at most as much time as producing has taken, once for all |
/// | [`Wait`](Self::Wait) | for ever | — | everybody's time: one stalled reader stops the tee |
/// | [`Fail`](Self::Fail) | not at all | ends with [`Lagged`](crate::TeeError::Lagged) | its own document |
/// | [`Replay`](Self::Replay) | not at all | continues from its offset, on another production | up to one more production |
/// | [`Patience`](Self::Patience) | for `limit`, summed over its life | does one of the two | at most `limit`, once |
///
/// The policy of the branch that lags decides, not that of the branch that waits. "Not at all" still lets other tasks run
/// once. Nobody is charged while nobody waits.
///
/// A branch that would replay can do so only where another production may serve it. At the
/// [maximum of productions](crate::TeeBuilder::max_productions) the readers of the rearmost one have nowhere else to go. Then the
/// others there wait for such a branch, each time for at most four times as long as producing has taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagPolicy {
    /// The default: waiting for others costs all branches together at most as much time as producing has taken so far, and
    /// 6 ms and half a millisecond for each branch. What a branch has waited for others at that cost, up to 10 ms, they wait for
    /// it in return without a charge, so that equals stay together.
    ///
    /// Without a [`timer`](crate::TeeBuilder::timer) this is [`Replay`](Self::Replay). Without a replay it is
    /// [`Wait`](Self::Wait), since then there is no other way to lose nothing.
    Account,
    /// The others wait for as long as it takes. Nothing is ever lost, and nothing bounds the waiting.
    Wait,
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged) as soon as its next chunk is given up.
    Fail,
    /// It moves to another production as soon as its next chunk is given up. Without a replay it fails.
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
    /// It continues from its own offset, on another production. Without a replay it fails.
    Replay,
}

impl LagPolicy {
    /// The policy that this one comes to, for a tee that can replay or has a timer, or not.
    pub(crate) fn resolve(self, can_replay: bool, timed: bool) -> Self {
        match self {
            Self::Account if !can_replay => Self::Wait,
            Self::Account if !timed => Self::Replay,
            Self::Replay if !can_replay => Self::Fail,
            Self::Patience { limit, then } => Self::Patience {
                limit: if timed { limit } else { Duration::ZERO },
                then: if can_replay {
                    then
                } else {
                    AfterPatience::Fail
                },
            },
            other => other,
        }
    }

    /// How long others wait for the branch by its own policy.
    pub(crate) fn limit(self) -> Duration {
        match self {
            Self::Patience { limit, .. } => limit,
            _ => Duration::ZERO,
        }
    }

    /// Whether a branch that is let go reads on from another production.
    pub(crate) fn replays(self) -> bool {
        matches!(
            self,
            Self::Account
                | Self::Replay
                | Self::Patience {
                    then: AfterPatience::Replay,
                    ..
                }
        )
    }
}
