use serde::{Deserialize, Serialize};

use crate::Lateness;

/// How late timers of the runtime were: when nothing else ran in it, and during the call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timers {
    /// Before the call.
    pub at_rest: Lateness,
    /// From the call to its end.
    pub meanwhile: Lateness,
}
