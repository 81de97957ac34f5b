//! What was found, as objects of a protocol: a file set, or files of their own.

mod files;
mod set;

pub(crate) use files::FilePlan;
pub(crate) use set::{Sizes, objects_of_set};
