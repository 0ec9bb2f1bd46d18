//! When a reader of the document took its bytes: kept in bounded memory, and only where somebody wants to see it.

mod attempt_timeline;
mod sample;
mod samples;
mod stall;
mod stalls;
mod timeline;

pub(crate) use self::attempt_timeline::AttemptTimeline;
pub(crate) use self::timeline::Timeline;
