//! Populations compared with equal numbers of engines.

use norm_sim::Experiment;

/// Number of runs, enough for a comparison of means.
const SEEDS: u64 = 96;

/// Means of transmissions per packet and of NACKs. All receivers must be complete.
fn means(plan: &Experiment) -> (f64, f64) {
    let mut sent = 0.0;
    let mut nacks = 0.0;
    for seed in 1..=SEEDS {
        let m = Experiment { seed, ..plan.clone() }.run(1);
        assert_eq!(m.complete, plan.receivers, "seed {seed}: all receivers are complete");
        sent += m.transmissions / SEEDS as f64;
        nacks += m.nacks as f64 / SEEDS as f64;
    }
    (sent, nacks)
}

#[track_caller]
fn assert_alike(plan: &Experiment) {
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
    assert_alike(&Experiment { loss: 0.02, ..Experiment::new(0, 100) });
}

#[test]
fn population_with_shared_loss_is_like_engines() {
    assert_alike(&Experiment { trunk: 0.02, ..Experiment::new(0, 100) });
    assert_alike(&Experiment { trunk: 0.02, unicast: true, ..Experiment::new(0, 100) });
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
