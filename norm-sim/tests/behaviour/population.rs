//! A population beside as many full engines.

use norm_sim::Experiment;

/// Runs enough that the means say something.
const SEEDS: u64 = 96;

/// Means of content packets per packet and of NACKs; every member must be complete.
fn means(plan: &Experiment) -> (f64, f64) {
    let (mut sent, mut nacks) = (0.0, 0.0);
    for seed in 1..=SEEDS {
        let m = Experiment { seed, ..plan.clone() }.run(1);
        assert_eq!(m.complete, plan.receivers, "seed {seed}: all are complete");
        sent += m.transmissions / SEEDS as f64;
        nacks += m.nacks as f64 / SEEDS as f64;
    }
    (sent, nacks)
}

#[track_caller]
fn are_alike(plan: &Experiment) {
    let plan = Experiment { size: 1 << 20, block_len: 64, ..plan.clone() };
    let (sent, nacks) = means(&plan);
    let (of_population, nacks_of_population) = means(&Experiment { population: true, ..plan });
    assert!(
        (of_population / sent - 1.0).abs() < 0.01,
        "{of_population} and {sent} sent per packet"
    );
    let ratio = nacks_of_population / nacks;
    assert!((0.85..1.18).contains(&ratio), "{nacks_of_population} and {nacks} NACKs");
}

#[test]
fn population_with_independent_loss_is_like_engines() {
    are_alike(&Experiment { loss: 0.02, ..Experiment::new(0, 100) });
}

#[test]
fn population_with_shared_loss_is_like_engines() {
    are_alike(&Experiment { trunk: 0.02, ..Experiment::new(0, 100) });
    are_alike(&Experiment { trunk: 0.02, unicast: true, ..Experiment::new(0, 100) });
}

#[test]
fn all_members_complete_although_the_last_packets_are_lost() {
    for seed in 1..=40 {
        let plan = Experiment {
            trunk: 0.01,
            unicast: true,
            population: true,
            ..Experiment::new(seed, 1000)
        };
        assert_eq!(plan.run(1).complete, 1000, "seed {seed}");
    }
}
