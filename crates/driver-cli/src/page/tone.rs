/// How something is said: colour goes with it, but never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Tone {
    /// As is.
    #[default]
    Plain,
    /// It is as it should be.
    Good,
    /// It is not.
    Bad,
    /// It matters less than what is around it.
    Muted,
}

impl Tone {
    /// The style's class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Muted => "muted",
        }
    }
}
