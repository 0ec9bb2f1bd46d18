/// What one stretch of a [`Lane`](super::Lane)'s time was spent on. Phases differ in height as well as in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Nothing has been asked for yet: connecting, for example.
    Waiting,
    /// The first byte was asked for and is not there yet.
    FirstByte,
    /// Bytes are on their way.
    Transmission,
    /// Bytes were to be on their way, and none came for a while.
    Stall,
    /// All is sent, and nothing has come back yet.
    AwaitingAnswer,
    /// The answer comes, or what was sent is being made to last.
    Answer,
    /// Between two attempts.
    Pause,
}

impl Phase {
    /// All, in the order in which they follow one another.
    pub(super) const ALL: [Self; 7] = [
        Self::Waiting,
        Self::FirstByte,
        Self::Transmission,
        Self::Stall,
        Self::AwaitingAnswer,
        Self::Answer,
        Self::Pause,
    ];

    /// The style's class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::FirstByte => "first-byte",
            Self::Transmission => "transmission",
            Self::Stall => "stall",
            Self::AwaitingAnswer => "awaiting",
            Self::Answer => "answer",
            Self::Pause => "pause",
        }
    }

    /// Its name in the legend.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::FirstByte => "first byte",
            Self::Transmission => "transmission",
            Self::Stall => "stalled",
            Self::AwaitingAnswer => "waiting for the answer",
            Self::Answer => "answer or commit",
            Self::Pause => "came to nothing, to be sent again",
        }
    }

    /// Its height, in CSS pixels.
    pub(super) fn height(self) -> u32 {
        match self {
            Self::FirstByte | Self::Transmission | Self::Answer => 18,
            Self::Waiting | Self::AwaitingAnswer => 8,
            Self::Stall => 8,
            Self::Pause => 2,
        }
    }
}
