//! The identity of a receiver, for senders that count receivers: the same when it starts again.
//!
//! Two receivers must never have one identity: a sender would count them as one, and report that
//! all have everything while one has not. Machines that are set up by multicast are clones of each
//! other, so nothing on a disk tells them apart: no machine id, no host name, no file that was once
//! written. So nothing is stored; the identity is a hash of what cannot be the same twice at one
//! time:
//!
//! - The machine: the hardware address that its network interface was made with. Interfaces that
//!   have none of their own (loopback, those of containers, tunnels, randomised wireless ones) use
//!   the random number that the kernel draws at each start; there the identity is a new one after a
//!   reboot.
//! - Its address: no two machines that reach one sender have the same, whatever else was copied.
//! - On the machine, or in containers that share its kernel: the output directory, by device and
//!   inode, so that other names for it do not matter.
//! - In the directory: a lock on it, for as long as the program runs, also while it receives
//!   nothing. A receiver that does not get it, because another one is at work there, takes a random
//!   identity, as every receiver does where the system does not tell all this, or has no locks.
//!
//! What differs although it is the same receiver (an address given anew, a disk that has another
//! number) makes it count twice, as if nothing of this were there; that does no harm.
//!
//! What is not told apart: clones that have hardware address, IP address, device and inode alike,
//! because something between them and the sender makes it possible. With address translation (NAT)
//! each may have the address of the other, and QEMU's user networking gives every machine the same
//! two. Both at work at one time are seen by the sender as two addresses that use one identity, of
//! which only the first counts while it speaks; if the first has failed before the second comes,
//! the second one takes its place in the summary.
//!
//! An identity travels in the clear. A sender sees only a hash of it and of the sender's own node
//! id and instance id, which are drawn anew for each session: an observer cannot know it ahead of
//! the session, or find the receiver again by it in the next one. What remains: an observer of the
//! session reads it there, and a sender that makes up the ids of one to come (48 bits; 16 where the
//! node id is known) is told what it would be. The name in the reports is not hidden at all.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::Path;

/// Keeps the hash apart from every other use of BLAKE3.
const CONTEXT: &str = "norm-net 2026-11-26 identity of a receiver";

/// An identity, for as long as the directory is locked.
#[derive(Debug)]
pub(super) struct StableIdentity {
    bytes: [u8; 16],
    _lock: File,
}

impl StableIdentity {
    /// The identity of the receiver that writes to `directory` and speaks from `address` of the
    /// interface with this name. `None` where none can be had that is certainly no other
    /// receiver's.
    pub(super) fn find(directory: &Path, interface: &str, address: Option<IpAddr>) -> Option<Self> {
        let lock = File::open(directory).ok()?;
        lock.try_lock().ok()?;
        let (device, inode) = numbers(&lock).ok()?;
        let machine = machine(Path::new("/"), interface)?;
        let bytes = derive(&machine, address?, device, inode);
        Some(Self { bytes, _lock: lock })
    }

    /// The identity.
    pub(super) fn bytes(&self) -> [u8; 16] {
        self.bytes
    }
}

fn derive(machine: &str, address: IpAddr, device: u64, inode: u64) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    // Nothing in it has a line end.
    hasher.update(format!("{machine}\n{address}\n{device}\n{inode}").as_bytes());
    let hash = hasher.finalize();
    std::array::from_fn(|at| hash.as_bytes()[at])
}

/// What no other machine has, as far as the files of the system below `root` tell.
fn machine(root: &Path, interface: &str) -> Option<String> {
    let read = |path: String| {
        let text = fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let of_interface = |what: &str| read(format!("sys/class/net/{interface}/{what}"));
    // 0: the address is the hardware's own (NET_ADDR_PERM).
    let hardware = of_interface("addr_assign_type")
        .filter(|kind| kind == "0")
        .and_then(|_| of_interface("address"))
        .filter(|address| address.bytes().any(|c| c != b'0' && c != b':'));
    if let Some(address) = hardware {
        return Some(format!("hardware {address}"));
    }
    let boot = read("proc/sys/kernel/random/boot_id".to_owned())?;
    Some(format!("boot {boot} {interface}"))
}

#[cfg(unix)]
fn numbers(directory: &File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    directory.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn numbers(_directory: &File) -> io::Result<(u64, u64)> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    #[cfg(target_os = "linux")]
    fn identity_is_the_same_again_and_no_other_receivers() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let find = |dir: &Path| StableIdentity::find(dir, "lo", Some(HOME));
        let first = find(here.path()).unwrap();
        assert!(find(here.path()).is_none(), "another one is at work in the directory");
        let other = find(there.path()).unwrap();
        assert_ne!(first.bytes(), other.bytes());
        let identity = first.bytes();
        drop(first);
        let link = there.path().join("link");
        std::os::unix::fs::symlink(here.path(), &link).unwrap();
        assert_eq!(find(&link).unwrap().bytes(), identity, "by whatever name");
        let elsewhere = StableIdentity::find(here.path(), "lo", Some("127.0.0.2".parse().unwrap()));
        assert_ne!(elsewhere.unwrap().bytes(), identity);
        assert!(StableIdentity::find(here.path(), "lo", None).is_none());
        assert!(StableIdentity::find(&here.path().join("none"), "lo", Some(HOME)).is_none());
    }

    #[test]
    fn clones_are_told_apart_by_hardware_or_start() {
        let root = tempfile::tempdir().unwrap();
        let set = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(machine(root.path(), "eth0"), None, "the system tells nothing");
        set("proc/sys/kernel/random/boot_id", "6c1f\n");
        set("sys/class/net/eth0/address", "52:54:00:12:34:56\n");
        let of = |interface: &str| machine(root.path(), interface).unwrap();
        assert_eq!(of("eth0"), "boot 6c1f eth0", "whose address is it?");
        set("sys/class/net/eth0/addr_assign_type", "0\n");
        assert_eq!(of("eth0"), "hardware 52:54:00:12:34:56");
        set("sys/class/net/eth0/addr_assign_type", "3\n");
        assert_eq!(of("eth0"), "boot 6c1f eth0", "it was set by software");
        set("sys/class/net/lo/addr_assign_type", "0\n");
        set("sys/class/net/lo/address", "00:00:00:00:00:00\n");
        assert_eq!(of("lo"), "boot 6c1f lo");
    }

    #[test]
    fn every_ingredient_counts() {
        let one = derive("hardware a", HOME, 1, 2);
        for other in [
            derive("hardware b", HOME, 1, 2),
            derive("hardware a", "::1".parse().unwrap(), 1, 2),
            derive("hardware a", HOME, 3, 2),
            derive("hardware a", HOME, 1, 3),
            derive("hardware a", HOME, 12, 0),
        ] {
            assert_ne!(one, other);
        }
    }
}
