//! A sender that finds its rate.
use core::time::Duration;
use norm_sim::Bottleneck;

#[test]
fn sweep() {
    let env = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    let list = |name: &str, default: &str| -> Vec<f64> {
        env(name, default).split(',').map(|x| x.parse().unwrap()).collect()
    };
    for mbit in list("MBIT", "1,10,100,1000") {
        for ms in list("RTT", "0.2,5,50,500") {
            for bdp in list("BDP", "0.2,1,5") {
                for loss in list("LOSS", "0") {
                    let mut path = Bottleneck::new(
                        (mbit * 1e6) as u64,
                        Duration::from_secs_f64(ms / 1e3),
                        bdp,
                    );
                    path.loss = loss;
                    if let Ok(fixed) = env("FIXED", "").parse::<u64>() {
                        path.fixed = Some(fixed);
                    }
                    let time = std::time::Instant::now();
                    let found = path.run(1);
                    let bdp_bytes = (mbit * 1e6 / 8.0 * ms / 1e3).max(14640.0);
                    println!(
                        "{mbit:>6} Mbit/s {ms:>5} ms {bdp} BDP loss {loss}: reached {:>6.3} of {:.1} s, used {:.3}, dropped {:.4}, queue {:.2} ({:.1} s)",
                        found.reached.map_or(f64::NAN, |r| r.as_secs_f64()),
                        (ms / 1e3 * 20.0).max(2.0),
                        found.used,
                        found.dropped,
                        found.most_queued as f64 / bdp_bytes,
                        time.elapsed().as_secs_f64()
                    );
                    if env("COURSE", "0") == "1" {
                        let n =
                            (found.course.len() / env("N", "80").parse::<usize>().unwrap()).max(1);
                        for w in found.course.chunks(n) {
                            let sum = |f: fn(&norm_sim::Step) -> f64| w.iter().map(f).sum::<f64>();
                            println!(
                                "   {:.4} s sent {:.3} dropped {:.3} queue {:.0}",
                                w[w.len() - 1].at.as_secs_f64(),
                                sum(|s| s.sent) / sum(|s| s.passes),
                                sum(|s| s.dropped) / sum(|s| s.passes),
                                w[w.len() - 1].queued / 1464.0
                            );
                        }
                    }
                }
            }
        }
    }
}
