use std::time::Duration;

use driver_streaming::{AfterPatience, Codec, LagPolicy, Solver, SolverError};

use super::behaviour::Behaviour;
use super::codec::any_codec;
use crate::chance::Chance;

/// One solver, and what its engine is like.
#[derive(Clone, Debug)]
pub(crate) struct SolverPlan {
    pub(crate) name: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) codec: Codec,
    pub(crate) content_length: bool,
    pub(crate) retries: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) lag: Option<LagPolicy>,
    pub(crate) http2: bool,
}

impl SolverPlan {
    pub(super) fn any(index: u64, chance: &mut Chance) -> Self {
        let behaviour = Behaviour::any(chance);
        let codec = if chance.one_in(2) {
            Codec::Identity
        } else {
            any_codec(chance)
        };
        // An engine that keeps requests holds up nobody for long. Now and then a good one gets little time, too.
        let timeout = if behaviour.takes_its_time() {
            Some(chance.milliseconds(30, 1_500))
        } else {
            chance.one_in(12).then(|| chance.milliseconds(1, 400))
        };
        Self {
            name: format!("solver-{index}"),
            behaviour,
            codec,
            content_length: codec == Codec::Identity && chance.one_in(4),
            retries: chance.below(4) as u32,
            timeout,
            lag: lag_policy(chance),
            http2: behaviour.may_speak_http2() && chance.one_in(4),
        }
    }

    /// The solver, at its engine's address.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn solver(&self, url: &str) -> Result<Solver, SolverError> {
        let mut solver = Solver::new(&*self.name, url)?
            .with_encoding(self.codec)
            .with_retries(self.retries);
        if self.content_length {
            solver = solver.with_content_length();
        }
        if let Some(timeout) = self.timeout {
            solver = solver.with_timeout(timeout);
        }
        if let Some(policy) = self.lag {
            solver = solver.with_lag_policy(policy);
        }
        if self.http2 {
            solver = solver.with_http2();
        }
        Ok(solver)
    }

    /// Whether it may end because it is too slow for others.
    pub(crate) fn may_lag_out(&self) -> bool {
        matches!(
            self.lag,
            Some(
                LagPolicy::Fail
                    | LagPolicy::Patience {
                        then: AfterPatience::Fail,
                        ..
                    }
            )
        )
    }
}

fn lag_policy(chance: &mut Chance) -> Option<LagPolicy> {
    match chance.below(10) {
        0 => Some(LagPolicy::Wait),
        1 => Some(LagPolicy::Fail),
        2 => Some(LagPolicy::Replay),
        3..=4 => Some(LagPolicy::Patience {
            limit: chance.milliseconds(1, 400),
            then: chance.pick([
                AfterPatience::Replay,
                AfterPatience::Replay,
                AfterPatience::Fail,
            ]),
        }),
        _ => None,
    }
}
