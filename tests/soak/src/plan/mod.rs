//! What is tried: every choice, before anything happens.

mod auction;
mod set;
mod solver;

pub(crate) use self::auction::{
    Appended, AuctionPlan, BreakagePlace, Broken, Cut, Kind, LIQUIDITY, Way,
};
pub(crate) use self::set::{ArchivePlan, SetPlan, StoreKind};
pub(crate) use self::solver::{BadHttp, Behaviour, SolverPlan};
