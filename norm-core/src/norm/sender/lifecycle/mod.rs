//! The course of a session: phases, and what is sent by the clock.

mod ack_request;
mod command;
mod flush;
mod moving;
mod notices;
mod pause;
mod phase;
mod probe;
mod query;
mod rules;
mod state;

pub(crate) use state::Lifecycle;
