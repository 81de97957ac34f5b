//! A transfer with a scheduled pause.

use std::fs;

use serde_json::Value;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes};

#[test]
fn pause_longer_than_all_timeouts_only_costs_time() {
    let temp = tempfile::tempdir().unwrap();
    let content = random_bytes(3, 3_000_000);
    let (source, folder) = (temp.path().join("image.bin"), temp.path().join("out"));
    fs::write(&source, &content).unwrap();
    let group = group();
    let mut receiver = norm_recv();
    receiver.args(["-i", "127.0.0.1", "-g", &group, "--json", "--timeout", "6", "--drop", "5"]);
    let mut receiver = Program::start(receiver.arg(&folder));
    receiver.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["-i", "127.0.0.1", "-g", &group, "--json", "--min-receivers", "1"]);
    sender.args(["-b", "1M", "--rate-schedule", "12:00:00-12:00:09=off,else=10M"]);
    let mut sender = Program::start(sender.args(["--pretend-time", "11:59:58"]).arg(&source));

    let open = sender.wait_for("rate_bound");
    assert_eq!((&open["rate"], &open["until"]), (&10_000_000.into(), &Value::from("12:00")));
    let paused = sender.wait_for("rate_bound");
    assert_eq!((&paused["rate"], &paused["until"]), (&0.into(), &Value::from("12:00:09")));
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let summary = last(&events, "summary");
    // At 10 Mbit/s it takes 2.4 s, of which two are before the pause.
    assert!(summary["elapsed"].as_f64().unwrap() > 9.0, "{summary}");
    let in_pause: Vec<f64> = events
        .iter()
        .filter(|event| event["phase"] == "paused")
        .map(|event| event["wire_bytes"].as_f64().unwrap())
        .collect();
    let first = in_pause.first().unwrap();
    let last_one = in_pause.last().unwrap();
    assert!(in_pause.len() > 20 && last_one - first < 1_000.0, "{in_pause:?}");

    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    last(&events, "sender_paused");
    last(&events, "sender_resumed");
    assert!(events.iter().all(|event| event["event"] != "sender_silent"), "{events:#?}");
    assert!(fs::read(folder.join("image.bin")).unwrap() == content, "the copy differs");
}
