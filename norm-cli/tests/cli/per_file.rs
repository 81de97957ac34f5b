//! Which file of a set is under way, and how many are done: events and progress lines.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes};
use crate::schema;

/// Sends a folder to one receiver, slowly enough for several events of progress.
fn send(source: &Path, out: &Path) -> [Vec<Value>; 2] {
    let group = group();
    let common = ["-i", "127.0.0.1", "-g", &group, "--json"];
    let mut command = norm_recv();
    let mut receiver = Program::start(command.args(common).arg(out));
    receiver.wait_for("settings");
    let mut command = norm_send();
    command.args(common).args(["--min-receivers", "1", "-b", "20M"]);
    let sender = Program::start(command.arg(source));
    [sender, receiver].map(|program| {
        let (status, events) = program.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        events
    })
}

fn progress(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["event"] == "progress")
}

/// The files that were named while this many of all were done.
fn named<'a>(events: &'a [Value], done: &str) -> Vec<(u64, &'a str)> {
    let named = progress(events).filter_map(|event| {
        assert!(event[done].as_u64().is_none_or(|done| done <= 4), "{event}");
        Some((event[done].as_u64()?, event["file"].as_str()?))
    });
    named.collect()
}

#[test]
fn both_programs_tell_which_file_is_under_way_and_how_many_are_done() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("src"), temp.path().join("out"));
    fs::create_dir(&source).unwrap();
    for (seed, name) in ["a", "b", "c"].into_iter().enumerate() {
        fs::write(source.join(name), random_bytes(seed as u64, 1_500_000)).unwrap();
    }
    fs::hard_link(source.join("c"), source.join("d")).unwrap();
    let [sent, received] = send(&source, &out);
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &sent);
    schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &received);
    for (events, done, place) in
        [(&sent, "files_sent", source.clone()), (&received, "files_done", out.join("src"))]
    {
        let named = named(events, done);
        let during = named.iter().filter(|(done, _)| (1..3).contains(done));
        assert!(during.count() > 0, "{named:?}");
        assert!(named.is_sorted_by_key(|(done, _)| *done), "none is lost again: {named:?}");
        let is_one =
            |file: &str| ["a", "b", "c"].iter().any(|name| Path::new(file) == place.join(name));
        assert!(named.iter().all(|(_, file)| is_one(file)), "{named:?}");
        let files: Vec<&str> = named.iter().map(|(_, file)| *file).collect();
        assert!(files.iter().any(|file| *file != files[0]), "{files:?}");
    }
    let end = last(&sent, "progress");
    assert_eq!((&end["files_sent"], &end["files_total"]), (&4.into(), &4.into()));
    let whole = progress(&received).find(|event| event["files_done"] == 4);
    assert_eq!(whole.unwrap()["files_total"], 4);
}

#[test]
fn small_files_have_no_events_of_progress_of_their_own() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("src"), temp.path().join("out"));
    fs::create_dir(&source).unwrap();
    for number in 0..3_000 {
        fs::write(source.join(number.to_string()), number.to_string()).unwrap();
    }
    for events in send(&source, &out) {
        let told = progress(&events).count() as f64;
        let seconds = events.last().unwrap()["at"].as_f64().unwrap();
        // Four times a second, and when manifest, digest list and payload are here.
        assert!(told <= 4.0 * seconds + 6.0, "{told} in {seconds} s");
    }
}
