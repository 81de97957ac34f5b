//! Keeps a program from writing elsewhere than it must, where the system can do that: by Landlock,
//! on Linux 5.19 and newer. From there on it starts no other programs either.
//!
//! Threads have it from the thread that starts them, so it comes before the first of them. A helper
//! process that is to run programs has to be forked before. What may be read, the network, and
//! modes, owners and times of files stay as they are.

#[cfg(target_os = "linux")]
mod linux;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use norm_net::Writes;
use serde::Serialize;

/// How far this process is confined.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// It writes only where it must, and starts no programs.
    Full,
    /// The same, but the kernel (Linux before 6.10) does not keep it from all of that: from cutting
    /// files short (before 6.2), and from commands to devices.
    Partial,
    /// The system cannot do that, or refuses.
    Unavailable,
    /// It is not meant to be: in a demo.
    #[default]
    Off,
}

/// What a process is allowed to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// What a session writes.
    pub(crate) writes: Writes,
    /// Folders in which files that are open already get their names.
    pub(crate) names: Vec<PathBuf>,
}

/// A process is confined once.
static SANDBOX: OnceLock<Sandbox> = OnceLock::new();

/// How far this process is confined.
pub(crate) fn state() -> Sandbox {
    SANDBOX.get().copied().unwrap_or_default()
}

/// Confines this process for good, as far as the system can; call it before there are threads.
pub(crate) fn confine(allowed: &Allowed) {
    SANDBOX.get_or_init(|| enforce(allowed));
}

#[cfg(target_os = "linux")]
fn enforce(allowed: &Allowed) -> Sandbox {
    linux::enforce(allowed).unwrap_or(Sandbox::Unavailable)
}

#[cfg(not(target_os = "linux"))]
fn enforce(_: &Allowed) -> Sandbox {
    Sandbox::Unavailable
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or(Path::new(".")).to_owned()
}
