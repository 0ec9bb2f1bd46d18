//! How a walker writes everything except containers.

use std::io;

use serde_json::ser::{CompactFormatter, Formatter};

use crate::error::Unwind;
use crate::escape::{escape, is_plain, plain_prefix};
use crate::path::{Frame, Kind};
use crate::walker::{Mode, Walker, Written};

/// How much of a long leaf is written at a time when the buffer is full: enough to make progress, with little overflow.
const OVERFLOW_PIECE: usize = 64;

impl Walker {
    /// Writes all bytes unchanged, even if they take more than one chunk.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Unwind> {
        if self.buffer.len() + bytes.len() <= self.limit {
            self.buffer.extend_from_slice(bytes);
            Ok(())
        } else {
            self.write_across(bytes)
        }
    }

    #[cold]
    fn write_across(&mut self, mut bytes: &[u8]) -> Result<(), Unwind> {
        self.may_write()?;
        while !bytes.is_empty() {
            if self.buffer.len() == self.limit {
                self.pass_limit();
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.limit - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn may_write(&mut self) -> Result<(), Unwind> {
        match self.mode {
            Mode::Writing => Ok(()),
            Mode::Resuming => Err(self.changed("its shape differs from before")),
            Mode::Suspended | Mode::Failed => Err(Unwind::STOPPED),
        }
    }

    /// Writes the name of a field, with its quotes, comma and colon.
    #[inline]
    pub(crate) fn field(&mut self, separate: bool, name: &str) -> Result<(), Unwind> {
        if self.buffer.len() + name.len() + 4 <= self.limit && is_plain(name.as_bytes()) {
            self.buffer
                .extend_from_slice(if separate { b",\"" } else { b"\"" });
            self.buffer.extend_from_slice(name.as_bytes());
            self.buffer.extend_from_slice(b"\":");
            Ok(())
        } else {
            self.field_across(separate, name)
        }
    }

    #[cold]
    fn field_across(&mut self, separate: bool, name: &str) -> Result<(), Unwind> {
        self.write(if separate { b",\"" } else { b"\"" })?;
        self.write_escaped(name.as_bytes())?;
        self.write(b"\":")
    }

    /// Writes a key. A walk cannot be suspended inside it.
    #[inline]
    pub(crate) fn key(&mut self, key: &str) -> Result<Written, Unwind> {
        if self.string_fits(key) {
            Ok(Written(()))
        } else {
            self.string_in_full(key)
        }
    }

    #[inline(never)]
    fn string_in_full(&mut self, text: &str) -> Result<Written, Unwind> {
        self.write(b"\"")?;
        self.write_escaped(text.as_bytes())?;
        self.write(b"\"")?;
        Ok(Written(()))
    }

    /// Writes a string. A walk may be suspended inside.
    #[inline]
    pub(crate) fn string(&mut self, text: &str) -> Result<Written, Unwind> {
        if self.string_fits(text) {
            return Ok(Written(()));
        }
        // There is space for the quotes and for six bytes for each byte, the most that escaping takes.
        if text.len() < self.limit.saturating_sub(self.buffer.len()) / 6 {
            self.string_in_full(text)
        } else {
            self.string_across(text.as_bytes())
        }
    }

    /// Writes a string, if it fits and needs no escape. Returns whether it did.
    #[inline]
    fn string_fits(&mut self, text: &str) -> bool {
        let fits = self.buffer.len() + text.len() + 2 <= self.limit && is_plain(text.as_bytes());
        if fits {
            self.buffer.push(b'"');
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'"');
        }
        fits
    }

    #[inline(never)]
    fn string_across(&mut self, text: &[u8]) -> Result<Written, Unwind> {
        let frame = self.enter(Kind::Text, text.len() as u64)?;
        if frame.is_none() {
            self.write(b"\"")?;
        }
        self.pieces(text, frame, Kind::Text, Self::write_escaped)?;
        self.write(b"\"")?;
        Ok(Written(()))
    }

    /// Writes raw JSON text. A walk may be suspended inside.
    #[inline]
    pub(crate) fn raw(&mut self, text: &[u8]) -> Result<Written, Unwind> {
        if self.limit != 0 && self.buffer.len() + text.len() <= self.limit {
            self.buffer.extend_from_slice(text);
            return Ok(Written(()));
        }
        let frame = self.enter(Kind::Raw, text.len() as u64)?;
        self.pieces(text, frame, Kind::Raw, Self::write)?;
        Ok(Written(()))
    }

    /// Writes a long leaf piece by piece. The walk may be suspended between pieces.
    fn pieces(
        &mut self,
        text: &[u8],
        frame: Option<Frame>,
        kind: Kind,
        write: fn(&mut Self, &[u8]) -> Result<(), Unwind>,
    ) -> Result<(), Unwind> {
        let written = frame.map_or(0, |frame| frame.index);
        let Some(mut rest) = usize::try_from(written)
            .ok()
            .and_then(|written| text.get(written..))
        else {
            return Err(self.changed("a string is shorter than before"));
        };
        while !rest.is_empty() {
            if self.stop {
                return Err(self.suspend(Frame {
                    index: (text.len() - rest.len()) as u64,
                    length: text.len() as u64,
                    key: 0,
                    kind,
                }));
            }
            let space = (self.limit - self.buffer.len()).max(OVERFLOW_PIECE.min(self.chunk_size));
            let (now, later) = rest.split_at(rest.len().min(space));
            write(self, now)?;
            rest = later;
        }
        Ok(())
    }

    /// Writes bytes as an array of numbers, as `serde_json` does. A walk may be suspended inside.
    pub(crate) fn byte_array(&mut self, bytes: &[u8]) -> Result<Written, Unwind> {
        let frame = self.enter(Kind::Bytes, bytes.len() as u64)?;
        if frame.is_none() {
            self.write(b"[")?;
        }
        let written = frame.map_or(0, |frame| frame.index);
        let Some(rest) = usize::try_from(written)
            .ok()
            .and_then(|written| bytes.get(written..))
        else {
            return Err(self.changed("a byte string is shorter than before"));
        };
        for (index, byte) in (written..).zip(rest) {
            if self.stop {
                return Err(self.suspend(Frame {
                    index,
                    length: bytes.len() as u64,
                    key: 0,
                    kind: Kind::Bytes,
                }));
            }
            if index > 0 {
                self.write(b",")?;
            }
            self.number(|formatter, walker| formatter.write_u8(walker, *byte))?;
        }
        self.write(b"]")?;
        Ok(Written(()))
    }

    /// Writes the content of a string, escaped where necessary.
    pub(crate) fn write_escaped(&mut self, mut text: &[u8]) -> Result<(), Unwind> {
        loop {
            let (plain, rest) = text.split_at(plain_prefix(text));
            self.write(plain)?;
            let Some((&byte, rest)) = rest.split_first() else {
                return Ok(());
            };
            self.number(|formatter, walker| formatter.write_char_escape(walker, escape(byte)))?;
            text = rest;
        }
    }

    /// Writes a scalar with the formatter of `serde_json`.
    #[inline]
    pub(crate) fn number(
        &mut self,
        write: impl FnOnce(&mut CompactFormatter, &mut Self) -> io::Result<()>,
    ) -> Result<Written, Unwind> {
        match write(&mut CompactFormatter, self) {
            Ok(()) => Ok(Written(())),
            Err(_) => Err(Unwind::STOPPED),
        }
    }

    /// Writes the last bytes of a value. Fails where nothing may be written, even if there are no bytes.
    #[inline]
    pub(crate) fn close(&mut self, closing: &[u8]) -> Result<Written, Unwind> {
        if closing.is_empty() {
            self.may_write()?;
        }
        self.write(closing)?;
        Ok(Written(()))
    }
}

/// Used by the formatter of `serde_json`. Writes everything, or fails because nothing may be written.
impl io::Write for Walker {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Self::write(self, bytes).map_err(|_| io::ErrorKind::Other.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
