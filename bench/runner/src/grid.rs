use crate::{Design, Options, Size};

/// Designs that run by turns, with each size of auction and each number of engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// How large auctions are.
    pub auctions: Vec<Size>,
    /// How many engines there are.
    pub solvers: Vec<usize>,
    /// Which designs, with which codec.
    pub designs: Vec<Design>,
    /// How often each design runs in each scenario.
    pub runs: u32,
}

impl Grid {
    /// The most engines that any scenario needs.
    pub(crate) fn most_solvers(&self) -> usize {
        self.solvers.iter().copied().max().unwrap_or_default()
    }
}

impl From<&Options> for Grid {
    fn from(options: &Options) -> Self {
        Self {
            auctions: options.auctions.clone(),
            solvers: options.solvers.clone(),
            designs: options.designs.clone(),
            runs: options.runs,
        }
    }
}
