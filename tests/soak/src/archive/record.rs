use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::path::Path;
use object_store::{Error, Result};

use super::strike::{Fault, StoreCall, Strike};
use crate::material::PLANNED;
use crate::statistics::Statistics;

/// What was asked of a store, and what went wrong.
#[derive(Debug)]
pub(crate) struct Record {
    strikes: Vec<Strike>,
    state: Mutex<State>,
    statistics: Arc<Statistics>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<StoreCall, u64>,
    /// What did not go well at each location; delays are no harm.
    struck: HashMap<Path, HashSet<StoreCall>>,
    /// Uploads that were created, but neither completed nor aborted.
    uploads: HashMap<u64, Path>,
    created: u64,
}

impl Record {
    pub(super) fn new(strikes: Vec<Strike>, statistics: Arc<Statistics>) -> Self {
        Self {
            strikes,
            state: Mutex::default(),
            statistics,
        }
    }

    /// Which calls for this location went wrong.
    pub(crate) fn struck(&self, location: &Path) -> HashSet<StoreCall> {
        self.state()
            .struck
            .get(location)
            .cloned()
            .unwrap_or_default()
    }

    /// The locations of uploads that are left although nothing went wrong with them.
    pub(crate) fn open_uploads(&self) -> Vec<Path> {
        let state = self.state();
        let harmless = |location: &&Path| !state.struck.contains_key(*location);
        state.uploads.values().filter(harmless).cloned().collect()
    }

    pub(super) fn upload_created(&self, location: &Path) -> u64 {
        let mut state = self.state();
        state.created += 1;
        let id = state.created;
        state.uploads.insert(id, location.clone());
        id
    }

    pub(super) fn upload_ended(&self, id: u64) {
        self.state().uploads.remove(&id);
    }

    /// Carries out a call, as well as is planned.
    pub(super) async fn run<T>(
        &self,
        call: StoreCall,
        location: &Path,
        carry_out: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let fault = self.strike(call, location);
        let failed = || Error::Generic {
            store: "Faulty",
            source: format!("planned for {call:?}").into(),
        };
        match fault {
            None => carry_out.await,
            Some(Fault::Refused) => Err(failed()),
            Some(Fault::AnswerLost) => {
                carry_out.await?;
                Err(failed())
            }
            Some(Fault::Delayed(pause)) => {
                tokio::time::sleep(pause).await;
                carry_out.await
            }
            Some(Fault::Panics) => panic!("{PLANNED}a store"),
        }
    }

    fn strike(&self, call: StoreCall, location: &Path) -> Option<Fault> {
        let mut state = self.state();
        let calls = state.calls.entry(call).or_default();
        *calls += 1;
        let nth = *calls;
        let strike = self
            .strikes
            .iter()
            .find(|strike| strike.call == call && nth.is_multiple_of(strike.every))?;
        if !matches!(strike.fault, Fault::Delayed(_)) {
            let struck = state.struck.entry(location.clone()).or_default();
            struck.insert(call);
        }
        drop(state);
        self.statistics.count_fault("store");
        Some(strike.fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
