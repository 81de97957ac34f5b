//! Receivers that come late, and receivers that go early.

use std::time::Duration;

use serde_json::Value;

use crate::command::say;
use crate::files;
use crate::scene::{Scene, is};

const FILE: u64 = 96 << 20;
/// Twenty times what the rate alone takes.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn late_receiver_hardly_delays_the_others() {
    let test = "late_receiver_hardly_delays_the_others";
    let Some(scene) = Scene::begin(&format!("{test}_reference"), 3) else { return };
    let alone = slowest_of_two(&scene, false);
    drop(scene);
    let Some(scene) = Scene::begin(test, 3) else { return };
    let together = slowest_of_two(&scene, true);
    let ratio = together / alone;
    say(format_args!("{test}: {alone:.2} s without, {together:.2} s with it: {ratio:.3} x"));
    assert!(ratio <= 1.3, "{ratio:.3} x is more than 1.3 x");
}

/// Seconds that the slower of the two receivers took that were there from the beginning.
fn slowest_of_two(scene: &Scene, with_late_one: bool) -> f64 {
    let source = scene.source(FILE);
    let mut early = [1, 2].map(|host| scene.receiver(host, &[]));
    let mut sender = scene.sender(&["--min-receivers", "2", "-b", "200M"], &source);
    let mut late = with_late_one.then(|| {
        sender.wait_for("half of the file", PATIENCE, is_half_sent);
        scene.receiver(3, &[])
    });
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    if let Some(receiver) = &mut late {
        let completed = receiver.must_complete(&source, PATIENCE);
        say(format_args!("the late receiver took {:.2} s", completed.seconds));
    }
    let seconds = early.each_mut().map(|one| one.must_complete(&source, PATIENCE).seconds);
    seconds.into_iter().fold(0.0, f64::max)
}

#[test]
fn killed_receiver_is_lost_and_leaves_no_file() {
    let test = "killed_receiver_is_lost_and_leaves_no_file";
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    let mut survivors = [1, 2].map(|host| scene.receiver(host, &[]));
    let mut victim = scene.receiver(3, &[]);
    let mut sender = scene.sender(&["--min-receivers", "3", "-b", "200M"], &source);
    sender.wait_for("half of the file", PATIENCE, is_half_sent);
    assert_eq!(victim.program.kill().code, None, "it still ran when it was killed");

    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(6), "the sender's exit code\n{}", sender.tail());
    let lost = sent.events.iter().find(|event| is("receiver_lost")(event));
    let lost = lost.unwrap_or_else(|| panic!("no receiver reported lost\n{}", sender.tail()));
    assert_eq!(lost["name"], "host3", "the one that was killed");
    say(format_args!("{test}: reported {:.2} s after the sender began", lost["at"]));
    for receiver in &mut survivors {
        receiver.must_complete(&source, PATIENCE);
    }
    assert!(victim.folder.read_dir().is_ok_and(|mut all| all.next().is_some()), "it had begun");
    assert_eq!(files::finished(&victim.folder), Vec::<std::path::PathBuf>::new());
}

fn is_half_sent(event: &Value) -> bool {
    is("progress")(event) && event["bytes_sent"].as_u64().is_some_and(|bytes| bytes >= FILE / 2)
}
