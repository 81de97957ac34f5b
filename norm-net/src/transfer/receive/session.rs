//! A receiving session around its engine: what is done with objects, when to give up, when to end.
//!
//! The engine may be any that is [`Inbound`](norm_core::transfer::Inbound).
//!
//! - `transfers`: all that is received, and what happens to it.
//! - `set_table`: file sets; `set_job` is one of them from its first packet to its last file,
//!   `duplicates` compares several copies of one.
//! - `standalone`: files from senders that know no sets.
//! - `senders`: what is known of each sender; `separate_group`: senders that no longer wait.
//! - `tasks`: what worker threads do.
//! - `progress`, `remaining`: what is waited for; `disk`: whether that is the disk; `spool_room`:
//!   whether that has room; `ending`: when the session is over.
//! - `failure`, `outcome`, `summary`: what came of it. `notifier`: what is said meanwhile.
//! - `sweeper`: resume data of earlier sessions.
//! - `engine`, `policy`, `shared`: what all of them work with.

mod comparing;
mod disk;
mod duplicates;
mod ending;
mod engine;
mod failure;
mod notifier;
mod outcome;
mod policy;
mod progress;
mod remaining;
mod senders;
mod separate_group;
mod set_job;
mod set_table;
mod shared;
mod spool_room;
mod standalone;
mod statements;
mod summary;
mod sweeper;
mod tasks;
mod transfers;

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use norm_core::Timestamp;
use norm_core::endpoint::Job;
use norm_core::transfer::InboundStats;
use norm_seal::HeardStatement;

use crate::event::{ReceiveOutcome, ReceiveReport};
use crate::io::driver::Application;
use crate::io::error::NetError;
use crate::io::membership::{Expected, Recovered};
use crate::io::seal::SealState;
use crate::io::socket::{LinkChange, TooLong};
use crate::stopper::Stopper;
use crate::transfer::gate_watch::GateWatch;

pub(super) use engine::Engine;
pub(super) use notifier::Notifier;
pub(super) use policy::{FilePolicy, Policy};
pub(super) use tasks::Tasks;

use ending::Ending;
use senders::SenderTable;
use shared::{Shared, Turn};
use summary::Summary;
use transfers::Transfers;

/// The application around a receiver's engine.
#[derive(Debug)]
pub(super) struct Session {
    shared: Shared,
    transfers: Transfers,
    stopper: Stopper,
}

impl Session {
    /// A session that starts now. Says what earlier ones have left in the output directory.
    pub(super) fn new(
        policy: Policy,
        events: Notifier,
        tasks: Tasks,
        stopper: Stopper,
        now: Timestamp,
    ) -> Self {
        let transfers = Transfers::new(&policy, &events, now);
        let (senders, summary) = (SenderTable::default(), Summary::default());
        let (ending, gate) = (Ending::new(now), GateWatch::default());
        let statements = policy.statements();
        let shared = Shared { policy, events, senders, tasks, ending, summary, gate, statements };
        Self { shared, transfers, stopper }
    }

    /// Where the session is to go on, if it is to listen elsewhere.
    pub(super) fn take_move(&mut self) -> Option<SocketAddr> {
        self.transfers.take_move(self.shared.policy.group)
    }

    /// The group that it was to go to cannot be joined.
    pub(super) fn cannot_move(&mut self, now: Timestamp, error: &NetError) {
        self.transfers.cannot_move(&mut self.shared, now, error);
    }

    /// The summary. What is not complete stays for later sessions, or its temporary files are
    /// removed.
    pub(super) fn report(self, stats: &InboundStats, now: Timestamp) -> ReceiveReport {
        let Self { shared, transfers, .. } = self;
        let Shared { policy, events, senders, tasks, ending, summary, gate, .. } = shared;
        // Workers hold the files of the sets they work for.
        tasks.finish();
        transfers.close(&events);
        let elapsed = now.saturating_since(ending.started());
        let idle = ending.was_idle();
        let outcome = ending.outcome(!senders.is_empty());
        let outcome = match outcome {
            ReceiveOutcome::Complete => ReceiveOutcome::Complete,
            _ if gate.is_left_out() && !policy.continuous => ReceiveOutcome::LeftOut,
            outcome => outcome,
        };
        let security = gate.security();
        ReceiveReport { idle, security, ..summary.into_report(outcome, elapsed, stats) }
    }
}

impl<E: Engine> Application<E> for Session {
    fn event(&mut self, engine: &mut E, now: Timestamp, event: E::Event) {
        if let Some(notice) = E::notice(event) {
            self.transfers.notice(&mut Turn { shared: &mut self.shared, engine, now }, notice);
        }
    }

    fn job(&mut self, engine: &mut E, now: Timestamp, job: Job) {
        match job {
            Job::Store(job) => {
                let target = self.transfers.target(job.slot.object_ref());
                self.shared.tasks.store(engine, now, job, target);
            }
            Job::Recall(object) => self.shared.tasks.recall(engine, now, object),
            _ => {} // receivers have no others
        }
    }

    fn nothing_leaves(&mut self, _: &mut E, _: Timestamp, error: &io::Error) {
        self.transfers.nothing_leaves(&self.shared.events, error);
    }

    /// What was to be said is said again, in packets that become shorter when the sender's do.
    fn too_long(&mut self, _: &mut E, _: Timestamp, _: &TooLong) -> bool {
        true
    }

    fn link_changed(&mut self, engine: &mut E, now: Timestamp, change: &LinkChange) {
        if matches!(change, LinkChange::Moved { .. }) {
            engine.address_changed(now);
        }
        self.transfers.link_changed(&self.shared, change);
    }

    fn expected(&self, engine: &E, now: Timestamp) -> Expected {
        if self.stopper.is_stopped() {
            return Expected::Nothing;
        }
        self.transfers.expected(&self.shared, engine, now)
    }

    fn recovered(&mut self, recovered: Recovered) {
        self.transfers.recovered(&self.shared, recovered);
    }

    fn kernel_drops(&mut self, engine: &mut E, packets: u32) {
        engine.set_host_drops(packets.into());
    }

    fn gate(&mut self, _: &mut E, _: Timestamp, state: &SealState) {
        let hints = self.shared.gate.note(state);
        hints.for_each(|hint| self.shared.events.hint(hint));
        // A service goes on: there may be other senders.
        if self.shared.gate.is_left_out() && !self.shared.policy.continuous {
            self.stopper.stop();
        }
    }

    fn stated(&mut self, engine: &mut E, now: Timestamp, heard: &HeardStatement) {
        let turn = &mut Turn { shared: &mut self.shared, engine, now };
        self.transfers.stated(turn, heard);
    }

    fn turn(&mut self, engine: &mut E, now: Timestamp) -> ControlFlow<()> {
        let is_stopped = self.stopper.is_stopped();
        let turn = &mut Turn { shared: &mut self.shared, engine, now };
        self.transfers.turn(turn, is_stopped)
    }
}
