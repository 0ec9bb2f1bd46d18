use std::fs;

use crate::Result;

/// System time of all threads so far, in milliseconds. The kernel tells it in hundredths of a second.
pub(crate) fn system_milliseconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("no name of the process")?.1;
    let ticks = fields.split_whitespace().nth(12);
    Ok(ticks.ok_or("no system time")?.parse::<f64>()? * 10.0)
}

/// A number of the status of this process, such as `VmRSS:`; kibibytes for sizes.
///
/// # Errors
/// When there is no such field.
pub fn status(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number
        .ok_or_else(|| format!("no {field} in the status"))?
        .parse()?)
}

/// Makes the peak of the resident size start over, from what is resident now.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}
