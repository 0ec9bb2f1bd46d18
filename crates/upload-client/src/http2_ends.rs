//! An HTTP/2 answer is complete when its END_STREAM has arrived, whatever happens to the connection then.
//!
//! h2 forgets an END_STREAM if the connection ends before the stream is closed on both sides, and hyper does not say whether a
//! request's last frame was written. The frames show both. A connection has one request at a time, so streams need not be
//! distinguished.

use std::sync::Arc;

use tokio_util::io::{InspectReader, InspectWriter};

use crate::connection::Stream;
use crate::early_answer::{Fact, Wire};

const PREFACE: usize = 24;
const HEADER: usize = 9;

/// Passes the bytes of HTTP/2 through, and notes in `wire` when a stream ends.
pub(crate) fn watch_ends(stream: impl Stream, wire: &Arc<Wire>) -> impl Stream {
    let watch = |mut frames: Frames, end| {
        let wire = Arc::clone(wire);
        move |bytes: &[u8]| {
            if frames.pass(bytes) {
                wire.note(end);
            }
        }
    };
    let sent = Frames {
        payload: PREFACE,
        ..Frames::default()
    };
    let reader = InspectReader::new(stream, watch(Frames::default(), Fact::AnswerEnded));
    InspectWriter::new(reader, watch(sent, Fact::RequestEnded))
}

/// Frames as RFC 9113, 4.1, has them.
#[derive(Debug, Default)]
struct Frames {
    header: [u8; HEADER],
    /// How much of a header has arrived.
    filled: usize,
    /// How much of a payload is missing.
    payload: usize,
    /// The stream ends with the header block that is under way.
    last_block: bool,
    /// It ends with the frame that is under way.
    last_frame: bool,
}

impl Frames {
    /// Follows `bytes`, and returns whether a stream ended in them.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while !bytes.is_empty() {
            let wanted = match self.payload {
                0 => HEADER - self.filled,
                payload => payload,
            };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            if self.payload > 0 {
                self.payload -= now.len();
            } else {
                self.header[self.filled..][..now.len()].copy_from_slice(now);
                self.filled += now.len();
                if self.filled < HEADER {
                    continue;
                }
                self.begin();
            }
            if self.payload == 0 {
                ended |= std::mem::take(&mut self.last_frame);
            }
        }
        ended
    }

    fn begin(&mut self) {
        const DATA: u8 = 0;
        const HEADERS: u8 = 1;
        const CONTINUATION: u8 = 9;
        const END_STREAM: u8 = 1;
        const END_HEADERS: u8 = 4;

        self.filled = 0;
        let [high, middle, low, kind, flags, ..] = self.header;
        self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
        let ends_block = flags & END_HEADERS != 0;
        if kind == HEADERS {
            self.last_block = flags & END_STREAM != 0;
        }
        self.last_frame = match kind {
            DATA => flags & END_STREAM != 0,
            HEADERS | CONTINUATION => self.last_block && ends_block,
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        // A payload that would be an end itself, were it taken for a header.
        frame.extend(
            [0, 0, 0, 0, 1, 0, 0, 0, 1]
                .iter()
                .cycle()
                .take(length.into()),
        );
        frame
    }

    #[test]
    fn a_stream_ends_with_its_last_frames_last_byte_however_the_bytes_come() {
        for (frames, ends) in [
            (vec![frame(0, 1, 20)], true),
            (vec![frame(0, 1, 0)], true),
            (vec![frame(0, 0, 20), frame(0, 0, 9)], false),
            (vec![frame(1, 4, 20), frame(0, 1, 1)], true),
            (vec![frame(1, 5, 20)], true),
            (vec![frame(1, 1, 20)], false),
            (vec![frame(1, 1, 20), frame(9, 0, 3)], false),
            (vec![frame(1, 1, 20), frame(9, 0, 3), frame(9, 4, 0)], true),
            (vec![frame(1, 0, 20), frame(9, 4, 3)], false),
            // SETTINGS and PING with ACK, which is the same flag.
            (vec![frame(4, 1, 0), frame(6, 1, 8)], false),
        ] {
            let bytes = frames.concat();
            for size in 1..=bytes.len() {
                let mut seen = Frames::default();
                let pieces: Vec<_> = bytes.chunks(size).map(|bytes| seen.pass(bytes)).collect();
                let (last, before) = pieces.split_last().unwrap();
                assert_eq!(*last, ends, "{frames:?} by {size}");
                assert!(!before.contains(&true), "{frames:?} by {size}");
            }
        }
    }
}
