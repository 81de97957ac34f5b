//! What the user decides about receiving.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use norm_core::fileset::ContentHash;
use norm_core::flute::wire::Tsi;
use norm_core::transfer::NodeId;
use norm_files::Preserve;
use norm_files::sink::Only;
use norm_files::state::StateFolders;

use super::ReceiveError;
use crate::event::Feedback;
use crate::io::dscp::Dscp;
use crate::io::interface::InterfaceSpec;
use crate::io::seal::SealConfig;
use crate::io::socket::LinkConfig;
use crate::transfer::config_problem::{ConfigProblem, OneWayOption};
use crate::transfer::flute::FluteReceive;

/// The options of [`receive`](super::receive()): [`ReceiveOptions::new`] has the defaults, and each
/// field can be set. More fields may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiveOptions {
    /// Multicast group and port of the session; a unicast address of this machine (or an
    /// unspecified one) makes a unicast session, whose feedback is always unicast.
    pub group: SocketAddr,
    /// Interface to join on; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// Listen only to senders at this address. Of a multicast group only they are joined
    /// (source-specific multicast), which needs unicast feedback.
    pub source: Option<IpAddr>,
    /// Listen only to senders of this name ([`crate::SendOptions::name`]).
    pub sender_name: Option<String>,
    /// How feedback travels to the sender.
    pub feedback: Feedback,
    /// Where the files go; created if it is not there.
    pub directory: PathBuf,
    /// Give up when no sender is heard, or nothing more of a set comes, for this long. `None`:
    /// never.
    pub timeout: Option<Duration>,
    /// Go on after a set, and serve several at once, until stopped.
    pub continuous: bool,
    /// Replace files that are there already. Otherwise a set that has one of their names fails,
    /// unless that file has the very content that was received for it.
    pub overwrite: bool,
    /// Which files are made, and how.
    pub files: FileOptions,
    /// Keep what is here of up to sixteen unfinished sets in the directory, for a week: a session
    /// that is sent the same files receives only the rest. Otherwise what earlier sessions have
    /// kept is removed, and nothing is kept.
    pub resume: bool,
    /// Receive by FLUTE, one way, instead of NORM. No feedback is sent.
    pub flute: Option<FluteReceive>,
    /// What this receiver calls itself to senders; cut at 64 bytes.
    pub name: String,
    /// Take only what is sealed with the key of the session, and seal feedback. `None`: whatever
    /// comes is taken for the sender's.
    pub seal: Option<SealConfig>,
    /// TTL (hop limit) of feedback to the group, 1 to 255.
    pub ttl: u32,
    /// The mark of all packets: feedback, that is.
    pub dscp: Dscp,
    /// Whether senders on this machine hear feedback to the group.
    pub loopback: bool,
    /// Kernel receive buffer to ask for, in bytes.
    pub recv_buffer: usize,
    /// Kernel send buffer to ask for, in bytes.
    pub send_buffer: usize,
    /// Memory to use, in bytes: three quarters are for blocks under way, the rest for the programs
    /// and for decoding. By FLUTE half of the three quarters is for lists of what is here of
    /// objects and blocks, and 40 MiB are used besides, for tables of files, and for packets of
    /// files of which no table has told; and five times the longest block while it is decoded.
    pub memory: usize,
    /// Harm done to the session on purpose, for demonstrations and tests.
    pub demo: DemoOptions,
    /// Our node id, for senders that list receivers by it; `None` draws one, and another when two
    /// receivers collide.
    pub node: Option<NodeId>,
    /// Fixes all random choices; `None` takes a seed from the system. Receivers of one session must
    /// have different ones. Without, a receiver that starts again on this interface, for this
    /// directory, is the same to a sender, where the system can tell.
    pub seed: Option<u64>,
}

/// Which files of a set are made, and how. By default all of them are, with permissions and times.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FileOptions {
    /// Keep files and links that are replaced by others: under the same path in this directory,
    /// which is made if it is not there, and is neither in the output directory nor around it. What
    /// is there already stays: a number is added, as in `name.~1~`.
    pub backup_dir: Option<PathBuf>,
    /// After a set is complete, remove what earlier sets of this directory had and this one has
    /// not, as their receipts in [`state`](Self::state) say: files and links that are as they were
    /// received, and directories that are empty then. Sets that have nothing in common with it are
    /// left alone. Not after a part of a set, or with files that failed.
    pub delete: bool,
    /// Receive only files that match one of these patterns, and what is in directories that do;
    /// empty for all. They are those of [`Rule::include`](crate::Rule::include), and are compared
    /// with names as they arrive. Nothing else is asked for or written.
    pub only: Vec<String>,
    /// Receive only the file set with this content hash. One whose sender tells another from the
    /// start is ignored; one whose sender tells it at the end is verified then, and fails.
    pub expect: Option<ContentHash>,
    /// Where receipts of complete sets are kept: a set that is here already, unchanged since, by
    /// its receipt, is not received again. By default there are none.
    pub state: StateFolders,
    /// Say what would become of the files of a set, in [`ReceiveEvent::DryRun`], and write nothing
    /// to the directory, which need not exist. Only the list of files is received, and that of
    /// hashes if it comes before the content: only then contents are compared with what is there.
    ///
    /// [`ReceiveEvent::DryRun`]: crate::ReceiveEvent::DryRun
    pub dry_run: bool,
    /// What of files is set beyond permissions and times of modification, if senders send it.
    pub preserve: Preserve,
    /// Take sets whose files have more than 1 TiB and more than 64 times the bytes that travel:
    /// all else of them is in holes, which take no room, but hours to hash.
    pub allow_sparse: bool,
    /// Take sets of a sealed session that are older than one of the same name that was received
    /// before, by their serial numbers in [`state`](Self::state).
    pub accept_older: bool,
}

/// What only demonstrations and tests want. By default nothing is harmed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DemoOptions {
    /// Share of the arriving packets to be dropped, in percent: 0 to below 100.
    pub drop_percent: f64,
}

impl ReceiveOptions {
    /// The usual options: any sender, multicast feedback with TTL 1, one set, no timeout, nothing
    /// replaced, the host's name, 32 MiB of kernel buffer and 128 MiB of memory.
    pub fn new(group: SocketAddr, directory: impl Into<PathBuf>) -> Self {
        let link = LinkConfig::new(group);
        Self {
            group,
            interface: None,
            source: None,
            sender_name: None,
            feedback: Feedback::Multicast,
            directory: directory.into(),
            timeout: None,
            continuous: false,
            overwrite: false,
            files: FileOptions::default(),
            resume: true,
            flute: None,
            name: host_name(),
            seal: None,
            ttl: 1,
            dscp: Dscp::DEFAULT,
            loopback: true,
            recv_buffer: link.recv_buffer,
            send_buffer: link.send_buffer,
            memory: 128 << 20,
            demo: DemoOptions::default(),
            node: None,
            seed: None,
        }
    }

    /// The same with changes, such as `.with(|options| options.ttl = 2)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Refuses values that cannot work together. Returns what is wanted of sets, if not all.
    pub(crate) fn check(&self) -> Result<Option<Only>, ReceiveError> {
        if let Some(source) = self.source
            && self.effective_feedback() == Feedback::Multicast
        {
            let problem = ConfigProblem::SourceNeedsUnicastFeedback { source };
            return Err(ReceiveError::Config(problem));
        }
        if let Some(problem) = self.flute.and_then(|flute| self.one_way_problem(flute)) {
            return Err(ReceiveError::Config(problem));
        }
        if !(0.0..100.0).contains(&self.demo.drop_percent) {
            let percent = self.demo.drop_percent;
            return Err(ReceiveError::Config(ConfigProblem::DropPercent { percent }));
        }
        Only::new(&self.files.only).map_err(|error| ReceiveError::Config(error.into()))
    }

    /// What of the options cannot go together with FLUTE, if anything.
    fn one_way_problem(&self, flute: FluteReceive) -> Option<ConfigProblem> {
        if let Some(tsi) = flute.tsi.filter(|&tsi| Tsi::new(tsi).is_none()) {
            return Some(ConfigProblem::Tsi { tsi });
        }
        let option = self.sender_name.as_ref().map(|_| OneWayOption::SenderName);
        option.map(|option| ConfigProblem::OneWay { option })
    }

    /// Bytes for blocks under way.
    pub(crate) fn block_memory(&self) -> usize {
        match self.flute {
            Some(_) => self.memory / 8 * 3,
            None => self.memory / 4 * 3,
        }
    }

    /// By FLUTE, where all blocks are under way at once: bytes for what is known of them, and of
    /// objects.
    pub(crate) fn bookkeeping_memory(&self) -> usize {
        self.memory / 8 * 3
    }

    /// Bytes for decoding of several blocks at a time; one always may.
    pub(crate) fn decoding_memory(&self) -> usize {
        match self.flute {
            Some(_) => self.memory / 4,
            // Blocks are short.
            None => usize::MAX,
        }
    }

    /// How feedback travels in fact: a unicast session has no group to send it to.
    pub(crate) fn effective_feedback(&self) -> Feedback {
        match self.feedback {
            _ if self.flute.is_some() => Feedback::None,
            Feedback::Multicast if !self.group.ip().is_multicast() => Feedback::Unicast,
            feedback => feedback,
        }
    }

    pub(super) fn link_config(&self) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            source: self.source.filter(|_| self.group.ip().is_multicast()),
            ttl: self.ttl,
            dscp: self.dscp,
            loopback: self.loopback,
            recv_buffer: self.recv_buffer,
            send_buffer: self.send_buffer,
            bind_session_port: true,
            ..LinkConfig::new(self.group)
        }
    }
}

/// The host's name as far as it can be found without asking the network.
pub(crate) fn host_name() -> String {
    let from_system = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    from_system
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "receiver".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(group: &str) -> ReceiveOptions {
        ReceiveOptions::new(group.parse().unwrap(), ".")
    }

    #[test]
    fn a_source_needs_unicast_feedback() {
        let mut options = options("232.1.2.3:6003");
        assert!(options.check().is_ok());
        options.source = Some("192.0.2.1".parse().unwrap());
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains("192.0.2.1") && error.contains("unicast feedback"), "{error}");
        options.feedback = Feedback::Unicast;
        assert!(options.check().is_ok());
        options.feedback = Feedback::None;
        assert!(options.check().is_ok());
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        let options = options("239.1.2.3:6003").with(|o| o.files.only = vec!["a[b".to_owned()]);
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains("the pattern \"a[b\" cannot be used"), "{error}");
    }

    #[test]
    fn a_session_without_group_answers_the_sender_directly() {
        assert_eq!(options("127.0.0.1:6003").effective_feedback(), Feedback::Unicast);
        assert_eq!(options("239.1.2.3:6003").effective_feedback(), Feedback::Multicast);
        let silent = options("127.0.0.1:6003").with(|o| o.feedback = Feedback::None);
        assert_eq!(silent.effective_feedback(), Feedback::None);
    }

    #[test]
    fn dropping_everything_is_refused() {
        for percent in [100.0, -1.0, f64::NAN] {
            let wrong = options("239.1.2.3:6003").with(|o| o.demo.drop_percent = percent);
            assert!(wrong.check().is_err(), "{percent}");
        }
    }

    #[test]
    fn a_receiver_has_a_name() {
        assert!(!options("239.1.2.3:6003").name.is_empty());
    }
}
