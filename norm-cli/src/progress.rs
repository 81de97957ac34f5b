//! How far a transfer is: a line that is redrawn on a terminal, elsewhere a line now and then.

mod line;
mod meter;

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use console::Term;

pub use line::{Part, Standing};

use meter::Meter;

/// Time between lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows progress on standard error.
pub struct Progress {
    style: Style,
    meter: Meter,
}

enum Style {
    Terminal(Screen),
    Lines { last: Instant },
    Quiet,
}

impl Progress {
    /// A redrawn line if standard error is a terminal, else plain lines.
    pub fn new() -> Self {
        let style = if stderr().is_terminal() {
            Style::Terminal(Screen { term: Term::buffered_stderr(), line: String::new() })
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
            Style::Terminal(screen) => {
                screen.line = line::compose(standing, bits, Some(screen.width()));
                screen.draw();
            }
            Style::Lines { last } if last.elapsed() >= LINE_INTERVAL => {
                *last = Instant::now();
                print(&line::compose(standing, bits, None));
            }
            Style::Lines { .. } | Style::Quiet => {}
        }
    }

    /// Prints a line of its own, above the progress.
    pub fn note(&self, note: &str) {
        match &self.style {
            Style::Terminal(screen) => {
                screen.erase();
                print(note);
                screen.draw();
            }
            Style::Lines { .. } => print(note),
            Style::Quiet => {}
        }
    }

    /// Takes the progress line away; notes can still be printed.
    pub fn clear(&mut self) {
        if let Style::Terminal(screen) = &mut self.style {
            screen.erase();
            screen.line.clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// A terminal with a progress line at its bottom.
struct Screen {
    term: Term,
    line: String,
}

impl Screen {
    /// Columns that a line may fill without wrapping.
    fn width(&self) -> usize {
        usize::from(self.term.size().1).saturating_sub(1)
    }

    fn draw(&self) {
        // The terminal may be gone, which must not end a transfer.
        let _ = self.term.clear_line();
        let _ = self.term.write_str(&self.line);
        let _ = self.term.flush();
    }

    fn erase(&self) {
        // As above.
        let _ = self.term.clear_line();
        let _ = self.term.flush();
    }
}

fn print(line: &str) {
    // The reader may be gone, which must not end a transfer.
    let _ = writeln!(stderr(), "{line}");
}
