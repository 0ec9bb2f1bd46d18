use serde::{Deserialize, Serialize};

use crate::{Curve, Measure};

/// What was measured within one process, by turns with its alternatives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MicroReport {
    /// Single figures, that targets are judged by.
    pub measures: Vec<Measure>,
    /// Lines of plots.
    pub curves: Vec<Curve>,
}
