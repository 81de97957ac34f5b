//! Sessions that are announced, described, listed and found by name.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::common::{Program, group, norm_recv, norm_send, normctl, random_bytes, stderr, stdout};
use crate::schema;

const LOOPBACK: [&str; 2] = ["-i", "127.0.0.1"];

/// A sender of this file that waits for a receiver.
fn sender(file: &Path, group: &str, more: &[&str]) -> Command {
    let mut command = norm_send();
    command.args(LOOPBACK).args(["-g", group, "--json", "--min-receivers", "1"]);
    command.args(more).arg(file);
    command
}

/// A name that no other test uses.
fn name(group: &str) -> String {
    format!("session {group}")
}

/// What `normctl list` says of the sessions with this name.
fn listed(name: &str, secs: &str) -> Vec<Value> {
    let output = normctl().args(["list", secs, "--json"]).args(LOOPBACK).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    schema::check(&["CtlEvent"], &lines);
    assert_eq!(lines.first().map(|line| &line["event"]), Some(&"listening".into()));
    let is_wanted = |line: &Value| line["event"] == "session" && line["name"] == name;
    lines.into_iter().filter(is_wanted).collect()
}

#[test]
fn sessions_are_told_when_they_begin_and_when_they_end() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "content").unwrap();
    let group = group();
    let name = name(&group);
    let mut command = normctl();
    let mut listing = Program::start(command.args(["list", "300", "--json"]).args(LOOPBACK));
    let listening = listing.wait_for("listening");
    assert_eq!(listening["seconds"], 300.0);
    let announce = format!("--announce={name}");
    let mut sending = Program::start(&mut sender(&file, &group, &[&announce]));
    let mut hear = |event: &str| {
        let mut events = std::iter::repeat_with(|| listing.wait_for(event));
        events.find(|event| event["name"] == name).unwrap()
    };
    let session = hear("session");
    assert_eq!((&session["group"], &session["files"]), (&group.clone().into(), &1.into()));
    assert!(sending.is_running());
    let mut receiver = norm_recv();
    receiver.args(LOOPBACK).args(["-g", &group]).arg(temp.path().join("in"));
    assert_eq!(run(&mut receiver).status.code(), Some(0));
    let ended = hear("session_ended");
    assert_eq!((&ended["group"], &ended["from"]), (&group.into(), &"127.0.0.1".into()));
    assert!(listing.is_running());
    schema::check(&["CtlEvent"], &listing.events);
}

#[test]
fn announced_session_is_listed_joined_by_name_and_gone_at_its_end() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, random_bytes(1, 100_000)).unwrap();
    let group = group();
    let name = name(&group);
    let announce = format!("--announce={name}");
    let mut sending = Program::start(&mut sender(&file, &group, &[&announce, "-t", "3"]));
    sending.wait_for("settings");

    // Where much else is announced at the same time, it takes longer.
    let heard = (0..5).map(|_| listed(&name, "7")).find(|sessions| !sessions.is_empty());
    let sessions = heard.unwrap_or_else(|| panic!("{name} is never listed"));
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let session = &sessions[0];
    assert_eq!((&session["protocol"], &session["group"]), (&"NORM".into(), &group.clone().into()));
    assert_eq!((&session["files"], &session["bytes"]), (&1.into(), &100_000.into()));
    assert_eq!((&session["ttl"], &session["tsi"]), (&3.into(), &Value::Null));
    assert_eq!(session["from"], "127.0.0.1");

    let output = temp.path().join("in");
    let mut receiver = norm_recv();
    receiver.args(LOOPBACK).args(["--session", &name, "--timeout", "60"]).arg(&output);
    let received = receiver.output().unwrap();
    assert_eq!(received.status.code(), Some(0), "{}", stderr(&received));
    assert!(stderr(&received).contains(&format!("found: NORM in {group}, from 127.0.0.1")));
    assert_eq!(fs::read(output.join("file")).unwrap(), fs::read(&file).unwrap());
    let (status, _) = sending.finish();
    assert_eq!(status.code(), Some(0));
    assert_eq!(listed(&name, "0.5"), [""; 0], "it is over");
}

#[test]
fn session_of_flute_is_listed_and_joined_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, random_bytes(3, 50_000)).unwrap();
    let group = group();
    let name = name(&group);
    let mut sender = norm_send();
    sender.args(LOOPBACK).args(["-g", &group, "--json", "--flute", "-b", "20M", "--tsi", "9"]);
    sender.args(["--carousel", "forever", &format!("--announce={name}")]).arg(&file);
    let mut sending = Program::start(&mut sender);
    sending.wait_for("settings");
    let heard = (0..5).map(|_| listed(&name, "7")).find(|sessions| !sessions.is_empty());
    let session = &heard.unwrap_or_else(|| panic!("{name} is never listed"))[0];
    assert_eq!((&session["protocol"], &session["tsi"]), (&"FLUTE".into(), &9.into()));
    assert_eq!(session["sources"], serde_json::json!(["127.0.0.1"]));
    let output = temp.path().join("in");
    let mut receiver = norm_recv();
    receiver.args(LOOPBACK).args(["--session", &name, "--timeout", "60"]).arg(&output);
    let received = run(&mut receiver);
    assert_eq!(received.status.code(), Some(0), "{}", stderr(&received));
    assert_eq!(fs::read(output.join("file")).unwrap(), fs::read(&file).unwrap());
    assert!(sending.is_running());
}

#[test]
fn table_names_sessions_for_people() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("image.iso");
    fs::write(&file, "content").unwrap();
    let group = group();
    let more = ["--announce", "-b", "20M"];
    let mut sending = Program::start(&mut sender(&file, &group, &more));
    sending.wait_for("settings");
    let list = || normctl().args(["list", "7"]).args(LOOPBACK).output().unwrap();
    let output = (0..5).map(|_| list()).find(|output| stdout(output).contains(&group)).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let table = stdout(&output);
    assert!(table.lines().next().unwrap().contains("name"), "{table}");
    let row = table.lines().find(|row| row.contains(&group)).unwrap_or_else(|| panic!("{table}"));
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["image.iso", "NORM", &group, "-", "20", "Mbit/s", "-", "127.0.0.1"]);
    assert!(stderr(&output).contains("listening on lo"), "{}", stderr(&output));
}

#[test]
fn sealed_session_tells_its_key_id_and_no_name_of_a_file() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("payroll.pdf");
    fs::write(&file, "content").unwrap();
    let made = normctl().arg("keygen").arg(temp.path().join("lab")).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    let (key, sdp) = (temp.path().join("lab.key"), temp.path().join("s.sdp"));
    let (key, sdp) = (key.to_str().unwrap(), sdp.to_str().unwrap());
    let group = group();
    let name = format!("desk {group}");
    let more = ["--announce", "--name", &name, "--key", key, "--sdp", sdp];
    let mut sending = Program::start(&mut sender(&file, &group, &more));
    let settings = sending.wait_for("settings");
    let key_id = settings["key"]["key_id"].as_str().unwrap();
    let heard = (0..5).map(|_| listed(&name, "7")).find(|sessions| !sessions.is_empty());
    let session = &heard.unwrap_or_else(|| panic!("{name} is never listed"))[0];
    assert_eq!((&session["key_id"], &session["files"]), (&key_id.into(), &Value::Null));
    let described = fs::read_to_string(sdp).unwrap();
    assert!(described.contains(&name) && described.contains(key_id), "{described}");
    assert!(!described.contains("payroll"), "{described}");
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn name_of_no_session_and_of_two_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "content").unwrap();
    let (first, second) = (group(), group());
    let name = name(&first);
    let announce = format!("--announce={name}");
    let mut programs = [&first, &second].map(|group| {
        let mut sending = Program::start(&mut sender(&file, group, &[&announce]));
        sending.wait_for("settings");
        sending
    });
    let join =
        |name: &str| run(norm_recv().args(LOOPBACK).args(["--session", name]).arg(temp.path()));
    let output = join(&name);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let message = stderr(&output);
    let error = message.lines().last().unwrap();
    assert!(error.starts_with("error: ") && error.contains("ambiguous"), "{error}");
    assert!(error.contains(&first) && error.contains(&second) && error.contains("--group"));

    let output = join(&format!("{name}, but another"));
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let message = stderr(&output);
    let error = message.lines().last().unwrap();
    assert!(error.contains("no such session") && error.contains("on lo"), "{error}");
    assert!(programs.iter_mut().all(Program::is_running));
}

#[test]
fn silence_is_explained() {
    // Other tests may announce something just then.
    let mut outputs = (0..20).map(|_| run(normctl().args(["list", "0"]).args(LOOPBACK)));
    let output = outputs.find(|output| stdout(output).is_empty()).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let message = stderr(&output);
    for word in ["no session was heard on lo", "--announce", "-i", "--ttl", "9875", "IGMP"] {
        assert!(message.contains(word), "{word} in {message}");
    }
    let output = run(normctl().args(["list", "-i", "nonet9"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nonet9"), "{}", stderr(&output));
}

#[test]
fn description_in_a_file_leads_to_the_session() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, random_bytes(2, 50_000)).unwrap();
    let group = group();
    let sdp = temp.path().join("session.sdp");
    let path = sdp.to_str().unwrap();
    let mut sending = Program::start(&mut sender(&file, &group, &["--sdp", path]));
    sending.wait_for("settings");
    // It is written just after that line.
    let output = temp.path().join("in");
    let end = std::time::Instant::now() + crate::common::PATIENCE;
    while !fs::read_to_string(&sdp).is_ok_and(|text| text.contains("a=FEC:")) {
        assert!(std::time::Instant::now() < end, "no description");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let text = fs::read_to_string(&sdp).unwrap();
    assert!(text.contains("\r\ns=file\r\n") && text.contains(" NORM/UDP 0\r\n"), "{text}");
    let mut receiver = norm_recv();
    receiver.args(LOOPBACK).args(["--sdp", path, "--timeout", "60"]).arg(&output);
    let received = run(&mut receiver);
    assert_eq!(received.status.code(), Some(0), "{}", stderr(&received));
    assert_eq!(fs::read(output.join("file")).unwrap(), fs::read(&file).unwrap());
    assert_eq!(sending.finish().0.code(), Some(0));
}

#[test]
fn descriptions_that_cannot_be_joined_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let sdp = temp.path().join("session.sdp");
    let refused = |text: &str| {
        fs::write(&sdp, text).unwrap();
        let output = run(norm_recv().arg("--sdp").arg(&sdp).arg(temp.path()));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        stderr(&output)
    };
    let start = "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=service\n";
    let message = refused(&format!("{start}m=application 6000 NORM/UDP 0\nc=IN IP4 nowhere\n"));
    assert!(message.contains("line 5") && message.contains("c=IN IP4"), "{message}");
    // What is no description is never replaced by one.
    fs::write(&sdp, "my notes").unwrap();
    let output = run(norm_send().arg("--sdp").arg(&sdp).arg(temp.path()));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&sdp).unwrap(), "my notes");
}
