//! FLUTE: a sender, and receivers without a way back.

mod receiver;
mod sender;
mod sources;
mod store;

pub(crate) use receiver::FluteReceiver;
pub(crate) use sender::FluteSender;
