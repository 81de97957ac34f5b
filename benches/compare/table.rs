//! The tables, in Markdown.

use std::fs;
use std::path::Path;

use crate::bottleneck;
use crate::case::Case;
use crate::comparison::{Comparison, Entry};
use crate::default_rate;
use crate::host;
use crate::options::Options;
use crate::run::{Run, Used};
use crate::stats;
use crate::tools::Tool;

/// Bytes to which processor times refer.
const GB: f64 = 1e9;
const MIB: f64 = (1u64 << 20) as f64;
/// The cell of a value that was not measured or does not count.
pub const NONE: &str = "–";

const NOTES: &str = "\
Goodput: from the start of the sender's process until the last receiver's file was last changed, by
which it is complete. \"All ended\" is the time until the sender and all receivers that end by
themselves had ended. Raw socket: bytes at the slowest receiver, from the first packet until its
last one, memory to memory. Every file was compared by BLAKE3; a run with a wrong or missing file
has no rate and counts only in \"right\". Values are medians of the right runs. A peer that fails
may try three times in a round, and counts if it was right once; ours must not fail. Processor time
is per GB (10^9 bytes) of content, for receivers the mean of all. Memory is the peak of all runs,
RssAnon and, in brackets, VmHWM. Wire: bytes of Ethernet frames of the sender, by the size of the
file; with offload on a batch counts with the headers of one packet. Symbols: bytes of content
sent, by size / (1 - loss). Loss is at each receiver's input, by packet; with offload on one loss
takes a whole batch. \"To the floor\" is processor time relative to the sum of raw socket, cp and
BLAKE3 on that side.";

/// Prints the tables, and writes them to the file of the options.
pub fn publish(
    options: &Options,
    missing: &[String],
    results: &[Comparison],
) -> Result<(), String> {
    print!("{}", document(options, missing, results));
    match &options.out {
        Some(path) => write(path, options, missing, results),
        None => Ok(()),
    }
}

/// Writes the tables to a file.
pub fn write(
    path: &Path,
    options: &Options,
    missing: &[String],
    results: &[Comparison],
) -> Result<(), String> {
    let text = document(options, missing, results);
    fs::write(path, text).map_err(|error| format!("--out {}: {error}", path.display()))
}

fn document(options: &Options, missing: &[String], results: &[Comparison]) -> String {
    let mut text = head(options, missing);
    let (limited, free): (Vec<_>, Vec<_>) =
        results.iter().partition(|comparison| comparison.case.bottleneck.is_some());
    if options.default_rate {
        text += &default_rate::verdicts(results);
    } else {
        if !limited.is_empty() {
            text += &bottleneck::times(options, &limited);
        }
        if !free.is_empty() {
            text += &ratios(&free);
        }
    }
    for comparison in results {
        text += &details(comparison);
    }
    text
}

fn head(options: &Options, missing: &[String]) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = format!("compare {}", arguments.join(" "));
    let at = host::revision().map_or_else(String::new, |commit| format!(", commit {commit}"));
    let sizes: Vec<String> = options.size.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "# Comparison, {}{at}\n\n{}. `{}`: {} file to file in memory, rounds: {}.\n\n{NOTES}\n",
        host::now(),
        host::describe(),
        command.trim_end(),
        sizes.join(", "),
        options.runs
    );
    for line in missing {
        text += &format!("\n{line}.\n");
    }
    text
}

/// One line per case: our programs compared with the others.
fn ratios(results: &[&Comparison]) -> String {
    let mut text = "\n## Ratios\n\n\
        | size | buffers | receivers | loss % | MTU | offload \
        | norm-send Mbit/s | best peer | ours / peer \
        | raw Mbit/s | ours / raw | cp Mbit/s | ours / cp \
        | sender CPU to the floor | receiver CPU to the floor | symbols |\n"
        .to_owned();
    text += &rule(16);
    for comparison in results {
        let case = &comparison.case;
        // A single failure of ours fails the case.
        let ours = comparison.entry(Tool::Ours).filter(|entry| entry.is_right());
        let rate = |tool| comparison.entry(tool).and_then(Entry::rate);
        let own = ours.and_then(Entry::rate);
        let peer = comparison.best_peer();
        let cells = [
            case_cells(case),
            number(own.map(|rate| rate / 1e6), 0),
            peer.map_or(NONE.to_owned(), |entry| entry.setting.name()),
            number(quotient(own, peer.and_then(Entry::rate)), 2),
            number(rate(Tool::Raw).map(|rate| rate / 1e6), 0),
            number(quotient(own, rate(Tool::Raw)), 3),
            number(rate(Tool::Cp).map(|rate| rate / 1e6), 0),
            number(quotient(own, rate(Tool::Cp)), 3),
            number(to_the_floor(comparison, ours, sender_cpu), 2),
            number(to_the_floor(comparison, ours, receiver_cpu), 2),
            number(ours.and_then(|entry| entry.median(|run| symbols(case, run))), 3),
        ];
        text += &row(&cells);
    }
    text
}

/// One line per program.
fn details(comparison: &Comparison) -> String {
    let case = &comparison.case;
    let mut text = format!(
        "\n## {case}\n\n| program | right | goodput Mbit/s | lowest and highest | all ended s \
         | sender CPU s/GB | receiver CPU s/GB | sender MiB | receiver MiB | wire | symbols \
         | remarks |\n"
    );
    text += &rule(12);
    for entry in comparison.entries.iter().filter(|entry| !entry.runs.is_empty()) {
        let range = stats::range(entry.right_runs().map(|run| run.rate / 1e6));
        let cpu = |side: Side| number(entry.median(|run| side(case, run)), 2);
        let on_the_wire = |run: &Run| (run.wire > 0).then(|| run.wire as f64 / case.bytes());
        let cells = [
            entry.setting.name(),
            format!("{}/{}", entry.right_runs().count(), entry.runs.len()),
            number(entry.rate().map(|rate| rate / 1e6), 0),
            range.map_or(NONE.to_owned(), |(low, high)| format!("{low:.0}–{high:.0}")),
            number(entry.median(|run| Some(run.wall.as_secs_f64())), 2),
            cpu(sender_cpu),
            cpu(receiver_cpu),
            memory(entry, |run| std::slice::from_ref(&run.sender)),
            memory(entry, |run| &run.receivers),
            number(entry.median(on_the_wire).filter(|_| entry.setting.tool.is_networked()), 3),
            number(entry.median(|run| symbols(case, run)), 3),
            remarks(entry),
        ];
        text += &row(&cells);
    }
    text
}

/// Processor seconds per GB of one side in one run.
type Side = fn(&Case, &Run) -> Option<f64>;

fn sender_cpu(case: &Case, run: &Run) -> Option<f64> {
    Some(run.sender.cpu.as_secs_f64() / (case.bytes() / GB))
}

fn receiver_cpu(case: &Case, run: &Run) -> Option<f64> {
    let seconds = stats::mean(run.receivers.iter().map(|used| used.cpu.as_secs_f64()))?;
    // Only bytes that arrived cost time.
    let bytes = case.bytes() * run.arrived.unwrap_or(1.0);
    (bytes > 0.0).then(|| seconds / (bytes / GB))
}

/// Content sent, relative to the minimum with this loss.
fn symbols(case: &Case, run: &Run) -> Option<f64> {
    let min = case.bytes() / (1.0 - case.loss / 100.0);
    run.symbols.map(|bytes| bytes as f64 / min)
}

/// Processor time of our side, relative to that of bare socket, copy and hash together.
fn to_the_floor(comparison: &Comparison, ours: Option<&Entry>, side: Side) -> Option<f64> {
    let case = &comparison.case;
    let own = ours?.median(|run| side(case, run));
    let local = |tool| comparison.entry(tool)?.median(|run| sender_cpu(case, run));
    let raw = comparison.entry(Tool::Raw)?.median(|run| side(case, run));
    quotient(own, Some(raw? + local(Tool::Cp)? + local(Tool::Hash)?))
}

/// Peak of the memory of a side in all correct runs.
fn memory(entry: &Entry, of: impl Fn(&Run) -> &[Used]) -> String {
    let max = |kind: fn(&Used) -> u64| entry.right_runs().flat_map(&of).map(kind).max();
    match (max(|used| used.memory.anonymous), max(|used| used.memory.resident)) {
        (Some(anonymous), Some(resident)) => {
            format!("{:.0} ({:.0})", anonymous as f64 / MIB, resident as f64 / MIB)
        }
        _ => NONE.to_owned(),
    }
}

fn remarks(entry: &Entry) -> String {
    let mut remarks = Vec::new();
    if let Some(share) = entry.median(|run| run.arrived) {
        remarks.push(format!("{:.1} % arrived", share * 100.0));
    }
    if let Some(run) = entry.runs.iter().rev().find(|run| !run.is_right()) {
        if let Some((right, all)) = run.right {
            remarks.push(format!("{right}/{all} files right in the last failure"));
        }
        remarks.extend(run.failure.as_ref().map(|failure| failure.replace('|', "/")));
    }
    remarks.join("; ")
}

fn case_cells(case: &Case) -> String {
    let offload = if case.offload { "on" } else { "off" };
    let Case { size, buffers, receivers, loss, mtu, .. } = case;
    format!("{size} | {} | {receivers} | {loss} | {mtu} | {offload}", buffers.name())
}

fn quotient(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b.filter(|&b| b > 0.0)?)
}

pub fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{value:.digits$}"))
}

pub fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

pub fn rule(columns: usize) -> String {
    format!("|{}\n", "---|".repeat(columns))
}
