//! Forgers that forge the sender's address: what they cost a sealed session, and what they can do
//! to one without a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::command::say;
use crate::files;
use crate::process::{Finished, Running};
use crate::scene::{Completed, SENDER, Scene, is};

const PATIENCE: Duration = Duration::from_secs(120);
/// Packets a second of the flood, beside a transfer of [`FILE`] bytes at [`RATE`].
const FLOOD: u32 = 50_000;
const FILE: u64 = 128 << 20;
const RATE: &str = "500M";
/// Runs with the flood and without, in turn.
const ROUNDS: usize = 3;
/// How long a session without a key is bothered.
const BOTHERED: Duration = Duration::from_secs(15);
/// Packets a second where nothing is measured.
const TRICKLE: u32 = 2_000;
const SMALL: u64 = 8 << 20;
/// Hosts of the receiver and of the forgers.
const RECEIVER: usize = 1;
const FORGER: usize = 2;
const FALSE_SENDER: usize = 3;

#[test]
fn flood_of_a_forger_costs_a_sealed_session_little_and_ends_nothing() {
    let test = "flood_of_a_forger_costs_a_sealed_session_little_and_ends_nothing";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let [key, join] = scene.keys("lab");
    let source = scene.source(FILE);
    let (mut quiet, mut flooded) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let run = |name: &str| transfer(&scene, &format!("{name}{round}"), [&key, &join], &source);
        quiet.push(run("quiet").seconds);
        let mut forger = scene.forger(FORGER, FLOOD);
        sleep(Duration::from_secs(1)); // it is there first
        let completed = run("flooded");
        let bothered = last_bothered(&forger.kill());
        let rate = bothered["sent"].as_f64().zip(bothered["at"].as_f64());
        let rate = rate.map_or(0.0, |(sent, at)| sent / at);
        let security = &completed.security;
        say(format_args!("{test}: {rate:.0} packets/s of the forger, {security}"));
        for dropped in ["dropped", "other_key_packets", "unsealed_packets"] {
            assert!(security[dropped].as_u64() > Some(1_000), "{dropped}: {security}");
        }
        flooded.push(completed.seconds);
    }
    let [quiet, flooded] = [median(quiet), median(flooded)];
    let slower = 100.0 * (flooded / quiet - 1.0);
    say(format_args!("{test}: {quiet:.2} s, with the flood {flooded:.2} s: {slower:.1} % more"));
}

/// Sends a file to a receiver in a session with this pair of keys.
fn transfer(scene: &Scene, name: &str, [key, join]: [&str; 2], source: &Path) -> Completed {
    let mut receiver = scene.receiver_called(name, RECEIVER, &["--key", join]);
    let arguments = ["--key", key, "--min-receivers", "1", "-b", RATE];
    let mut sender = scene.sender_called(&format!("{name}-sender"), &arguments, source);
    let completed = receiver.must_complete(source, PATIENCE);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    completed
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn last_bothered(forger: &Finished) -> Value {
    let last = forger.events.iter().rfind(|event| is("bothered")(event));
    last.expect("the forger did something").clone()
}

/// Options of both sides by each protocol.
const PROTOCOLS: [(&str, &[&str], &[&str]); 2] = [
    ("NORM", &["--min-receivers", "1", "-b", "20M"], &[]),
    ("FLUTE", &["--flute", "-b", "20M", "--carousel", "forever"], &["--flute"]),
];

/// Senders of a false file from the sender's address, without a seal and with these keys, if any.
fn false_senders(scene: &Scene, by: &str, keys: Option<&str>) -> (PathBuf, Vec<Running>) {
    let path = scene.folder_of("false.bin");
    files::random(&path, SMALL / 8, 58);
    scene.network.host(FALSE_SENDER).pretend_to_be(SENDER as u8 + 1);
    let flute = ["--flute", "--tsi", "7"];
    let flute = if by == "FLUTE" { &flute[..] } else { &[] };
    let without: Option<&[&str]> = Some(&[]);
    let with = keys.map(|key| vec!["--key", key]);
    let senders = [without.map(<[&str]>::to_vec), with].into_iter().flatten().enumerate();
    let started = senders.map(|(at, key)| {
        let arguments = [flute, &["-b", "5M", "--carousel", "forever"], &key].concat();
        scene.sender_at(FALSE_SENDER, &format!("false-{by}-{at}"), &arguments, &path)
    });
    (path.clone(), started.collect())
}

#[test]
fn forger_with_the_senders_address_brings_no_file_and_ends_no_sealed_session() {
    let test = "forger_with_the_senders_address_brings_no_file_and_ends_no_sealed_session";
    for (by, sends, receives) in PROTOCOLS {
        let Some(scene) = Scene::begin(test, 3) else { return };
        let [[key, join], [other, _]] = [scene.keys("lab"), scene.keys("other")];
        let source = scene.source(SMALL);
        let (_, senders) = false_senders(&scene, by, Some(&other));
        let mut forger = scene.forger(FORGER, TRICKLE);
        let mut receiver = scene.receiver(RECEIVER, &[receives, &["--key", &join]].concat());
        sleep(Duration::from_secs(2)); // all of it is heard first
        let _sender = scene.sender(&[sends, &["--key", &key]].concat(), &source);
        let completed = receiver.must_complete(&source, PATIENCE);
        let (bothered, security) = (last_bothered(&forger.kill()), &completed.security);
        say(format_args!("{test}: {by}: {security}; {bothered}"));
        assert!(bothered["heard"].as_u64() > Some(0), "it sends what it has heard");
        for dropped in ["dropped", "other_key_packets", "unsealed_packets"] {
            assert!(security[dropped].as_u64() > Some(100), "{by}, {dropped}: {security}");
        }
        drop(senders);
    }
}

#[test]
fn what_a_forger_with_the_senders_address_can_do_without_keys_is_told() {
    let test = "what_a_forger_with_the_senders_address_can_do_without_keys_is_told";
    for (by, sends, receives) in PROTOCOLS {
        let Some(scene) = Scene::begin(test, 3) else { return };
        let source = scene.source(SMALL);
        // A false file.
        let (path, senders) = false_senders(&scene, by, None);
        let mut receiver = scene.receiver_called("deceived", RECEIVER, receives);
        let sender = scene.sender_called("first-sender", sends, &source);
        let deceived = receiver.program.finish(PATIENCE);
        let found = files::finished(&receiver.folder);
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        say(format_args!("{test}: {by}, a false sender: exit {:?}, {names:?}", deceived.code));
        assert!(names.contains(&path.file_name().expect("it has a name")), "a false file came");
        drop((senders, sender));
        // False ends, and noise: for a time in which all would come a few times.
        let mut forger = scene.forger(FORGER, TRICKLE);
        let mut receiver = scene.receiver_called("bothered", RECEIVER, receives);
        let sender = scene.sender_called("second-sender", sends, &source);
        sleep(BOTHERED);
        let bothered = receiver.program.kill();
        let events = bothered.events.iter().filter_map(|event| event["event"].as_str());
        let mut said = BTreeMap::new();
        events.filter(|name| name.starts_with("s")).for_each(|name| {
            *said.entry(name).or_insert(0) += 1;
        });
        let files = files::finished(&receiver.folder).len();
        let forged = last_bothered(&forger.kill());
        say(format_args!("{test}: {by}, a forger: {files} files, {said:?}; {forged}"));
        drop(sender);
    }
}
