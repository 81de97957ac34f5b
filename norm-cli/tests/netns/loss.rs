//! Transfers to receivers that lose packets.

use std::time::Duration;

use crate::command::say;
use crate::process::Finished;
use crate::scene::{SENDER, Scene, is};

const MEBIBYTE: u64 = 1 << 20;
const FILE: u64 = 256 * MEBIBYTE;
/// Fast, yet well within what two processors manage for four programs.
const RATE: &str = "400M";
/// As fast as the kernel takes it.
const NO_LIMIT: &str = "max";
/// Twenty times what the rate alone takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What each receiver loses, in percent, how all give feedback, and what the sender may send.
struct Trial {
    rate: &'static str,
    percent: [u8; 3],
    feedback: &'static str,
    /// Ethernet bytes per byte of the file, at most.
    limit: f64,
}

#[test]
fn receivers_with_5_percent_loss_get_the_file() {
    let trial = Trial { rate: RATE, percent: [5; 3], feedback: "multicast", limit: 1.15 };
    transfer("receivers_with_5_percent_loss_get_the_file", &trial);
}

#[test]
fn receiver_with_20_percent_loss_gets_the_file() {
    let trial = Trial { rate: RATE, percent: [20, 0, 0], feedback: "multicast", limit: 1.40 };
    transfer("receiver_with_20_percent_loss_gets_the_file", &trial);
}

#[test]
fn unicast_feedback_repairs_as_well() {
    let trial = Trial { rate: RATE, percent: [5; 3], feedback: "unicast", limit: 1.15 };
    transfer("unicast_feedback_repairs_as_well", &trial);
}

/// A sender that always has something to send must listen all the same: one that hears the requests
/// only at the end repairs what it has long forgotten.
#[test]
fn sender_without_rate_limit_hears_requests_in_time() {
    let trial = Trial { rate: NO_LIMIT, percent: [5; 3], feedback: "multicast", limit: 1.25 };
    transfer("sender_without_rate_limit_hears_requests_in_time", &trial);
}

#[test]
fn ipv6_group_works() {
    let Some(scene) = Scene::begin("ipv6_group_works", 2) else { return };
    let source = scene.source(16 * MEBIBYTE);
    let group = ["--group", "[ff15::57:40]:5740", "--interface", "eth0"];
    for host in [1, 2] {
        scene.network.host(host).lose(5);
    }
    let mut receivers = [1, 2].map(|host| scene.receiver(host, &group));
    let arguments = ["--min-receivers", "2", "-b", "100M"];
    let mut sender = scene.sender(&[&group[..], &arguments].concat(), &source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    for receiver in &mut receivers {
        receiver.must_complete(&source, PATIENCE);
    }
}

fn transfer(test: &str, trial: &Trial) {
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    for (host, percent) in (1..).zip(trial.percent) {
        scene.network.host(host).lose(percent);
    }
    let feedback = ["--feedback", trial.feedback];
    let mut receivers = [1, 2, 3].map(|host| scene.receiver(host, &feedback));
    let before = scene.network.host(SENDER).bytes_sent();
    let mut sender = scene.sender(&["--min-receivers", "3", "-b", trial.rate], &source);
    let sent = sender.finish(PATIENCE);
    let bytes = scene.network.host(SENDER).bytes_sent() - before;
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let seconds = receivers.each_mut().map(|receiver| {
        // The sender knows that it has everything, so there is little left to do.
        receiver.must_complete(&source, PATIENCE).seconds
    });
    let ratio = bytes as f64 / FILE as f64;
    say(format_args!("{test}: {ratio:.4} x the file on the wire, {}", words(&sent)));
    say(format_args!("{test}: receivers took {seconds:.2?} s"));
    for (host, percent) in (1..).zip(trial.percent).filter(|(_, percent)| *percent > 0) {
        let lost = scene.network.host(host).lost().expect("packets have arrived") * 100.0;
        assert!((lost - f64::from(percent)).abs() < 1.0, "{lost} % were lost, not {percent} %");
    }
    assert!(ratio <= trial.limit, "{ratio:.4} is more than {}", trial.limit);
}

/// What the sender says about repair.
fn words(sent: &Finished) -> String {
    let summary = sent.events.iter().rfind(|event| is("summary")(event));
    let summary = summary.expect("a sender that succeeds reports");
    format!(
        "{} packets, {} of them data, {} resent, {} coded; {} NACKs",
        summary["packets"],
        summary["data_packets"],
        summary["resent_packets"],
        summary["coded_packets"],
        summary["nacks"],
    )
}
