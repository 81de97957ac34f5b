//! Several senders in one group: receivers follow all of them, and none disturbs another.

use core::time::Duration;

use norm_core::norm::wire::NodeId;
use norm_sim::{Host, Link, Role, Scenario, SenderPlan, run, seeds};

#[test]
fn each_sender_delivers_its_own_object() {
    for seed in seeds(10) {
        let mut scenario = Scenario::new(seed, 300_000).receivers(2, &Link::lossy(0.01));
        scenario.sender().config.node = NodeId(8);
        // Two senders with one node id, which differ in instance and address; and a third one.
        for _ in 0..2 {
            let mut plan = SenderPlan::new(300_000);
            plan.config.node = NodeId(9);
            let near = Link { delay: Duration::from_micros(50), ..Link::default() };
            scenario.add(Host::new(Role::Sender(plan), near));
        }
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert!(outcome.receivers.iter().all(|receiver| receiver.objects == 3));
        assert_eq!(outcome.senders.len(), 3);
    }
}
