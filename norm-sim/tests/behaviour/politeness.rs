//! A scavenger beside TCP.

use core::time::Duration;

use norm_sim::{Control, Politeness};

const MS: Duration = Duration::from_millis(1);

/// Bits per second and round trips.
const PATHS: [(u64, Duration); 3] = [
    (20_000_000, Duration::from_millis(5)),
    (10_000_000, Duration::from_millis(50)),
    (4_000_000, Duration::from_millis(100)),
];

#[test]
fn tcp_keeps_95_percent_beside_a_scavenger() {
    for (bits, rtt) in PATHS {
        for tcp in [Control::Reno, Control::Cubic] {
            let shares = Politeness::new(1, tcp, bits, rtt, 1.0).run(1);
            let what = format!("{bits} {rtt:?} {tcp:?}: {shares:?}");
            assert!(shares.tcp_alone > 0.97 && shares.kept() >= 0.95, "{what}");
            assert!(shares.tcp + shares.ours >= 0.95 && shares.alone >= 0.95, "{what}");
        }
    }
}

/// With a queue of a fifth of a round trip TCP leaves a part of the path unused, and finds its
/// limit by few losses.
#[test]
fn scavenger_uses_what_tcp_leaves_with_a_short_queue() {
    for (bits, rtt) in PATHS {
        for tcp in [Control::Reno, Control::Cubic] {
            let shares = Politeness::new(1, tcp, bits, rtt, 0.2).run(1);
            let what = format!("{bits} {rtt:?} {tcp:?}: {shares:?}");
            assert!(shares.kept() >= 0.85, "{what}");
            assert!(shares.tcp + shares.ours >= shares.tcp_alone - 0.02, "{what}");
        }
    }
}

#[test]
fn scavenger_takes_the_path_within_seconds_after_tcp() {
    for depth in [1.0, 4.0] {
        for tcp in [Control::Reno, Control::Cubic] {
            let part = Politeness::new(1, tcp, 10_000_000, MS * 50, depth).after_tcp(1);
            assert!(part >= 0.6, "{depth} {tcp:?}: {part} used from 2 to 12 s after TCP");
        }
    }
}
