//! An NRL receiver that starts while a file is under way.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::matrix::{Case, Fec, Feedback, Kind, Pairing, Size};
use crate::peers::{Programs, SENDER, Task};
use crate::place::{Place, Spot};
use crate::process::{self, Peer};
use crate::slots::Slot;
use crate::{files, logs, programs};

/// 11 s at the rate of the test. Before it knows its round trip an NRL receiver waits up to 2.1 s
/// with its answer to a probe, and as long again before it answers the next one: two answers in a
/// row may be lost and it is still noticed while the file is under way.
const BYTES: u64 = 7_000_003;
const RATE: &str = "5000000";
/// The first block is gone by then.
const LATE: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(30);

fn comes_late(fec: Fec, loss: u8, feedback: Feedback) -> Result<(), String> {
    let size = Size::Blocks;
    let (pairing, kind) = (Pairing::OursToNrl, Kind::File);
    let case = Case { pairing, kind, fec, loss, feedback, size };
    let logs = logs(&format!("late fec{} loss{loss} {feedback:?}", fec.id()));
    // Not there the first time.
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs).map_err(|error| format!("{logs:?}: {error}"))?;
    let result = transfer(&case, &logs);
    result.map_err(|why| format!("{logs:?}: {why}\n{}", process::tails(&logs)))
}

fn transfer(case: &Case, logs: &Path) -> Result<(), String> {
    let place = Place::alone();
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let source = folder.path().join("source.bin");
    files::random(&source, BYTES, case.seed());
    let task = Task { case, place: &place, source: &source, sizes: &source };
    let mut command =
        programs::common(&task, Spot::Sender, env!("CARGO_BIN_EXE_norm-send"), SENDER);
    command.args(["--compat", "nrl", "--fec", &case.fec.id().to_string(), "--rate", RATE]);
    command.arg(&source);
    let sender = Peer { name: "our-sender", command, ready: None, done: None, stop: false };
    let mut sender = sender.start(logs)?;
    sender.wait_for("started", PATIENCE).or_else(|_| sender.wait_for("settings", PATIENCE))?;
    thread::sleep(LATE);
    let out = folder.path().join("nrl");
    fs::create_dir(&out).map_err(|error| format!("{out:?}: {error}"))?;
    let mut receiver = Programs::get()?.receiver(&task, &out, false).start(logs)?;
    receiver.wait_for("rx_object_new", PATIENCE)?;
    if sender.events().iter().any(|line| line["event"] == "all_sent") {
        return Err("it began only when everything had been sent".to_owned());
    }
    receiver.wait_until_done(PATIENCE)?;
    sender.must_succeed(PATIENCE)?;
    let same = fs::read(out.join("source.bin")).ok() == fs::read(&source).ok();
    if same { Ok(()) } else { Err("the file differs".to_owned()) }
}

#[test]
fn receiver_that_comes_late_gets_the_whole_file() {
    if !crate::is_wanted("a_receiver_that_comes_late_gets_the_whole_file") {
        return;
    }
    let _slot = Slot::one();
    for (fec, loss, feedback) in [
        (Fec::Five, 0, Feedback::Multicast),
        (Fec::Five, 10, Feedback::Unicast),
        (Fec::Two, 10, Feedback::Multicast),
        (Fec::Small, 0, Feedback::Unicast),
    ] {
        let result = comes_late(fec, loss, feedback);
        assert_eq!(result, Ok(()), "fec {}, {loss} % loss, {feedback:?}", fec.id());
    }
}
