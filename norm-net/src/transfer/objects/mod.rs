//! What was found, as objects of a protocol: a file set, or files of their own.

mod files;
mod set;

pub(crate) use files::{FilePlan, entry_path};
pub(crate) use set::{Sizes, longest_block, objects_of_set};
