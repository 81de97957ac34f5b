//! `norm-send --receivers`: the receivers that a transfer is for.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes, stderr};
use crate::schema;

struct Lab {
    temp: tempfile::TempDir,
    group: String,
}

impl Lab {
    /// A folder with a file to send and this roster.
    fn new(roster: &str) -> Self {
        let lab = Self { temp: tempfile::tempdir().unwrap(), group: group() };
        fs::write(lab.path("image"), random_bytes(4, 300_000)).unwrap();
        fs::write(lab.path("roster"), roster).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn send(&self, arguments: &[&str]) -> Command {
        let mut command = norm_send();
        command.args(["-i", "lo", "-g", &self.group, "--insecure", "--json"]).args(arguments);
        command.arg("--receivers").arg(self.path("roster")).arg(self.path("image"));
        command
    }

    /// A receiver of this name that listens.
    fn receiver(&self, name: &str) -> Program {
        let folder = self.path(&format!("in-{name}"));
        fs::create_dir_all(&folder).unwrap();
        let mut command = norm_recv();
        command.args(["-i", "lo", "-g", &self.group, "--insecure", "--json", "--name", name]);
        let mut receiver = Program::start(command.arg(folder));
        receiver.wait_for("settings");
        receiver
    }

    fn assert_received(&self, name: &str) {
        let received = fs::read(self.path(&format!("in-{name}/image"))).unwrap();
        assert!(fs::read(self.path("image")).unwrap() == received);
    }
}

/// Names and outcomes of receivers in a summary or report.
fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let all = report["receivers"].as_array().unwrap().iter();
    all.map(|one| (one["name"].as_str().unwrap(), one["outcome"].as_str().unwrap())).collect()
}

fn ignored(events: &[Value]) -> Vec<(&str, &str)> {
    let all = events.iter().filter(|event| event["event"] == "receiver_ignored");
    all.map(|one| (one["name"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect()
}

#[test]
fn transfer_is_for_the_receivers_of_the_roster() {
    let lab = Lab::new("# the lab\nlab-1\nlab-2 127.0.0.1 # by the door\n");
    let guest = lab.receiver("guest");
    let first = lab.receiver("lab-1");
    let report = lab.path("report");
    let mut sender = Program::start(lab.send(&[]).arg("--report").arg(&report));
    assert_eq!(sender.wait_for("receiver_ignored")["name"], "guest");
    assert!(sender.events.iter().all(|event| event["event"] != "started"), "one is missing");
    let second = lab.receiver("lab-2");
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(ignored(&events), [("guest", "not_in_roster")], "told once");
    let summary = last(&events, "summary");
    assert_eq!(outcomes(summary), [("lab-1", "confirmed"), ("lab-2", "confirmed")]);
    let written: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(written["summary"]["ignored"][0]["name"], "guest");
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &events);
    for (receiver, name) in [(first, "lab-1"), (second, "lab-2")] {
        assert!(receiver.finish().0.success());
        lab.assert_received(name);
    }
    drop(guest);
}

#[test]
fn receiver_of_the_roster_that_does_not_come_is_named() {
    let lab = Lab::new("lab-1\nlab-9\n");
    let first = lab.receiver("lab-1");
    // The sender does not wait for the other one, and says so in the end.
    let (status, events) = Program::start(&mut lab.send(&["--min-receivers", "1"])).finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    let summary = last(&events, "summary");
    assert_eq!(summary["outcome"], "partial");
    assert_eq!(outcomes(summary), [("lab-1", "confirmed"), ("lab-9", "missing")]);
    let message = last(&events, "error")["message"].as_str().unwrap();
    assert!(message.contains("only 1 of 2 receivers complete"), "{message}");
    assert!(message.contains("lab-9 (did not come)"), "{message}");
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &events);
    assert!(first.finish().0.success());
    lab.assert_received("lab-1");
}

#[test]
fn transfer_does_not_start_with_others_in_place_of_the_roster() {
    let lab = Lab::new("lab-1\nlab-2 192.0.2.77\n");
    let receivers = ["lab-1", "lab-2", "guest"].map(|name| lab.receiver(name));
    let (status, events) = Program::start(&mut lab.send(&["--start-timeout", "3"])).finish();
    assert_eq!(status.code(), Some(5), "{events:#?}");
    let mut told = ignored(&events);
    told.sort_unstable();
    assert_eq!(told, [("guest", "not_in_roster"), ("lab-2", "other_address")]);
    let message = last(&events, "error")["message"].as_str().unwrap();
    let words = "1 of 2 receivers joined in time (lab-1); of --receivers lab-2 did not come, so";
    assert!(message.starts_with(words), "{message}");
    drop(receivers);
}

#[test]
fn roster_that_cannot_be_used_is_told_with_line_and_cure() {
    for (roster, arguments, words) in [
        ("lab-1\nlab-1\n", &[][..], "roster cannot be used: line 2: the name is in line 1, too"),
        ("lab-1 x\n", &[], "line 1: 'x' is neither an IP address nor a key: write NAME"),
        ("\n", &[], "there is no receiver in it: write a name in each line"),
        ("a\nb\n", &["--min-receivers", "3"], "3 receivers are waited for, and the roster has 2"),
        ("a\nb\n", &["-g", "127.0.0.1:5740"], "the roster has 2 receivers, and 127.0.0.1:5740"),
        ("a\n", &["--compat", "nrl"], "cannot be used with '--receivers <FILE>'"),
        ("a\n", &["--flute", "-b", "9M"], "cannot be used with '--receivers <FILE>'"),
    ] {
        let lab = Lab::new(roster);
        let mut command = norm_send();
        command.args(["-i", "lo", "--insecure"]).args(arguments);
        command.arg("--receivers").arg(lab.path("roster")).arg(lab.path("image"));
        let output = command.output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
