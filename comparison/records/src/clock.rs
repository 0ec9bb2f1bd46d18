use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: the one clock that processes of a machine share and that is never set.
/// `std::time::Instant` cannot be told to another process.
pub fn monotonic_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Both parts are never negative: the clock counts from the start of the machine.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let first = monotonic_nanoseconds();
        assert!(first > 0 && monotonic_nanoseconds() >= first);
    }
}
