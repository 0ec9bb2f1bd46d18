use bytes::{Bytes, BytesMut};

/// Appends the bytes of one branch to the shared chunks, so that every chunk but the last keeps its size.
///
/// A chunk that is shorter than the others may be the last shared one, so it is held until the next one or the end is known.
/// From then on the branch is one chunk behind.
#[derive(Debug)]
pub(crate) struct Tail {
    tail: Bytes,
    length: u64,
    chunk_size: usize,
    held: Option<Bytes>,
}

impl Tail {
    pub(crate) fn new(tail: Bytes, chunk_size: usize) -> Self {
        Self {
            length: tail.len() as u64,
            tail,
            chunk_size,
            held: None,
        }
    }

    /// The length of the tail, including what was yielded already.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next shared chunk and returns the one to yield.
    #[inline]
    pub(crate) fn follow(&mut self, chunk: Bytes) -> Option<Bytes> {
        if self.tail.is_empty() {
            return Some(chunk);
        }
        match self.held.take() {
            None if chunk.len() >= self.chunk_size => Some(chunk),
            held => {
                self.held = Some(chunk);
                held
            }
        }
    }

    /// Returns the held chunk, when an error follows instead of another shared chunk.
    pub(crate) fn take_held(&mut self) -> Option<Bytes> {
        self.held.take()
    }

    /// Returns the next chunk after the end of the shared document.
    pub(crate) fn finish(&mut self) -> Option<Bytes> {
        if let Some(held) = self.held.take() {
            let missing = self
                .chunk_size
                .saturating_sub(held.len())
                .min(self.tail.len());
            if missing == 0 {
                return Some(held);
            }
            let mut joined = BytesMut::with_capacity(held.len() + missing);
            joined.extend_from_slice(&held);
            joined.extend_from_slice(&self.tail.split_to(missing));
            return Some(joined.freeze());
        }
        let next = self.tail.split_to(self.chunk_size.min(self.tail.len()));
        (!next.is_empty()).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recut(chunks: &[&'static [u8]], tail: &'static [u8], chunk_size: usize) -> Vec<Bytes> {
        let mut state = Tail::new(Bytes::from_static(tail), chunk_size);
        let mut out: Vec<Bytes> = chunks
            .iter()
            .filter_map(|chunk| state.follow(Bytes::from_static(chunk)))
            .collect();
        out.extend(std::iter::from_fn(|| state.finish()));
        out
    }

    #[test]
    fn the_last_shared_chunk_is_cut_again_with_the_tail() {
        assert_eq!(
            recut(&[b"abcd", b"ef"], b"ghij", 4),
            [&b"abcd"[..], b"efgh", b"ij"]
        );
        assert_eq!(
            recut(&[b"abcd", b"efgh"], b"ij", 4),
            [&b"abcd"[..], b"efgh", b"ij"]
        );
        assert_eq!(recut(&[b"a"], b"b", 4), [&b"ab"[..]]);
        assert_eq!(recut(&[], b"abcde", 4), [&b"abcd"[..], b"e"]);
    }

    #[test]
    fn without_a_tail_chunks_pass_unchanged() {
        assert_eq!(
            recut(&[b"a", b"bcdef", b"g"], b"", 4),
            [&b"a"[..], b"bcdef", b"g"]
        );
    }

    #[test]
    fn chunks_of_other_sizes_lose_nothing() {
        for size in 1..9 {
            let all: Vec<u8> = recut(&[b"a", b"bcdef", b"g", b"hi"], b"jklm", size).concat();
            assert_eq!(all, b"abcdefghijklm", "size {size}");
        }
    }

    #[test]
    fn only_a_shorter_chunk_is_held() {
        let mut state = Tail::new(Bytes::from_static(b"}"), 4);
        for chunk in ["abcd", "efghi"] {
            assert_eq!(state.follow(Bytes::from(chunk)).unwrap(), chunk);
        }
        assert_eq!(state.follow(Bytes::from("jkl")), None);
    }
}
