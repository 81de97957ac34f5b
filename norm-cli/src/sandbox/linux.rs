//! Landlock (landlock(7)): what is allowed is tied to folders as they are now, not to their names.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use landlock::{
    ABI, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, make_bitflags,
};

use super::{Allowed, Sandbox, folder_of};

/// The newest rights that were tried; newer kernels have others, which stay as they are.
const TRIED: ABI = ABI::V5;

/// What sessions do in the folders that are theirs: no devices, sockets or pipes.
const ALL: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    WriteFile | Truncate | MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir | Refer
});

/// To make a file and write it.
const NEW_FILES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg});

/// To give a name to a file that is open, in the folder that it was made in.
const NAMES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{MakeReg});

/// To write files that have no name.
const UNNAMED: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate});

/// The same where all files have names, if only for a moment.
const SHORT_NAMES: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | RemoveFile});

/// Confines this thread and those that it starts from now on; `None` when nothing is confined.
pub(super) fn enforce(allowed: &Allowed) -> Option<Sandbox> {
    // Others would go on without it.
    if fs::read_dir("/proc/self/task").ok()?.count() != 1 {
        return None;
    }
    let mut rules = ruleset().ok()?;
    let writes = &allowed.writes;
    let folders = writes.folders.iter().map(|folder| (folder.clone(), ALL));
    let files = writes.files.iter().map(|file| (folder_of(file), NEW_FILES));
    let unnamed = writes.unnamed.iter().map(|folder| (folder.clone(), unnamed(folder)));
    let names = allowed.names.iter().map(|folder| (folder.clone(), NAMES));
    for (folder, rights) in folders.chain(files).chain(unnamed).chain(names) {
        // A folder that is not there cannot be written to, now and later.
        let Ok(folder) = PathFd::new(folder) else { continue };
        rules = rules.add_rule(PathBeneath::new(folder, rights)).ok()?;
    }
    match rules.restrict_self().ok()?.ruleset {
        RulesetStatus::FullyEnforced => Some(Sandbox::Full),
        RulesetStatus::PartiallyEnforced => Some(Sandbox::Partial),
        RulesetStatus::NotEnforced => None,
    }
}

/// What is forbidden unless it is allowed. Without `Refer` (Linux before 5.19) nothing could be
/// moved from one folder to another, so that is no use.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(TRIED) | AccessFs::Execute)?
        .create()
}

/// What files without a name take in this folder.
fn unnamed(folder: &Path) -> BitFlags<AccessFs> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(rustix::fs::OFlags::TMPFILE.bits() as i32);
    if options.open(folder).is_ok() { UNNAMED } else { SHORT_NAMES }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;
    use std::thread;

    use norm_net::Writes;

    use super::*;

    /// Where the process that is confined finds its folders.
    const PLACE: &str = "NORM_TEST_CONFINED";

    #[test]
    fn confined_process_writes_only_where_it_may() {
        let temp = tempfile::tempdir().unwrap();
        for folder in ["mine", "other", "made", "temp", "named"] {
            fs::create_dir(temp.path().join(folder)).unwrap();
        }
        fs::write(temp.path().join("other/there"), "before").unwrap();
        let this = std::env::current_exe().unwrap();
        let mut child = Command::new(this);
        child.args(["--exact", "sandbox::linux::tests::confined", "--ignored"]);
        child.args(["--test-threads", "1", "--nocapture"]).env(PLACE, temp.path());
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        if said.contains("no Landlock") {
            return println!("skipped: this kernel has no Landlock");
        }
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
        assert_eq!(fs::read(temp.path().join("other/there")).unwrap(), b"before");
        assert_eq!(fs::read_dir(temp.path().join("other")).unwrap().count(), 1);
    }

    /// Runs alone in a process, on its first thread.
    #[test]
    #[ignore = "it is run by confined_process_writes_only_where_it_may"]
    fn confined() {
        let place = std::path::PathBuf::from(std::env::var_os(PLACE).unwrap());
        let at = |name: &str| place.join(name);
        let open = rustix::fs::open(
            at("named"),
            rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::WRONLY,
            rustix::fs::Mode::RUSR,
        );
        let mut writes = Writes::default();
        writes.folders = vec![at("mine"), at("not there")];
        writes.files = vec![at("made/new")];
        writes.unnamed = vec![at("temp")];
        let allowed = Allowed { writes, names: vec![at("named")] };
        let Some(sandbox) = enforce(&allowed) else { return println!("no Landlock") };
        assert!(matches!(sandbox, Sandbox::Full | Sandbox::Partial));
        if let Ok(file) = open {
            let fd = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
            let link = |to: &str| {
                let flags = rustix::fs::AtFlags::SYMLINK_FOLLOW;
                rustix::fs::linkat(rustix::fs::CWD, &fd, rustix::fs::CWD, at(to), flags)
            };
            assert!(link("other/report").is_err());
            link("named/report").unwrap();
        }
        thread::scope(|scope| {
            for number in 0..4 {
                let at = &at;
                scope.spawn(move || check(at, number));
            }
        });
        assert!(Command::new("/bin/true").status().is_err(), "no program is started");
    }

    fn check(at: &dyn Fn(&str) -> std::path::PathBuf, number: usize) {
        let denied = |result: std::io::Result<()>, what: &str| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied, "{what}");
        };
        denied(fs::write(at("other/there"), "x"), "write");
        denied(fs::write(at(&format!("other/{number}")), "x"), "make");
        denied(fs::remove_file(at("other/there")), "remove");
        denied(fs::create_dir(at(&format!("other/d{number}"))), "make a folder");
        denied(std::os::unix::fs::symlink("x", at(&format!("other/l{number}"))), "link");
        denied(fs::write(at(&format!("temp/{number}")), "x"), "a file with a name");
        denied(fs::write(at(&format!("not there {number}")), "x"), "beside all of them");
        assert_eq!(fs::read(at("other/there")).unwrap(), b"before", "reading goes on");

        let folder = at(&format!("mine/{number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("f"), "x").unwrap();
        let moved = at(&format!("mine/f{number}"));
        fs::rename(folder.join("f"), &moved).unwrap();
        std::os::unix::fs::symlink("f", folder.join("l")).unwrap();
        denied(fs::rename(&moved, at(&format!("other/f{number}"))), "move out");
        denied(fs::hard_link(at("other/there"), folder.join("h")), "link in");
        fs::remove_file(moved).unwrap();
        tempfile::tempfile_in(at("temp")).unwrap();
        fs::write(at(&format!("made/new{number}")), "x").unwrap();
        denied(fs::remove_file(at(&format!("made/new{number}"))), "remove what it made there");
    }
}
