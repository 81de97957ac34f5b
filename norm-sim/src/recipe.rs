//! A whole scenario in one line: short enough to be drawn from a seed, shrunk, and pasted into a
//! command line.

mod build;
mod draw;
mod feature;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use feature::{Feature, Place};

/// A description of a scenario, in the numbers that matter and a list of whatever is not plain.
///
/// Every recipe makes a possible scenario, whatever its numbers: sizes are cut to what an object
/// can carry, and features that find nothing to act on do nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Everything random in the run follows from it.
    pub seed: u64,
    /// How many receivers.
    pub receivers: u32,
    /// Bytes in each object.
    pub sizes: Vec<u64>,
    /// Every object has a NORM_INFO.
    pub info: bool,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// Symbols per block aimed at.
    pub block_len: u32,
    /// Without a code; else RaptorQ.
    pub no_code: bool,
    /// Kilobits per second.
    pub rate_kbit: u32,
    /// From the switch to a receiver and back, each in microseconds.
    pub delay_us: u32,
    /// What is not plain, applied in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Feature>,
}

impl Recipe {
    /// The plainest: one receiver, one small object, and nothing ever goes wrong.
    pub fn plain(seed: u64) -> Self {
        Self {
            seed,
            receivers: 1,
            sizes: vec![100_000],
            info: false,
            segment_size: 1024,
            block_len: 64,
            no_code: false,
            rate_kbit: 100_000,
            delay_us: 1000,
            features: Vec::new(),
        }
    }

    /// Reads what `Display` has written.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Role;

    #[test]
    fn a_line_of_json_gives_the_recipe_back() {
        for seed in 0..500 {
            let recipe = Recipe::draw(seed);
            let line = recipe.to_string();
            assert!(!line.contains('\n'));
            assert_eq!(Recipe::parse(&line).unwrap(), recipe, "{line}");
        }
        assert!(Recipe::parse("{}").unwrap_err().contains("missing field"));
    }

    #[test]
    fn a_seed_draws_the_same_recipe_and_another_seed_another() {
        assert_eq!(Recipe::draw(3), Recipe::draw(3));
        let different: BTreeSet<String> = (0..200).map(|n| Recipe::draw(n).to_string()).collect();
        assert_eq!(different.len(), 200);
    }

    #[test]
    fn every_feature_and_every_rule_is_drawn_and_most_recipes_are_simple() {
        let recipes: Vec<Recipe> = (0..3000).map(Recipe::draw).collect();
        let drawn: String = recipes.iter().map(ToString::to_string).collect();
        for name in [
            "Tree",
            "Fault",
            "WayBack",
            "FarAway",
            "ReedSolomon",
            "Control",
            "Unicast",
            "Silent",
            "OneWay",
            "Snooping",
            "Backoff",
            "WaitFor",
            "Joins",
            "JoinPolicy",
            "Restarts",
            "Dies",
            "Stalls",
            "Clock",
            "SlowDisk",
            "FullDisk",
            "SlowRead",
            "FewBlocks",
            "SmallCache",
            "Attacker",
            "FirstObject",
            "SecondSender",
            "Linger",
            "Tcp",
            "SameNode",
            "Store",
            "Loss",
            "Bursts",
            "LossDuring",
            "Recorded",
            "Outage",
            "Mtu",
            "Rate",
            "Jitter",
            "Late",
            "Duplicate",
            "Corrupt",
            "Truncate",
        ] {
            assert!(drawn.contains(&format!("\"{name}\"")), "{name} is never drawn");
        }
        let features: usize = recipes.iter().map(|recipe| recipe.features.len()).sum();
        assert!((3000..15_000).contains(&features), "{features} features");
        let small = recipes.iter().filter(|recipe| recipe.receivers <= 8).count();
        assert!(small > 1500, "only {small} of 3000 have at most 8 receivers");
    }

    #[test]
    fn what_is_drawn_is_a_scenario_within_its_bounds() {
        for seed in 0..1000 {
            let recipe = Recipe::draw(seed);
            let scenario = recipe.scenario();
            assert!((1..=60).contains(&recipe.receivers));
            assert!(recipe.sizes.iter().sum::<u64>() <= 8 << 20, "{recipe}");
            let receivers = scenario.hosts.iter().filter(|h| matches!(h.role, Role::Receiver(_)));
            assert_eq!(receivers.count(), recipe.receivers as usize);
            for host in &scenario.hosts {
                assert!((host.switch as usize) < scenario.switches.len());
            }
            for (n, switch) in scenario.switches.iter().enumerate().skip(1) {
                assert!((switch.parent as usize) < n);
            }
        }
    }
}
