//! What the tee is put through.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use tee_stream::{AfterPatience, BranchOptions, LagPolicy};

/// The patience of branches that have some.
pub(crate) const LIMIT: Duration = Duration::from_millis(20);

/// So many productions that no branch ever lacks one.
pub(crate) const MANY: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) length: usize,
    pub(crate) chunk: usize,
    pub(crate) replay_chunk: Option<usize>,
    /// Where every production fails, in permille of the document.
    pub(crate) fails_at: Option<usize>,
    /// Every so many polls, a production is pending.
    pub(crate) pending_every: Option<usize>,
    pub(crate) window: usize,
    pub(crate) max_productions: usize,
    pub(crate) timed: bool,
    /// Whether all branches have the default policy.
    pub(crate) only_default: bool,
    /// In the end, whether those that stalled are dropped before time passes.
    pub(crate) drops_stalled: bool,
    pub(crate) operations: Vec<Operation>,
}

impl Scenario {
    pub(crate) fn policy(&self, policy: Policy) -> Policy {
        if self.only_default {
            Policy::Default
        } else {
            policy
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Join(Policy, usize),
    Poll(usize),
    /// Polls one branch until it is pending.
    Drain(usize),
    Drop(usize),
    Stall(usize),
    WakeSources,
    Advance,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Policy {
    Default,
    Wait,
    Fail,
    Replay,
    PatienceThenFail,
    PatienceThenReplay,
}

impl Policy {
    pub(crate) fn options(self) -> BranchOptions {
        let options = BranchOptions::new();
        match self {
            Self::Default => options,
            Self::Wait => options.lag_policy(LagPolicy::Wait),
            Self::Fail => options.lag_policy(LagPolicy::Fail),
            Self::Replay => options.lag_policy(LagPolicy::Replay),
            Self::PatienceThenFail => options.lag_policy(LagPolicy::Patience {
                limit: LIMIT,
                then: AfterPatience::Fail,
            }),
            Self::PatienceThenReplay => options.lag_policy(LagPolicy::Patience {
                limit: LIMIT,
                then: AfterPatience::Replay,
            }),
        }
    }

    pub(crate) fn waits_for_ever(self, can_replay: bool) -> bool {
        self == Self::Wait || (self == Self::Default && !can_replay)
    }

    pub(crate) fn may_lag(self, can_replay: bool) -> bool {
        match self {
            Self::Wait => false,
            Self::Default => false,
            Self::Fail | Self::PatienceThenFail => true,
            Self::Replay | Self::PatienceThenReplay => !can_replay,
        }
    }
}

pub(crate) fn operations() -> impl Strategy<Value = Operation> {
    let policy = prop_oneof![
        4 => Just(Policy::Default),
        1 => Just(Policy::Wait),
        1 => Just(Policy::Fail),
        2 => Just(Policy::Replay),
        1 => Just(Policy::PatienceThenFail),
        4 => Just(Policy::PatienceThenReplay),
    ];
    prop_oneof![
        3 => (policy, 0..20usize).prop_map(|(policy, tail)| Operation::Join(policy, tail.saturating_sub(10))),
        12 => any::<usize>().prop_map(Operation::Poll),
        4 => any::<usize>().prop_map(Operation::Drain),
        1 => any::<usize>().prop_map(Operation::Drop),
        1 => any::<usize>().prop_map(Operation::Stall),
        2 => Just(Operation::WakeSources),
        3 => Just(Operation::Advance),
    ]
}

prop_compose! {
    pub(crate) fn scenarios()(
        length in prop_oneof![Just(0usize), 1..50usize, 50..800usize],
        chunk in 1..40usize,
        replay_chunk in prop::option::weighted(0.8, 1..40usize),
        fails_at in prop::option::weighted(0.2, 0..1000usize),
        pending_every in prop::option::weighted(0.5, 1..5usize),
        window in 1..120usize,
        max_productions in prop_oneof![4 => 1..6usize, 1 => Just(MANY)],
        timed in prop::bool::weighted(0.8),
        only_default in prop::bool::weighted(0.3),
        drops_stalled in any::<bool>(),
        operations in vec(operations(), 1..120),
    ) -> Scenario {
        Scenario { length, chunk, replay_chunk, fails_at, pending_every, window, max_productions, timed, only_default, drops_stalled, operations }
    }
}
