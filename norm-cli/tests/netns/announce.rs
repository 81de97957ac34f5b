//! Sessions that are announced on one host, and listed on another.

use std::time::Duration;

use serde_json::Value;

use crate::scene::{Scene, is};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn announced_sessions_are_listed_on_another_host_within_five_seconds() {
    let name = "announced_sessions_are_listed_on_another_host_within_five_seconds";
    let Some(scene) = Scene::begin(name, 1) else { return };
    let source = scene.source(1_000_000);
    // It begins before the sessions do, and says what it has heard when it ends.
    let mut listing = scene.listing(1, "5");
    let norm = ["--announce=by-norm", "--min-receivers", "1", "-g", "239.255.1.1:5001"];
    let flute = ["--announce=by-flute", "--flute", "-b", "10M", "--carousel", "forever"];
    let senders = [
        scene.sender_called("norm", &norm, &source),
        scene.sender_called("flute", &flute, &source),
    ];
    let listed = listing.finish(PATIENCE);
    assert_eq!(listed.code, Some(0), "{}", listing.tail());
    let sessions = listed.events.iter().filter(|event| is("session")(event));
    let mut found: Vec<[&Value; 2]> =
        sessions.map(|event| [&event["name"], &event["protocol"]]).collect();
    found.sort_by_key(|[name, _]| name.to_string());
    assert_eq!(found, [["by-flute", "FLUTE"], ["by-norm", "NORM"]]);
    drop(senders);
}
