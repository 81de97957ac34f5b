//! What `norm-send` says in words: progress, the table of receivers, the verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use norm_net::event::SourceProblem;
use norm_net::io::interface::Zoned;
use norm_net::{
    ReceiverOutcome, ReceiverReport, SendOutcome, SendPhase, SendProgress, SendReport, SendSettings,
};

use super::names::ReceiverNames;
use super::{Labels, code};
use crate::exit::Failure;
use crate::group::{elsewhere, is_multicast, membership};
use crate::progress::{Part, Standing};
use crate::schedule;
use crate::table::Table;
use crate::text;

/// Limit of the receivers listed in the table; the report file has all.
const MAX_ROWS: usize = 200;
/// Limit of the receivers that an error names.
const MAX_NAMED: usize = 3;
/// Limit of those that it names as having joined: the others have to be looked for.
const MAX_JOINED: usize = 20;

/// Progress as one line.
pub(super) fn standing(progress: &SendProgress, labels: &Labels) -> Standing {
    let elapsed = progress.elapsed;
    if progress.phase == SendPhase::Waiting {
        let (receivers, wanted) = (progress.receivers, progress.wanted);
        let joined = match wanted {
            0 => format!("{receivers} joined"),
            _ => format!("{receivers} of {wanted} joined"),
        };
        let missing = match wanted.saturating_sub(receivers) {
            0 => String::new(),
            missing => format!("; {missing} missing for {} s", progress.unchanged.as_secs()),
        };
        let waiting = Part::new(format!("waiting for receivers: {joined}{missing}"), joined);
        return Standing { elapsed, status: vec![waiting], ..Standing::default() };
    }
    if progress.phase == SendPhase::Repeating {
        let sent = Part::fixed(format!("{} sent", text::bytes(progress.wire_bytes)));
        let (status, details) = (status(progress, labels), vec![sent]);
        let name = labels.content.clone();
        return Standing { elapsed, status, details, name, ..Standing::default() };
    }
    let name = progress.file.as_deref().filter(|_| progress.files_total > 1);
    let name = name.map_or_else(|| labels.content.clone(), text::file_name);
    // When only what is missing is sent, what the slowest receiver has says more.
    let done = if progress.on_request { progress.slowest } else { progress.bytes_sent };
    Standing {
        elapsed,
        done,
        total: progress.bytes_total,
        status: status(progress, labels),
        details: details(progress, labels),
        name,
    }
}

/// Progress of hashing as one line.
pub(super) fn hashing(elapsed: Duration, done: u64, total: u64, labels: &Labels) -> Standing {
    let status = vec![Part::fixed("hashing")];
    Standing { elapsed, done, total, status, name: labels.content.clone(), ..Standing::default() }
}

/// A receiver gets only shorter packets than are sent.
pub(super) fn mtu_too_small(name: &str, largest: u16, needed: u16) -> String {
    format!(
        "receiver {name} gets no packets of {needed} bytes, only up to {largest}: a link on the \
         way has a smaller MTU. Raise that, or send to all with a lower --mtu (or --min-mtu); \
         --slow evict goes on without this receiver, and --slow separate sends to it apart"
    )
}

/// Receivers, and what the transfer waits for.
fn status(progress: &SendProgress, labels: &Labels) -> Vec<Part> {
    let receivers = text::count(progress.receivers as u64, "receiver");
    let mut status = Vec::new();
    if progress.pass > 0 {
        status.push(Part::fixed(format!("pass {}", progress.pass)));
    }
    if !labels.in_passes || progress.receivers > 0 {
        status.push(Part::new(
            format!("{} of {receivers} complete", progress.confirmed),
            format!("{}/{} complete", progress.confirmed, progress.receivers),
        ));
    }
    if progress.failed > 0 {
        status.push(Part::fixed(format!("{} failed", progress.failed)));
    }
    if progress.evicted > 0 {
        let evicted = format!("{} {}", progress.evicted, labels.slow);
        status.push(Part::new(evicted, format!("{} slow", progress.evicted)));
    }
    match progress.phase {
        SendPhase::Paused => {
            let end = schedule::end(progress.paused_until);
            status.push(Part::new(format!("paused{end}"), "paused"));
        }
        SendPhase::Lingering => status.push(Part::new("waiting for late joiners", "lingering")),
        SendPhase::Ending => status.push(Part::fixed("ending")),
        _ => {}
    }
    status
}

fn details(progress: &SendProgress, labels: &Labels) -> Vec<Part> {
    let mut details = Vec::new();
    let total = progress.files_total;
    if let Some(sent) = progress.files_sent.filter(|_| total > 1) {
        let short = format!("{sent}/{total} files");
        details.push(Part::new(format!("{sent} of {total} files"), short));
    }
    if progress.worst_loss > 0.0 {
        details.push(Part::fixed(format!("loss {}", text::share(progress.worst_loss))));
    }
    if progress.repair_packets > 0 && !progress.on_request && !labels.in_passes {
        let share = ratio(progress.repair_packets, progress.data_packets);
        details.push(Part::fixed(format!("repair {}", text::share(share))));
    }
    details
}

/// All receivers in the order of the report: name, address, result, time, loss. Empty when there
/// were none.
pub(super) fn receiver_table(report: &SendReport) -> Table {
    let mut table = Table::new(&["receiver", "address", "result", ">time", ">loss"]);
    let names = ReceiverNames::of(&report.receivers);
    for receiver in report.receivers.iter().take(MAX_ROWS) {
        let info = &receiver.receiver;
        let group = if receiver.in_separate_group { ", in the separate group" } else { "" };
        table.row([
            info.name.clone(),
            info.address.map_or("-".to_owned(), |address| names.host(info, address)),
            result(&receiver.outcome) + group,
            receiver.elapsed.map_or("-".to_owned(), text::span),
            text::share(receiver.loss),
        ]);
    }
    let hidden = report.receivers.len().saturating_sub(MAX_ROWS);
    if hidden > 0 {
        table.row([format!("… and {hidden} more (--report FILE lists all)")]);
    }
    table
}

/// How the transfer ended: a sentence for success, else the failure.
pub(super) fn verdict(settings: &SendSettings, report: &SendReport) -> Result<String, Failure> {
    let complete = report.receivers.iter().filter(|receiver| is_complete(receiver)).count();
    let heard = report.receivers.len();
    let of_all = format!("{complete} of {}", text::count(heard as u64, "receiver"));
    let message = match &report.outcome {
        SendOutcome::Complete if report.withdrawn_files == 0 => {
            return Ok(success(settings, report));
        }
        SendOutcome::Sent if report.withdrawn_files == 0 => return Ok(sent(settings, report)),
        SendOutcome::Sent => format!("{}; all else was sent", withdrawn(report)),
        SendOutcome::Complete => {
            format!("{}; all else is complete at {of_all}", withdrawn(report))
        }
        SendOutcome::Partial => {
            let rest = incomplete_receivers(report);
            format!("only {of_all} complete; not complete: {rest}{}", also_withdrawn(report))
        }
        SendOutcome::AllFailed => format!("no receiver complete: {}", incomplete_receivers(report)),
        SendOutcome::NoReceivers if !report.ignored.is_empty() => format!(
            "no receiver of --receivers was heard, and others that are not in it{}: start \
             norm-recv there, or correct the names in that file",
            absent(report)
        ),
        SendOutcome::NoReceivers => no_receiver(settings) + &absent(report),
        SendOutcome::StartTimedOut { heard, wanted } => format!(
            "{heard} of {wanted} receivers joined in time{}{}, so nothing was sent: start the \
             others on {}, wait longer with --start-timeout, or send without them: --max-wait \
             starts with those that are there",
            joined(report),
            absent(report),
            elsewhere(settings.group)
        ),
        SendOutcome::Stopped { .. } if heard == 0 && settings.passes.is_some() => {
            "stopped before everything was sent once".to_owned()
        }
        SendOutcome::Stopped { .. } if heard == 0 => "stopped; no receiver was heard".to_owned(),
        SendOutcome::Stopped { receivers_wait } => {
            format!("stopped before the end; {of_all} complete{}", rest(report, *receivers_wait))
        }
        SendOutcome::SourceFailed { problem: what @ SourceProblem::Changed { .. } } => format!(
            "a file changed while it was being sent: {what}; send it again when nothing is writing \
             to it"
        ),
        SendOutcome::SourceFailed { problem: what @ SourceProblem::Spool { .. } } => {
            what.to_string()
        }
        SendOutcome::SourceFailed { problem } => format!("a file could not be read: {problem}"),
        other => format!("the transfer ended: {other:?}"),
    };
    Err(Failure::new(code(report), message))
}

/// Which files were withdrawn, and why the first one was.
fn withdrawn(report: &SendReport) -> String {
    let first = report.withdrawn.first().map(|file| file.problem.to_string()).unwrap_or_default();
    let more = match report.withdrawn_files {
        0 | 1 => String::new(),
        files => format!(", and {} more", files - 1),
    };
    format!(
        "{} could not be sent: {first}{more}; send again when nothing is writing there",
        text::count(report.withdrawn_files, "file"),
    )
}

/// The same, after other bad news.
fn also_withdrawn(report: &SendReport) -> String {
    match report.withdrawn_files {
        0 => String::new(),
        _ => format!("; {}", withdrawn(report)),
    }
}

/// Which receivers joined: ` (lab-1, lab-2)`, or nothing if none did.
fn joined(report: &SendReport) -> String {
    let names = ReceiverNames::of(&report.receivers);
    let there = report.receivers.iter().filter(|receiver| !is_missing(receiver));
    let list = first_few(there.map(|receiver| names.known(&receiver.receiver)), MAX_JOINED);
    if list.is_empty() { list } else { format!(" ({list})") }
}

/// Which receivers of the roster did not come: `; of --receivers lab-1, lab-2 did not come`, or
/// nothing.
fn absent(report: &SendReport) -> String {
    let missing = report.receivers.iter().filter(|receiver| is_missing(receiver));
    let list = first_few(missing.map(|receiver| receiver.receiver.name.clone()), MAX_JOINED);
    if list.is_empty() { list } else { format!("; of --receivers {list} did not come") }
}

fn is_missing(receiver: &ReceiverReport) -> bool {
    receiver.outcome == ReceiverOutcome::Missing
}

/// What a stopped transfer leaves to receivers that were at work, and how to go on.
fn rest(report: &SendReport, receivers_wait: bool) -> &'static str {
    let unfinished = |receiver: &ReceiverReport| receiver.outcome == ReceiverOutcome::Unfinished;
    if !report.receivers.iter().any(unfinished) {
        ""
    } else if receivers_wait {
        "; the others keep what they have, and wait: run norm-send with the same files again, here \
         or on another machine, to send them the rest"
    } else {
        "; the others keep what they have: run norm-recv there and norm-send here again to go on"
    }
}

/// Why no receiver may have been heard.
fn no_receiver(settings: &SendSettings) -> String {
    let (group, shown) = (elsewhere(settings.group), Zoned(settings.group));
    let port = group.port();
    if !is_multicast(group) {
        return format!(
            "no receiver heard on {shown}, which is a host's address, not a multicast group: start \
             norm-recv -g {group} on that host first, and allow UDP port {port} in its firewall"
        );
    }
    format!(
        "no receiver heard on {shown} via {}: start norm-recv -g {group} on the receivers first, \
         allow UDP port {port} and {} in their firewalls, and raise --ttl (now {}) if there are \
         routers on the path",
        settings.interface.name,
        membership(group),
        settings.ttl,
    )
}

fn is_complete(receiver: &ReceiverReport) -> bool {
    receiver.outcome == ReceiverOutcome::Confirmed
}

/// The first few receivers that are not complete, and why.
fn incomplete_receivers(report: &SendReport) -> String {
    let names = ReceiverNames::of(&report.receivers);
    let incomplete = report.receivers.iter().filter(|receiver| !is_complete(receiver));
    let incomplete = incomplete.map(|receiver| {
        format!("{} ({})", names.known(&receiver.receiver), result(&receiver.outcome))
    });
    first_few(incomplete, MAX_NAMED)
}

/// The first of a list, and how many more there are.
fn first_few(mut list: impl Iterator<Item = String>, limit: usize) -> String {
    let mut named: Vec<String> = list.by_ref().take(limit).collect();
    let more = list.count();
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
        ReceiverOutcome::Lost => "lost".to_owned(),
        ReceiverOutcome::Evicted => "evicted".to_owned(),
        ReceiverOutcome::Missing => "did not come".to_owned(),
        _ => "not finished".to_owned(),
    }
}

fn success(settings: &SendSettings, report: &SendReport) -> String {
    let seconds = report.data_elapsed.as_secs_f64();
    let speed = if seconds > 0.0 { report.bytes as f64 * 8.0 / seconds } else { 0.0 };
    let receivers = report.receivers.len() as u64;
    let repair = report.resent_packets + report.coded_packets;
    let keys: BTreeSet<&str> =
        report.receivers.iter().filter_map(|receiver| receiver.key.as_deref()).collect();
    let proved = receivers > 0 && keys.len() as u64 == receivers;
    format!(
        "complete: {} {} {} ({}) in {}, {}; {} sent, {}{}",
        text::count(receivers, "receiver"),
        if receivers == 1 { "has" } else { "have" },
        text::count(report.files, "file"),
        text::bytes(report.bytes),
        text::span(report.data_elapsed),
        text::bit_rate(speed),
        text::bytes(report.wire_bytes),
        match settings.passes {
            Some(_) => times(report),
            None => format!("{} of it repair", text::share(ratio(repair, packets(report)))),
        },
        if proved { "; proved by the key of each receiver" } else { "" },
    )
}

/// What was sent to receivers of which none has answered.
fn sent(settings: &SendSettings, report: &SendReport) -> String {
    format!(
        "sent: {} ({}) in {}, {} on the wire, {}; {}, so what receivers have is not known",
        text::count(report.files, "file"),
        text::bytes(report.bytes),
        text::span(report.elapsed),
        text::bytes(report.wire_bytes),
        times(report),
        if settings.flute.is_some() { "one way" } else { "no receiver has answered" },
    )
}

/// How much was sent.
fn times(report: &SendReport) -> String {
    format!("{:.2} times the content", ratio(packets(report), report.data_packets))
}

/// Packets of content that were sent.
fn packets(report: &SendReport) -> u64 {
    report.data_packets + report.resent_packets + report.coded_packets
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use norm_net::transfer::flute::Profile;
    use norm_net::{FluteSend, NodeId, Passes, ReceiverInfo};

    use super::*;
    use crate::exit::Code;
    use crate::settings::sample;

    fn report(outcome: SendOutcome, receivers: &[ReceiverOutcome]) -> SendReport {
        let receiver = |(outcome, node): (&ReceiverOutcome, u32)| {
            let mut info = ReceiverInfo::new(NodeId(node), format!("lab-{node}"));
            info.address = Some(([192, 0, 2, node as u8], 40_000).into());
            let mut receiver = ReceiverReport::new(info, outcome.clone());
            receiver.loss = 0.01;
            receiver
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
    fn proof_is_told_when_all_receivers_have_given_one() {
        let mut report = report(SendOutcome::Complete, &[const { ReceiverOutcome::Confirmed }; 2]);
        report.receivers[0].key = Some("age1a".to_owned());
        report.receivers[1].key = Some("age1a".to_owned());
        assert!(!verdict(&sample(), &report).unwrap().contains("proved"), "one key for both");
        report.receivers[1].key = Some("age1b".to_owned());
        let said = verdict(&sample(), &report).unwrap();
        assert!(said.ends_with("; proved by the key of each receiver"), "{said}");
    }

    #[test]
    fn one_way_it_is_said_what_was_sent() {
        let sent = report(SendOutcome::Sent, &[]);
        let mut settings = sample();
        settings.passes = Some(Passes::Forever);
        let silent = verdict(&settings, &sent).unwrap();
        assert!(silent.contains("1.11 times the content; no receiver has answered"), "{silent}");
        settings.flute = Some(FluteSend::new(Profile::Own));
        let one_way = verdict(&settings, &sent).unwrap();
        assert!(one_way.starts_with("sent: 1 file (1 MiB) in "), "{one_way}");
        assert!(one_way.contains("1.11 times the content; one way"), "{one_way}");
        let stopped = report(SendOutcome::Stopped { receivers_wait: false }, &[]);
        let message = verdict(&settings, &stopped).unwrap_err().message;
        assert_eq!(message, "stopped before everything was sent once");
        let all = report(SendOutcome::Complete, &[ReceiverOutcome::Confirmed]);
        let complete = verdict(&settings, &all).unwrap();
        assert!(complete.ends_with("1.05 MiB sent, 1.11 times the content"), "{complete}");
        let labels = Labels::new(&["a".into()], crate::args::SlowChoice::Wait).in_passes(true);
        let standing = standing(
            &progress(|progress| {
                progress.phase = SendPhase::Repeating;
                (progress.pass, progress.wire_bytes) = (3, 5 << 20);
            }),
            &labels,
        );
        assert_eq!(standing.status[0].full(), "pass 3");
        assert_eq!((standing.total, standing.details[0].full()), (0, "5 MiB sent"));
    }

    #[test]
    fn every_other_end_has_its_code_and_its_words() {
        let timed_out = SendOutcome::StartTimedOut { heard: 1, wanted: 3 };
        let path = || std::path::PathBuf::from("a.iso");
        let failed = |problem| SendOutcome::SourceFailed { problem };
        let changed = failed(SourceProblem::Changed { path: path(), how: "its size" });
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied).into();
        let unreadable = failed(SourceProblem::Unreadable { path: path(), error });
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
        let full = failed(SourceProblem::Spool { directory: "/tmp".into(), error });
        let cases = [
            (full, Code::LocalIo, "cannot be kept in /tmp"),
            (SendOutcome::NoReceivers, Code::NotHeard, "no receiver heard on 239.1.2.3:6000"),
            (timed_out, Code::NotHeard, "1 of 3 receivers joined in time, so nothing was sent"),
            (SendOutcome::Stopped { receivers_wait: false }, Code::Interrupted, "stopped"),
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
    fn incomplete_receivers_are_named_with_reasons_up_to_a_limit() {
        let failed = ReceiverOutcome::Failed { reason: "disk full".to_owned() };
        let lost = ReceiverOutcome::Lost;
        let some = [ReceiverOutcome::Confirmed, failed.clone(), lost.clone()];
        let failure = verdict(&sample(), &report(SendOutcome::Partial, &some)).unwrap_err();
        assert_eq!(failure.code, Code::Partial);
        assert_eq!(
            failure.message,
            "only 1 of 3 receivers complete; not complete: lab-2 (failed: disk full), lab-3 (lost)"
        );
        let all = vec![lost; 10];
        let failure = verdict(&sample(), &report(SendOutcome::AllFailed, &all)).unwrap_err();
        assert_eq!(failure.code, Code::AllFailed);
        assert!(failure.message.ends_with("lab-3 (lost), and 7 more"), "{failure}");
    }

    #[test]
    fn receivers_that_came_are_named_when_others_are_missing() {
        let timed_out = SendOutcome::StartTimedOut { heard: 2, wanted: 3 };
        let mut report =
            report(timed_out, &[ReceiverOutcome::Unfinished, ReceiverOutcome::Unfinished]);
        report.receivers[1].receiver.name = "lab-1".to_owned();
        let failure = verdict(&sample(), &report).unwrap_err();
        let joined = "2 of 3 receivers joined in time (lab-1 (192.0.2.1), lab-1 (192.0.2.2)), so";
        assert!(failure.message.starts_with(joined), "{failure}");
    }

    #[test]
    fn table_has_names_and_addresses() {
        let some = [ReceiverOutcome::Confirmed, ReceiverOutcome::Evicted];
        let lines: Vec<_> = receiver_table(&report(SendOutcome::Partial, &some)).lines().collect();
        assert_eq!(
            lines,
            [
                "  receiver  address    result    time   loss",
                "  lab-1     192.0.2.1  complete     -  1.0 %",
                "  lab-2     192.0.2.2  evicted      -  1.0 %",
            ]
        );
    }

    fn progress(change: impl FnOnce(&mut SendProgress)) -> SendProgress {
        let mut progress = SendProgress::default();
        progress.bytes_total = 100;
        progress.receivers = 2;
        progress.phase = SendPhase::Confirming;
        change(&mut progress);
        progress
    }

    fn labels() -> Labels {
        Labels { content: String::new(), slow: "evicted", waits: false, in_passes: false }
    }

    /// Status and details in full.
    fn words(progress: &SendProgress) -> String {
        let standing = standing(progress, &labels());
        let parts: Vec<_> = standing.status.iter().chain(&standing.details).collect();
        parts.iter().map(|part| part.full()).collect::<Vec<_>>().join("  ")
    }

    #[test]
    fn failed_receivers_do_not_count_as_complete() {
        let one_lost = progress(|p| (p.confirmed, p.failed) = (1, 1));
        assert_eq!(words(&one_lost), "1 of 2 receivers complete  1 failed");
        let one_slow = progress(|p| (p.confirmed, p.evicted) = (1, 1));
        assert_eq!(words(&one_slow), "1 of 2 receivers complete  1 evicted");
    }

    #[test]
    fn waiting_for_receivers_has_no_percentage() {
        let waiting = progress(|p| p.phase = SendPhase::Waiting);
        assert_eq!(standing(&waiting, &labels()).total, 0);
        assert_eq!(words(&waiting), "waiting for receivers: 2 joined");
        let missing = progress(|p| {
            p.phase = SendPhase::Waiting;
            p.wanted = 3;
            p.unchanged = Duration::from_secs(30);
        });
        assert_eq!(words(&missing), "waiting for receivers: 2 of 3 joined; 1 missing for 30 s");
    }

    #[test]
    fn progress_names_the_file_and_how_many_were_sent() {
        let sending = progress(|p| {
            p.file = Some("photos/2026/one.jpg".into());
            (p.files_sent, p.files_total) = (Some(3), 12);
        });
        assert_eq!(words(&sending), "0 of 2 receivers complete  3 of 12 files");
        assert_eq!(standing(&sending, &labels()).name, "one.jpg");
        let mut of_one = sending.clone();
        of_one.files_total = 1;
        assert_eq!(words(&of_one), "0 of 2 receivers complete");
        assert_eq!(standing(&of_one, &labels()).name, labels().content);
    }

    #[test]
    fn progress_has_receivers_loss_and_repair() {
        let mut repairing = progress(|p| {
            p.repair_packets = 5;
            p.data_packets = 100;
            p.worst_loss = 0.04;
        });
        assert_eq!(words(&repairing), "0 of 2 receivers complete  loss 4.0 %  repair 5.0 %");
        repairing.on_request = true;
        repairing.slowest = 70;
        assert_eq!(standing(&repairing, &labels()).done, 70);
        assert_eq!(words(&repairing), "0 of 2 receivers complete  loss 4.0 %");
        let paused = progress(|p| {
            p.phase = SendPhase::Paused;
            p.paused_until = "18:00".parse().ok();
        });
        assert_eq!(words(&paused), "0 of 2 receivers complete  paused until 18:00");
    }
}
