use tokio::runtime::Handle;

/// What a process has that a leak leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Tasks of the pipelines' runtime.
    pub(crate) tasks: usize,
    /// Tasks of the engines' runtime.
    pub(crate) engine_tasks: usize,
    /// File descriptors; 0 where the system does not tell.
    pub(crate) descriptors: usize,
    /// Files and folders for stores.
    pub(crate) files: usize,
}

impl Census {
    pub(crate) fn take(pipelines: &Handle, engines: &Handle, folder: &std::path::Path) -> Self {
        let count = |path: &std::path::Path| std::fs::read_dir(path).map_or(0, Iterator::count);
        Self {
            tasks: pipelines.metrics().num_alive_tasks(),
            engine_tasks: engines.metrics().num_alive_tasks(),
            descriptors: count("/proc/self/fd".as_ref()),
            files: count(folder),
        }
    }

    /// Whether there is no more of anything than there was.
    pub(crate) fn is_within(&self, before: &Self) -> bool {
        self.tasks <= before.tasks
            && self.engine_tasks <= before.engine_tasks
            && self.descriptors <= before.descriptors
            && self.files <= before.files
    }
}
