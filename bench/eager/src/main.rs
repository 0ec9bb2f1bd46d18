//! The designs that hold the whole document in memory: `per-solver`, the plain way, with a copy for each solver, and
//! `shared`, where all send the same bytes. No way of sending can take less CPU than `shared`: it serialises once and
//! compresses once.

mod compress;
mod eager;

use std::process::ExitCode;

fn main() -> ExitCode {
    comparison_harness::run(eager::Eager::new)
}
