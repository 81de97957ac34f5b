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
}

impl Preserve {
    /// Bits of modes that are kept.
    pub(crate) fn mode_bits(self) -> u32 {
        if self.special_modes { 0o7777 } else { 0o777 }
    }

    /// True when some extended attributes are kept.
    pub(crate) fn any_xattrs(self) -> bool {
        self.xattrs || self.all_xattrs
    }

    /// True for the name of an extended attribute that is kept.
    pub(crate) fn wants_xattr(self, name: &[u8]) -> bool {
        let is_system = name.starts_with(b"security.") || name.starts_with(b"trusted.");
        (self.any_xattrs() && name.starts_with(b"user.")) || (self.all_xattrs && is_system)
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
    }
}
