//! What is shown while a transfer is sent.

use std::collections::BTreeSet;

use norm_net::event::MemberState;
use norm_net::io::interface::Zoned;
use norm_net::{
    NoEvent, NodeId, ReceiverInfo, ReceiverReport, SendEvent, SendReport, Sending, SlowCause,
    WithdrawnFile,
};

use super::names::ReceiverNames;
use super::words::{self, standing};
use super::{Labels, POLL_INTERVAL, failure, roster};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::{schedule, text};

/// Limit of the receivers with a note.
const MAX_LISTED: usize = 20;

/// Packets that a receiver must drop before the user hears of it.
const MIN_DROPS: u32 = 100;

/// Shows what happens until the session is over; `note` hears of it, too. Receivers in the report
/// are sorted by name.
pub(crate) fn follow(
    sending: Sending,
    output: &mut Output,
    interrupt: &Interrupt,
    labels: &Labels,
    note: &mut dyn FnMut(&SendEvent, &Sending),
) -> Result<SendReport, Failure> {
    let mut notes = Notes {
        labels,
        receivers: 0,
        count: 0,
        names: ReceiverNames::default(),
        dropping: BTreeSet::new(),
        writing: BTreeSet::new(),
        withdrawn: 0,
        ignored: 0,
    };
    loop {
        let event = sending.events().recv_timeout(POLL_INTERVAL);
        output.watch(interrupt, interrupt.is_last().then_some("notifying the receivers"));
        match event {
            Ok(event) => {
                note(&event, &sending);
                notes.show(&event, output);
            }
            Err(NoEvent::NotYet) => {}
            Err(NoEvent::Over) => break,
        }
    }
    let mut report = sending.wait().map_err(|error| failure(&error))?;
    sort_by_name(&mut report.receivers);
    Ok(report)
}

fn sort_by_name(receivers: &mut [ReceiverReport]) {
    receivers.sort_by(|a, b| {
        (&a.receiver.name, a.receiver.node).cmp(&(&b.receiver.name, b.receiver.node))
    });
}

/// What has been shown.
struct Notes<'a> {
    labels: &'a Labels,
    receivers: usize,
    count: usize,
    names: ReceiverNames,
    /// Receivers for which a note said that they drop packets.
    dropping: BTreeSet<NodeId>,
    /// Receivers for which a note said that their disk is the limit.
    writing: BTreeSet<NodeId>,
    /// Files that were withdrawn.
    withdrawn: usize,
    /// Receivers that do not count.
    ignored: usize,
}

impl Notes<'_> {
    fn show(&mut self, event: &SendEvent, output: &mut Output) {
        output.event(event);
        match event {
            SendEvent::Progress(progress) => {
                self.receivers = progress.receivers;
                output.progress(&standing(progress, self.labels));
            }
            &SendEvent::Hashing { elapsed, bytes_done, bytes_total } => {
                output.progress(&words::hashing(elapsed, bytes_done, bytes_total, self.labels));
            }
            SendEvent::ReceiverFound { receiver } => {
                let name = self.names.name(receiver);
                self.note(output, &format!("receiver {name} joined"));
            }
            SendEvent::ReceiverConfirmed { receiver } => {
                let name = self.names.name(receiver);
                self.note(output, &format!("receiver {name} complete"));
            }
            SendEvent::ReceiverProgress(progress) => {
                let receiver = &progress.receiver;
                if progress.state == MemberState::Writing {
                    self.slow_disk(receiver, output);
                }
                // A full memory drops, too.
                if progress.drops > MIN_DROPS
                    && !self.writing.contains(&receiver.node)
                    && self.dropping.len() < MAX_LISTED
                    && self.dropping.insert(receiver.node)
                {
                    output.say(&drops_note(&self.names.name(receiver)));
                }
            }
            SendEvent::ReceiverSlow { receiver, cause: SlowCause::Storage, .. } => {
                self.slow_disk(receiver, output);
            }
            SendEvent::ReceiverIgnored(ignored) => {
                self.ignored += 1;
                if self.ignored <= MAX_LISTED {
                    output.say(&roster::ignored(ignored));
                }
            }
            SendEvent::FileWithdrawn(file) => {
                self.withdrawn += 1;
                if self.withdrawn <= MAX_LISTED {
                    output.say(&withdrawn_note(file));
                }
            }
            SendEvent::Hint(hint) => output.say_hint(hint),
            event => {
                if let Some(note) = note(event, &mut self.names, self.labels.in_passes) {
                    output.say(&note);
                }
            }
        }
    }

    /// Says once of a receiver that its disk is the limit.
    fn slow_disk(&mut self, receiver: &ReceiverInfo, output: &Output) {
        if self.writing.len() < MAX_LISTED && self.writing.insert(receiver.node) {
            let others = self.receivers > 1;
            output.say(&disk_note(&self.names.name(receiver), others && self.labels.waits));
        }
    }

    /// A note on one receiver; with many of them there is none.
    fn note(&mut self, output: &Output, note: &str) {
        self.count += 1;
        if self.count <= 2 * MAX_LISTED && self.receivers <= MAX_LISTED {
            output.say(note);
        }
    }
}

/// What is always said of an event.
fn note(event: &SendEvent, names: &mut ReceiverNames, in_passes: bool) -> Option<String> {
    Some(match event {
        SendEvent::Started { receivers: 0 } if in_passes => "sending starts".to_owned(),
        SendEvent::Started { receivers } => {
            format!("sending starts; {} joined so far", text::count(*receivers as u64, "receiver"))
        }
        SendEvent::Hashed { content } => format!("content hash {content}"),
        SendEvent::OnRequest { bytes_done, bytes_total, .. } => format!(
            "all receivers have a part of it already ({} of {} at least): sending only the rest; \
             --payload all sends everything",
            text::bytes(*bytes_done),
            text::bytes(*bytes_total)
        ),
        SendEvent::ReceiverFailed { receiver, reason } => {
            format!("receiver {} failed: {reason}", names.name(receiver))
        }
        SendEvent::ReceiverSlow { receiver, cause, loss } => {
            slow_note(&names.name(receiver), *cause, *loss)
        }
        SendEvent::ReceiverEvicted { receiver, separate_group: Some(group) } => {
            let (name, group) = (names.name(receiver), Zoned(*group));
            format!("receiver {name} is slow: it continues in the separate group {group}")
        }
        SendEvent::ReceiverEvicted { receiver, separate_group: None } => {
            let name = names.name(receiver);
            format!("receiver {name} evicted: it is too slow for the others")
        }
        SendEvent::ReceiverLost { receiver } => {
            format!("receiver {} lost: no answer, no longer waiting for it", names.name(receiver))
        }
        SendEvent::PacketSize { packet, receiver: Some(receiver), .. } => format!(
            "packets of {packet} bytes from now on: longer ones do not reach receiver {}, because \
             a link on the way has a smaller MTU",
            receiver.name
        ),
        SendEvent::ReceiverMtuTooSmall { receiver, largest, needed } => {
            words::mtu_too_small(&receiver.name, *largest, *needed)
        }
        SendEvent::RateBound { bound, until } => schedule::change(*bound, *until),
        SendEvent::ContentStopped { receivers, wait } => format!(
            "stopping: {} what they have, and will wait for the rest; press Ctrl-C again within \
             {} s to end them, too",
            match receivers {
                1 => "1 receiver keeps".to_owned(),
                more => format!("{more} receivers keep"),
            },
            wait.as_secs()
        ),
        _ => return None,
    })
}

fn withdrawn_note(file: &WithdrawnFile) -> String {
    format!("withdrawn: {}; the other files go on", file.problem)
}

fn slow_note(name: &str, cause: SlowCause, loss: f64) -> String {
    let why = match cause {
        SlowCause::Loss => format!("it loses {} of the packets", text::share(loss)),
        _ => "its network takes no more".to_owned(),
    };
    format!("receiver {name} slows the others: {why}. {WITHOUT_IT}")
}

/// What helps the others.
const WITHOUT_IT: &str = "--slow separate sends to it apart from them, --slow evict no longer \
                          waits for it";

/// `others` are held back, and wait.
fn disk_note(name: &str, others: bool) -> String {
    if others {
        return format!(
            "receiver {name} slows the others: its disk takes less than arrives. {WITHOUT_IT}"
        );
    }
    format!("the disk of receiver {name} takes less than arrives")
}

fn drops_note(name: &str) -> String {
    format!(
        "receiver {name} drops packets that have reached it: its CPU or disk is too slow for this \
         rate, or its socket buffer too small (sysctl net.core.rmem_max there)"
    )
}

#[cfg(test)]
mod tests {
    use norm_net::{ReceiverInfo, ReceiverOutcome};

    use super::*;

    #[test]
    fn receivers_are_sorted_by_name_then_node() {
        let receiver = |name: &str, node| {
            let info = ReceiverInfo::new(NodeId(node), name.to_owned());
            ReceiverReport::new(info, ReceiverOutcome::Confirmed)
        };
        let mut receivers = [receiver("lab-2", 1), receiver("lab-1", 3), receiver("lab-1", 2)];
        sort_by_name(&mut receivers);
        assert_eq!(receivers.map(|receiver| receiver.receiver.node.0), [2, 3, 1]);
    }
}
