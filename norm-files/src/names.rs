//! Names of files as this system has them, and as they travel.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use norm_core::fileset::{MAX_COMPONENT_BYTES, NameRules, UnsafePath, safe_components};

/// A name as text for the wire; `None` where the system's names are no bytes and this one is no
/// text.
#[cfg_attr(unix, expect(clippy::unnecessary_wraps, reason = "not on other systems"))]
pub fn to_text(name: &OsStr) -> Option<Cow<'_, str>> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Some(norm_core::fileset::name_to_text(name.as_bytes()))
    }
    #[cfg(not(unix))]
    name.to_str().map(Cow::Borrowed)
}

/// A name as this system has it, from what [`to_text`] made of it.
pub fn of_system(text: &str) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        OsString::from_vec(norm_core::fileset::text_to_name(text).into_owned())
    }
    #[cfg(not(unix))]
    OsString::from(text)
}

/// True of a name that is quickly seen to be safe as it is; others may be, too.
fn is_plain(text: &str) -> bool {
    let is_safe = |component: &str| {
        // Neither a dot nor one of our temporary files.
        !component.is_empty()
            && component.len() <= MAX_COMPONENT_BYTES
            && !component.starts_with('.')
    };
    cfg!(unix) && text.bytes().all(|b| b.is_ascii() && b != 0) && text.split('/').all(is_safe)
}

/// Where something with this name belongs below the output directory.
///
/// # Errors
/// When nothing is left of the name but what leads elsewhere.
pub fn to_path(text: &str) -> Result<PathBuf, UnsafePath> {
    if is_plain(text) {
        return Ok(PathBuf::from(text));
    }
    let components = safe_components(text, NameRules::HERE)?;
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let names = components.iter().map(|text| norm_core::fileset::text_to_name(text));
        Ok(names.map(|name| OsStr::from_bytes(&name).to_owned()).collect())
    }
    #[cfg(not(unix))]
    Ok(components.iter().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_names_are_what_others_would_be_made(text in "[a./\u{0}\u{e9}n]{0,6}") {
            if is_plain(&text) {
                let components = safe_components(&text, NameRules::HERE).unwrap();
                prop_assert_eq!(components.join("/"), text);
            }
        }
    }

    #[test]
    fn most_names_are_plain() {
        let long = "x".repeat(MAX_COMPONENT_BYTES);
        assert_eq!(is_plain(&format!("a/b c/{long}")), cfg!(unix));
        for text in ["", "/a", "a//b", "a/", "../a", ".norm-a", "a\0", "\u{f780}"] {
            assert!(!is_plain(text), "{text:?}");
        }
        assert!(!is_plain(&(long + "x")));
    }
}
