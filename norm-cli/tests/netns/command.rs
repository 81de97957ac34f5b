//! Short commands that must succeed, and notes on the progress of the tests.

use std::fmt;
use std::io::Write;
use std::process::Command;

/// Runs a command to its end and returns what it printed.
///
/// # Panics
///
/// When it cannot be started or fails.
pub fn run(command: &mut Command) -> String {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} cannot be started: {error}"),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Prints a line also when the test passes, past the harness that hides the output of such tests.
pub fn say(line: fmt::Arguments<'_>) {
    // The reader may be gone, which is no failure of the test.
    let _ = writeln!(std::io::stderr(), "{line}");
}
