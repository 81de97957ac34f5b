//! Whose files are, by number and by name.

use std::collections::BTreeMap;
use std::fs::Metadata;

use norm_core::fileset::Owner;

/// Names of users and groups, each looked up once.
#[derive(Debug, Default)]
pub struct Owners {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Owners {
    /// The owner of a file; `None` where files have none.
    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "not on other systems")]
    pub fn of(&mut self, metadata: &Metadata) -> Option<Owner<'_>> {
        use std::os::unix::fs::MetadataExt;

        use nix::unistd::{Gid, Group, Uid, User};
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let user = self.users.entry(uid).or_insert_with(|| {
            name(User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name))
        });
        let group = self.groups.entry(gid).or_insert_with(|| {
            name(Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name))
        });
        Some(Owner { uid, gid, user, group })
    }

    /// The owner of a file; `None` where files have none.
    #[cfg(not(unix))]
    pub fn of(&mut self, _metadata: &Metadata) -> Option<Owner<'_>> {
        None
    }
}

/// A name as a manifest can have it; an empty one stands for none.
#[cfg(unix)]
fn name(found: Option<String>) -> String {
    found.filter(|name| name.len() <= usize::from(u8::MAX)).unwrap_or_default()
}
