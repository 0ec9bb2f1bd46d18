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
/// The policy of the slow branch decides, not that of the branch that waits. "Not at all" still lets other tasks run once.
///
/// A branch can replay only if another production may serve it. At the
/// [maximum of productions](crate::TeeBuilder::max_productions), the readers of the rearmost one have nowhere else to go. The others
/// there then wait for such a branch, each time for at most four times the credit that [`Account`](Self::Account) has earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LagPolicy {
    /// The default: the others wait while the tee's account of waiting has credit.
    ///
    /// The credit is the time that producing has taken so far, plus 6 ms and half a millisecond for each branch. One wait takes at
    /// most as long as producing has taken, or half a millisecond for each branch if that is longer. When a branch has
    /// waited for others at the cost of the account, they later wait for it equally long without a charge, up to 10 ms. So
    /// readers of the same speed stay together.
    ///
    /// Without a [`timer`](crate::TeeBuilder::timer), this means [`Replay`](Self::Replay). Without a replay, it means
    /// [`Wait`](Self::Wait), because otherwise bytes would be lost.
    Account,
    /// The others wait for as long as it takes. No byte is lost, and the wait has no limit.
    Wait,
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged) as soon as the others need the space of its next chunk.
    Fail,
    /// It moves to another production as soon as the others need the space of its next chunk. Without a replay, it fails.
    Replay,
    /// The others wait for it, for at most `limit` in total.
    ///
    /// Without a [`timer`](crate::TeeBuilder::timer), the patience is spent from the start.
    Patience {
        /// How long the others wait for this branch, summed over its life.
        limit: Duration,
        /// What happens when that is spent.
        then: AfterPatience,
    },
}

/// What happens to a branch when its patience is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterPatience {
    /// It ends with [`TeeError::Lagged`](crate::TeeError::Lagged).
    Fail,
    /// It continues from its own offset, on another production. Without a replay, it fails.
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
