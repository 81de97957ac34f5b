//! Which user and group of this system is meant.

use std::collections::BTreeMap;

use super::plan::PlannedOwner;

/// Users and groups by name, each looked up once.
#[derive(Debug, Default)]
pub struct Owners {
    users: BTreeMap<String, Option<u32>>,
    groups: BTreeMap<String, Option<u32>>,
}

impl Owners {
    /// The ids here of the names of an owner; the sender's ids where a name is not known.
    pub fn ids(&mut self, owner: &PlannedOwner) -> (u32, u32) {
        let user = match self.users.get(&owner.user) {
            Some(&known) => known,
            None => *self.users.entry(owner.user.clone()).or_insert_with_key(|name| user(name)),
        };
        let group = match self.groups.get(&owner.group) {
            Some(&known) => known,
            None => *self.groups.entry(owner.group.clone()).or_insert_with_key(|name| group(name)),
        };
        (user.unwrap_or(owner.uid), group.unwrap_or(owner.gid))
    }
}

#[cfg(unix)]
fn user(name: &str) -> Option<u32> {
    // A zero in it would panic further down.
    let known = !name.is_empty() && !name.contains('\0');
    known.then(|| nix::unistd::User::from_name(name).ok()?).flatten().map(|user| user.uid.as_raw())
}

#[cfg(unix)]
fn group(name: &str) -> Option<u32> {
    let known = !name.is_empty() && !name.contains('\0');
    known
        .then(|| nix::unistd::Group::from_name(name).ok()?)
        .flatten()
        .map(|group| group.gid.as_raw())
}

#[cfg(not(unix))]
fn user(_name: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn group(_name: &str) -> Option<u32> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_known_here_go_before_numbers() {
        let owner = |user: &str, group: &str| PlannedOwner {
            uid: 4_711,
            gid: 4_712,
            user: user.to_owned(),
            group: group.to_owned(),
        };
        let mut owners = Owners::default();
        assert_eq!(owners.ids(&owner("root", "root")), (0, 0));
        assert_eq!(owners.ids(&owner("", "no such group")), (4_711, 4_712));
        assert_eq!(owners.ids(&owner("ro\0ot", "\0")), (4_711, 4_712));
        assert_eq!(owners.ids(&owner("root", "")), (0, 4_712), "looked up before");
    }
}
