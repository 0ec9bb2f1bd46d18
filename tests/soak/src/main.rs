//! Random auctions, solvers and faults against the whole pipeline, in one process, for as long as is wanted.
//!
//! Every choice comes from one seed. A violation ends the soak, and is shown with the command that repeats it: when
//! things happen is not repeated, what is tried is.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal: what it does is what it says"
)]

mod archive;
mod bad_http;
mod bodies;
mod chance;
mod decode;
mod documents;
mod engine;
mod plan;
mod resources;
mod running_set;
mod service;
mod soak;
mod solver_check;
mod violation;
mod world;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Parser;

use crate::chance::Place;
use crate::plan::SetPlan;
use crate::violation::{Verdict, Violation};

/// How panics that were planned begin, of documents and of stores.
const PLANNED: [&str; 2] = [documents::PLANNED, "injected into "];

/// Random auctions, solvers and faults against the whole pipeline, for as long as is wanted.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
pub(crate) struct Arguments {
    /// For how long auctions are begun.
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    minutes: f64,
    /// What every choice is derived from. By default a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this set of solvers, again and again, as LANE.SET.
    #[arg(long, value_name = "LANE.SET")]
    pub(crate) only: Option<Place>,
    /// Whether it is not optimised, and has all assertions: for `cargo xtask`, which builds it.
    #[arg(long)]
    debug: bool,
    /// Of the service, over HTTP, in place of the library.
    #[arg(long, conflicts_with = "only")]
    serve: bool,
}

impl Arguments {
    pub(crate) fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.minutes * 60.0).unwrap_or_default()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish())
    }

    /// The command that makes the same choices again.
    pub(crate) fn repeated(&self, seed: u64, only: Option<Place>) -> String {
        let mut command = format!("cargo xtask soak --minutes {} --seed {seed}", self.minutes);
        if let Some(place) = only.or(self.only) {
            command += &format!(" --only {}.{}", place.lane, place.set);
        }
        if self.serve {
            command += " --serve";
        }
        if self.debug || cfg!(debug_assertions) {
            command += " --debug";
        }
        command
    }
}

fn main() -> ExitCode {
    // It is the service as well, which it starts.
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return driver_cli::main();
    }
    let arguments = Arguments::parse();
    let seed = arguments.seed();
    println!("seed {seed}: {}", arguments.repeated(seed, None));
    let verdict = Arc::new(Verdict::default());
    report_panics(&verdict);
    let soaked = match arguments.serve {
        true => service::soak(arguments.duration(), seed, &verdict).map_err(Into::into),
        false => soak::soak(&arguments, seed, &verdict),
    };
    match soaked {
        Ok(summary) => println!("{summary}"),
        Err(error) => verdict.fail(Violation::new("it cannot be set up").with("error", error)),
    }
    match verdict.take() {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            eprintln!("VIOLATION {violation}");
            let place = violation.place();
            if let Some(place) = place {
                let set = SetPlan::any(
                    seed,
                    Place {
                        auction: None,
                        ..place
                    },
                );
                eprintln!("set: {set:#?}");
            }
            eprintln!("repeat it with: {}", arguments.repeated(seed, place));
            ExitCode::FAILURE
        }
    }
}

/// Locks what stays whole whoever panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes every panic that was not planned a violation, also where somebody catches it.
fn report_panics(verdict: &Arc<Verdict>) {
    let verdict = Arc::clone(verdict);
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let message = payload.downcast_ref().copied();
        let message = message.or_else(|| payload.downcast_ref().map(String::as_str));
        let message: &str = message.unwrap_or_default();
        if !PLANNED.iter().any(|start| message.starts_with(start)) {
            let place = panic.location().map(ToString::to_string);
            let violation = Violation::new("somebody panicked")
                .with("message", message)
                .with("place", place)
                .with("backtrace", std::backtrace::Backtrace::force_capture());
            verdict.fail(violation);
        }
    }));
}
