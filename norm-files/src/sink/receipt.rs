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
    let (directories, files, names) = (plan.directories(), plan.files(), plan.names());
    let links = plan.links();
    let count = |n: usize| u32::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::Other));
    let header = ReceiptHeader {
        directory: root.to_owned(),
        manifest: spool.content(),
        content,
        manifest_len,
        list_len,
        entries: count(directories.len() + files.len() + names.len() + links.len())?,
        files: count(files.len() + names.len())?,
        bytes: plan.bytes(),
    };
    let directories = directories.iter().map(|directory| directory.path.clone());
    let files = files
        .iter()
        .map(|file| ReceiptEntry::file(root, file.path.clone(), file.size, file.mtime, began));
    let names = names.iter().filter_map(|name| {
        let file = plan.files().get(name.file)?;
        Some(ReceiptEntry::file(root, name.path.clone(), file.size, file.mtime, began))
    });
    let links = links.iter().map(|link| ReceiptEntry::link(root, link.path.clone()));
    let directories = directories.map(ReceiptEntry::directory);
    let entries = directories.chain(files).chain(names).chain(links);
    // What was read of them before was read at its place.
    let mut manifest = spool.file(SpoolFile::Manifest).take(manifest_len);
    let mut list = spool.file(SpoolFile::DigestList).take(list_len);
    store.keep(&header, entries, &mut manifest, &mut list)
}
