//! Names in a list: each is entered with its directories, and nothing else is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Item, Scanner, is_temporary, not_text, reason, scan_error};
use crate::names;
use crate::source::{Reason, ScanError};

/// What is known of a name before it is looked up.
struct Listed {
    /// It is relative to the root, and not to the directory of the list.
    is_absolute: bool,
    /// It is in the list itself; else something below it is.
    is_named: bool,
}

impl Scanner {
    /// Enters the names of a list, which are relative to the only path, if there is one.
    pub(super) fn listed(
        &mut self,
        paths: &[PathBuf],
        listed: &[PathBuf],
    ) -> Result<(), ScanError> {
        let base = match paths {
            [] => None,
            [base] => Some(base.as_path()),
            _ => return Err(ScanError::SeveralDirectories),
        };
        let relative = self.root(base.unwrap_or(Path::new("")), "");
        let below_root = match base {
            Some(_) => relative,
            None => self.root(Path::new(std::path::MAIN_SEPARATOR_STR), ""),
        };
        let mut missing: Option<(PathBuf, u64)> = None;
        // A directory that a rule leaves out with all that is below it.
        let mut excluded: Option<PathBuf> = None;
        for (name, entry) in sorted(base, listed)? {
            if excluded.as_ref().is_some_and(|directory| name.starts_with(directory)) {
                continue;
            }
            let follows = self.follows || self.standalone;
            let root = if entry.is_absolute { below_root } else { relative };
            let item = match look(base, &name, &entry, follows, root) {
                Err(ScanError::Unreadable { path, error })
                    if error.kind() == io::ErrorKind::NotFound =>
                {
                    // A missing directory is told by the names below it.
                    if entry.is_named {
                        missing.get_or_insert((path, 0)).1 += 1;
                    }
                    continue;
                }
                item => item?,
            };
            if !self.rules.is_empty() && self.is_excluded(&item) {
                excluded = Some(name);
            } else {
                self.enter_listed(item)?;
            }
        }
        match missing {
            Some((first, count)) => Err(ScanError::Missing { first, count }),
            None => Ok(()),
        }
    }

    fn enter_listed(&mut self, item: Item) -> Result<(), ScanError> {
        if is_temporary(&item) {
            self.leave_out(Reason::Temporary, item.path);
        } else if item.kind.is_dir() {
            self.directory(&item)?;
        } else if item.kind.is_symlink() {
            self.link(item)?;
        } else if item.kind.is_file() {
            self.file(item)?;
        } else {
            self.leave_out(reason(item.kind), item.path);
        }
        Ok(())
    }
}

/// The names and those of their directories, each once, directories before what they hold.
fn sorted(base: Option<&Path>, listed: &[PathBuf]) -> Result<BTreeMap<PathBuf, Listed>, ScanError> {
    let mut names: BTreeMap<PathBuf, Listed> = BTreeMap::new();
    for path in listed {
        let (name, is_absolute) = relative(base, path)?;
        let parents = name.ancestors().skip(1).filter(|name| !name.as_os_str().is_empty());
        for parent in parents {
            if names.contains_key(parent) {
                break;
            }
            names.insert(parent.to_owned(), Listed { is_absolute, is_named: false });
        }
        if name.as_os_str().is_empty() {
            // The directory itself, which has no name of its own.
            continue;
        }
        let below_root = Path::new(std::path::MAIN_SEPARATOR_STR).join(&name);
        let known = names.entry(name.clone()).or_insert(Listed { is_absolute, is_named: true });
        if known.is_absolute != is_absolute {
            let text = name.display().to_string();
            return Err(ScanError::SameName { name: text, first: name, second: below_root });
        }
        known.is_named = true;
    }
    Ok(names)
}

/// A name below the base, or below the root.
fn relative(base: Option<&Path>, path: &Path) -> Result<(PathBuf, bool), ScanError> {
    let outside = || ScanError::Outside { path: path.to_owned() };
    let below = match base {
        Some(base) if path.has_root() => path.strip_prefix(base).map_err(|_| outside())?,
        _ => path,
    };
    let mut name = PathBuf::new();
    for component in below.components() {
        match component {
            Component::Normal(part) => name.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => return Err(outside()),
        }
    }
    Ok((name, below.has_root()))
}

/// Looks a name up. Links are followed on the way to it, and, if `follows` says so, at its end.
fn look(
    base: Option<&Path>,
    name: &Path,
    entry: &Listed,
    follows: bool,
    root: u32,
) -> Result<Item, ScanError> {
    let path = match base {
        Some(base) => base.join(name),
        None if entry.is_absolute => Path::new(std::path::MAIN_SEPARATOR_STR).join(name),
        None => name.to_owned(),
    };
    let is_itself = entry.is_named && !follows;
    let looked = if is_itself { fs::symlink_metadata(&path) } else { fs::metadata(&path) };
    let kind = looked.map_err(scan_error(&path))?.file_type();
    let parts = name.iter().map(|part| names::to_text(part).ok_or_else(|| not_text(&path)));
    let name = parts.collect::<Result<Vec<_>, _>>()?.join("/");
    Ok(Item { path, name, kind, root })
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use norm_core::fileset::Manifest;

    use super::*;
    use crate::source::{FileSet, Rule, Selection, scan};

    /// What is sent of a tree with `a`, `b/x`, `b/y` and `c/z`, of which these names are listed.
    fn listed(change: impl FnOnce(&Path, &mut Selection)) -> Result<Vec<String>, ScanError> {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["b", "c"] {
            create_dir_all(dir.path().join(folder)).unwrap();
        }
        for file in ["a", "b/x", "b/y", "c/z"] {
            write(dir.path().join(file), file).unwrap();
        }
        let selection = Selection::new([dir.path().to_owned()]).with(|s| change(dir.path(), s));
        scan(selection).map(|found| names(&found))
    }

    fn names(found: &FileSet) -> Vec<String> {
        let manifest = Manifest::parse(&found.manifest).unwrap();
        manifest.entries().map(|entry| entry.unwrap().path.to_owned()).collect()
    }

    fn list(names: &[&str]) -> Option<std::sync::Arc<[PathBuf]>> {
        Some(names.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn names_arrive_with_their_directories_once_and_in_order() {
        let sent = listed(|_, s| s.listed = list(&["c/z", "./b/x", "a", "b", "a", "."])).unwrap();
        assert_eq!(sent, ["a", "b", "b/x", "c", "c/z"], "b without what is in it");
    }

    #[test]
    fn absolute_names_are_below_the_path_or_arrive_without_their_root() {
        let below = |dir: &Path| Some([dir.join("b/x")].into());
        assert_eq!(listed(|dir, s| s.listed = below(dir)).unwrap(), ["b", "b/x"]);
        let sent = listed(|dir, s| {
            s.listed = below(dir);
            s.paths.clear();
        });
        let sent = sent.unwrap().pop().unwrap();
        assert!(sent.ends_with("/b/x") && !sent.starts_with('/') && sent.len() > 5, "{sent}");
    }

    #[test]
    fn names_that_lead_out_of_the_directory_are_refused() {
        for name in ["../a", "b/../a", "/etc/passwd"] {
            let error = listed(|_, s| s.listed = list(&[name])).unwrap_err();
            assert!(matches!(error, ScanError::Outside { .. }), "{name}: {error}");
        }
        let error = listed(|_, s| s.paths.push(PathBuf::from("other")));
        assert!(error.is_err());
    }

    #[test]
    fn missing_files_are_counted_and_the_first_is_named() {
        let error = listed(|_, s| s.listed = list(&["a", "n/o", "none"])).unwrap_err();
        let ScanError::Missing { first, count: 2 } = &error else { panic!("{error}") };
        assert!(first.ends_with("n/o"), "{error}");
    }

    #[test]
    fn rules_leave_out_listed_names_and_all_below_a_directory() {
        let sent = listed(|_, s| {
            s.listed = list(&["a", "b/x", "b/y", "c/z"]);
            s.rules = vec![Rule::exclude("b/"), Rule::exclude("z")];
        });
        assert_eq!(sent.unwrap(), ["a", "c"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_that_are_listed_are_sent_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("a"), "").unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let selection = Selection::new([dir.path().to_owned()]);
        let found = scan(selection.with(|s| s.listed = list(&["a", "link"]))).unwrap();
        assert_eq!((names(&found), found.links), (vec!["a".to_owned(), "link".to_owned()], 1));
    }
}
