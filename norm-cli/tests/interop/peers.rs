//! The NRL implementation as a peer: two programs of `tests/nrl`, compiled here, and how to start
//! them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::matrix::{Case, Feedback, Kind, Size};
use crate::place::{Place, Spot};
use crate::process::Peer;

/// The compiled programs.
pub struct Programs {
    sender: PathBuf,
    receiver: PathBuf,
}

/// Options of the peers beside those of the case.
pub struct Task<'a> {
    pub case: &'a Case,
    pub place: &'a Place,
    /// What is sent; its name is the file's name.
    pub source: &'a Path,
    /// Lengths of the messages of a stream, one a line.
    pub sizes: &'a Path,
}

/// NORM_INFO of DATA objects: a thing without content must have it to exist for an NRL receiver.
pub const INFO: &str = "about this";
/// Node ids. The NRL receiver is 2 in all pairings.
pub const SENDER: u32 = 1;
pub const RECEIVER: u32 = 2;
pub const PORT: u16 = 6003;
pub const GROUP: &str = "239.255.57.41";

const INSTALL: &str = "the interop tests need NRL's library, a compiler, and a way to capture: \
                       apt-get install libnorm-dev g++ tshark nftables iproute2";

impl Programs {
    /// Compiles them once for all cases.
    ///
    /// # Errors
    ///
    /// What is missing, or what the compiler says.
    pub fn get() -> Result<&'static Self, String> {
        static PROGRAMS: OnceLock<Result<Programs, String>> = OnceLock::new();
        PROGRAMS.get_or_init(Self::build).as_ref().map_err(Clone::clone)
    }

    fn build() -> Result<Self, String> {
        for program in ["g++", "dumpcap", "tshark", "ip", "nft"] {
            if Command::new(program).arg("--version").output().is_err() {
                return Err(format!("{program} is not there; {INSTALL}"));
            }
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nrl");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nrl");
        std::fs::create_dir_all(&target).map_err(|error| format!("{target:?}: {error}"))?;
        let compile = |name: &str| {
            let program = target.join(name);
            let output = Command::new("g++")
                .args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
                .args([&program, &sources.join(name).with_extension("cpp")])
                .arg("-lnorm")
                .output()
                .map_err(|error| format!("g++: {error}"))?;
            if output.status.success() {
                return Ok(program);
            }
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            if errors.contains("normApi.h") || errors.contains("-lnorm") {
                return Err(format!("{INSTALL}\n{errors}"));
            }
            Err(errors)
        };
        Ok(Self { sender: compile("nrl_send")?, receiver: compile("nrl_recv")? })
    }

    /// A sender; it loses in both directions unless `spared`, which it must be when the receiver
    /// can lose by itself.
    pub fn sender(&self, task: &Task<'_>, spared: bool) -> Peer {
        let case = task.case;
        let mut command = self.common(task, &self.sender, Spot::Sender, spared);
        let (nd, np) = case.block();
        let flush = if case.kind == Kind::Stream { "flush=each" } else { "flush=end" };
        command.args([format!("id={SENDER}"), format!("kind={}", case.kind.name())]);
        command.arg(format!("path={}", task.source.display()));
        command.args([format!("sizes={}", task.sizes.display()), flush.to_owned()]);
        command.args([format!("segment={}", case.segment()), format!("nd={nd}")]);
        command.args([format!("np={np}"), format!("fec={}", case.fec.id())]);
        command.args([format!("rate={}", case.rate()), format!("acker={RECEIVER}")]);
        command.args(["grtt=0.02", "gsize=10", "backoff=2"]);
        // Many tries: on busy processors answers come late even when nothing is lost.
        command.arg("robust=20");
        command.args(["until=watermark", "watermark=after-close"]);
        if case.kind == Kind::Data && case.size == Size::Nothing {
            command.arg(format!("info={INFO}"));
        }
        // The whole stream: what has left the buffer cannot be repaired, and the sender does not
        // wait.
        command.arg(if case.size == Size::Large { "sbuf=100663296" } else { "sbuf=4194304" });
        Peer { name: "nrl-sender", command, ready: Some("ready"), done: None, stop: false }
    }

    /// A receiver that writes into `folder`.
    pub fn receiver(&self, task: &Task<'_>, folder: &Path, spared: bool) -> Peer {
        let mut command = self.common(task, &self.receiver, Spot::NrlReceiver, spared);
        command.args([format!("id={RECEIVER}"), format!("dir={}", folder.display())]);
        command.args(["count=1", "hold=1"]);
        if task.case.kind == Kind::Stream {
            // From its beginning, even when that is lost.
            command.args([format!("sizes={}", task.sizes.display()), "sync=1".to_owned()]);
        }
        if task.case.feedback == Feedback::Unicast {
            command.arg("unicast=1");
        }
        Peer {
            name: "nrl-receiver",
            command,
            ready: Some("ready"),
            done: Some("done"),
            stop: false,
        }
    }

    fn common(&self, task: &Task<'_>, program: &Path, spot: Spot, spared: bool) -> Command {
        let mut command = task.place.command(spot, program);
        command.args([format!("addr={GROUP}"), format!("port={PORT}")]);
        command.arg(format!("iface={}", task.place.interface()));
        command.args([format!("seed={}", task.case.seed()), "ttl=1".to_owned()]);
        // The test ends them earlier.
        command.arg("secs=600");
        if !spared {
            let loss = task.case.loss;
            command.args([format!("txloss={loss}"), format!("rxloss={loss}")]);
        }
        command
    }
}
