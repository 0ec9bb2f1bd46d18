use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: the one clock that processes of a machine share and that is never set.
/// `std::time::Instant` cannot be told to another process.
pub fn monotonic_nanoseconds() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// User and system time of all threads of this process so far, ended ones included, in nanoseconds: what `getrusage`
/// adds up, and finer.
pub fn process_cpu_nanoseconds() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Both parts are never negative: these clocks count from the start of the machine, or of the process.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_never_go_back() {
        for clock in [monotonic_nanoseconds, process_cpu_nanoseconds] {
            let first = clock();
            assert!(first > 0 && clock() >= first);
        }
    }
}
