use serde::Serialize;

use crate::{Design, Size};

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// How large the auction is.
    pub auction: Size,
    /// How many engines it is sent to.
    pub solvers: usize,
    /// By which design.
    pub design: Design,
}
