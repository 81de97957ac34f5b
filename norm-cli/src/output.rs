//! Where output goes: progress and notes to standard error, results to standard output; with
//! `--json` events to standard output, and nothing but errors to standard error.

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use norm_net::{Hint, SendEvent};
use serde::Serialize;

use crate::exit::{Code, Failure};
use crate::explain;
use crate::interrupt::Interrupt;
use crate::json::{self, EventLines, ProgramEvent};
use crate::limits;
use crate::progress::{Progress, Standing};
use crate::text;

/// Runs a program's work; with `json`, its failure is the last event, and events that cannot be
/// written are a failure.
pub(crate) fn with_error_event(
    json: bool,
    work: impl FnOnce() -> Result<Code, Failure>,
) -> Result<Code, Failure> {
    limits::tell_of_file_size();
    let lines = json.then(EventLines::new);
    let result = work().inspect_err(|failure| {
        let (exit_code, message) = (failure.code.number(), failure.message.clone());
        if let Some(mut lines) = lines.filter(|_| !failure.code.is_stop()) {
            lines.write(&ProgramEvent::Error { exit_code, message });
        }
    });
    match (json::failure(), result) {
        (Some(error), Ok(_)) => Err(Failure::local(unwritten(error))),
        // The transfer's own failure tells more; the rest is on standard error.
        (Some(error), Err(failure)) => {
            let message = format!("{}; {}", failure.message, unwritten(error));
            Err(Failure { message, ..failure })
        }
        (None, result) => result,
    }
}

/// What it means that events cannot be written.
fn unwritten(error: &str) -> String {
    format!(
        "events could not be written to standard output: {error}; the transfer went on, and the \
         events are not complete: make room where they go, or write them elsewhere"
    )
}

/// Words for people, or events for scripts.
pub struct Output {
    events: Option<EventLines>,
    /// It was told that events cannot be written.
    is_failure_told: bool,
    progress: Progress,
}

impl Output {
    /// Events for scripts with `json`, otherwise words for people.
    pub fn new(json: bool) -> Self {
        let (events, progress) = match json {
            true => (Some(EventLines::new()), Progress::quiet()),
            false => (None, Progress::new()),
        };
        Self { events, is_failure_told: false, progress }
    }

    /// Writes an event, for scripts only.
    pub fn event(&mut self, event: &impl Serialize) {
        if let Some(events) = &mut self.events {
            events.write(event);
            if let Some(error) = json::failure().filter(|_| !self.is_failure_told) {
                self.is_failure_told = true;
                let _ = writeln!(stderr(), "hint: {}", unwritten(error));
            }
        }
    }

    /// Prints a note for people, on standard error; foreign text in it is made safe.
    pub fn say(&self, words: &str) {
        for line in words.lines() {
            self.progress.note(&text::plain(line));
        }
    }

    /// Shows people how far the transfer is.
    pub fn progress(&mut self, standing: &Standing) {
        self.progress.update(standing);
    }

    /// A hint, to either audience.
    pub fn hint(&mut self, hint: &Hint) {
        self.event(&SendEvent::Hint(hint.clone()));
        self.say_hint(hint);
    }

    /// A hint, to people only.
    pub fn say_hint(&self, hint: &Hint) {
        self.say(&format!("hint: {}", explain::hint(hint)));
    }

    /// Tells either audience what has become of the report, as far as the end of the run does not
    /// say it: `has_failed` of one that ends with another failure.
    pub fn report_written(&mut self, written: &Result<Option<PathBuf>, Failure>, has_failed: bool) {
        match written {
            Err(failure) if has_failed => {
                self.event(&ProgramEvent::ReportFailed { message: failure.message.clone() });
                self.say(&format!("hint: {}", failure.message));
            }
            Ok(Some(path)) => {
                let path = text::path(path);
                self.event(&ProgramEvent::ReportElsewhere { path: path.clone().into_owned() });
                self.say(&format!(
                    "hint: another run has taken the name of --report meanwhile: the report is in \
                     {path}; give each run a name of its own"
                ));
            }
            Ok(None) | Err(_) => {}
        }
    }

    /// Says once, to people or scripts, that the user has asked to stop; people hear it when there
    /// is something to say of it.
    pub fn watch(&mut self, interrupt: &Interrupt, what_happens: Option<&str>) {
        if !interrupt.news() {
            return;
        }
        self.event(&ProgramEvent::Interrupted);
        if let Some(what) = what_happens {
            self.say(&format!("stopping: {what}; press Ctrl-C again to exit now"));
        }
    }

    /// Takes the progress line away.
    pub fn clear(&mut self) {
        self.progress.clear();
    }

    /// Prints results for people, on standard output.
    pub fn results(&mut self, lines: impl IntoIterator<Item = String>) {
        if self.events.is_some() {
            return;
        }
        for line in lines {
            // A closed pipe must not change how the run ends.
            let _ = writeln!(stdout(), "{}", text::plain(&line));
        }
    }
}
