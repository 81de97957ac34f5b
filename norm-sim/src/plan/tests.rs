use super::*;

/// A transfer at 200 Mbit/s, of which a short stretch is enough.
fn request(size: u64, receivers: u32) -> Request {
    Request { rate: Some(200_000_000), ..Request::new(size, receivers) }
}

fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() <= tolerance, "{value} is not about {expected}");
}

#[test]
fn stretch_predicts_the_whole_transfer() {
    for (wifi, bad) in [(0, vec![]), (3, vec![]), (0, vec![(1, 0.2)])] {
        let whole =
            Request { wifi, bad, loss: 0.02, stretch: Some(64 << 20), ..request(64 << 20, 30) };
        let part = Request { stretch: Some(16 << 20), ..whole.clone() };
        let (whole, part) = (plan(&whole).unwrap(), plan(&part).unwrap());
        assert!(whole.simulated.whole && !part.simulated.whole);
        assert!(part.simulated.bytes <= 16 << 20);
        // The repair at its end counts four times as much in the part.
        assert_near(part.seconds.unwrap(), whole.seconds.unwrap(), 0.08);
        // In percentage points of the content: twelve blocks do not measure a small share better.
        let difference = (part.repair_share - whole.repair_share).abs();
        assert!(difference <= 0.02, "{} {}", part.repair_share, whole.repair_share);
        assert_near(part.wire_bytes as f64, whole.wire_bytes as f64, 0.05);
        assert_near(part.sent_once_seconds.unwrap(), whole.sent_once_seconds.unwrap(), 0.05);
    }
}

#[test]
fn transfer_without_loss_takes_size_by_rate() {
    let request = Request { loss: 0.0, ..request(40_000_000, 5) };
    let plan = plan(&request).unwrap();
    assert!(plan.simulated.whole);
    assert_eq!((plan.complete, plan.repair_share, plan.feedback.nacks), (5, 0.0, 0));
    // Headers are 64 of 1408 bytes.
    assert_near(plan.seconds.unwrap(), 40e6 * 8.0 / 200e6 * 1408.0 / 1344.0, 0.02);
    let longer = super::plan(&Request { size: 40_000_000_000, ..request }).unwrap();
    assert!(!longer.simulated.whole);
    assert_near(longer.seconds.unwrap(), 1600.0 * 1408.0 / 1344.0, 0.02);
}

#[test]
fn receivers_with_more_loss_complete_later() {
    let plan = plan(&Request { bad: vec![(1, 0.3)], ..request(20_000_000, 20) }).unwrap();
    let times: Vec<f64> = plan.milestones.iter().map(|m| m.seconds.unwrap()).collect();
    assert!(times.is_sorted());
    assert_eq!(plan.complete, 20);
    assert_eq!(plan.worst[0].name, "bad 1");
    assert_eq!(plan.worst[0].seconds, plan.seconds);
    assert!((plan.worst[0].loss - 0.3).abs() < 0.03, "{}", plan.worst[0].loss);
    assert!(plan.session_seconds >= plan.seconds);
}

#[test]
fn population_costs_about_what_theory_says() {
    let plan = plan(&request(10_000_000_000, 20_000)).unwrap();
    assert_eq!((plan.complete, plan.simulated.population), (20_000, 19_900));
    let theory = crate::theory::transmissions_per_packet(0.01, 20_000, plan.block_len);
    assert_near(1.0 + plan.repair_share, theory, 0.02);
}

#[test]
fn plan_depends_on_the_seed_and_not_on_threads() {
    let one = plan(&Request { threads: 2, ..request(3_000_000, 40) }).unwrap();
    let mut two = plan(&request(3_000_000, 40)).unwrap();
    two.request.threads = 2;
    assert_eq!(one, two);
}

#[test]
fn page_has_its_plots_and_no_references() {
    let page = plan(&Request { wifi: 1, ..request(5_000_000, 10) }).unwrap().page();
    assert_eq!(page.matches("<svg ").count(), 4);
    assert_eq!(page.matches("</svg>").count(), 4);
    for reference in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
    for label in ["lost packets [%]", "rate [Mbit/s]", "complete [%]", "repair share [%]"] {
        assert!(page.contains(label), "{label}");
    }
}
