use std::time::Duration;

/// What bounds each run of a pipeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) deadline: Duration,
    pub(super) archive_limit: Duration,
    pub(super) answer_bytes: usize,
    pub(super) window_bytes: usize,
    pub(super) window_budget_bytes: usize,
    pub(super) digest: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(15),
            archive_limit: Duration::from_secs(120),
            answer_bytes: 10_000_000,
            window_bytes: 1024 * 1024,
            window_budget_bytes: 64 * 1024 * 1024,
            digest: true,
        }
    }
}
