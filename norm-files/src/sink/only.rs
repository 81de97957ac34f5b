//! Which files of a set are wanted, where that is not all of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::plan::Plan;
use crate::source::{PatternError, Rule, Rules};

/// Patterns that are told to have matched nothing, at most: each is compared with all names.
const MAX_UNUSED: usize = 16;

/// Patterns of what is wanted of a set, as [`Rule`] has them: compared with names as they arrive. A
/// directory that matches one is wanted with all that is in it.
#[derive(Clone, Debug)]
pub struct Only {
    patterns: Vec<String>,
    rules: Rules,
}

impl Only {
    /// Compiles patterns; `None` without any, when everything is wanted.
    ///
    /// # Errors
    /// The first pattern that is none.
    pub fn new(patterns: &[String]) -> Result<Option<Self>, PatternError> {
        let rules = compile(patterns)?;
        Ok((!patterns.is_empty()).then(|| Self { patterns: patterns.to_owned(), rules }))
    }

    /// True when a file with this name is wanted.
    pub fn wants(&self, path: &Path) -> bool {
        Matcher::new(self.rules.clone()).wants(path, false)
    }

    /// Leaves out of a plan what is not wanted; returns patterns that nothing matches.
    pub fn choose(&self, plan: &mut Plan) -> Vec<String> {
        let mut matcher = Matcher::new(self.rules.clone());
        plan.retain(|path, is_directory| matcher.wants(path, is_directory));
        // One that matches what another one matches, too, is not unused.
        let unused = matcher.rules.unused();
        unused.into_iter().take(MAX_UNUSED).filter(|pattern| !matches_any(pattern, plan)).collect()
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

fn compile(patterns: &[String]) -> Result<Rules, PatternError> {
    let rules: Vec<Rule> = patterns.iter().map(|pattern| Rule::exclude(pattern)).collect();
    Rules::new(&rules)
}

/// True when a pattern matches something of what is wanted.
fn matches_any(pattern: &str, plan: &Plan) -> bool {
    let Ok(rules) = compile(&[pattern.to_owned()]) else { return false };
    let mut matcher = Matcher::new(rules);
    plan.wanted().any(|(_, file)| matcher.wants(&file.path, false))
        || plan.directories().any(|directory| matcher.wants(&directory.path, true))
}

/// Compares names with rules; remembers what it found of directories.
struct Matcher {
    rules: Rules,
    directories: HashMap<PathBuf, bool>,
}

impl Matcher {
    fn new(rules: Rules) -> Self {
        Self { rules, directories: HashMap::new() }
    }

    fn wants(&mut self, path: &Path, is_directory: bool) -> bool {
        if is_directory {
            return self.wants_directory(path);
        }
        path.parent().is_some_and(|parent| self.wants_directory(parent))
            || self.rules.exclude(path, false)
    }

    fn wants_directory(&mut self, path: &Path) -> bool {
        if path.as_os_str().is_empty() {
            return false;
        }
        if let Some(&known) = self.directories.get(path) {
            return known;
        }
        // From the top: names have any number of components.
        let above: Vec<&Path> = path.ancestors().collect();
        let mut wanted = false;
        for directory in above.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
            wanted = match self.directories.get(directory) {
                Some(&known) => known,
                None => {
                    let wanted = wanted || self.rules.exclude(directory, true);
                    self.directories.insert(directory.to_owned(), wanted);
                    wanted
                }
            };
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

    use super::*;

    const NAMES: [(&str, u64); 6] = [
        ("set", 0),
        ("set/a.jpg", 1),
        ("set/b.png", 2),
        ("set/x", 0),
        ("set/x/c.jpg", 4),
        ("y", 8),
    ];

    fn plan() -> Plan {
        let mut writer = ManifestWriter::new();
        for (path, size) in NAMES {
            let kind = if size == 0 { EntryKind::Directory } else { EntryKind::File };
            writer.push(&Entry { size, ..Entry::new(kind, path) }).unwrap();
        }
        let size = writer.payload_size();
        Plan::new(&writer.finish().0, size).unwrap()
    }

    /// What is left of the plan, and the patterns that match nothing.
    fn choose(patterns: &[&str]) -> (Vec<String>, Vec<String>) {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let mut plan = plan();
        let unused = Only::new(&patterns).unwrap().unwrap().choose(&mut plan);
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let files = plan.wanted().map(|(_, file)| text(&file.path));
        let directories = plan.directories().map(|directory| text(&directory.path) + "/");
        (files.chain(directories).collect(), unused)
    }

    #[test]
    fn files_that_match_and_the_directories_above_them_are_wanted() {
        assert_eq!(choose(&["*.jpg"]).0, ["set/a.jpg", "set/x/c.jpg", "set/", "set/x/"]);
        assert_eq!(choose(&["/set/*.jpg", "y"]).0, ["set/a.jpg", "y", "set/"]);
        assert_eq!(choose(&["!y"]).0, [""; 0], "a sign that means nothing here");
    }

    #[test]
    fn directory_that_matches_is_wanted_with_all_that_is_in_it() {
        for pattern in ["x", "set/x/", "x/"] {
            assert_eq!(choose(&[pattern]).0, ["set/x/c.jpg", "set/", "set/x/"], "{pattern}");
        }
        assert_eq!(choose(&["y/"]).0, [""; 0], "a file is no directory");
    }

    #[test]
    fn only_patterns_that_match_nothing_are_told() {
        assert_eq!(choose(&["set", "c.jpg", "*.o", "y"]).1, ["*.o"]);
    }

    #[test]
    fn what_is_not_wanted_has_its_place_in_the_payload() {
        let mut plan = plan();
        let only = Only::new(&["*.jpg".to_owned()]).unwrap().unwrap();
        only.choose(&mut plan);
        assert_eq!((plan.bytes(), plan.unwanted_files(), plan.file_count()), (5, 2, 4));
        let places: Vec<_> = plan.unwanted_ranges().iter().collect();
        assert_eq!(places, [(1, 3), (7, 15)]);
        let wanted: Vec<_> = plan.wanted().map(|(at, file)| (at, file.offset)).collect();
        assert_eq!(wanted, [(0, 0), (2, 3)]);
    }

    #[test]
    fn patterns_are_checked_and_none_means_all() {
        assert!(Only::new(&[]).unwrap().is_none());
        assert_eq!(Only::new(&["a[b".to_owned()]).unwrap_err().pattern, "a[b");
        let only = Only::new(&["*.jpg".to_owned()]).unwrap().unwrap();
        assert!(only.wants(Path::new("a/b.jpg")) && !only.wants(Path::new("a/b.png")));
    }
}
