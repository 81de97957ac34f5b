//! The programs, each with its fastest settings.

mod local;
mod nrl;
mod ours;
pub mod raw;
mod udpcast;
mod uftp;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::case::Case;
use crate::network::Network;
use crate::options::Options;
use crate::process::Running;
use crate::shell;
use crate::work::Work;

/// Programs to compare.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// norm-send and norm-recv
    Ours,
    /// norm-send at its default rate, with and without a bottleneck
    Auto,
    /// norm-send at parts of the bottleneck's rate
    Fixed,
    /// norm-send without rate limit, where there is no bottleneck
    Max,
    /// The bare socket with GSO and GRO, memory to memory, nothing repaired
    Raw,
    /// uftp and uftpd
    Uftp,
    /// udp-sender and udp-receiver
    Udpcast,
    /// A program on the NRL's NORM library
    Nrl,
    /// cp, once
    Cp,
    /// BLAKE3 of the file, with one thread
    #[value(alias = "b3sum")]
    Hash,
}

/// One way to run a tool. If it fails, the next one is tried.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub tool: Tool,
    /// Difference from the first setting; empty for the first.
    pub label: &'static str,
    /// Rate of [`Tool::Fixed`], in percent of the bottleneck's.
    pub percent: Option<u8>,
}

/// The surroundings of a run.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub network: &'a Network,
    pub work: &'a Work,
}

/// The processes of a run, and how to check its result.
pub struct Plan {
    pub receivers: Vec<Command>,
    pub sender: Command,
    /// The port on which receivers listen.
    pub port: u16,
    /// Receivers end by themselves.
    pub receivers_end: bool,
    pub result: Outcome,
}

/// The result of a run.
pub enum Outcome {
    /// A copy of the source from each receiver.
    Files(Vec<PathBuf>),
    /// Counts, printed by both sides of the bare socket.
    Counts,
    /// Nothing to check.
    Nothing,
}

/// Programs that were found or built.
pub struct Kit {
    tools: Vec<Tool>,
    /// Rates of [`Tool::Fixed`].
    percents: Vec<u8>,
    /// This program.
    myself: PathBuf,
    ours: ours::Programs,
    nrl: PathBuf,
}

impl Kit {
    /// Finds and builds the programs of the options. Also returns the reasons for missing ones.
    pub fn assemble(options: &Options, work: &Work) -> Result<(Self, Vec<String>), String> {
        let myself = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut missing = Vec::new();
        let mut kit = Self {
            tools: Vec::new(),
            percents: options.fixed.clone(),
            ours: ours::Programs::new(options, &myself),
            myself,
            nrl: work.path("nrl"),
        };
        for tool in options.tools() {
            match kit.prepare(tool) {
                Ok(()) => kit.tools.push(tool),
                // Without our programs there is nothing to compare.
                Err(message) if tool.is_ours() => return Err(message),
                Err(message) => missing.push(format!("{} is left out: {message}", tool.name())),
            }
        }
        for line in &missing {
            eprintln!("{line}");
        }
        Ok((kit, missing))
    }

    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    fn prepare(&self, tool: Tool) -> Result<(), String> {
        let installed = |program: &str, package: &str| match shell::find(program) {
            Some(_) => Ok(()),
            None => Err(format!("no {program} here; apt-get install {package}")),
        };
        match tool {
            Tool::Ours | Tool::Auto | Tool::Fixed | Tool::Max => self.ours.build(),
            Tool::Uftp => installed("uftp", "uftp").and(installed("uftpd", "uftp")),
            Tool::Udpcast => {
                installed("udp-sender", "udpcast").and(installed("udp-receiver", "udpcast"))
            }
            Tool::Nrl => nrl::build(&self.nrl),
            Tool::Raw | Tool::Cp | Tool::Hash => Ok(()),
        }
    }

    /// Settings of a tool in a case, the fastest first.
    pub fn settings(&self, tool: Tool, case: &Case) -> Vec<Setting> {
        let with = |label, percent| Setting { tool, label, percent };
        match tool {
            Tool::Uftp => uftp::settings(case).iter().map(|&label| with(label, None)).collect(),
            Tool::Fixed if case.bottleneck.is_none() => Vec::new(),
            Tool::Fixed => self.percents.iter().map(|&part| with("", Some(part))).collect(),
            Tool::Max if case.bottleneck.is_some() => Vec::new(),
            _ => vec![with("", None)],
        }
    }

    /// The processes of a run.
    pub fn plan(&self, setting: Setting, scene: &Scene<'_>) -> Plan {
        match setting.tool {
            Tool::Ours | Tool::Auto | Tool::Fixed | Tool::Max => {
                ours::plan(&self.ours, setting, scene)
            }
            Tool::Raw => raw::plan(&self.myself, scene),
            Tool::Uftp => uftp::plan(setting.label, scene),
            Tool::Udpcast => udpcast::plan(scene),
            Tool::Nrl => nrl::plan(&self.nrl, scene),
            Tool::Cp => local::cp(scene),
            Tool::Hash => local::hash(&self.myself, scene),
        }
    }
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours | Self::Fixed => "norm-send",
            Self::Auto => "norm-send --rate auto",
            Self::Max => "norm-send --rate max",
            Self::Raw => "raw socket",
            Self::Uftp => "uftp",
            Self::Udpcast => "udpcast",
            Self::Nrl => "NRL NORM",
            Self::Cp => "cp",
            Self::Hash => "BLAKE3",
        }
    }

    /// True for our programs.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Auto | Self::Fixed | Self::Max)
    }

    /// True for multicast programs of others.
    pub fn is_peer(self) -> bool {
        matches!(self, Self::Uftp | Self::Udpcast | Self::Nrl)
    }

    /// True when all settings are measured, and not only the first one that works.
    pub fn shows_all(self) -> bool {
        self == Self::Fixed
    }

    /// True when it uses the network.
    pub fn is_networked(self) -> bool {
        !matches!(self, Self::Cp | Self::Hash)
    }

    /// Bytes of content in the sender's packets, if the program reports it.
    pub fn symbol_bytes(self, scene: &Scene<'_>) -> Option<u64> {
        if self.is_ours() { ours::symbol_bytes(scene) } else { None }
    }
}

impl Setting {
    pub fn name(self) -> String {
        let (name, label) = (self.tool.name(), self.label);
        match self.percent {
            Some(_) => format!("{name}, {} of the link", self.part()),
            None if label.is_empty() => name.to_owned(),
            None => format!("{name}, {label}"),
        }
    }

    /// A fixed rate, as a part of the link's rate; "max" without one.
    pub fn part(self) -> String {
        match self.percent {
            Some(percent) => format!("{:.2}", f64::from(percent) / 100.0),
            None => "max".to_owned(),
        }
    }
}

impl Scene<'_> {
    /// A command for each receiver, which `fill` gives its arguments.
    fn receivers(&self, program: &Path, fill: impl Fn(usize, &mut Command)) -> Vec<Command> {
        let each = |index| {
            let mut command = self.network.at_receiver(index, program);
            fill(index, &mut command);
            command
        };
        (0..usize::from(self.case.receivers)).map(each).collect()
    }

    /// The file of this name at every receiver.
    fn files(&self, name: &str) -> Outcome {
        let folders = (0..usize::from(self.case.receivers)).map(|index| self.work.receiver(index));
        Outcome::Files(folders.map(|folder| folder.join(name)).collect())
    }
}

/// Counts of both sides of the bare socket.
pub fn counts(sender: &Running, receivers: &[Running]) -> Option<raw::Counts> {
    let outputs: Vec<String> = receivers.iter().map(Running::output).collect();
    raw::Counts::read(&sender.output(), &outputs)
}
