//! Reducing a name from the network to something safe to create.
//!
//! A name is *reduced*, not refused: the root, `.` and `..` are dropped, and what this system's
//! files cannot be called, or could take for more than a simple name, is replaced. So
//! `../../etc/passwd` becomes `etc/passwd` below the output directory. Two names can reduce to the
//! same one: code that creates files must not overwrite, and must refuse symbolic links in the
//! path.

use super::raw_name::raw_byte;

/// Bytes in a component at most.
pub const MAX_COMPONENT_BYTES: usize = 255;
/// How the names of our own temporary files begin; no received name does.
pub const TEMP_PREFIX: &str = ".norm-";

/// What a file may be called.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NameRules {
    /// Any byte but `/` and NUL.
    Unix,
    /// No control characters, backslashes, colons, devices, or dots and spaces at the end.
    Windows,
}

impl NameRules {
    /// The rules of the system that this is compiled for.
    pub const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

/// A name of which nothing is left after its unsafe parts are dropped.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct UnsafePath;

impl core::fmt::Display for UnsafePath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the name has no part that can be created")
    }
}

impl core::error::Error for UnsafePath {}

/// The components of a `/`-separated path below the output directory.
///
/// Dropped: a leading `/`, empty components, `.` and `..`. Replaced by `_`: what `rules` forbid. A
/// `_` is put in front of names that are devices under these rules, and of names like our temporary
/// files'. Components are cut to [`MAX_COMPONENT_BYTES`]. The result is never empty, and reducing
/// it again does not change it.
///
/// # Errors
/// [`UnsafePath`] when nothing is left.
pub fn safe_components(path: &str, rules: NameRules) -> Result<Vec<String>, UnsafePath> {
    let components: Vec<String> = path
        .split('/')
        .filter(|component| !matches!(*component, "" | "." | ".."))
        .map(|component| safe_component(component, rules))
        .collect();
    if components.is_empty() { Err(UnsafePath) } else { Ok(components) }
}

/// A safe name made from a component that is not empty, `.` or `..`.
fn safe_component(component: &str, rules: NameRules) -> String {
    let windows = rules == NameRules::Windows;
    let mut name = String::with_capacity(component.len() + 1);
    if has_temp_prefix(component) || (windows && is_device(component)) {
        name.push('_');
    }
    name.extend(component.chars().map(|c| match c {
        '\0' => '_',
        '\\' | ':' if windows => '_',
        c if windows && c.is_control() => '_',
        c => c,
    }));
    name.truncate(cut_at(&name, rules));
    if !windows {
        return name;
    }
    let trimmed = name.trim_end_matches(['.', ' ']).len();
    let replaced = name.len() - trimmed;
    name.truncate(trimmed);
    name.extend(core::iter::repeat_n('_', replaced));
    name
}

/// Where a name is cut: after [`MAX_COMPONENT_BYTES`] bytes as they will be on disk.
fn cut_at(name: &str, rules: NameRules) -> usize {
    let width = |c: char| match raw_byte(c) {
        Some(_) if rules == NameRules::Unix => 1,
        _ => c.len_utf8(),
    };
    let mut left = MAX_COMPONENT_BYTES;
    let over = name.char_indices().find(|&(_, c)| match left.checked_sub(width(c)) {
        Some(less) => {
            left = less;
            false
        }
        None => true,
    });
    over.map_or(name.len(), |(at, _)| at)
}

/// Whether Windows takes this name for a device: some reserved names, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or(name).trim_end_matches(' ');
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    if DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    // COM and LPT with one digit, which may be a superscript.
    let Some((port, number)) = stem.split_at_checked(3) else { return false };
    let mut number = number.chars();
    let one_digit = matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³'));
    one_digit
        && number.next().is_none()
        && (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
}

/// Whether the name is one of our temporary files' on a file system that ignores case.
fn has_temp_prefix(name: &str) -> bool {
    name.get(..TEMP_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(TEMP_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn safe(path: &str) -> String {
        safe_components(path, NameRules::Windows).unwrap().join("/")
    }

    #[test]
    fn ordinary_names_are_kept() {
        for name in
            ["a", "a/b.txt", ".hidden/x..y", "Grüße/日本 語.tar.gz", "console", "com10", "..."]
        {
            let expected = if name == "..." { "___" } else { name };
            assert_eq!(safe(name), expected);
        }
        assert_eq!(safe("normal/.normal"), "normal/.normal");
    }

    #[test]
    fn names_that_the_system_allows_are_kept() {
        let unix = |path: &str| safe_components(path, NameRules::Unix).unwrap().join("/");
        for name in
            ["dev-disk-by\\x2duuid.swap", "File::Spec.3pm", "aux.c", "trail. ", "a\nb", "..."]
        {
            assert_eq!(unix(name), name);
        }
        assert_eq!(unix("/../etc/./passwd"), "etc/passwd");
        assert_eq!(unix("a\0b/.norm-x"), "a_b/_.norm-x");
        assert_eq!(unix("..\\..\\x"), "..\\..\\x", "one odd name, not a way up");
        assert_eq!(safe_components("../..", NameRules::Unix), Err(UnsafePath));
    }

    #[test]
    fn paths_stay_below_the_output_directory() {
        assert_eq!(safe("/etc/passwd"), "etc/passwd");
        assert_eq!(safe("../../etc/./passwd"), "etc/passwd");
        assert_eq!(safe("a//b/../c/"), "a/b/c");
        assert_eq!(safe("..\\..\\x"), ".._.._x");
        assert_eq!(safe("C:\\x"), "C__x");
        assert_eq!(safe("//server/share"), "server/share");
        assert_eq!(safe("file:stream"), "file_stream");
    }

    #[test]
    fn names_reduced_to_nothing_are_refused() {
        for path in ["", "/", ".", "..", "../..", "/./../"] {
            assert_eq!(safe_components(path, NameRules::Windows), Err(UnsafePath));
        }
    }

    #[test]
    fn device_names_are_changed() {
        for (name, expected) in [
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("Aux .c", "_Aux .c"),
            ("com1", "_com1"),
            ("LPT³.x", "_LPT³.x"),
            ("conin$", "_conin$"),
            ("nul:x", "_nul_x"),
            ("prn ", "_prn_"),
            ("dir/lpt0", "dir/_lpt0"),
        ] {
            assert_eq!(safe(name), expected);
        }
    }

    #[test]
    fn deceptive_characters_are_replaced() {
        assert_eq!(safe("a\0b\n\x1b[31m\u{85}"), "a_b__[31m_");
        assert_eq!(safe("x.exe. . "), "x.exe____");
        assert_eq!(safe(" "), "_");
        assert_eq!(safe(". "), "__");
    }

    #[test]
    fn names_of_temporary_files_are_changed() {
        assert_eq!(safe(".norm-1234"), "_.norm-1234");
        assert_eq!(safe("d/.NORM-"), "d/_.NORM-");
        assert_eq!(safe(".norm"), ".norm");
    }

    #[test]
    fn long_components_are_cut_between_characters() {
        assert_eq!(safe(&"x".repeat(300)), "x".repeat(255));
        assert_eq!(safe(&"é".repeat(200)), "é".repeat(127));
        let ends_in_dot = format!("{}.{}", "x".repeat(254), "txt");
        assert_eq!(safe(&ends_in_dot), format!("{}_", "x".repeat(254)));
        let device = format!("nul.{}", "x".repeat(300));
        assert_eq!(safe(&device), format!("_nul.{}", "x".repeat(250)));
    }

    #[test]
    fn raw_bytes_count_as_one_each_on_unix() {
        let name = "\u{f7e9}".repeat(300);
        let cut = |rules| safe_components(&name, rules).unwrap()[0].chars().count();
        assert_eq!((cut(NameRules::Unix), cut(NameRules::Windows)), (255, 85));
    }

    fn assert_safe(component: &str) {
        assert!(!matches!(component, "" | "." | ".."));
        assert!(component.len() <= MAX_COMPONENT_BYTES);
        assert!(!component.contains(['/', '\\', ':']) && !component.contains(char::is_control));
        assert!(!component.ends_with(['.', ' ']));
        assert!(!component.to_ascii_lowercase().starts_with(TEMP_PREFIX));
        assert!(!is_device(component), "{component:?}");
        assert!(std::path::Path::new(component).components().count() == 1);
    }

    proptest! {
        #[test]
        fn reduction_is_safe_and_idempotent(
            path in prop_oneof![
                any::<String>(),
                "[./\\\\: \0a]{0,20}",
                "(\\.norm-|con|nul|com1|lpt²|\\.\\.|/|\\.| |:|x){0,12}",
                "[é.x ]{240,270}(/.{250,300})?",
            ],
        ) {
            match safe_components(&path, NameRules::Windows) {
                Ok(components) => {
                    prop_assert!(!components.is_empty());
                    components.iter().for_each(|component| assert_safe(component));
                    let again = safe_components(&components.join("/"), NameRules::Windows);
                    prop_assert_eq!(again, Ok(components));
                }
                Err(UnsafePath) => {
                    prop_assert!(path.split('/').all(|part| ["", ".", ".."].contains(&part)));
                }
            }
        }
    }
}
