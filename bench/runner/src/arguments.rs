use clap::{Parser, Subcommand};
use comparison_runner::{BenchOptions, Options};

/// What is asked for at the terminal.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What else there is than comparing.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure everything, judge it, and draw a page.
    Bench(BenchOptions),
}
