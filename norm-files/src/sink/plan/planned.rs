//! What a set consists of.

use std::ffi::OsString;
use std::path::PathBuf;

use norm_core::fileset::{Entry, Mtime, Owner, Xattr};

/// A file to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Unix mode bits; 0 where the sender has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Where its content begins in the payload, in bytes.
    pub offset: u64,
    /// Its bytes, holes included.
    pub size: u64,
    /// Bytes of it in the payload: those outside of holes.
    pub data: u64,
    /// What else is to be set, if the sender says so.
    pub attributes: Attributes,
}

/// A directory to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDirectory {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Unix mode bits; 0 where the sender has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// What else is to be set, if the sender says so.
    pub attributes: Attributes,
}

/// A symbolic link to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLink {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// Where it leads: anywhere.
    pub target: OsString,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Whose it is, if the sender says so.
    pub owner: Option<PlannedOwner>,
}

/// Another name of a file: a hard link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedName {
    /// Below the output directory; plain components only.
    pub path: PathBuf,
    /// The file, by its place among all.
    pub file: usize,
}

/// Owner and extended attributes. Most files have none, which takes little room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Option<Box<(Option<PlannedOwner>, Vec<PlannedXattr>)>>);

/// Whose something is at the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOwner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Name of the user; may be empty.
    pub user: String,
    /// Name of the group; may be empty.
    pub group: String,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedXattr {
    /// Its name, as `user.comment`.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Attributes {
    /// Those of an entry.
    pub fn of(entry: &Entry<'_>) -> Self {
        let owner = entry.owner.map(PlannedOwner::from);
        let xattrs: Vec<_> = entry.xattrs.iter().map(PlannedXattr::from).collect();
        let some = owner.is_some() || !xattrs.is_empty();
        Self(some.then(|| Box::new((owner, xattrs))))
    }

    /// Whose it is.
    pub fn owner(&self) -> Option<&PlannedOwner> {
        self.0.as_ref()?.0.as_ref()
    }

    /// The extended attributes.
    pub fn xattrs(&self) -> &[PlannedXattr] {
        self.0.as_ref().map_or(&[], |all| &all.1)
    }
}

impl From<Owner<'_>> for PlannedOwner {
    fn from(owner: Owner<'_>) -> Self {
        let Owner { uid, gid, user, group } = owner;
        Self { uid, gid, user: user.to_owned(), group: group.to_owned() }
    }
}

impl From<Xattr<'_>> for PlannedXattr {
    fn from(xattr: Xattr<'_>) -> Self {
        Self { name: xattr.name.to_owned(), value: xattr.value.to_owned() }
    }
}
