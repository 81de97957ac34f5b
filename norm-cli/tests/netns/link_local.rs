//! Hosts that have link-local IPv6 addresses only, as in every LAN without a router.

use std::time::Duration;

use crate::scene::{Scene, is};

const FILE: u64 = 2 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn link_local_addresses_are_enough() {
    let test = "link_local_addresses_are_enough";
    let Some(scene) = Scene::begin(test, 2) else { return };
    scene.network.without_router();
    let source = scene.source(FILE);
    let groups = [
        // At the sender, at the receivers, as the receivers show it.
        ("[ff02::57]:5740", "[ff02::57%eth0]:5740", "[ff02::57%eth0]:5740"),
        ("[ff12::57%eth0]:5741", "[ff12::57]:5741", "[ff12::57%eth0]:5741"),
        ("[ff15::57]:5742", "[ff15::57]:5742", "[ff15::57]:5742"),
        ("[fe80::57:2%eth0]:5743", "[fe80::57:2]:5743", "[fe80::57:2%eth0]:5743"),
    ];
    for (number, (to, at, shown)) in (0..).zip(groups) {
        let hosts = if to.starts_with("[ff") { 1..=2 } else { 1..=1 };
        let wanted = hosts.clone().count().to_string();
        let mut receivers: Vec<_> = hosts
            .map(|host| scene.receiver_called(&format!("{number}-{host}"), host, &["-g", at]))
            .collect();
        let options = ["-g", to, "--min-receivers", &wanted, "-b", "50M"];
        let mut sender = scene.sender_called(&format!("sender-{number}"), &options, &source);
        let sent = sender.finish(PATIENCE);
        assert_eq!(sent.code, Some(0), "{to}: the sender's exit code\n{}", sender.tail());
        for receiver in &mut receivers {
            receiver.must_complete(&source, PATIENCE);
            let events = receiver.program.events();
            let settings = events.iter().find(|event| is("settings")(event));
            assert_eq!(settings.expect("it has begun")["group"], shown);
            let found = events.iter().find(|event| is("sender_found")(event));
            let address = found.expect("it has a sender")["address"].to_string();
            assert!(address.contains("[fe80::57:1%eth0]:"), "{address}");
        }
    }
}
