/// Where encoded bytes go: space that ends at a size of its own.
pub(crate) trait Output {
    /// Whether there is no space left.
    fn is_full(&self) -> bool;

    /// Where the next bytes go. Empty only when it is full.
    fn spare(&mut self) -> &mut [u8];

    /// Takes over the first `amount` bytes of [`spare`](Self::spare).
    fn advance(&mut self, amount: usize);
}
