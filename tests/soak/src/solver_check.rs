use driver_streaming::{Codec, SolverOutcome, SolverStatus};

use crate::bodies::ExpectedBodies;
use crate::documents::Expectation;
use crate::engine::ANSWER;
use crate::plan::{Behaviour, SetPlan, SolverPlan};
use crate::violation::Violation;

/// One solver's outcome, and all that it is checked against.
pub(crate) struct SolverCheck<'a> {
    pub(crate) set: &'a SetPlan,
    pub(crate) solver: &'a SolverPlan,
    pub(crate) outcome: &'a SolverOutcome,
    pub(crate) expected: &'a Expectation,
    pub(crate) bodies: &'a ExpectedBodies,
}

impl SolverCheck<'_> {
    pub(crate) fn check(&self) -> Result<(), Violation> {
        self.found().map_err(|what| {
            Violation::new(format!("{}: {what}", self.solver.name))
                .with("solver", self.solver)
                .with("outcome", self.outcome)
                .with("expected", self.expected)
        })
    }

    fn found(&self) -> Result<(), &'static str> {
        let outcome = self.outcome;
        if outcome.name != self.solver.name {
            return Err("the outcome is another's");
        }
        // None only where the time was over before one could count.
        let least = u32::from(outcome.status != SolverStatus::TimedOut);
        if !(least..=self.solver.retries + 1).contains(&outcome.attempts) {
            return Err("there were more requests than were allowed, or none");
        }
        if let Some(sha256) = &outcome.document_sha256 {
            if *sha256 != self.expected.sha256 {
                return Err("the digest of what was sent is wrong");
            }
            if !self.is_sound() {
                return Err("a document that failed is said to have been sent whole");
            }
        }
        if (outcome.status == SolverStatus::Ok) != outcome.error.is_none() {
            return Err("there is an error exactly if it is not ok, but not here");
        }
        match outcome.status {
            SolverStatus::Ok => self.check_ok()?,
            SolverStatus::TimedOut if self.has_ample_time() => {
                return Err("it timed out although it had all the time it could need");
            }
            _ if self.must_be_ok() => return Err("it is not ok, and nothing was wrong"),
            _ => {}
        }
        self.check_attempts()?;
        self.check_http_status()
    }

    fn check_ok(&self) -> Result<(), &'static str> {
        let outcome = self.outcome;
        if outcome.response.as_ref().map(|response| response.get()) != Some(ANSWER) {
            return Err("the answer is not what the engine answered");
        }
        match self.solver.behaviour {
            Behaviour::Status(_)
            | Behaviour::NoJson
            | Behaviour::TooLong
            | Behaviour::Refusing
            | Behaviour::BadHttp { .. } => return Err("it is ok although its engine cannot be"),
            // It answers whatever comes after.
            Behaviour::Early { .. } => return Ok(()),
            _ => {}
        }
        if !self.is_sound() {
            return Err("it is ok although its document failed");
        }
        if !self.bodies.take(&self.expected.sha256) {
            return Err("it is ok, but its engine did not get the whole document");
        }
        if self.set.digest && outcome.document_sha256.is_none() {
            return Err("it was sent the whole document, but there is no digest");
        }
        Ok(())
    }

    /// Where a solver is asked again only for what this engine does.
    fn check_attempts(&self) -> Result<(), &'static str> {
        if !self.is_undisturbed() {
            return Ok(());
        }
        let retries = self.solver.retries;
        let attempts = match self.solver.behaviour {
            Behaviour::Healthy
            | Behaviour::HealthyElsewhere
            | Behaviour::Delayed(_)
            | Behaviour::NoJson
            | Behaviour::TooLong => 1,
            Behaviour::Status(502..=504) => retries + 1,
            Behaviour::Status(_) => 1,
            Behaviour::Refusing => retries + 1,
            Behaviour::Flaky { failures, .. } => failures.min(retries) + 1,
            _ => return Ok(()),
        };
        if self.outcome.attempts == attempts {
            Ok(())
        } else {
            Err("it was asked another number of times than its engine gave reason to")
        }
    }

    fn check_http_status(&self) -> Result<(), &'static str> {
        let status = self.outcome.http_status;
        let known = match self.solver.behaviour {
            Behaviour::Refusing if status.is_some() => {
                return Err("nothing listens, but something answered");
            }
            Behaviour::Status(known) if self.is_undisturbed() => known,
            Behaviour::NoJson | Behaviour::TooLong if self.is_undisturbed() => 200,
            Behaviour::Flaky { failures, status } if self.is_undisturbed() => {
                if failures > self.solver.retries {
                    status
                } else {
                    200
                }
            }
            _ => return Ok(()),
        };
        if status == Some(known) {
            Ok(())
        } else {
            Err("the status is not what the engine answered with")
        }
    }

    /// Whether what this solver is sent can be sent to its end.
    fn is_sound(&self) -> bool {
        self.expected.is_sound && (!self.solver.content_length || self.expected.is_counted)
    }

    fn has_ample_time(&self) -> bool {
        self.set.is_ample() && self.solver.timeout.is_none()
    }

    /// Whether nothing but its own engine can make it fail.
    fn is_undisturbed(&self) -> bool {
        self.is_sound() && self.has_ample_time() && !self.solver.may_lag_out()
    }

    fn must_be_ok(&self) -> bool {
        let whole_first = |after| {
            self.solver.codec == Codec::Identity
                && self.expected.bytes < after
                && !self.solver.http2
        };
        self.is_undisturbed()
            && match self.solver.behaviour {
                Behaviour::Healthy
                | Behaviour::HealthyElsewhere
                | Behaviour::Delayed(_)
                | Behaviour::Early { drained: true, .. } => true,
                Behaviour::Flaky { failures, .. } => failures <= self.solver.retries,
                Behaviour::Resetting(after) | Behaviour::Early { after, .. } => whole_first(after),
                _ => false,
            }
    }
}
