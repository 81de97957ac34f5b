//! Carousels of NORM: receivers without feedback that join anywhere, and those with feedback.

use core::time::Duration;

use bytes::Bytes;
use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::{ObjectSpec, Passes, Payload};
use norm_sim::{
    Carousel, CarouselProtocol, Change, Link, Outcome, Rule, Scenario, WithdrawalPlan, run, seeds,
};

/// A sender of two objects in these passes, and receivers that each lose this share of packets.
fn session(seed: u64, passes: Passes, receivers: usize, loss: f64) -> Scenario {
    let mut scenario = Scenario::new(seed, 0);
    let sender = scenario.sender();
    sender.config.rate = Some(10_000_000);
    sender.config.payload = Payload::Carousel { passes, interleave: None };
    let info = |name: &'static str| Some(Bytes::from_static(name.as_bytes()));
    sender.objects = vec![
        ObjectSpec { size: 200_000, info: info("first"), file: true },
        ObjectSpec { size: 700_000, info: info("second"), file: true },
    ];
    let link = Link { down: vec![Rule::Loss(loss)], ..Link::default() };
    scenario.receivers(receivers, &link)
}

fn silence(scenario: &mut Scenario) {
    scenario.receiver_plans().for_each(|plan| plan.config.feedback = Feedback::None);
}

fn complete(outcome: &Outcome) -> usize {
    outcome.receivers.iter().filter(|receiver| receiver.completed.is_some()).count()
}

#[test]
fn receivers_without_feedback_wait_for_little_more_than_what_they_lose() {
    let small = Carousel { symbols: 4_800, block_len: 480, ..Carousel::new(0.0) };
    let small = small.by(CarouselProtocol::Norm);
    for (loss, bound) in [(0.0, 1.03), (0.05, 1.12), (0.2, 1.4)] {
        let waited = Carousel { loss, ..small.clone() }.run(&seeds(10), 2);
        let all = waited.percentile(1.0);
        assert!(all <= bound, "{all} at a loss of {loss}: {waited:?}");
        assert!(waited.mean() >= 1.0 / (1.0 - loss), "less than what is needed: {waited:?}");
    }
}

#[test]
fn endless_carousel_serves_late_and_restarted_receivers_that_never_answer() {
    for seed in seeds(5) {
        let mut scenario = session(seed, Passes::Forever, 6, 0.1);
        silence(&mut scenario);
        scenario.hosts[2].life = vec![(Duration::from_millis(900), Change::Start)];
        let restarted = [100, 1_400].map(|ms| (Duration::from_millis(ms), Change::Start));
        scenario.hosts[3].life = restarted.to_vec();
        let outcome = run(&scenario);
        assert_eq!(complete(&outcome), 6, "seed {seed}");
        assert_eq!(outcome.senders[0].stats.nacks, 0);
        assert!(outcome.senders[0].stats.reports == 0, "nothing goes back");
    }
}

#[test]
fn receivers_with_feedback_ask_for_the_rest_when_all_passes_are_over() {
    for seed in seeds(5) {
        // Two passes do not suffice for one that loses two thirds.
        let mut scenario = session(seed, Passes::Times(2), 5, 0.05);
        scenario.hosts[1].link.down = vec![Rule::Loss(0.66)];
        scenario.check_nacks = false;
        let outcome = run(&scenario);
        assert_eq!(complete(&outcome), 5, "seed {seed}");
        let stats = &outcome.senders[0].stats;
        assert!(stats.nacks > 0, "{stats:?}");
        assert!(outcome.finished.is_some());
    }
}

#[test]
fn receivers_without_feedback_drop_what_came_before_a_change() {
    let mut retries = 0;
    for seed in seeds(20) {
        let mut scenario = session(seed, Passes::Forever, 4, 0.1);
        silence(&mut scenario);
        // In the first pass or the second, parts of blocks.
        let at = Duration::from_millis(50 + 40 * (seed % 20));
        scenario.sender().withdrawal = Some(WithdrawalPlan { at, chunk: 20_000, share: 0.2 });
        scenario.receiver_plans().for_each(|plan| plan.real_store = seed % 2 == 0);
        let outcome = run(&scenario);
        assert_eq!(complete(&outcome), 4, "seed {seed}");
        assert!(outcome.receivers.iter().all(|receiver| receiver.failed.is_none()), "seed {seed}");
        retries += outcome.receivers.iter().map(|receiver| receiver.retries).sum::<u32>();
    }
    // What comes between the change and the word of it is found by hashes.
    assert!(retries <= 4, "{retries}");
}
