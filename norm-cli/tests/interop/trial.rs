//! One case from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::accounting::{self, Account};
use crate::capture::{self, Capture};
use crate::content::Content;
use crate::matrix::{Case, Fec, Kind, Pairing, Size};
use crate::ours::Ours;
use crate::peers::{Programs, Task};
use crate::place::Place;
use crate::process::{self, Running};

/// How a case ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    Passed(Report),
    /// The NRL peer does not do this, or crashes, with any peer; says what.
    PeerRefuses(String),
    Failed(String),
}

/// Numbers of a case that passed.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the sender's start to the last receiver's having everything.
    pub transfer: Duration,
    pub account: Account,
}

/// Exit codes of the NRL sender.
const REFUSED: i32 = 3;
const NOT_ACKNOWLEDGED: i32 = 4;
/// Set to 1, keeps the captures of cases that pass as well.
const KEEP: &str = "NORM_INTEROP_KEEP";

/// Runs a case; the folder for logs is emptied first.
pub fn run(case: &Case, logs: &Path) -> Outcome {
    run_with(case, logs, &[])
}

/// Runs a case with further arguments for the NRL receiver.
pub fn run_with(case: &Case, logs: &Path, receiver_arguments: &[&str]) -> Outcome {
    // Not there the first time.
    let _ = fs::remove_dir_all(logs);
    let made = fs::create_dir_all(logs);
    let result = match made {
        Ok(()) => Trial::new(case, logs).and_then(|trial| trial.run(receiver_arguments)),
        Err(error) => Err(Outcome::Failed(format!("{}: {error}", logs.display()))),
    };
    match result {
        Ok(report) => {
            if std::env::var_os(KEEP).is_none() {
                // What is left is only in the way.
                let _ = fs::remove_dir_all(logs);
            }
            Outcome::Passed(report)
        }
        Err(Outcome::Failed(why)) => {
            let tails = process::tails(logs);
            Outcome::Failed(format!("{why}\n{tails}logs and capture: {}", logs.display()))
        }
        Err(other) => other,
    }
}

struct Trial<'a> {
    case: &'a Case,
    logs: &'a Path,
    place: Place,
    folder: TempDir,
    content: Content,
}

/// The running peers, and where receivers write.
struct Peers {
    sender: Running,
    receivers: Vec<Running>,
    folders: Vec<PathBuf>,
    started: Instant,
}

impl From<String> for Outcome {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl<'a> Trial<'a> {
    fn new(case: &'a Case, logs: &'a Path) -> Result<Self, Outcome> {
        let folder =
            tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let content = Content::make(case, folder.path())?;
        let place = match case.pairing {
            Pairing::OursToBoth => Place::apart(case.loss),
            _ => Place::alone(),
        };
        Ok(Self { case, logs, place, folder, content })
    }

    fn run(&self, receiver_arguments: &[&str]) -> Result<Report, Outcome> {
        let capture = Capture::start(&self.place, self.logs)?;
        let mut peers = self.start(receiver_arguments)?;
        let patience = self.patience();
        self.wait(&mut peers, patience)?;
        let transfer = peers.started.elapsed();
        self.judge_sender(&mut peers.sender, patience)?;
        for (receiver, folder) in peers.receivers.iter_mut().zip(&peers.folders) {
            receiver.let_go();
            receiver.must_succeed(patience)?;
            self.content.check(self.case.kind, folder)?;
        }
        let (path, dropped) = capture.finish()?;
        let account = accounting::read(&path, 0)?;
        self.judge(&path, &account, dropped)?;
        Ok(Report { transfer, account })
    }

    fn start(&self, receiver_arguments: &[&str]) -> Result<Peers, Outcome> {
        let programs = Programs::get()?;
        let (case, ours) = (self.case, Ours::of(self.case.kind));
        let task = Task {
            case,
            place: &self.place,
            source: &self.content.source,
            sizes: &self.content.sizes,
        };
        let folder = |name: &str| {
            let folder = self.folder.path().join(name);
            let made = fs::create_dir(&folder);
            made.map(|()| folder).map_err(|error| format!("{name}: {error}"))
        };
        let (mut receivers, mut folders) = (Vec::new(), Vec::new());
        if case.pairing != Pairing::NrlToOurs {
            folders.push(folder("nrl")?);
            let mut peer = programs.receiver(&task, &folders[0], false);
            peer.command.args(receiver_arguments);
            receivers.push(peer.start(self.logs)?);
        }
        if matches!(case.pairing, Pairing::NrlToOurs | Pairing::OursToBoth) {
            let folder = folder("ours")?;
            receivers.push(ours.receiver(&task, &folder).start(self.logs)?);
            folders.push(folder);
        }
        let sender = match case.pairing {
            // With both, what is dropped at the receiver and at the sender would add up.
            Pairing::NrlToNrl => programs.sender(&task, true),
            Pairing::NrlToOurs => programs.sender(&task, false),
            Pairing::OursToNrl | Pairing::OursToBoth => ours.sender(&task),
        };
        let started = Instant::now();
        Ok(Peers { sender: sender.start(self.logs)?, receivers, folders, started })
    }

    /// Waits until all receivers have everything.
    fn wait(&self, peers: &mut Peers, patience: Duration) -> Result<(), Outcome> {
        for receiver in &mut peers.receivers {
            if let Err(why) = receiver.wait_until_done(patience) {
                // The reason may be on the other side.
                let verdict = if peers.sender.is_running() {
                    Ok(())
                } else {
                    self.judge_sender(&mut peers.sender, patience)
                };
                return Err(match verdict {
                    Err(Outcome::PeerRefuses(what)) => Outcome::PeerRefuses(what),
                    _ => Outcome::Failed(why),
                });
            }
        }
        Ok(())
    }

    fn judge_sender(&self, sender: &mut Running, patience: Duration) -> Result<(), Outcome> {
        let status = sender.finish(patience)?;
        let (case, code) = (self.case, status.code());
        let empty = case.size == Size::Nothing && case.kind != Kind::Stream;
        if status.success() || case.pairing.we_send() {
            return if status.success() { Ok(()) } else { Err(format!("sender: {status}").into()) };
        }
        match code {
            Some(REFUSED) => Err(Outcome::PeerRefuses("it does not take the object".to_owned())),
            // Does not recognise the answers about an object without blocks, its own included.
            Some(NOT_ACKNOWLEDGED) if empty => Ok(()),
            // Does so when its own receiver asks for repair of an object without blocks.
            None if empty && case.pairing == Pairing::NrlToNrl => {
                Err(Outcome::PeerRefuses(format!("it died of a NACK: {status}")))
            }
            _ => Err(Outcome::Failed(format!("the NRL sender ended: {status}"))),
        }
    }

    fn judge(&self, capture: &Path, account: &Account, dropped: u64) -> Result<(), Outcome> {
        let case = self.case;
        if account.flushes == 0 {
            // Every session ends with some.
            return Err(Outcome::Failed(format!("the capture is not complete: {account:?}")));
        }
        if account.unreadable > 0 {
            return Err(Outcome::Failed(format!("unreadable messages: {account:?}")));
        }
        if case.fec == Fec::Small {
            let ports: Vec<u16> = account.feedback_ports.iter().copied().collect();
            capture::must_be_well_formed(capture, &ports)?;
        }
        let ours = case.pairing != Pairing::NrlToNrl;
        let one_receiver = case.pairing != Pairing::OursToBoth;
        if ours && one_receiver && dropped == 0 && case.size == Size::Large && case.loss == 10 {
            self.judge_repair(account)?;
        }
        Ok(())
    }

    /// Repairs must not be much more than what was lost, and be parity where that helps more. A
    /// peer that the machine holds up loses more than what is tossed.
    fn judge_repair(&self, account: &Account) -> Result<(), Outcome> {
        let sent = account.first_bytes + account.repair_bytes;
        let overflown = self.place.overflows() * u64::from(self.case.segment());
        let lost = overflown
            + match self.case.pairing {
                Pairing::NrlToOurs => account.gap_bytes,
                // Dropped after the wire.
                _ => sent * u64::from(self.case.loss) / 100,
            };
        if account.repair_bytes * 2 > lost * 3 {
            let what = format!("{lost} bytes lost, {overflown} of them here, but: {account:?}");
            return Err(Outcome::Failed(what));
        }
        if account.parity == 0 {
            return Err(Outcome::Failed(format!("no repair was parity: {account:?}")));
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(if self.case.size == Size::Large { 120 } else { 20 })
    }
}
