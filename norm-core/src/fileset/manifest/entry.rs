//! An entry of a manifest.
//!
//! ```text
//!  0  kind: 1 regular file, 2 folder, 3 symbolic link, 4 hard link
//!  1  what follows the path: 1 owner, 2 extended attributes; other bits are 0
//!  2  path length, 16 bits
//!  4  mode, 32 bits
//!  8  modification time: seconds since 1970 (64 bits, signed), nanoseconds (32 bits)
//! 20  size, 64 bits; 0 unless it is a regular file
//! 28  path, UTF-8
//!     of a symbolic link: target length (16 bits), target, UTF-8
//!     of a hard link: number of the file's entry (32 bits)
//!     owner: user id, group id (32 bits each), lengths of their names (8 bits each), the names
//!     extended attributes, see `xattrs`
//! ```
//!
//! A hard link is another name of a regular file that came before. It has no mode, time, owner or
//! attributes of its own.

use super::{Holes, MAX_FILE_BYTES, MAX_PATH_BYTES, Xattrs};
use crate::fileset::ContentError;
use crate::fileset::cursor::Cursor;

const FIXED_LEN: usize = 28;
/// Bytes in an entry at least: a path has one.
pub(super) const MIN_LEN: usize = FIXED_LEN + 1;
const NANOS_PER_SECOND: u32 = 1_000_000_000;
const OWNER: u8 = 1;
const XATTRS: u8 = 2;

/// What an entry is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum EntryKind<'a> {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink {
        /// Where it leads, as text like a path; 1 to 4096 bytes. Not to be trusted when it came
        /// from the network.
        target: &'a str,
    },
    /// Another name of a regular file.
    HardLink {
        /// The number of the file's entry, less than that of this one.
        to: u32,
    },
}

/// When a file was last modified.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970-01-01 00:00 UTC; negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 10^9.
    pub nanos: u32,
}

/// Whose a file is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// User id at the sender.
    pub uid: u32,
    /// Group id at the sender.
    pub gid: u32,
    /// Name of the user there; empty where it has none; at most 255 bytes.
    pub user: &'a str,
    /// Name of the group there; empty where it has none; at most 255 bytes.
    pub group: &'a str,
}

/// A file, folder or link of a set.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Unix mode bits as the sender has them; 0 where it has none.
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Mtime,
    /// Bytes of content of a regular file, holes included; at most 16 TiB.
    pub size: u64,
    /// The path below the set's root, with `/` between the components; 1 to 4096 bytes. Not to be
    /// trusted when it came from the network.
    pub path: &'a str,
    /// Whose it is, if that is sent.
    pub owner: Option<Owner<'a>>,
    /// Its extended attributes, if they are sent.
    pub xattrs: Xattrs<'a>,
    /// Where a regular file has no content: layout, which the manifest hash leaves out.
    pub holes: Holes<'a>,
}

impl<'a> Entry<'a> {
    /// An entry of which nothing but kind and path is set.
    pub const fn new(kind: EntryKind<'a>, path: &'a str) -> Self {
        Self {
            kind,
            mode: 0,
            mtime: Mtime { seconds: 0, nanos: 0 },
            size: 0,
            path,
            owner: None,
            xattrs: Xattrs::NONE,
            holes: Holes::NONE,
        }
    }

    /// Reads the entry that begins at this [position](super::Entries::position) of a manifest that
    /// was read before, without its holes.
    ///
    /// # Errors
    /// [`ContentError`] when there is none.
    pub fn at(manifest: &'a [u8], position: usize) -> Result<Self, ContentError> {
        Self::read(&mut Cursor::new(manifest.get(position..).ok_or(ContentError::Truncated)?))
    }

    /// The path of an entry, as it came and not checked, by where the entry begins in a manifest.
    pub fn path_at(manifest: &'a [u8], position: usize) -> Option<&'a [u8]> {
        let entry = manifest.get(position..)?;
        let (fixed, rest) = entry.split_at_checked(FIXED_LEN)?;
        let len = fixed.get(2..4)?.first_chunk()?;
        rest.get(..usize::from(u16::from_be_bytes(*len)))
    }

    pub(super) fn check(&self) -> Result<(), ContentError> {
        let is_path = |text: &str| (1..=MAX_PATH_BYTES).contains(&text.len());
        if !is_path(self.path) {
            return Err(ContentError::BadPath);
        }
        if self.mtime.nanos >= NANOS_PER_SECOND {
            return Err(ContentError::BadField);
        }
        let bare = Self { holes: Holes::NONE, ..Self::new(self.kind, self.path) };
        match self.kind {
            EntryKind::File => {
                if self.size > MAX_FILE_BYTES {
                    return Err(ContentError::TooLarge);
                }
                self.holes.check(self.size)?;
            }
            EntryKind::SymbolicLink { target } if !is_path(target) => {
                return Err(ContentError::BadPath);
            }
            EntryKind::HardLink { .. } if *self != bare => return Err(ContentError::BadField),
            _ if self.size != 0 || !self.holes.is_empty() => return Err(ContentError::BadField),
            _ => {}
        }
        let name_fits = |name: &str| name.len() <= usize::from(u8::MAX);
        match self.owner {
            Some(owner) if !name_fits(owner.user) || !name_fits(owner.group) => {
                Err(ContentError::BadField)
            }
            _ => Ok(()),
        }
    }

    /// Refuses a hard link to something that is no regular file, by the number of its entry.
    pub(super) fn check_link(&self, is_file: impl Fn(u32) -> bool) -> Result<(), ContentError> {
        match self.kind {
            EntryKind::HardLink { to } if !is_file(to) => Err(ContentError::BadField),
            _ => Ok(()),
        }
    }

    /// Bytes that [`emit`](Self::emit) appends.
    pub(super) fn encoded_len(&self) -> usize {
        let link = match self.kind {
            EntryKind::File | EntryKind::Directory => 0,
            EntryKind::SymbolicLink { target } => 2 + target.len(),
            EntryKind::HardLink { .. } => 4,
        };
        let owner = self.owner.map_or(0, |owner| 10 + owner.user.len() + owner.group.len());
        let xattrs = if self.xattrs.is_empty() { 0 } else { self.xattrs.encoded_len() };
        FIXED_LEN + self.path.len() + link + owner + xattrs
    }

    /// Appends the encoded form of an entry that was checked.
    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            EntryKind::File => 1,
            EntryKind::Directory => 2,
            EntryKind::SymbolicLink { .. } => 3,
            EntryKind::HardLink { .. } => 4,
        };
        let owner = if self.owner.is_some() { OWNER } else { 0 };
        let xattrs = if self.xattrs.is_empty() { 0 } else { XATTRS };
        out.extend_from_slice(&[kind, owner | xattrs]);
        out.extend_from_slice(&(self.path.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.mode.to_be_bytes());
        out.extend_from_slice(&self.mtime.seconds.to_be_bytes());
        out.extend_from_slice(&self.mtime.nanos.to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(self.path.as_bytes());
        match self.kind {
            EntryKind::File | EntryKind::Directory => {}
            EntryKind::SymbolicLink { target } => {
                out.extend_from_slice(&(target.len() as u16).to_be_bytes());
                out.extend_from_slice(target.as_bytes());
            }
            EntryKind::HardLink { to } => out.extend_from_slice(&to.to_be_bytes()),
        }
        if let Some(owner) = self.owner {
            out.extend_from_slice(&owner.uid.to_be_bytes());
            out.extend_from_slice(&owner.gid.to_be_bytes());
            out.extend_from_slice(&[owner.user.len() as u8, owner.group.len() as u8]);
            out.extend_from_slice(owner.user.as_bytes());
            out.extend_from_slice(owner.group.as_bytes());
        }
        if !self.xattrs.is_empty() {
            self.xattrs.emit(out);
        }
    }

    /// Reads an entry, without its holes, and checks it.
    pub(super) fn read(body: &mut Cursor<'a>) -> Result<Self, ContentError> {
        let kind = body.u8()?;
        let follows = body.u8()?;
        if follows & !(OWNER | XATTRS) != 0 {
            return Err(ContentError::BadField);
        }
        let path_len = usize::from(body.u16()?);
        let mode = body.u32()?;
        let mtime = Mtime { seconds: body.i64()?, nanos: body.u32()? };
        let size = body.u64()?;
        let path = text(body, path_len)?;
        let kind = match kind {
            1 => EntryKind::File,
            2 => EntryKind::Directory,
            3 => {
                let len = usize::from(body.u16()?);
                EntryKind::SymbolicLink { target: text(body, len)? }
            }
            4 => EntryKind::HardLink { to: body.u32()? },
            _ => return Err(ContentError::BadKind),
        };
        let owner = if follows & OWNER == 0 { None } else { Some(read_owner(body)?) };
        let xattrs = if follows & XATTRS == 0 { Xattrs::NONE } else { Xattrs::read(body)? };
        let entry = Self { mode, mtime, size, owner, xattrs, ..Self::new(kind, path) };
        entry.check()?;
        Ok(entry)
    }
}

fn read_owner<'a>(body: &mut Cursor<'a>) -> Result<Owner<'a>, ContentError> {
    let (uid, gid) = (body.u32()?, body.u32()?);
    let (user, group) = (usize::from(body.u8()?), usize::from(body.u8()?));
    Ok(Owner { uid, gid, user: text(body, user)?, group: text(body, group)? })
}

fn text<'a>(body: &mut Cursor<'a>, len: usize) -> Result<&'a str, ContentError> {
    core::str::from_utf8(body.bytes(len)?).map_err(|_| ContentError::BadPath)
}
