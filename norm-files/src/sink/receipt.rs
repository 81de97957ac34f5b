//! The receipt of a set whose files have their names.

use std::io::{self, Read};
use std::time::SystemTime;

use norm_core::fileset::ContentHash;

use super::plan::Plan;
use super::spool::Spool;
use super::spool_files::SpoolFile;
use crate::receipts::{ReceiptEntry, ReceiptHeader, Store};

/// A set of which all was received, and verified.
#[derive(Copy, Clone, Debug)]
pub struct WholeSet {
    /// Names it with all that is in it.
    pub content: ContentHash,
    /// Bytes in its manifest.
    pub manifest_len: u64,
    /// Bytes in its digest list.
    pub list_len: u64,
}

/// Keeps the receipt of a set that was placed since `began`.
///
/// # Errors
/// What the system says: there is no receipt then.
pub fn keep_receipt(
    store: &Store,
    spool: &Spool,
    plan: &Plan,
    set: &WholeSet,
    began: SystemTime,
) -> io::Result<()> {
    let WholeSet { content, manifest_len, list_len } = *set;
    let root = spool.directory();
    let files = plan.file_count() + plan.name_count();
    let all = plan.directory_count() + files + plan.link_count();
    let count = |n: usize| u32::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::Other));
    let header = ReceiptHeader {
        directory: root.to_owned(),
        manifest: spool.content(),
        content,
        manifest_len,
        list_len,
        entries: count(all)?,
        files: count(files)?,
        bytes: plan.bytes(),
    };
    let directories = plan.directories().map(|one| ReceiptEntry::directory(one.path));
    let files =
        plan.files().map(|file| ReceiptEntry::file(root, file.path, file.size, file.mtime, began));
    let names = plan.names().filter_map(|name| {
        let file = plan.file(name.file)?;
        Some(ReceiptEntry::file(root, name.path, file.size, file.mtime, began))
    });
    let links = plan.links().map(|link| ReceiptEntry::link(root, link.path));
    let entries = directories.chain(files).chain(names).chain(links);
    // What was read of them before was read at its place.
    let mut manifest = spool.file(SpoolFile::Manifest).take(manifest_len);
    let mut list = spool.file(SpoolFile::DigestList).take(list_len);
    store.keep(&header, entries, &mut manifest, &mut list)
}
