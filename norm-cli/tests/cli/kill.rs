//! `kill -9` at random moments: the next run goes on where the killed one was.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use norm_core::Rng;
use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};

const SIZE: u64 = 8_000_000;
/// Bytes per second, as given to the sender.
const RATE: u64 = 20_000_000 / 8;
/// How many times something is killed, unless `NORM_TEST_KILLS` says so.
const KILLS: u64 = 10;

fn receiver(group: &str, directory: &Path) -> Program {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "30"]);
    let mut program = Program::start(command.arg(directory));
    program.wait_for("settings");
    program
}

fn sender(group: &str, path: &Path) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "20M"]);
    Program::start(command.args(["--min-receivers", "1", "--start-timeout", "30"]).arg(path))
}

/// Bytes that were written before a receiver was killed, as far as it has said so.
fn written(events: &[Value]) -> u64 {
    let progress = events.iter().rev().find(|event| event["event"] == "progress");
    progress.map_or(0, |event| event["bytes_done"].as_u64().unwrap())
}

/// What a run may receive of `missing` bytes: packets have headers, the last second, the blocks in
/// memory and a mebibyte may come again, and a busy machine drops some.
fn limit(missing: u64) -> u64 {
    let memory = 4 * 250 * 1_400;
    let twice = RATE + memory + (1 << 20);
    (missing + twice) * 115 / 100 + 200_000
}

/// Kills one of both programs somewhere in a transfer, and lets the next one finish it.
fn kill_one(rng: &mut Rng) {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("file"), temp.path().join("out"));
    let content = random_bytes(rng.next_u64(), SIZE as usize);
    fs::write(&source, &content).unwrap();
    let group = group();
    let (mut receiving, mut sending) = (receiver(&group, &out), sender(&group, &source));
    sending.wait_for("started");
    let (kills_sender, millis) = (rng.next_u64().is_multiple_of(2), rng.next_u64() % 2_800);
    let case = format!("sender: {kills_sender}, after {millis} ms");
    sleep(Duration::from_millis(millis));
    let before = if kills_sender {
        sending.signal("-KILL");
        sending.finish();
        sending = sender(&group, &source);
        0
    } else {
        receiving.signal("-KILL");
        let (_, events) = receiving.finish();
        receiving = receiver(&group, &out);
        written(&events)
    };
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{case}: {events:#?}");
    assert!(fs::read(out.join("file")).unwrap() == content, "{case}");
    assert_eq!(names(&out), ["file"], "{case}: nothing else stays");
    let received = last(&events, "summary")["wire_bytes"].as_u64().unwrap();
    let limit = limit(SIZE.saturating_sub(before));
    assert!(received <= limit, "{case}: {received} of {limit} bytes, {before} were written before");
    let (status, events) = sending.finish();
    assert_eq!(status.code(), Some(0), "{case}: {events:#?}");
}

#[test]
fn run_after_a_kill_receives_little_twice() {
    let kills = std::env::var("NORM_TEST_KILLS").ok().map_or(KILLS, |n| n.parse().unwrap());
    let seed = std::env::var("NORM_TEST_SEED").ok().map_or(16, |n| n.parse().unwrap());
    let threads: Vec<_> = (0..2)
        .map(|half| {
            std::thread::spawn(move || {
                for n in (half..kills).step_by(2) {
                    println!("NORM_TEST_KILLS={kills} NORM_TEST_SEED={seed}: kill {n}");
                    kill_one(&mut Rng::new(seed ^ n << 32));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
