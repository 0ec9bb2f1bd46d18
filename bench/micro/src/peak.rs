//! How far archiving goes above what was resident before.

use std::process::{Command, Stdio};

use archive_sink::{Codec, CodecKind};
use comparison_harness::{forget_peak, status};

use crate::Result;
use crate::archiver::Archiver;
use crate::effort::Effort;

/// How often the large auction is in the document: of 26 MB, the archive is sent in several parts all the same.
pub(crate) fn times(effort: Effort) -> usize {
    effort.pick(4, 12)
}

/// In KiB, of this process, which has done nothing before.
pub(crate) fn of_this_process(codec: Codec, effort: Effort) -> Result<u64> {
    let archiver = Archiver::new(times(effort))?;
    forget_peak()?;
    let base = status("VmRSS:")?;
    archiver.archive(codec)?;
    Ok(status("VmHWM:")?.saturating_sub(base))
}

/// In MiB, of a new process of this program.
pub(crate) fn of_another_process(kind: CodecKind, effort: Effort) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--peak-of", kind.name()])
        .args(effort.pick(Some("--quick"), None))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the process whose peak was wanted failed".into());
    }
    let kibibytes: f64 = std::str::from_utf8(&output.stdout)?.trim().parse()?;
    Ok(kibibytes / 1024.0)
}
