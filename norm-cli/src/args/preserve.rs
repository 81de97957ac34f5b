//! What of files is preserved.

use clap::{Args, ValueEnum};
use norm_net::Preserve;

use super::shared::FILES;

/// What is preserved beyond permissions and times.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = FILES)]
pub struct PreserveArgs {
    /// Keep more than permissions and times; to be given at both sides
    ///
    /// mode-all: set-user-id, set-group-id and sticky bits; owner: user and group, by name
    /// where it is known, else by number; xattr: extended attributes of users (user.*);
    /// xattr-all: those of the system too, among them capabilities; acl: access control
    /// lists, with users and groups by number. Separated by commas.
    #[arg(
        long,
        verbatim_doc_comment,
        value_name = "WHAT",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub preserve: Vec<Kept>,
}

/// One of the things that can be preserved.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kept {
    /// Permissions and times: always.
    #[value(hide = true)]
    Mode,
    /// Set-user-id, set-group-id and sticky bits.
    ModeAll,
    /// User and group.
    Owner,
    /// Extended attributes of users.
    Xattr,
    /// All extended attributes.
    XattrAll,
    /// Access control lists.
    Acl,
}

impl PreserveArgs {
    /// What that means.
    pub fn value(&self) -> Preserve {
        let has = |kept| self.preserve.contains(&kept);
        Preserve {
            special_modes: has(Kept::ModeAll),
            owner: has(Kept::Owner),
            xattrs: has(Kept::Xattr),
            all_xattrs: has(Kept::XattrAll),
            acls: has(Kept::Acl),
        }
    }
}
