//! `norm-send` and `norm-recv`: files to many machines over multicast.
//!
//! The programs are thin `main`s over this library; everything that touches the network is in
//! `norm-net`. What is here: the command lines ([`args`], [`units`], [`group`]), what the user sees
//! ([`settings`], [`progress`], [`output`], [`table`], [`text`]), what scripts see ([`json`],
//! [`report`], [`exit`]), Ctrl-C ([`interrupt`]), and the runs: [`sender`], [`receiver`],
//! [`demo`], [`objects`] for single DATA objects and streams, and [`ctl`], which shows what there
//! is.

mod address;
pub mod args;
pub mod ctl;
pub mod demo;
mod described;
pub mod exit;
pub mod explain;
pub mod group;
pub mod interrupt;
pub mod json;
pub mod keys;
mod limits;
pub mod objects;
pub mod output;
pub mod progress;
pub mod receiver;
pub mod report;
pub mod sandbox;
pub mod schedule;
pub mod sender;
pub mod settings;
pub mod table;
pub mod text;
pub mod units;
