use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::Result;
use object_store::path::Path;
use tokio::sync::watch;

use crate::rule::{Effect, Operation, Rule};

/// A call that matched a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The operation that was called.
    pub operation: Operation,
    /// The number of the call among those of its operation, from 0.
    pub number: usize,
    /// The location of the object.
    pub location: Path,
    /// What happened to the call.
    pub effect: Effect,
}

/// The rules, and the calls so far.
#[derive(Debug, Default)]
pub(crate) struct Script {
    state: Mutex<State>,
    released: watch::Sender<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) rules: Vec<Rule>,
    pub(crate) calls: HashMap<Operation, usize>,
    pub(crate) injected: Vec<Injected>,
    /// How many uploads were created.
    created: usize,
    /// The uploads that were neither completed nor aborted.
    pub(crate) uploads: BTreeMap<usize, Path>,
    pub(crate) held: usize,
    pub(crate) parts_in_flight: usize,
    pub(crate) most_parts_in_flight: usize,
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
}

impl Script {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics fails anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// Counts a call. Returns it if it matches a rule.
    pub(crate) fn call(&self, operation: Operation, location: &Path) -> Option<Injected> {
        let mut state = self.state();
        let calls = state.calls.entry(operation).or_default();
        let number = *calls;
        *calls += 1;
        let effect = state
            .rules
            .iter()
            .find_map(|rule| rule.effect_on(operation, number))?;
        let injected = Injected {
            operation,
            number,
            location: location.clone(),
            effect,
        };
        state.injected.push(injected.clone());
        Some(injected)
    }

    /// Executes a call, with the effect of the script.
    pub(crate) async fn run<T>(
        &self,
        injected: Option<Injected>,
        carry_out: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(Injected {
            operation,
            number,
            effect,
            ..
        }) = injected
        else {
            return carry_out.await;
        };
        let message = format!("injected into {operation:?} {number}");
        match effect {
            Effect::Refuse(failure) | Effect::Late(_, failure) => {
                return Err(failure.error(message));
            }
            Effect::LoseAnswer(failure) | Effect::CompleteInstead(failure) => {
                carry_out.await?;
                return Err(failure.error(message));
            }
            Effect::Panic => panic!("{message}"),
            Effect::IgnoreCondition => {}
            Effect::Hang => std::future::pending().await,
            Effect::Delay(time) => tokio::time::sleep(time).await,
            Effect::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Effect::Hold => {
                self.state().held += 1;
                let mut released = self.released.subscribe();
                // `self` owns the sender, so it exists.
                let _released = released.wait_for(|released| *released).await;
            }
        }
        carry_out.await
    }

    /// Counts an upload, and returns its number.
    pub(crate) fn created(&self, location: &Path) -> usize {
        let mut state = self.state();
        state.created += 1;
        let upload = state.created;
        state.uploads.insert(upload, location.clone());
        upload
    }

    /// Records that an upload was completed or aborted.
    pub(crate) fn ended(&self, upload: usize) {
        self.state().uploads.remove(&upload);
    }

    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.state().bytes += bytes as u64;
    }

    /// Records that an object became visible.
    pub(crate) fn count_object(&self) {
        self.state().objects += 1;
    }

    pub(crate) fn part_in_flight(self: &Arc<Self>) -> PartInFlight {
        let mut state = self.state();
        state.parts_in_flight += 1;
        state.most_parts_in_flight = state.most_parts_in_flight.max(state.parts_in_flight);
        PartInFlight(Arc::clone(self))
    }
}

/// A part that is in flight until this is dropped.
pub(crate) struct PartInFlight(Arc<Script>);

impl Drop for PartInFlight {
    fn drop(&mut self) {
        self.0.state().parts_in_flight -= 1;
    }
}
