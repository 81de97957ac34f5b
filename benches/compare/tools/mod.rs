//! Who takes part, each with the settings under which it is at its best.

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

/// Who takes part.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// norm-send and norm-recv
    Ours,
    /// norm-send at parts of the bottleneck's rate
    Fixed,
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

/// One way to run a tool; of several, the next is for when the one before fails.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub tool: Tool,
    /// How it differs from the first; empty for that.
    pub label: &'static str,
}

/// What belongs to one run.
pub struct Scene<'a> {
    pub case: &'a Case,
    pub network: &'a Network,
    pub work: &'a Work,
}

/// What is to be started, and how it is to be judged.
pub struct Plan {
    pub receivers: Vec<Command>,
    pub sender: Command,
    /// The port on which receivers listen once they are ready.
    pub port: u16,
    /// Whether receivers end by themselves.
    pub receivers_end: bool,
    pub result: Outcome,
}

/// What a run leaves behind.
pub enum Outcome {
    /// A copy of the source from each receiver.
    Files(Vec<PathBuf>),
    /// Counts, printed by both sides of the bare socket.
    Counts,
    /// Nothing that could be checked.
    Nothing,
}

/// Programs that were found or built.
pub struct Kit {
    tools: Vec<Tool>,
    /// This program.
    myself: PathBuf,
    ours: ours::Programs,
    nrl: PathBuf,
}

impl Kit {
    /// Finds and builds what the options ask for. Also returns what is missing, and why.
    pub fn assemble(options: &Options, work: &Work) -> Result<(Self, Vec<String>), String> {
        let myself = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut missing = Vec::new();
        let mut kit = Self {
            tools: Vec::new(),
            ours: ours::Programs::new(options, &myself),
            myself,
            nrl: work.path("nrl"),
        };
        for &tool in &options.tools {
            match kit.prepare(tool) {
                Ok(()) => kit.tools.push(tool),
                // Without ours there is nothing to compare.
                Err(message) if tool == Tool::Ours => return Err(message),
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
            Tool::Ours | Tool::Fixed => self.ours.build(),
            Tool::Uftp => installed("uftp", "uftp").and(installed("uftpd", "uftp")),
            Tool::Udpcast => {
                installed("udp-sender", "udpcast").and(installed("udp-receiver", "udpcast"))
            }
            Tool::Nrl => nrl::build(&self.nrl),
            Tool::Raw | Tool::Cp | Tool::Hash => Ok(()),
        }
    }

    /// What to start for one run.
    pub fn plan(&self, setting: Setting, scene: &Scene<'_>) -> Plan {
        match setting.tool {
            Tool::Ours | Tool::Fixed => ours::plan(&self.ours, setting.label, scene),
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
    /// The ways to run it in a case, the fastest first.
    pub fn settings(self, case: &Case) -> Vec<Setting> {
        let labels = match self {
            Self::Uftp => uftp::settings(case),
            Self::Fixed => ours::parts(case),
            _ => &[""],
        };
        labels.iter().map(|&label| Setting { tool: self, label }).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours | Self::Fixed => "norm-send",
            Self::Raw => "raw socket",
            Self::Uftp => "uftp",
            Self::Udpcast => "udpcast",
            Self::Nrl => "NRL NORM",
            Self::Cp => "cp",
            Self::Hash => "BLAKE3",
        }
    }

    /// Whether it is a program of others with the same task as ours.
    pub fn is_peer(self) -> bool {
        matches!(self, Self::Uftp | Self::Udpcast | Self::Nrl)
    }

    /// Whether each of its settings is of interest, not only the first one that works.
    pub fn shows_all(self) -> bool {
        self == Self::Fixed
    }

    /// Whether it sends anything.
    pub fn is_networked(self) -> bool {
        !matches!(self, Self::Cp | Self::Hash)
    }

    /// Bytes of content in the packets that the sender sent, where it says so.
    pub fn symbol_bytes(self, scene: &Scene<'_>) -> Option<u64> {
        match self {
            Self::Ours | Self::Fixed => ours::symbol_bytes(scene),
            _ => None,
        }
    }
}

impl Setting {
    pub fn name(self) -> String {
        let (name, label) = (self.tool.name(), self.label);
        if label.is_empty() { name.to_owned() } else { format!("{name}, {label}") }
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

/// What both sides of the bare socket have counted: seconds, and the share that arrived.
pub fn counts(sender: &Running, receivers: &[Running]) -> Option<raw::Counts> {
    let outputs: Vec<String> = receivers.iter().map(Running::output).collect();
    raw::Counts::read(&sender.output(), &outputs)
}
