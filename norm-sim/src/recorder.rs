//! The last packets of a run, which are printed when an invariant is violated.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::norm::wire::{Command, Message};

use crate::clock::START;
use crate::packet::{Packet, To};

/// Prints the seed and the last packets when the run panics.
#[derive(Debug)]
pub(crate) struct Recorder {
    seed: u64,
    last: VecDeque<(Timestamp, Arc<Packet>)>,
}

/// Number of packets that are remembered.
const MAX_PACKETS: usize = 30;

impl Recorder {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, last: VecDeque::with_capacity(MAX_PACKETS) }
    }

    /// Takes a packet that a host has sent.
    pub(crate) fn sent(&mut self, at: Timestamp, packet: &Arc<Packet>) {
        if self.last.len() == MAX_PACKETS {
            self.last.pop_front();
        }
        self.last.push_back((at, Arc::clone(packet)));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !std::thread::panicking() || crate::swarm::is_quiet() {
            return;
        }
        let (seed, test) = (self.seed, std::thread::current().name().unwrap_or("TEST").to_owned());
        eprintln!("the last packets:");
        for (at, packet) in &self.last {
            eprintln!("{}", line(*at, packet));
        }
        eprintln!("seed {seed}; replay: NORM_SIM_SEED={seed} cargo test -p norm-sim {test}");
    }
}

/// One packet in one line.
pub(crate) fn line(at: Timestamp, packet: &Packet) -> String {
    let at: Duration = at.saturating_since(START);
    let to = match packet.to {
        To::Group => "group".to_owned(),
        To::Host(host) | To::Address(host, 0) => format!("host {host}"),
        To::Address(host, moves) => format!("host {host}, moved {moves} times"),
    };
    let what = match (&packet.body, packet.plain()) {
        (_, Some(bytes)) => message(bytes),
        (body, None) => format!("{body:?}"),
    };
    format!("{:>12.6} host {} -> {to}: {what}", at.as_secs_f64(), packet.from)
}

fn message(bytes: &[u8]) -> String {
    let Ok((header, message)) = Message::parse(bytes) else {
        return format!("{} bytes that are no message", bytes.len());
    };
    let (node, number) = (header.source.0, header.sequence.0);
    let what = match message {
        Message::Info(info) => format!("INFO of object {}", info.object.0),
        Message::Data(data) => {
            let (object, flags) = (data.object.0, data.flags.0);
            let id = data.payload_id.as_bytes();
            format!(
                "DATA object {object} flags {flags:#04x} id {id:02x?} {} bytes",
                data.payload.len()
            )
        }
        Message::Cmd(cmd) => match cmd.command {
            Command::Flush(flush) => {
                let (object, listed) = (flush.object.0, flush.acking.len());
                format!("FLUSH object {object}, {listed} nodes shall acknowledge")
            }
            Command::RepairAdv(adv) => {
                format!("REPAIR_ADV {} bytes", adv.requests.as_bytes().len())
            }
            other => format!("{other:?}"),
        },
        Message::Nack(nack) => {
            let requests = nack.requests.iter().map(|request| {
                let items = request
                    .items
                    .iter()
                    .map(|item| format!("{}:{:02x?}", item.object.0, item.payload_id.as_bytes()));
                let items: Vec<String> = items.collect();
                format!("{:?} {:#04x} {}", request.form, request.flags.0, items.join(" "))
            });
            format!("NACK {}", requests.collect::<Vec<_>>().join("; "))
        }
        Message::Ack(ack) => format!("ACK type {} id {}", ack.ack_type, ack.ack_id),
        Message::Report(report) => format!("REPORT {} bytes", report.content.len()),
    };
    let mut what = format!("node {node:08x} #{number} {what}");
    if what.len() > 160 {
        what.truncate(what.floor_char_boundary(160));
        what.push_str(" ...");
    }
    what
}
