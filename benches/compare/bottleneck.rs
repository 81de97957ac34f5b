//! The table of who finds a bottleneck's rate: times, which are what users wait for.

use crate::contest::{Contest, Entry};
use crate::options::Options;
use crate::table::{NONE, number, row, rule};
use crate::tools::Tool;

const HEAD: &str = "\n## Times\n\nSeconds, medians. \"Fixed\" is the best of the fixed rates, by the link's. Others control congestion; \
                    who was never done in time counts with the limit.\n\n| link Mbit/s | receivers | loss % | norm-send | fixed | at \
                    | norm-send / fixed | uftp | uftp / norm-send | NRL NORM | NRL / norm-send |\n";

/// A time in seconds, and whether it is only the least that it can be.
type Time = Option<(f64, bool)>;

/// One line per case.
pub fn times(options: &Options, results: &[Contest]) -> String {
    let mut text = HEAD.to_owned();
    text += &rule(11);
    for contest in results {
        let case = &contest.case;
        let own = contest.entry(Tool::Ours).filter(|entry| entry.is_right());
        let own = own.and_then(|entry| time(options, entry));
        let fixed = contest.best(Tool::Fixed);
        let at = fixed.map_or(NONE, |entry| entry.setting.label);
        let fixed = fixed.and_then(|entry| time(options, entry));
        let mut cells = vec![
            number(case.bottleneck.map(|bits| bits as f64 / 1e6), 0),
            case.receivers.to_string(),
            case.loss.to_string(),
            show(own),
            show(fixed),
            at.replace(" of the link", ""),
            show(quotient(own, fixed)),
        ];
        for tool in [Tool::Uftp, Tool::Nrl] {
            let failed = || contest.entry(tool).and_then(|entry| too_long(options, entry));
            let peer = contest.best(tool).and_then(|entry| time(options, entry)).or_else(failed);
            cells.extend([show(peer), show(quotient(peer, own))]);
        }
        text += &row(&cells);
    }
    text
}

fn time(options: &Options, entry: &Entry) -> Time {
    Some((options.size.as_u64() as f64 * 8.0 / entry.rate()?, false))
}

/// The limit, for who was never done within it.
fn too_long(options: &Options, entry: &Entry) -> Time {
    let late = |trouble: &String| trouble.starts_with(crate::run::TOO_LONG);
    let all = entry.runs.iter().all(|run| run.trouble.as_ref().is_some_and(late));
    (all && !entry.runs.is_empty()).then_some((options.limit.as_secs_f64(), true))
}

fn quotient(a: Time, b: Time) -> Time {
    let ((a, at_least), (b, _)) = a.zip(b)?;
    Some((a / b, at_least))
}

fn show(time: Time) -> String {
    match time {
        Some((seconds, true)) => format!("> {seconds:.2}"),
        Some((seconds, false)) => format!("{seconds:.2}"),
        None => NONE.to_owned(),
    }
}
