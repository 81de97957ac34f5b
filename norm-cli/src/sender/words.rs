//! What `norm-send` says in words: progress, the table of receivers, the verdict.

use norm_net::event::SourceProblem;
use norm_net::{ReceiverOutcome, SendOutcome, SendPhase, SendProgress, SendReport, SendSettings};

use super::code;
use crate::exit::Failure;
use crate::group::{is_multicast, membership};
use crate::json::node_id;
use crate::progress::Standing;
use crate::schedule;
use crate::table::Table;
use crate::text;

/// Receivers listed in the table; the report file has all.
const MOST_ROWS: usize = 200;

/// Progress as one line.
pub(crate) fn standing(progress: &SendProgress) -> Standing {
    let heard = text::count(progress.receivers as u64, "receiver");
    let finished = format!("{} of {heard} finished", progress.confirmed + progress.failed);
    let mut details = match progress.phase {
        SendPhase::Waiting => {
            let details = format!("waiting for receivers, {} so far", progress.receivers);
            return Standing { elapsed: progress.elapsed, details, ..Standing::default() };
        }
        SendPhase::Sending => heard,
        SendPhase::Paused => format!("{heard}, paused{}", schedule::end(progress.paused_until)),
        SendPhase::Confirming => finished,
        SendPhase::Lingering => format!("{finished}, waiting for late ones"),
        _ => format!("{finished}, ending"),
    };
    if progress.failed > 0 {
        details.push_str(&format!(" ({} failed)", progress.failed));
    }
    if progress.evicted > 0 {
        details.push_str(&format!(" ({} too slow)", progress.evicted));
    }
    if progress.worst_loss > 0.0 {
        details.push_str(&format!(", loss {}", text::share(progress.worst_loss)));
    }
    if progress.repair_packets > 0 && !progress.on_request {
        let share = ratio(progress.repair_packets, progress.data_packets);
        details.push_str(&format!(", repair {}", text::share(share)));
    }
    // When only what is asked for is sent, what the slowest has says more.
    let done = if progress.on_request { progress.slowest } else { progress.bytes_sent };
    Standing { elapsed: progress.elapsed, done, total: progress.bytes_total, details }
}

/// All receivers: name, node, result, time, loss. Empty when there were none.
pub(crate) fn receiver_table(report: &SendReport) -> Table {
    let mut table = Table::new(&["receiver", "node", "result", ">time", ">loss"]);
    for receiver in report.receivers.iter().take(MOST_ROWS) {
        let lane = if receiver.in_separate_group { ", in the separate group" } else { "" };
        let result = result(&receiver.outcome) + lane;
        let time = receiver.elapsed.map_or("-".to_owned(), text::span);
        let info = &receiver.receiver;
        table.row([
            info.name.clone(),
            node_id(info.node),
            result,
            time,
            text::share(receiver.loss),
        ]);
    }
    let hidden = report.receivers.len().saturating_sub(MOST_ROWS);
    if hidden > 0 {
        table.row([format!("… and {hidden} more (--report FILE lists all)")]);
    }
    table
}

/// How the transfer ended: a sentence for success, else the failure.
pub(crate) fn verdict(settings: &SendSettings, report: &SendReport) -> Result<String, Failure> {
    let confirmed =
        |receiver: &&norm_net::ReceiverReport| receiver.outcome == ReceiverOutcome::Confirmed;
    let heard = report.receivers.len();
    let complete = report.receivers.iter().filter(confirmed).count();
    let of_all = format!("{complete} of {}", text::count(heard as u64, "receiver"));
    let group = settings.group;
    let message = match &report.outcome {
        SendOutcome::Complete => return Ok(success(report)),
        SendOutcome::Partial => {
            format!("only {of_all} got everything; not {}", failed_receivers(report))
        }
        SendOutcome::AllFailed => {
            format!("no receiver got everything: {}", failed_receivers(report))
        }
        SendOutcome::NoReceivers if !is_multicast(group) => format!(
            "no receiver heard on {group}, which is one machine's address and no multicast group: start \
             norm-recv -g {group} there first, and let UDP port {} through its firewall",
            group.port(),
        ),
        SendOutcome::NoReceivers => format!(
            "no receiver heard on {group} via {}: start norm-recv -g {group} on the other machines \
             first, let UDP port {} and {} through their firewalls, and raise -t {} if routers \
             are in between",
            settings.interface.name,
            group.port(),
            membership(group),
            settings.ttl,
        ),
        SendOutcome::StartTimedOut { heard, wanted } => format!(
            "{heard} of {wanted} receivers appeared in time and nothing was sent: start the \
             others on {group}, wait longer with --start-timeout, or lower --min-receivers"
        ),
        SendOutcome::Stopped if heard == 0 => "stopped; no receiver was heard".to_owned(),
        SendOutcome::Stopped => format!("stopped before the end; {of_all} had everything"),
        SendOutcome::SourceFailed { problem: what @ SourceProblem::Changed { .. } } => {
            format!("a file changed while it was sent: {what}; send again when it is at rest")
        }
        SendOutcome::SourceFailed { problem } => format!("a file could not be read: {problem}"),
        other => format!("the transfer ended: {other:?}"),
    };
    Err(Failure::new(code(&report.outcome), message))
}

/// The first few that did not get everything, and why.
fn failed_receivers(report: &SendReport) -> String {
    const MOST_NAMED: usize = 3;
    let mut failed = report
        .receivers
        .iter()
        .filter(|receiver| receiver.outcome != ReceiverOutcome::Confirmed)
        .map(|receiver| format!("{} ({})", receiver.receiver.name, result(&receiver.outcome)));
    let mut named: Vec<String> = failed.by_ref().take(MOST_NAMED).collect();
    let more = failed.count();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

fn result(outcome: &ReceiverOutcome) -> String {
    match outcome {
        ReceiverOutcome::Confirmed => "complete".to_owned(),
        ReceiverOutcome::Failed { reason } => format!("failed: {reason}"),
        ReceiverOutcome::Differs => {
            "failed: it has files that changed while the others got them: send again".to_owned()
        }
        ReceiverOutcome::Lost => "fell silent".to_owned(),
        ReceiverOutcome::Evicted => "too slow".to_owned(),
        _ => "not finished".to_owned(),
    }
}

fn success(report: &SendReport) -> String {
    let seconds = report.data_elapsed.as_secs_f64();
    let speed = if seconds > 0.0 { report.bytes as f64 * 8.0 / seconds } else { 0.0 };
    let receivers = report.receivers.len() as u64;
    format!(
        "complete: {} {} {} ({}) in {}, {}; {} sent, {} of it repair",
        text::count(receivers, "receiver"),
        if receivers == 1 { "has" } else { "have" },
        text::count(report.files, "file"),
        text::bytes(report.bytes),
        text::span(report.data_elapsed),
        text::bit_rate(speed),
        text::bytes(report.wire_bytes),
        text::share(ratio(
            report.resent_packets + report.coded_packets,
            report.data_packets + report.resent_packets + report.coded_packets
        )),
    )
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use norm_net::{NodeId, ReceiverInfo, ReceiverReport};

    use super::*;
    use crate::exit::Code;
    use crate::settings::sample;

    fn report(outcome: SendOutcome, receivers: &[ReceiverOutcome]) -> SendReport {
        let receiver = |(outcome, node): (&ReceiverOutcome, u32)| {
            let info = ReceiverInfo::new(NodeId(node), format!("lab-{node}"));
            ReceiverReport::new(info, outcome.clone())
        };
        let mut report = SendReport::new(outcome);
        report.bytes = 1 << 20;
        report.files = 1;
        report.data_elapsed = Duration::from_secs(1);
        report.wire_bytes = 1_100_000;
        report.data_packets = 90;
        report.resent_packets = 4;
        report.coded_packets = 6;
        report.receivers = receivers.iter().zip(1..).map(receiver).collect();
        report
    }

    #[test]
    fn success_is_a_sentence_with_numbers() {
        let report = report(SendOutcome::Complete, &[ReceiverOutcome::Confirmed]);
        assert_eq!(
            verdict(&sample(), &report).unwrap(),
            "complete: 1 receiver has 1 file (1 MiB) in 1.00 s, 8.39 Mbit/s; \
             1.05 MiB sent, 10.0 % of it repair"
        );
    }

    #[test]
    fn every_other_end_has_its_code_and_its_words() {
        let timed_out = SendOutcome::StartTimedOut { heard: 1, wanted: 3 };
        let path = || std::path::PathBuf::from("a.iso");
        let failed = |problem| SendOutcome::SourceFailed { problem };
        let changed = failed(SourceProblem::Changed { path: path(), how: "its size" });
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied).into();
        let unreadable = failed(SourceProblem::Unreadable { path: path(), error });
        let cases = [
            (SendOutcome::NoReceivers, Code::Nobody, "no receiver heard on 239.1.2.3:6000"),
            (timed_out, Code::Nobody, "1 of 3 receivers"),
            (SendOutcome::Stopped, Code::Interrupted, "stopped"),
            (changed, Code::LocalIo, "a.iso: its size"),
            (unreadable, Code::LocalIo, "could not be read: a.iso"),
        ];
        for (outcome, code, words) in cases {
            let failure = verdict(&sample(), &report(outcome, &[])).unwrap_err();
            assert_eq!(failure.code, code);
            assert!(failure.message.contains(words), "{failure}");
        }
    }

    #[test]
    fn who_failed_is_named_with_the_reason_but_not_at_any_length() {
        let failed = ReceiverOutcome::Failed { reason: "disk full".to_owned() };
        let lost = ReceiverOutcome::Lost;
        let some = [ReceiverOutcome::Confirmed, failed.clone(), lost.clone()];
        let failure = verdict(&sample(), &report(SendOutcome::Partial, &some)).unwrap_err();
        assert_eq!(failure.code, Code::Partial);
        assert_eq!(
            failure.message,
            "only 1 of 3 receivers got everything; not lab-2 (failed: disk full), \
             lab-3 (fell silent)"
        );
        let all = vec![lost; 10];
        let failure = verdict(&sample(), &report(SendOutcome::AllFailed, &all)).unwrap_err();
        assert_eq!(failure.code, Code::AllFailed);
        assert!(failure.message.ends_with("lab-3 (fell silent), and 7 more"), "{failure}");
    }

    #[test]
    fn while_waiting_there_is_no_percentage() {
        let progress = |change: fn(&mut SendProgress)| {
            let mut progress = SendProgress::default();
            progress.bytes_total = 100;
            progress.receivers = 2;
            change(&mut progress);
            standing(&progress)
        };
        let waiting = progress(|_| {});
        assert_eq!(
            (waiting.total, waiting.details.as_str()),
            (0, "waiting for receivers, 2 so far")
        );
        let confirming = progress(|progress| {
            progress.phase = SendPhase::Confirming;
            progress.repair_packets = 5;
            progress.data_packets = 100;
            progress.worst_loss = 0.04;
            progress.confirmed = 1;
        });
        assert_eq!(confirming.details, "1 of 2 receivers finished, loss 4.0 %, repair 5.0 %");
        let repair = progress(|progress| {
            progress.phase = SendPhase::Confirming;
            progress.on_request = true;
            progress.repair_packets = 900;
            progress.slowest = 70;
        });
        assert_eq!((repair.done, repair.details.as_str()), (70, "0 of 2 receivers finished"));
        let paused = progress(|progress| {
            progress.phase = SendPhase::Paused;
            progress.paused_until = "18:00".parse().ok();
        });
        assert_eq!(paused.details, "2 receivers, paused until 18:00");
    }
}
