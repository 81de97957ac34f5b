//! What is said when nothing arrives: cause and cure.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Scene, is};

/// Several times the five seconds after which hints come.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn silence_is_explained() {
    let Some(scene) = Scene::begin("silence_is_explained", 2) else { return };
    scene.network.deafen(0);
    scene.network.add_unplugged(2);
    let source = scene.source(8 << 20);

    let unseen = scene.receiver(1, &[]);
    let astray = scene.receiver(2, &["-i", "eth1"]);
    let sender = scene.sender(&["-b", "2M"], &source);

    let hint = astray.program.wait_for("no carrier", PATIENCE, is_hint("no_carrier"));
    assert_eq!((&hint["interface"], &hint["is_up"]), (&json!("eth1"), &json!(true)));
    let hint = astray.program.wait_for("no sender", PATIENCE, is_hint("no_sender"));
    assert_eq!(hint["has_carrier"], json!(false));
    assert_eq!(hint["others"], json!([{ "name": "eth0", "addresses": ["10.57.1.3"] }]));
    must_say(&hint, &["UDP port 5740 and IGMP", "eth1 has no carrier", "eth0 (10.57.1.3)"]);

    let hint = sender.wait_for("no receiver", PATIENCE, is_hint("no_receiver"));
    assert_eq!((&hint["has_carrier"], &hint["others"]), (&json!(true), &json!([])));
    let port = hint["port"].as_u64().expect("a port is a number");
    must_say(&hint, &["UDP port 5740 and IGMP", &format!("here also UDP port {port}")]);

    let hint = unseen.program.wait_for("being unseen", PATIENCE, is_hint("unseen"));
    assert_eq!(hint["address"], json!(format!("10.57.1.1:{port}")));
    must_say(&hint, &["does not see this receiver", "UDP port 5740", &port.to_string()]);
}

#[test]
fn receiver_that_alone_is_not_heard_says_so() {
    for rate in ["--rate-max", "-b"] {
        let name = "receiver_that_alone_is_not_heard_says_so";
        let Some(scene) = Scene::begin(name, 2) else { return };
        let source = scene.source(24 << 20);
        scene.network.mute(1);
        let [unseen, heard] = [1, 2].map(|host| scene.receiver(host, &[]));
        let _sender = scene.sender(&["--min-receivers", "1", rate, "4M"], &source);
        unseen.program.wait_for("being unseen", PATIENCE, is_hint("unseen"));
        assert!(!heard.program.events().iter().any(is_hint("unseen")));
    }
}

fn is_hint(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| is("hint")(event) && event["kind"] == kind
}

fn must_say(hint: &Value, words: &[&str]) {
    let message = hint["message"].as_str().expect("hints have words");
    assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
}
