//! What is tried: every choice, before anything happens.

mod archive;
mod auction;
mod set;
mod solver;

pub(crate) use self::archive::{ArchivePlan, StoreKind};
pub(crate) use self::auction::{
    Appended, AuctionPlan, BreakagePlace, Broken, Cut, Kind, LIQUIDITY, Way,
};
pub(crate) use self::set::SetPlan;
pub(crate) use self::solver::{BadHttp, Behaviour, SolverPlan};
