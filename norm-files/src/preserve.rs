//! What of files is kept beyond content, permissions and times.

/// What is sent of files, and set, beyond content, names, permissions (read, write, execute) and
/// times of modification. Both sides have to want it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Preserve {
    /// The set-user-id, set-group-id and sticky bits.
    pub special_modes: bool,
    /// User and group: by name where a name is known, else by number.
    pub owner: bool,
    /// Extended attributes of users (`user.*`).
    pub xattrs: bool,
    /// Those of the system too (`security.*`, `trusted.*`): a capability among them can make a
    /// program as powerful as root.
    pub all_xattrs: bool,
    /// Access control lists (`system.posix_acl_*`), which name users and groups by number.
    pub acls: bool,
}

/// Names of the attributes that hold access control lists.
const ACLS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

impl Preserve {
    /// Bits of modes that are kept.
    pub(crate) fn mode_bits(self) -> u32 {
        if self.special_modes { 0o7777 } else { 0o777 }
    }

    /// True when some extended attributes are kept.
    pub(crate) fn any_xattrs(self) -> bool {
        self.xattrs || self.all_xattrs || self.acls
    }

    /// True for the name of an extended attribute that is kept.
    pub(crate) fn wants_xattr(self, name: &[u8]) -> bool {
        let is_system = name.starts_with(b"security.") || name.starts_with(b"trusted.");
        let is_user = name.starts_with(b"user.");
        ((self.xattrs || self.all_xattrs) && is_user)
            || (self.all_xattrs && is_system)
            || (self.acls && ACLS.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_the_system_are_kept_only_where_that_is_said() {
        let wants = |xattrs, all_xattrs, name: &str| {
            Preserve { xattrs, all_xattrs, ..Preserve::default() }.wants_xattr(name.as_bytes())
        };
        assert!(!wants(false, false, "user.a"));
        assert!(wants(true, false, "user.a") && wants(false, true, "user.a"));
        for name in ["security.capability", "trusted.x"] {
            assert!(!wants(true, false, name) && wants(false, true, name), "{name}");
        }
        for name in ["system.posix_acl_access", "userx", ""] {
            assert!(!wants(true, true, name), "{name}");
        }
        let acls = Preserve { acls: true, ..Preserve::default() };
        assert!(acls.any_xattrs() && ACLS.iter().all(|name| acls.wants_xattr(name)));
        for name in ["user.a", "security.capability", "system.posix_acl", "system.nfs4_acl"] {
            assert!(!acls.wants_xattr(name.as_bytes()), "{name}");
        }
    }
}
