use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Watches a branch after it was moved away, into an HTTP client for example.
///
/// Reading it takes no lock. It does not keep the branch alive.
#[derive(Debug, Clone)]
pub struct BranchMonitor {
    progress: Arc<Progress>,
}

#[derive(Debug)]
pub(crate) struct Progress {
    id: u64,
    name: Option<Arc<str>>,
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl BranchMonitor {
    pub(crate) fn new(progress: Arc<Progress>) -> Self {
        Self { progress }
    }

    /// The number of the branch in its tee, counted from 0.
    pub fn id(&self) -> u64 {
        self.progress.id
    }

    /// The name of the branch, when it has one.
    pub fn name(&self) -> Option<&Arc<str>> {
        self.progress.name.as_ref()
    }

    /// The bytes that the branch has handed out, those of its tail included.
    pub fn offset(&self) -> u64 {
        self.progress.bytes()
    }

    /// Whether the branch has ended, in whatever way.
    pub fn is_ended(&self) -> bool {
        self.progress.ended.load(Ordering::Acquire)
    }
}

impl Progress {
    pub(crate) fn new(id: u64, name: Option<Arc<str>>) -> Self {
        Self {
            id,
            name,
            bytes: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Only the branch itself adds, so that this need not be one atomic step.
    #[inline]
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes
            .store(self.bytes() + bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}
