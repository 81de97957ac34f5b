//! What a sender tells its application.

/// Something that the application should know.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SenderEvent {
    /// Content flows.
    Started,
    /// Every object has been sent once.
    AllSent,
    /// An object could not be read, or coded; the session ends.
    ReadFailed,
    /// The session is over: nothing more will be sent.
    Finished,
}
