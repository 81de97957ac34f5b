//! `norm-objects`: one DATA object or stream between programs, interop peers among them.

mod options;
mod recv;
mod send;

use std::ffi::OsString;
use std::io::Write;

use norm_net::{Hint, SealConfig};

use crate::exit::{Code, Failure};
use crate::keys::Given;
use crate::{args, explain};

use options::{Args, Role, Session};

/// Runs the program with these words, its name first.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<Code, Failure> {
    let Some(args) = args::read::<Args>(words)? else { return Ok(Code::Success) };
    match args.role {
        Role::Send(args) => send::run(&args),
        Role::Recv(args) => recv::run(&args),
    }
}

/// How a session is protected; tells people, if they read along.
fn protect(given: &Given, session: &Session) -> Result<Option<SealConfig>, Failure> {
    let protection = given.protect(session.network.group)?;
    if let Some(line) = protection.line.filter(|_| !session.json) {
        // The reader may be gone.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    Ok(protection.seal)
}

/// Tells a hint to people, if they read along. Returns the failure that it explains when nothing
/// else was heard: packets are not sealed with this session's key.
fn heed(hint: &Hint, json: bool) -> Option<Failure> {
    let words = explain::hint(hint);
    if !json {
        // The reader may be gone.
        let _ = writeln!(std::io::stderr(), "hint: {words}");
    }
    let code = match hint {
        Hint::OtherKey { .. }
        | Hint::Unsealed { .. }
        | Hint::NotAuthentic { .. }
        | Hint::NotListed { .. } => Code::Key,
        Hint::OtherSigner { .. } => Code::Signer,
        Hint::Expired { .. } => Code::Expired,
        _ => return None,
    };
    Some(Failure::new(code, words))
}

/// Prints an event as a line of JSON.
fn tell(json: bool, event: &str) {
    if json {
        let mut out = std::io::stdout().lock();
        // The reader may be gone.
        let _ = writeln!(out, "{{\"event\":\"{event}\"}}");
        let _ = out.flush();
    }
}
