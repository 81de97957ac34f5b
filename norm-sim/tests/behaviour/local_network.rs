//! File sets with Reed-Solomon codes on a fast local network: their cost, and their end.

use norm_sim::{Experiment, seeds};

/// Twelve megabytes: 55 blocks.
fn lan(seed: u64, receivers: u32, loss: f64) -> Experiment {
    Experiment { loss, size: 12 << 20, ..Experiment::lan(seed, receivers) }
}

#[test]
fn one_receiver_costs_at_most_3_percent_above_its_loss() {
    for (loss, seed) in [0.01, 0.05, 0.2].into_iter().zip(seeds(3)) {
        let measured = lan(seed, 1, loss).run(1);
        measured.outcome.assert_all_complete();
        // The loss of a run with few blocks differs from its mean.
        let lost = 1.0
            - measured.outcome.receivers[0].stats.heard as f64
                / measured.outcome.sender().packets as f64;
        let min = 1.0 / (1.0 - lost);
        let sent = measured.transmissions;
        assert!(sent <= 1.03 * min, "loss {loss} seed {seed}: {sent} of {min}");
    }
}

#[test]
fn several_receivers_cost_at_most_5_percent_above_theory() {
    for receivers in [4, 8] {
        for (loss, seed) in [0.01, 0.05, 0.2].into_iter().zip(seeds(3)) {
            let measured = lan(seed, receivers, loss).run(1);
            measured.outcome.assert_all_complete();
            let (sent, theory) = (measured.transmissions, measured.theory);
            assert!(
                sent <= 1.05 * theory,
                "{receivers} at {loss}, seed {seed}: {sent} of {theory}"
            );
        }
    }
}

#[test]
fn transfer_ends_although_parity_is_exhausted() {
    for seed in seeds(3) {
        // At first 96 of 160 symbols and 57 of 95 parity symbols arrive: the other 7 must be named.
        let many_losses = lan(seed, 8, 0.4).run(1);
        many_losses.outcome.assert_all_complete();
        // With ARQ alone each symbol is sent 2.9 times for eight receivers.
        let sent = many_losses.transmissions;
        assert!(sent < 2.3, "seed {seed}: {sent}");
        let little_parity = Experiment { parity: Some(8), ..lan(seed, 4, 0.2) }.run(1);
        little_parity.outcome.assert_all_complete();
        let none = Experiment { parity: Some(0), ..lan(seed, 1, 0.2) }.run(1);
        none.outcome.assert_all_complete();
    }
}
