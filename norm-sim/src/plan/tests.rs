use super::*;

/// Prints what stretches of several lengths tell: see which is steady.
#[test]
#[ignore]
fn explore() {
    for (n, wifi, loss, bad) in [
        (50, 0, 0.01, vec![]),
        (50, 3, 0.02, vec![]),
        (50, 0, 0.02, vec![(1, 0.3)]),
        (1, 0, 0.01, vec![]),
    ] {
        for mb in [8u64, 16, 32, 64, 256] {
            let r = Request {
                loss,
                wifi,
                bad: bad.clone(),
                rate: Some(200_000_000),
                stretch: Some(1 << 40),
                ..Request::new(mb << 20, n)
            };
            let network = Network::new(&r);
            let options = RunOptions {
                threads: 2,
                sample_every: Some(Duration::from_millis(5)),
                ..RunOptions::default()
            };
            let o = run_with(&network.scenario, &options);
            let s = Steady::of(&o, o.sender().data_packets).unwrap();
            eprintln!(
                "{n} {wifi} {bad:?} {mb:4} total {:.4} meanwhile {:.4} nacks {:.5}({:.5}) rep {:.1} pkt {:.2}us A {:.3} last-A {:.3} fin-A {:.3}",
                s.repair,
                {
                    let e = o
                        .series
                        .iter()
                        .find(|x| x.data_packets >= o.sender().data_packets)
                        .unwrap();
                    let b = o
                        .series
                        .iter()
                        .find(|x| x.data_packets >= o.sender().data_packets / 4)
                        .unwrap();
                    (e.repair_packets - b.repair_packets) as f64
                        / (e.data_packets - b.data_packets) as f64
                },
                s.nacks,
                o.receivers.iter().map(|r| r.stats.nacks).sum::<u64>() as f64
                    / o.sender().data_packets as f64,
                s.reports,
                s.packet_seconds * 1e6,
                s.sent_once,
                last_complete(&o) - s.sent_once,
                o.finished.unwrap().as_secs_f64() - s.sent_once
            );
        }
    }
}
