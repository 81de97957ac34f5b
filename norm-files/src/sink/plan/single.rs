//! A plan of files that belong to no set, to say what would become of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

use super::{Plan, PlanError};
use crate::names;

/// A plan of files with these paths below the output directory, and sizes. Of several files with
/// one path the last one counts.
///
/// # Errors
/// When a path is none that a file may have, or there are too many files.
pub fn plan_files(files: impl IntoIterator<Item = (PathBuf, u64)>) -> Result<Plan, PlanError> {
    let files: BTreeMap<PathBuf, u64> = files.into_iter().collect();
    let mut manifest = ManifestWriter::new();
    for (path, &size) in &files {
        let name = text_of(path).ok_or_else(|| unusable(path))?;
        let entry = Entry { size, ..Entry::new(EntryKind::File, &name) };
        manifest.push(&entry).map_err(PlanError::Content)?;
    }
    let payload_size = manifest.payload_size();
    Plan::new(&manifest.finish().0, payload_size)
}

/// A path as manifests have it.
fn text_of(path: &Path) -> Option<String> {
    let names = path.iter().map(|name| Some(names::to_text(name)?.into_owned()));
    Some(names.collect::<Option<Vec<String>>>()?.join("/"))
}

fn unusable(path: &Path) -> PlanError {
    PlanError::Name(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_planned_where_they_would_be() {
        let files = [("b", 5), ("a/c", 7), ("b", 6)].map(|(path, size)| (path.into(), size));
        let plan = plan_files(files).unwrap();
        let planned: Vec<(PathBuf, u64)> = plan.files().map(|f| (f.path, f.size)).collect();
        assert_eq!(planned, [("a/c".into(), 7), ("b".into(), 6)]);
        assert_eq!(plan.bytes(), 13);
    }
}
