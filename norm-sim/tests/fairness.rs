//! Our flows beside others in one bottleneck.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use core::time::Duration;

use norm_core::congestion::equation;
use norm_core::sender::RateControl;
use norm_sim::{Bottleneck, Control, Fairness};

/// The rate of a sender to so many receivers that lose 1 % each on its own, by what TCP would get.
fn part_of_the_fair_rate(receivers: usize) -> f64 {
    let rtt = Duration::from_millis(50);
    let mut path = Bottleneck::new(20_000_000, rtt, 1.0);
    path.time = Duration::from_secs(if receivers > 100 { 90 } else { 120 });
    (path.control, path.receivers, path.loss) = (RateControl::Fair, receivers, 0.01);
    let found = path.run(1);
    let later: Vec<_> = found.course.iter().filter(|step| step.at >= path.time / 2).collect();
    let sent: f64 = later.iter().map(|step| step.sent).sum();
    let rate = sent / (path.time / 2).as_secs_f64();
    rate / equation::throughput(1464.0, rtt, 0.01)
}

#[test]
fn many_receivers_with_loss_of_their_own_are_no_slower_than_six_tenths() {
    let count = std::env::var("RECEIVERS").ok().and_then(|count| count.parse().ok());
    let part = part_of_the_fair_rate(count.unwrap_or(30));
    println!("{part}");
    assert!(part >= 0.6, "{part}");
}

#[test]
fn sweep() {
    let env = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    for ms in env("RTT", "5,50,500").split(',') {
        let each = match ms {
            "5" => 10_000_000,
            "50" => 4_000_000,
            _ => 100_000,
        };
        let each = env("EACH", "").parse().unwrap_or(each);
        for flows in env("FLOWS", "1,2,8").split(',') {
            for tcp in [Control::Reno, Control::Cubic] {
                let rtt = Duration::from_millis(ms.parse().unwrap());
                let time = std::time::Instant::now();
                let mut plan = Fairness::new(flows.parse().unwrap(), tcp, each, rtt);
                plan.ours = env("OURS", "1").parse().unwrap();
                let shares = plan.run(1);
                println!(
                    "{ms:>4} ms {flows} {tcp:?}: ratio {:.3} ours {:.0} tcp {:.0} used {:.3} jain {:.3} ({:.1} s)",
                    shares.ratio(),
                    shares.ours * 8.0,
                    shares.tcp * 8.0,
                    shares.used,
                    shares.jain,
                    time.elapsed().as_secs_f64()
                );
                if env("COURSE", "0") == "1" {
                    for pair in shares.outcome.series.windows(2).step_by(2) {
                        let dt = (pair[1].at - pair[0].at).as_secs_f64();
                        let flows: u64 =
                            pair[1].flows.iter().sum::<u64>() - pair[0].flows.iter().sum::<u64>();
                        println!(
                            "  {:.2} ours {:.0} tcp {:.0}",
                            pair[1].at.as_secs_f64(),
                            (pair[1].sent_bytes - pair[0].sent_bytes) as f64 * 8.0 / dt,
                            flows as f64 * 8.0 / dt
                        );
                    }
                }
            }
        }
    }
}
