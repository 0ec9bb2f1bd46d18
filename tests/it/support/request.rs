use super::raw_connection::RawConnection;

/// A request as it came over a socket.
#[derive(Debug)]
pub(crate) struct RawRequest {
    head: String,
    /// What came of the body, decoded from chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end: the terminating chunk, or as many bytes as the head says.
    pub(crate) is_whole: bool,
}

impl RawRequest {
    pub(super) fn new(head: String) -> Self {
        Self {
            head,
            body: Vec::new(),
            is_whole: false,
        }
    }

    /// Reads one request to its end; `None` if there is none.
    pub(crate) async fn read(connection: &mut RawConnection) -> Option<Self> {
        connection
            .request()
            .await
            .filter(|request| request.is_whole)
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
