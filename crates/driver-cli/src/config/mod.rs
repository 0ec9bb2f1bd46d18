//! The configuration file of the program, in TOML. `docs/config.md` of the repository lists the keys.
//!
//! `serde` reads the file into plain data, one function checks what it cannot say, and every mistake is one line that
//! says where it is.

mod check;
mod config;
mod mistake;
mod set_members;

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod mistake_tests;
#[cfg(test)]
mod solver_mistake_tests;

pub(crate) use self::config::{ArchiveConfig, Config, SolverConfig};
