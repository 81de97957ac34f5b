//! Names of files as this system has them, and as they travel.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use norm_core::fileset::{NameRules, UnsafePath, safe_components};

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

/// Where something with this name belongs below the output directory.
///
/// # Errors
/// When nothing is left of the name but what leads elsewhere.
pub fn to_path(text: &str) -> Result<PathBuf, UnsafePath> {
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
