//! Recipes: scenarios in one line, which can be drawn from a seed, shrunk, and pasted into a
//! command line.

mod build;
mod draw;
mod feature;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use feature::{Feature, FecId, FluteSession, Place};

use crate::scenario::Scenario;

/// A description of a scenario: a few numbers, and a list of features.
///
/// Every recipe makes a possible scenario, whatever its numbers: sizes are cut to those that an
/// object can have, and features without hosts or links to act on do nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// All random numbers of the run follow from the seed.
    pub seed: u64,
    /// Number of receivers.
    pub receivers: u32,
    /// Bytes in each object.
    pub sizes: Vec<u64>,
    /// Every object has a NORM_INFO.
    pub info: bool,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// Intended number of symbols per block.
    pub block_len: u32,
    /// Without a code; otherwise with RaptorQ.
    pub no_code: bool,
    /// Kilobits per second.
    pub rate_kbit: u32,
    /// Delay between the switch and a receiver, each way, in microseconds.
    pub delay_us: u32,
    /// Features, applied in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Feature>,
}

impl Recipe {
    /// The simplest recipe: one receiver, one small object, and no fault.
    pub fn simplest(seed: u64) -> Self {
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

    /// Draws a recipe from a seed: small groups and short transfers, each with a few features.
    pub fn draw(seed: u64) -> Self {
        draw::recipe(seed)
    }

    /// The scenario that it describes.
    pub fn scenario(&self) -> Scenario {
        build::scenario(self)
    }

    /// Parses the output of `Display`.
    ///
    /// # Errors
    /// A description of the error and its place.
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
    fn recipe_survives_its_line_of_json() {
        for seed in 0..500 {
            let recipe = Recipe::draw(seed);
            let line = recipe.to_string();
            assert!(!line.contains('\n'));
            assert_eq!(Recipe::parse(&line).unwrap(), recipe, "{line}");
        }
        assert!(Recipe::parse("{}").unwrap_err().contains("missing field"));
    }

    #[test]
    fn seed_decides_the_recipe() {
        assert_eq!(Recipe::draw(3), Recipe::draw(3));
        let different: BTreeSet<String> = (0..200).map(|n| Recipe::draw(n).to_string()).collect();
        assert_eq!(different.len(), 200);
    }

    /// Every feature and rule.
    const NAMES: &[&str] = &[
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
        "PacketSizes",
        "PathMtu",
        "Payload",
        "Carousel",
        "Backoff",
        "WaitFor",
        "Joins",
        "JoinPolicy",
        "Restarts",
        "Dies",
        "Stalls",
        "Moves",
        "FalseMoves",
        "Clock",
        "SlowDisk",
        "FullDisk",
        "SlowRead",
        "FewBlocks",
        "SmallCache",
        "Attacker",
        "FirstObject",
        "SecondSender",
        "Flute",
        "Sealed",
        "Roster",
        "Linger",
        "Tcp",
        "SameNode",
        "Store",
        "OnDisk",
        "Only",
        "Withdraws",
        "Loss",
        "Bursts",
        "LossDuring",
        "Recorded",
        "Outage",
        "Mtu",
        "Rate",
        "Jitter",
        "Late",
        "Held",
        "Duplicate",
        "Corrupt",
        "Truncate",
    ];

    #[test]
    fn all_features_and_rules_are_drawn_and_most_recipes_are_small() {
        let recipes: Vec<Recipe> = (0..3000).map(Recipe::draw).collect();
        let drawn: String = recipes.iter().map(ToString::to_string).collect();
        for name in NAMES {
            assert!(drawn.contains(&format!("\"{name}\"")), "{name} is never drawn");
        }
        let features: usize = recipes.iter().map(|recipe| recipe.features.len()).sum();
        assert!((3000..15_000).contains(&features), "{features} features");
        let small = recipes.iter().filter(|recipe| recipe.receivers <= 8).count();
        assert!(small > 1500, "only {small} of 3000 have at most 8 receivers");
    }

    #[test]
    fn one_seed_in_eight_draws_a_session_of_flute() {
        let is_flute = |seed: &u64| Recipe::draw(*seed).to_string().contains("\"Flute\"");
        let flute = (0..3000).filter(is_flute).count();
        assert!((300..450).contains(&flute), "{flute} of 3000 are sessions of FLUTE");
    }

    #[test]
    fn one_seed_in_six_is_sealed_and_some_for_recipients() {
        let scenarios = (0..3000).map(|seed| Recipe::draw(seed).scenario());
        let sealed: Vec<_> = scenarios.filter(|scenario| scenario.sealed.is_some()).collect();
        assert!((350..500).contains(&sealed.len()), "{} of 3000 are sealed", sealed.len());
        let recipients = sealed.iter().filter(|scenario| scenario.recipients.is_some()).count();
        assert!((50..150).contains(&recipients), "{recipients} of 3000 are for recipients");
    }

    #[test]
    fn drawn_recipe_is_a_scenario_within_its_bounds() {
        for seed in 0..1000 {
            let recipe = Recipe::draw(seed);
            let scenario = recipe.scenario();
            assert!((1..=60).contains(&recipe.receivers));
            assert!(recipe.sizes.iter().sum::<u64>() <= 8 << 20, "{recipe}");
            let is_receiver =
                |role: &Role| matches!(role, Role::Receiver(_) | Role::FluteReceiver(_));
            let receivers = scenario.hosts.iter().filter(|host| is_receiver(&host.role));
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
