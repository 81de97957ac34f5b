//! How a run ends: the numbers that scripts may rely on.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::text;

/// Exit codes of both programs; stable.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// 0: every receiver that was heard has everything; or, at a receiver, everything is verified.
    Success = 0,
    /// 1: the command line or a setting cannot work.
    Usage = 1,
    /// 2: the network could not be set up (interface, bind, join) or failed for good.
    Network = 2,
    /// 3: a key is missing, or what was heard is sealed with another one.
    Key = 3,
    /// 4: a local file could not be read or written, or changed while it was sent; other files may
    /// be complete.
    LocalIo = 4,
    /// 5: no receiver, or no sender, was heard before the timeout.
    NotHeard = 5,
    /// 6: some receivers failed; or, at a receiver, something is missing, perhaps only files that
    /// the sender has withdrawn.
    Partial = 6,
    /// 7: all receivers failed; or, at a receiver, nothing arrived.
    AllFailed = 7,
    /// 8: what arrived is not what was sent.
    Verification = 8,
    /// 9: evicted: the sender no longer waited for this receiver, because it was too slow.
    Evicted = 9,
    /// 10: what was heard is signed with another key than the one that is trusted.
    Signer = 10,
    /// 11: what was heard has expired.
    Expired = 11,
    /// 12: left out: the sender has gone on to a key that this receiver did not get.
    LeftOut = 12,
    /// 129: stopped because the terminal has gone (SIGHUP).
    HungUp = 129,
    /// 130: stopped by Ctrl-C (SIGINT).
    Interrupted = 130,
    /// 143: stopped by a service manager or `kill` (SIGTERM).
    Terminated = 143,
}

impl Code {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// True when the run was stopped, however that was asked for.
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::HungUp | Self::Interrupted | Self::Terminated)
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.number())
    }
}

/// Why a run ended early: one line for the user, and the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What happened and what to do, without a leading `error:`.
    pub message: String,
}

impl Failure {
    /// A failure with this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The command line cannot work.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// A local file or folder is the problem.
    pub fn local(message: impl Into<String>) -> Self {
        Self::new(Code::LocalIo, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Ends a program: one `error: …` line if it failed (without `error:` if it was stopped), and the
/// code.
pub fn finish(result: Result<Code, Failure>) -> ExitCode {
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            // To stop is what the user wanted, and no error.
            let prefix = if failure.code.is_stop() { "" } else { "error: " };
            // The reader may be gone; the code still says it.
            let _ = writeln!(io::stderr(), "{prefix}{}", text::plain(&failure.message));
            failure.code.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_documented_ones() {
        let all = [
            (Code::Success, 0),
            (Code::Usage, 1),
            (Code::Network, 2),
            (Code::Key, 3),
            (Code::LocalIo, 4),
            (Code::NotHeard, 5),
            (Code::Partial, 6),
            (Code::AllFailed, 7),
            (Code::Verification, 8),
            (Code::Evicted, 9),
            (Code::Signer, 10),
            (Code::Expired, 11),
            (Code::LeftOut, 12),
            (Code::HungUp, 129),
            (Code::Interrupted, 130),
            (Code::Terminated, 143),
        ];
        for (code, number) in all {
            assert_eq!(code.number(), number);
            assert_eq!(code.is_stop(), number > 128, "{code:?}");
            assert_eq!(
                format!("{:?}", ExitCode::from(code)),
                format!("{:?}", ExitCode::from(number))
            );
        }
    }
}
