use std::path::PathBuf;

use clap::Parser;

use crate::Result;
use crate::effort::Effort;

/// Measures loops of one process, each by turns with its alternatives, and prints what was found as one line of JSON.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Within a minute: fewer rounds, and no auction of 310 MB.
    #[arg(long)]
    quick: bool,
    /// The program `comparison-production-archive`, if it is not beside this one.
    #[arg(long)]
    production: Option<PathBuf>,
    /// Archive once with this codec and print how far that went above the base, in KiB. The program starts itself so: only a
    /// new process has no memory to spare that would hide it.
    #[arg(long, hide = true)]
    pub(crate) peak_of: Option<archive_sink::Codec>,
}

impl Arguments {
    pub(crate) fn effort(&self) -> Effort {
        if self.quick {
            Effort::Quick
        } else {
            Effort::Full
        }
    }

    /// Where the design of the other build is.
    pub(crate) fn production(&self) -> Result<PathBuf> {
        match &self.production {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("comparison-production-archive")),
        }
    }
}
