use clap::Parser;

/// Solver engines that read bodies to their end and find nothing.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// How many engines.
    #[arg(long, default_value_t = 1)]
    pub(crate) engines: usize,
    /// Hash every body.
    #[arg(long)]
    pub(crate) check: bool,
    /// How many of the engines, the last ones, read 64 KiB of each body and then nothing more.
    #[arg(long, default_value_t = 0)]
    pub(crate) stalled: usize,
    /// Threads that serve all engines.
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: usize,
}
