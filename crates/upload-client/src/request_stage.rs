/// How far a request is that a connection serves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum RequestStage {
    /// Something may still come of it.
    #[default]
    Open,
    /// It has its answer: what cannot be written at once is not worth waiting for.
    Finished,
    /// Its owner has given it up, and the connection with it.
    Aborted,
}
