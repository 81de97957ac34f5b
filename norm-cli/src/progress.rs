//! How far a transfer is: a bar on a terminal, now and then a plain line elsewhere.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text;

/// Redraws of the bar per second.
const REDRAWS: u8 = 4;
/// Time between plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Where a transfer stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Since the session began.
    pub elapsed: Duration,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; 0 while unknown, and while nothing flows.
    pub total: u64,
    /// Whatever else is worth a look: receivers, loss, repair.
    pub details: String,
}

/// Shows progress on standard error.
pub struct Progress {
    style: Style,
    meter: Meter,
}

enum Style {
    Bar(ProgressBar),
    Lines { last: Instant },
    Quiet,
}

impl Progress {
    /// A bar if standard error is a terminal, else plain lines.
    pub fn new() -> Self {
        let style = if stderr().is_terminal() {
            Style::Bar(bar(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())))
        } else {
            Style::Lines { last: Instant::now() }
        };
        Self { style, meter: Meter::default() }
    }

    /// Shows nothing at all, not even notes.
    pub fn quiet() -> Self {
        Self { style: Style::Quiet, meter: Meter::default() }
    }

    /// Takes a new standing; shows it when it is time to.
    pub fn update(&mut self, standing: &Standing) {
        self.meter.sample(standing.elapsed, standing.done);
        let bits = self.meter.bits_per_second();
        match &mut self.style {
            Style::Bar(bar) => {
                // The message first: each change may draw, and old words beside a new bar confuse.
                bar.set_message(line(standing, bits));
                bar.set_length(standing.total.max(1));
                bar.set_position(standing.done);
            }
            Style::Lines { last } if last.elapsed() >= LINE_INTERVAL => {
                *last = Instant::now();
                print(&line(standing, bits));
            }
            Style::Lines { .. } | Style::Quiet => {}
        }
    }

    /// Prints a line of its own, above the bar.
    pub fn note(&self, note: &str) {
        match &self.style {
            Style::Bar(bar) => bar.suspend(|| print(note)),
            Style::Lines { .. } => print(note),
            Style::Quiet => {}
        }
    }

    /// Takes the bar away; notes can still be printed.
    pub fn clear(&mut self) {
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn bar(coloured: bool) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
    let template = if coloured { "{bar:24.cyan/blue} {wide_msg}" } else { "{bar:24} {wide_msg}" };
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(1), target).with_style(style)
}

fn print(line: &str) {
    // Nobody may be reading any more, which must not end a transfer.
    let _ = writeln!(stderr(), "{line}");
}

/// ` 42 %  107 MiB of 256 MiB  98.1 Mbit/s  12 s left  3 receivers, loss 5.0 %`
fn line(standing: &Standing, bits: Option<f64>) -> String {
    let Standing { done, total, ref details, .. } = *standing;
    if total == 0 {
        return details.clone();
    }
    let percent = done.min(total).saturating_mul(100) / total;
    let mut line = format!("{percent:3} %  {} of {}", text::bytes(done), text::bytes(total));
    if let Some(bits) = bits.filter(|_| done < total) {
        line.push_str(&format!("  {}", text::bit_rate(bits)));
        let seconds = total.saturating_sub(done) as f64 * 8.0 / bits;
        // Beyond ten days it is no estimate any more, only noise.
        if seconds < 864_000.0 {
            line.push_str(&format!("  {} left", text::estimate(seconds)));
        }
    }
    if !details.is_empty() {
        line.push_str(&format!("  {details}"));
    }
    line
}

/// The rate over the last few seconds.
#[derive(Debug, Default)]
struct Meter {
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    const WINDOW: Duration = Duration::from_secs(4);
    const MOST_SAMPLES: usize = 64;

    fn sample(&mut self, elapsed: Duration, done: u64) {
        // What starts over (another transfer, a new session) has no rate yet.
        if self.samples.back().is_some_and(|&(at, before)| elapsed < at || done < before) {
            self.samples.clear();
        }
        self.samples.push_back((elapsed, done));
        while self.samples.len() > Self::MOST_SAMPLES
            || self.samples.get(1).is_some_and(|&(at, _)| elapsed - at >= Self::WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// `None` while nothing moves.
    fn bits_per_second(&self) -> Option<f64> {
        let (&(from, before), &(to, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = (to - from).as_secs_f64();
        (seconds > 0.0 && after > before).then(|| (after - before) as f64 * 8.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(done: u64, total: u64) -> Standing {
        Standing { done, total, details: "3 receivers".to_owned(), ..Standing::default() }
    }

    #[test]
    fn the_line_tells_percent_rate_time_left_and_details() {
        let line = line(&standing(64 << 20, 256 << 20), Some(100e6));
        assert_eq!(line, " 25 %  64 MiB of 256 MiB  100 Mbit/s  16 s left  3 receivers");
    }

    #[test]
    fn without_bytes_only_the_details_are_told() {
        assert_eq!(line(&standing(0, 0), None), "3 receivers");
    }

    #[test]
    fn nothing_is_left_at_the_end() {
        assert_eq!(line(&standing(5, 5), Some(1e6)), "100 %  5 B of 5 B  3 receivers");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.bits_per_second(), None);
        for second in 0..20 {
            let done = if second < 10 { second } else { 10 + (second - 10) * 1000 };
            meter.sample(Duration::from_secs(second), done);
        }
        assert_eq!(meter.bits_per_second(), Some(8000.0));
    }

    #[test]
    fn a_second_transfer_has_no_rate_of_the_first() {
        let mut meter = Meter::default();
        meter.sample(Duration::from_secs(1), 0);
        meter.sample(Duration::from_secs(2), 1_000_000);
        meter.sample(Duration::from_secs(3), 10);
        assert_eq!(meter.bits_per_second(), None);
        meter.sample(Duration::from_secs(4), 20);
        assert_eq!(meter.bits_per_second(), Some(80.0));
    }
}
