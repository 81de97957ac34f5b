//! Nodes: what runs on the hosts.
//!
//! An engine of another protocol needs only an [`Application`]. A node with an outcome of its own
//! comes beside these as an implementation of [`Node`], and gets a variant of
//! [`Role`](crate::Role) and a line in [`Machine::new`].

mod contract;
mod engine;
mod fair_time;
mod flute;
mod holding;
mod machine;
mod norm_receiver;
mod norm_sender;
mod population;
mod prepared;
mod tcp;

pub(crate) use contract::{Node, Outbox};
pub use engine::Application;
pub(crate) use flute::{FluteReceiver, FluteSender};
pub(crate) use machine::Machine;
pub(crate) use norm_receiver::NormReceiver;
pub(crate) use norm_sender::NormSender;
pub(crate) use population::Population;
