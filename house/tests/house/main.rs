//! The rules of the house, each a test that reads the sources.
//!
//! `cargo test -p house` names file and line of whatever breaks a rule. Each rule has a file of its
//! own, which says what is asked for, why, and how it is usually mended. The length of functions is
//! left to clippy.
//!
//! - [`rooms`]: which part of the code may name which other;
//! - [`flags`]: libraries do not speak of the command line;
//! - [`fields`], [`impls`], [`owners`]: state has an owner, and the owner has one place;
//! - [`tuples`]: writes to a field can be found;
//! - [`circles`], [`globs`]: files of a crate do not need each other in a circle;
//! - [`dialect`], [`columns`]: words and lines;
//! - [`references`], [`dependencies`]: what the documents name exists, and what is used is named.
//!
//! The other modules only read: [`sources`] finds the files, [`documents`] takes tables apart,
//! [`paths`] lists the paths that a file names, [`modules`] finds the file that defines what a path
//! means.

mod circles;
mod columns;
mod dependencies;
mod dialect;
mod documents;
mod fields;
mod flags;
mod globs;
mod impls;
mod modules;
mod owners;
mod paths;
mod references;
mod rooms;
mod sources;
mod tuples;
