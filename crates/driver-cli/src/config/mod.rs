//! The configuration file of the program, in TOML: plain data, checked as far as it can be without opening anything.
//!
//! The file is read by hand from a tree that knows where each key stands, so that every mistake is one line that says
//! where it is. `docs/config.md` of the repository lists the keys.

mod archive_config;
mod config;
mod config_error;
mod entry;
mod headers;
mod json;
mod key_path;
mod lag;
mod leveled;
mod location;
mod members;
mod place;
mod placed;
mod position;
mod problem;
mod section;
mod solver_config;
mod source;

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod mistake_tests;
#[cfg(test)]
mod solver_mistake_tests;

pub(crate) use self::config::Config;
pub(crate) use self::solver_config::SolverConfig;
