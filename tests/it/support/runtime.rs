use std::sync::OnceLock;

use tokio::runtime::Runtime;

/// The runtime of the servers that the tests start in this process.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime starts"))
}
