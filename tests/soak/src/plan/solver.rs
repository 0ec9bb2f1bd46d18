use std::time::Duration;

use driver_streaming::{AfterPatience, Codec, LagPolicy, Solver, SolverError};

use super::archive::any_codec;
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
        match self.lag {
            Some(LagPolicy::Fail) => true,
            Some(LagPolicy::Patience { then, .. }) => then == AfterPatience::Fail,
            _ => false,
        }
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

/// What an engine does with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It reads everything at once and answers well: the library's stand-in.
    Healthy,
    /// The same by a server and decoders of the soak's own.
    HealthyElsewhere,
    /// It thinks before it answers well.
    Delayed(Duration),
    /// It reads so many bytes in a second.
    Slow(u64),
    /// It reads so many bytes, and no more.
    Stalling(u64),
    /// It resets the connection after so many bytes.
    Resetting(u64),
    /// It answers with this status.
    Status(u16),
    /// It answers well, but no JSON.
    NoJson,
    /// It answers more than is taken.
    TooLong,
    /// Nothing listens.
    Refusing,
    /// It answers well after so many bytes, and reads the rest too if it is to be drained.
    Early { after: u64, drained: bool },
    /// It reads everything, and answers with this status so often for each auction, then well.
    Flaky { failures: u32, status: u16 },
    /// It reads so many bytes, and answers what is no good HTTP.
    BadHttp { after: u64, what: BadHttp },
}

/// Bytes for an answer, and what the connection does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHttp {
    /// Something else, then the end.
    Garbage,
    /// The connection ends at once.
    Nothing,
    /// Half of an answer, then the end.
    Half,
    /// The head of an answer, then nothing for as long as the client waits.
    HeadOnly,
    /// Chunks that are none, then the end.
    BadChunks,
    /// An encoding that was not asked for.
    OddEncoding,
    /// What is called gzip, and is not.
    FalseGzip,
    /// A head beyond every limit.
    EndlessHead,
}

impl Behaviour {
    pub(super) fn any(chance: &mut Chance) -> Self {
        let bytes = |chance: &mut Chance| match chance.below(4) {
            0 => chance.below(3),
            1 => 65_536 + chance.below(3) - 1,
            _ => chance.scaled(1, 4_000_000),
        };
        match chance.below(34) {
            0..=8 => Self::Healthy,
            9..=13 => Self::HealthyElsewhere,
            14..=15 => Self::Delayed(chance.milliseconds(1, 300)),
            16..=17 => Self::Slow(chance.scaled(20_000, 20_000_000)),
            18..=19 => Self::Stalling(bytes(chance)),
            20..=21 => Self::Resetting(bytes(chance)),
            22 => Self::Status(chance.pick([302, 400, 404, 500, 502, 503, 504])),
            23 => Self::NoJson,
            24 => Self::TooLong,
            25 => Self::Refusing,
            26..=27 => Self::Early {
                after: bytes(chance),
                drained: chance.one_in(2),
            },
            28..=30 => Self::Flaky {
                failures: chance.between(1, 3) as u32,
                status: chance.pick([502, 503, 504]),
            },
            _ => Self::BadHttp {
                after: bytes(chance),
                what: chance.pick([
                    BadHttp::Garbage,
                    BadHttp::Nothing,
                    BadHttp::Half,
                    BadHttp::HeadOnly,
                    BadHttp::BadChunks,
                    BadHttp::OddEncoding,
                    BadHttp::FalseGzip,
                    BadHttp::EndlessHead,
                ]),
            },
        }
    }

    /// Its name in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Healthy | Self::HealthyElsewhere => "healthy",
            Self::Delayed(_) => "delayed",
            Self::Slow(_) => "slow",
            Self::Stalling(_) => "stalling",
            Self::Resetting(_) => "resetting",
            Self::Status(_) => "bad status",
            Self::NoJson => "no JSON",
            Self::TooLong => "too long",
            Self::Refusing => "refusing",
            Self::Early { .. } => "early",
            Self::Flaky { .. } => "flaky",
            Self::BadHttp { .. } => "bad HTTP",
        }
    }

    /// Whether it may keep a request for as long as it is let.
    pub(super) fn takes_its_time(self) -> bool {
        matches!(
            self,
            Self::Slow(_)
                | Self::Stalling(_)
                | Self::BadHttp {
                    what: BadHttp::HeadOnly,
                    ..
                }
        )
    }

    /// Whether it speaks HTTP/2, as far as it speaks at all.
    pub(super) fn may_speak_http2(self) -> bool {
        !matches!(self, Self::BadHttp { .. })
    }
}
