//! The table for the default rate: its times beside those of fixed rates, and whether they are
//! within their bounds.

use crate::comparison::{Comparison, Entry};
use crate::run::Run;
use crate::sockets::Arrivals;
use crate::stats;
use crate::table::{NONE, number, row, rule};
use crate::tools::Tool;
use crate::verdict::{Bounded, Measured, Verdict};

const HEAD: &str = "\n## Default rate\n\n\
    Seconds from the start of the sender's process until the last receiver's file is complete. \
    \"Fixed\" is the median of the fixed rate with the lowest one, \"at\" its part of the link's \
    rate, or max where there is no bottleneck; \"KiB\" is the receive buffer that a socket had. \
    Bounds on the default rate: median 1.15, slowest run 1.4 times the fixed rate's median, and \
    0.1 s; where the network loses nothing, 1 % of the \
    packets dropped at the receivers' sockets, of all runs together (\"most\" is the worst run). A \
    failed run takes infinitely long; one at a fixed rate fails the case, too.\n";

const COLUMNS: &str = "\n\
    | link Mbit/s | size | buffers | KiB | receivers | loss % | fixed | at | auto | / fixed \
    | bound | median | worst | / fixed | bound | worst run | dropped % | most | drops | failed |\n";

/// A case with its verdict.
struct Judged<'a> {
    comparison: &'a Comparison,
    verdict: Verdict,
    best: Option<&'a Entry>,
    fixed: Option<f64>,
    sockets: Sockets,
}

/// What happened at the receivers' sockets in the runs of an entry.
struct Sockets {
    /// Share of all packets that were dropped.
    dropped: f64,
    /// The same in the worst run.
    most: f64,
    /// Largest receive buffer, in bytes.
    buffer: Option<u64>,
}

/// One bound of a case; `None` where it does not count.
type Kind = fn(&Verdict) -> Option<Bounded>;

/// A summary, and one line per case.
pub fn verdicts(results: &[Comparison]) -> String {
    let judged: Vec<Judged<'_>> = results.iter().filter_map(Judged::of).collect();
    let mut text = HEAD.to_owned() + &summary(&judged) + COLUMNS + &rule(20);
    for case in &judged {
        text += &row(&case.cells());
    }
    text
}

fn summary(judged: &[Judged<'_>]) -> String {
    let passed = judged.iter().filter(|case| case.verdict.passes()).count();
    let mut text = format!("\n**{passed} cases passed, {} failed.**", judged.len() - passed);
    let kinds: [(&str, Kind); 3] = [
        ("median", |verdict| Some(verdict.median)),
        ("slowest run", |verdict| Some(verdict.worst)),
        ("drops", |verdict| verdict.dropped),
    ];
    for (name, of) in kinds {
        let parts = judged.iter().filter_map(|case| Some((of(&case.verdict)?.part(), case)));
        if let Some((part, case)) = parts.max_by(|a, b| a.0.total_cmp(&b.0)) {
            let case = case.comparison.case;
            text += &format!(" Worst {name}: {part:.2} of its bound ({case}).");
        }
    }
    text + "\n"
}

impl<'a> Judged<'a> {
    fn of(comparison: &'a Comparison) -> Option<Self> {
        let case = &comparison.case;
        let auto = comparison.entry(Tool::Auto)?;
        let best = comparison.best(Tool::Fixed).or_else(|| comparison.best(Tool::Max));
        let fixed = best.and_then(|entry| entry.median(|run| run.seconds(case)));
        let seconds = |run: &Run| run.seconds(case).unwrap_or(f64::INFINITY);
        let times = || auto.runs.iter().map(seconds);
        let failed = |entry: &Entry| entry.runs.iter().filter(|run| !run.is_right()).count();
        let sockets = Sockets::of(auto);
        let verdict = Verdict::of(&Measured {
            fixed,
            median: stats::median(times())?,
            worst: stats::range(times())?.1,
            dropped: sockets.dropped,
            lossy: case.loss > 0.0,
            failed: comparison.entries.iter().map(failed).sum(),
        });
        Some(Self { comparison, verdict, best, fixed, sockets })
    }

    fn cells(&self) -> Vec<String> {
        let case = &self.comparison.case;
        let Verdict { median, worst, dropped, failed } = self.verdict;
        let percent = |share: f64| format!("{:.2}", share * 100.0);
        let buffer = self.sockets.buffer.map(|bytes| (bytes >> 10) as f64);
        let link = case.bottleneck.map(|bits| bits as f64 / 1e6);
        let mut cells = vec![
            link.map_or("none".to_owned(), |link| number(Some(link), 0)),
            case.size.to_string(),
            case.buffers.name().to_owned(),
            number(buffer, 0),
            case.receivers.to_string(),
            case.loss.to_string(),
            number(self.fixed, 2),
            self.best.map_or(NONE.to_owned(), |entry| entry.setting.part()),
        ];
        for bounded in [median, worst] {
            let Bounded { value, bound } = bounded;
            cells.extend([
                number(Some(value), 2),
                number(self.fixed.map(|fixed| value / fixed), 2),
                number(self.fixed.map(|_| bound), 2),
                said(bounded.holds()),
            ]);
        }
        cells.extend([percent(self.sockets.dropped), percent(self.sockets.most)]);
        cells.push(dropped.map_or(NONE.to_owned(), |bounded| said(bounded.holds())));
        cells.push(if failed == 0 { "0".to_owned() } else { format!("{failed} {}", said(false)) });
        cells
    }
}

impl Sockets {
    fn of(entry: &Entry) -> Self {
        let runs = || entry.runs.iter().filter_map(|run| run.sockets);
        let all = Arrivals {
            read: runs().map(|run| run.read).sum(),
            dropped: runs().map(|run| run.dropped).sum(),
            buffer: 0,
        };
        Self {
            dropped: all.dropped_share(),
            most: runs().map(|run| run.dropped_share()).fold(0.0, f64::max),
            buffer: runs().map(|run| run.buffer).max(),
        }
    }
}

fn said(holds: bool) -> String {
    if holds { "PASS" } else { "**FAIL**" }.to_owned()
}
