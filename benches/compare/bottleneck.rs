//! The table for bottlenecks: times of programs that find the rate.

use crate::case::Case;
use crate::comparison::{Comparison, Entry};
use crate::options::Options;
use crate::table::{NONE, number, row, rule};
use crate::tools::Tool;

const HEAD: &str = "\n## Times\n\n\
    Medians in seconds. \"Fixed\" is the best of the fixed rates, as a part of the link's rate. \
    Others control congestion; programs that always exceed the limit count with the limit.\n\n\
    | link Mbit/s | size | buffers | receivers | loss % | norm-send | fixed | at \
    | norm-send / fixed | uftp | uftp / norm-send | NRL NORM | NRL / norm-send |\n";

/// A time in seconds.
#[derive(Copy, Clone)]
struct Time {
    seconds: f64,
    /// The actual time is longer.
    is_minimum: bool,
}

/// One line per case.
pub fn times(options: &Options, results: &[&Comparison]) -> String {
    let mut text = HEAD.to_owned();
    text += &rule(13);
    for comparison in results {
        let case = &comparison.case;
        let own = comparison.entry(Tool::Ours).filter(|entry| entry.is_right());
        let own = own.and_then(|entry| time(case, entry));
        let fixed = comparison.best(Tool::Fixed);
        let at = fixed.map_or(NONE.to_owned(), |entry| entry.setting.part());
        let fixed = fixed.and_then(|entry| time(case, entry));
        let mut cells = vec![
            number(case.bottleneck.map(|bits| bits as f64 / 1e6), 0),
            case.size.to_string(),
            case.buffers.name().to_owned(),
            case.receivers.to_string(),
            case.loss.to_string(),
            show(own),
            show(fixed),
            at,
            show(quotient(own, fixed)),
        ];
        for tool in [Tool::Uftp, Tool::Nrl] {
            let failed = || comparison.entry(tool).and_then(|entry| too_long(options, entry));
            let peer = comparison.best(tool).and_then(|entry| time(case, entry)).or_else(failed);
            cells.extend([show(peer), show(quotient(peer, own))]);
        }
        text += &row(&cells);
    }
    text
}

fn time(case: &Case, entry: &Entry) -> Option<Time> {
    let seconds = case.bytes() * 8.0 / entry.rate()?;
    Some(Time { seconds, is_minimum: false })
}

/// The limit, for a program that always exceeds it.
fn too_long(options: &Options, entry: &Entry) -> Option<Time> {
    let late = |failure: &String| failure.starts_with(crate::run::TOO_LONG);
    let all = entry.runs.iter().all(|run| run.failure.as_ref().is_some_and(late));
    let time = Time { seconds: options.limit.as_secs_f64(), is_minimum: true };
    (all && !entry.runs.is_empty()).then_some(time)
}

fn quotient(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    let (a, b) = a.zip(b)?;
    Some(Time { seconds: a.seconds / b.seconds, ..a })
}

fn show(time: Option<Time>) -> String {
    match time {
        Some(Time { seconds, is_minimum: true }) => format!("> {seconds:.2}"),
        Some(Time { seconds, is_minimum: false }) => format!("{seconds:.2}"),
        None => NONE.to_owned(),
    }
}
