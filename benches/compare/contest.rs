//! All programs in one case, in rounds, so that they share the noise of the machine.

use crate::case::Case;
use crate::network::Network;
use crate::options::Options;
use crate::run::{Run, run};
use crate::stats;
use crate::tools::{Kit, Scene, Setting, Tool};
use crate::work::Work;

/// How often one of the others may try in a turn: some get stuck now and then before they begin.
const TRIES: usize = 3;

/// What was measured in one case.
pub struct Contest {
    pub case: Case,
    pub entries: Vec<Entry>,
}

/// A program in one setting, with its runs.
pub struct Entry {
    pub setting: Setting,
    pub runs: Vec<Run>,
}

impl Contest {
    /// Builds the network of a case and runs everybody in it.
    pub fn hold(case: Case, kit: &Kit, options: &Options, work: &Work) -> Result<Self, String> {
        let settings = kit.tools().iter().flat_map(|tool| tool.settings(&case));
        let entries = settings.map(|setting| Entry { setting, runs: Vec::new() }).collect();
        let mut contest = Self { case, entries };
        work.clear(0)?;
        work.check_room(u64::from(case.receivers))?;
        let network = Network::build(&case)?;
        let scene = Scene { case: &case, network: &network, work };
        for round in 1..=options.runs {
            for &tool in kit.tools() {
                let place = format!("{case}, round {round} of {}", options.runs);
                contest.take_turn(tool, kit, options, &scene, &place)?;
            }
        }
        Ok(contest)
    }

    /// One run that counts, in the first setting that works; or failures of all of them.
    fn take_turn(
        &mut self,
        tool: Tool,
        kit: &Kit,
        options: &Options,
        scene: &Scene<'_>,
        place: &str,
    ) -> Result<(), String> {
        let entries = self.entries.iter_mut().filter(|entry| entry.setting.tool == tool);
        let mut entries: Vec<_> = entries.collect();
        // A failure of ours is one, and so is that of a setting which has another behind it. Behind a
        // bottleneck it is time that counts, and who needs too much fails.
        let again = tool.is_peer() && entries.len() == 1 && scene.case.bottleneck.is_none();
        let tries = if again { TRIES } else { 1 };
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

    /// The fastest of the others that got its files right at least once.
    pub fn best_peer(&self) -> Option<&Entry> {
        let peers = self.entries.iter().filter(|entry| entry.setting.tool.is_peer());
        let valid = peers.filter(|entry| entry.rate().is_some());
        valid.max_by(|a, b| a.rate().unwrap_or(0.0).total_cmp(&b.rate().unwrap_or(0.0)))
    }
}

impl Entry {
    /// Bits per second, the median of the runs that count.
    pub fn rate(&self) -> Option<f64> {
        self.median(|run| Some(run.rate))
    }

    /// The median of something over the runs that count.
    pub fn median(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        stats::median(self.right_runs().filter_map(of))
    }

    /// The runs that count.
    pub fn right_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.is_right())
    }

    /// Whether every run counts, and there are some.
    pub fn is_right(&self) -> bool {
        !self.runs.is_empty() && self.runs.iter().all(Run::is_right)
    }

    /// Whether it has failed in all tries of a turn. Ours never gives up: every failure shows.
    fn has_given_up(&self, tries: usize) -> bool {
        self.setting.tool.is_peer() && self.runs.len() >= tries && self.rate().is_none()
    }
}
