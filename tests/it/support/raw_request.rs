use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A request as it came over a socket: read by hand, so that it shares nothing with what it tests.
#[derive(Debug)]
pub(crate) struct RawRequest {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl RawRequest {
    /// Reads one request to its end; `None` if there is none.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut received = Vec::new();
        let end = loop {
            if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            more(stream, &mut received).await?;
        };
        let head = String::from_utf8(received[..end].to_vec()).ok()?;
        let mut request = Self {
            head,
            body: Vec::new(),
        };
        request.body = match request.header("content-length") {
            Some(length) => {
                let end = end + length.parse::<usize>().ok()?;
                while received.len() < end {
                    more(stream, &mut received).await?;
                }
                received[received.len() - length.parse::<usize>().ok()?..].to_vec()
            }
            None => {
                while !received.ends_with(b"\r\n0\r\n\r\n") {
                    more(stream, &mut received).await?;
                }
                decode_chunks(&received[end..])?
            }
        };
        Some(request)
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

/// Reads what there is; `None` at the end.
async fn more(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(received).await.ok()? > 0).then_some(())
}

fn decode_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}
