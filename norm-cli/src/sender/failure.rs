//! Why a session could not start or broke, and the exit code that follows.

use std::io;

use norm_net::io::error::NetError;
use norm_net::{PatternError, ScanError, SendError, SendOutcome, SendReport};

use crate::exit::{Code, Failure};
use crate::{explain, text};

/// Why a session could not start, or broke.
pub(crate) fn failure(error: &SendError) -> Failure {
    let code = match error {
        SendError::Scan(ScanError::Unreadable { error, .. })
            if error.kind() != io::ErrorKind::NotFound =>
        {
            Code::LocalIo
        }
        SendError::Net(error) => net_code(error),
        SendError::Io(_) => Code::Network,
        _ => Code::Usage,
    };
    Failure::new(code, message(error))
}

/// The words for an error; those with paths are put here, as names may not be UTF-8.
fn message(error: &SendError) -> String {
    match error {
        SendError::Scan(ScanError::Unreadable { path, error }) => {
            let path = text::path(path);
            let cure = match error.kind() {
                io::ErrorKind::NotFound => "; check the name",
                io::ErrorKind::PermissionDenied => "; change its permissions, or do not send it",
                _ => "",
            };
            format!("cannot read {path}: {error}{cure}")
        }
        SendError::Scan(ScanError::Name { path, problem }) => {
            format!("cannot send {}: its name {problem}; rename it", text::path(path))
        }
        SendError::Scan(ScanError::Pattern(PatternError { pattern, file, problem, .. })) => {
            let option = match file {
                Some(file) => format!("--exclude-from {}: pattern", text::path(file)),
                None => "--exclude or --include".to_owned(),
            };
            format!(
                "{option} {pattern:?} cannot be used: {problem}; a backslash before a sign takes \
                 its meaning away"
            )
        }
        SendError::Scan(ScanError::NothingLeft) => {
            "nothing is left to send: the directory is empty, or all that is in it is left out, by \
             --exclude or because of its type; --dry-run tells more"
                .to_owned()
        }
        SendError::Scan(ScanError::Outside { path }) => format!(
            "--files-from: {} is not below PATH, or the current directory: write it without \
             \"..\", or give another PATH",
            text::path(path)
        ),
        SendError::Scan(ScanError::Missing { first, count }) => {
            let these = match count {
                1 => format!("{} does not exist", text::path(first)),
                n => format!("{n} files do not exist, {} for one", text::path(first)),
            };
            format!("--files-from: {these}; nothing was sent: make the list anew, or correct it")
        }
        SendError::Scan(ScanError::SameName { name, first, second }) => format!(
            "{} and {} would both arrive as {name}: send them in separate transfers, or send their \
             directories",
            text::path(first),
            text::path(second)
        ),
        SendError::RateTrace { path, error } => format!(
            "the trace of the rate cannot be written to {}: {error}; use another name",
            text::path(path)
        ),
        other => explain::send_error(other),
    }
}

/// A setting that cannot work is the command line's fault, everything else the network's.
pub(crate) fn net_code(error: &NetError) -> Code {
    match error {
        NetError::Config(_) => Code::Usage,
        _ => Code::Network,
    }
}

/// The exit code that follows from how a transfer ended.
pub(crate) fn code(report: &SendReport) -> Code {
    match &report.outcome {
        SendOutcome::Complete | SendOutcome::Partial if report.withdrawn_files > 0 => Code::LocalIo,
        SendOutcome::Sent if report.withdrawn_files > 0 => Code::LocalIo,
        SendOutcome::Complete | SendOutcome::Sent => Code::Success,
        SendOutcome::Partial => Code::Partial,
        SendOutcome::AllFailed => Code::AllFailed,
        SendOutcome::NoReceivers | SendOutcome::StartTimedOut { .. } => Code::NotHeard,
        SendOutcome::Stopped { .. } => Code::Interrupted,
        _ => Code::LocalIo,
    }
}
