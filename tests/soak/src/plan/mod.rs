//! What is tried: every choice, before anything happens.

mod archive_plan;
mod auction_plan;
mod behaviour;
mod codec;
mod set_plan;
mod solver_plan;

pub(crate) use self::archive_plan::{ArchivePlan, StoreKind};
pub(crate) use self::auction_plan::{Appended, AuctionPlan, BreakagePlace, Broken, Way};
pub(crate) use self::behaviour::{Behaviour, Unhttp};
pub(crate) use self::set_plan::SetPlan;
pub(crate) use self::solver_plan::SolverPlan;
