use std::fmt::Write as _;
use std::time::Instant;

use solver_stand_in::KeptRequest;

/// A request as it came over a socket.
#[derive(Debug)]
pub(crate) struct Request {
    head: String,
    /// What came of the body, decoded from chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end: the terminating chunk, or as many bytes as the head says.
    pub(crate) is_whole: bool,
    /// Why it did not, all causes in one line, if the connection says so.
    pub(crate) error: Option<String>,
    /// When it had come: its head, or all of it if an [`Engine`](super::Engine) kept it.
    pub(crate) came_at: Instant,
}

impl Request {
    pub(super) fn new(head: String) -> Self {
        Self {
            head,
            body: Vec::new(),
            is_whole: false,
            error: None,
            came_at: Instant::now(),
        }
    }

    /// Where it was sent to on this server.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }
}

impl From<KeptRequest> for Request {
    fn from(kept: KeptRequest) -> Self {
        let target = kept.head.uri.path_and_query();
        let target = target.map_or("/", |target| target.as_str());
        let mut head = format!("{} {target} {:?}\r\n", kept.head.method, kept.head.version);
        for (name, value) in &kept.head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
        Self {
            body: kept.body,
            is_whole: kept.complete,
            error: kept.error,
            ..Self::new(head)
        }
    }
}
