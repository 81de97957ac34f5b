//! All programs in one case, in rounds, so that other load affects all of them.

use crate::case::Case;
use crate::host::Settings;
use crate::network::Network;
use crate::options::Options;
use crate::run::{Run, run};
use crate::stats;
use crate::tools::{Kit, Scene, Setting, Tool};
use crate::work::Work;

/// Number of tries of a peer in a round: some peers get stuck at their start sometimes.
const MAX_TRIES: usize = 3;

/// The measurements of one case.
pub struct Comparison {
    pub case: Case,
    pub entries: Vec<Entry>,
}

/// A program in one setting, with its runs.
pub struct Entry {
    pub setting: Setting,
    pub runs: Vec<Run>,
}

impl Comparison {
    /// Builds the network of a case and runs all programs in it.
    pub fn run(case: Case, kit: &Kit, options: &Options, work: &Work) -> Result<Self, String> {
        let settings = kit.tools().iter().flat_map(|&tool| kit.settings(tool, &case));
        let entries = settings.map(|setting| Entry { setting, runs: Vec::new() }).collect();
        let mut comparison = Self { case, entries };
        work.clear(0)?;
        work.check_room(u64::from(case.receivers))?;
        let _settings = Settings::apply(case.buffers)?;
        let network = Network::build(&case)?;
        let scene = Scene { case: &case, network: &network, work };
        for round in 1..=options.runs {
            for &tool in kit.tools() {
                let place = format!("{case}, round {round} of {}", options.runs);
                comparison.measure(tool, kit, options, &scene, &place)?;
            }
        }
        Ok(comparison)
    }

    /// Runs a tool until a run succeeds, in the first setting that works, or all settings have
    /// failed.
    fn measure(
        &mut self,
        tool: Tool,
        kit: &Kit,
        options: &Options,
        scene: &Scene<'_>,
        place: &str,
    ) -> Result<(), String> {
        let entries = self.entries.iter_mut().filter(|entry| entry.setting.tool == tool);
        let mut entries: Vec<_> = entries.collect();
        // Our programs and settings with an alternative have one try. So have all programs with a
        // bottleneck, where a run that takes too long has failed.
        let again = tool.is_peer() && entries.len() == 1 && scene.case.bottleneck.is_none();
        let tries = if again { MAX_TRIES } else { 1 };
        for entry in &mut entries {
            if entry.has_given_up(tries) {
                continue;
            }
            for _ in 0..tries {
                let run = run(kit, entry.setting, scene, options.limit)?;
                eprintln!("{place}: {}: {}", entry.setting.name(), run.in_short());
                let right = run.is_right();
                entry.runs.push(run);
                if right && !tool.shows_all() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The fastest of a tool's settings.
    pub fn best(&self, tool: Tool) -> Option<&Entry> {
        let entries = self.entries.iter().filter(|entry| entry.setting.tool == tool);
        let valid = entries.filter(|entry| entry.rate().is_some());
        valid.max_by(|a, b| a.rate().unwrap_or(0.0).total_cmp(&b.rate().unwrap_or(0.0)))
    }

    /// The entry of ours, the bare socket or a local program.
    pub fn entry(&self, tool: Tool) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.setting.tool == tool)
    }

    /// The fastest of the peers that had a correct run.
    pub fn best_peer(&self) -> Option<&Entry> {
        let peers = self.entries.iter().filter(|entry| entry.setting.tool.is_peer());
        let valid = peers.filter(|entry| entry.rate().is_some());
        valid.max_by(|a, b| a.rate().unwrap_or(0.0).total_cmp(&b.rate().unwrap_or(0.0)))
    }
}

impl Entry {
    /// Median of the rates of correct runs, in bits per second.
    pub fn rate(&self) -> Option<f64> {
        self.median(|run| Some(run.rate))
    }

    /// Median of a value over the correct runs.
    pub fn median(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        stats::median(self.right_runs().filter_map(of))
    }

    /// The correct runs.
    pub fn right_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.is_right())
    }

    /// True when there are runs and all are correct.
    pub fn is_right(&self) -> bool {
        !self.runs.is_empty() && self.runs.iter().all(Run::is_right)
    }

    /// True when a peer has failed in all tries of a round. Ours has no further tries: every
    /// failure counts.
    fn has_given_up(&self, tries: usize) -> bool {
        self.setting.tool.is_peer() && self.runs.len() >= tries && self.rate().is_none()
    }
}
