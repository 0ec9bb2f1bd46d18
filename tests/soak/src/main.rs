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
mod arguments;
mod auction;
mod census;
mod chance;
mod check;
mod decode;
mod engine;
mod hashing;
mod ledger;
mod material;
mod memory;
mod place;
mod plan;
mod set;
mod soak;
mod statistics;
mod summary;
mod verdict;
mod violation;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::arguments::Arguments;
use crate::material::PLANNED;
use crate::place::Place;
use crate::plan::SetPlan;
use crate::verdict::Verdict;
use crate::violation::Violation;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed();
    println!("seed {seed}: {}", arguments.repeated(seed, None));
    let verdict = Arc::new(Verdict::new());
    report_panics(&verdict);
    match soak::soak(&arguments, seed, &verdict) {
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

/// Makes every panic that was not planned a violation, also where somebody catches it.
fn report_panics(verdict: &Arc<Verdict>) {
    let verdict = Arc::clone(verdict);
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        if !message.starts_with(PLANNED) {
            let place = panic.location().map(ToString::to_string);
            let violation = Violation::new("somebody panicked")
                .with("message", message)
                .with("place", place)
                .with("backtrace", std::backtrace::Backtrace::force_capture());
            verdict.fail(violation);
        }
    }));
}
