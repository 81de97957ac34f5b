//! Receivers that cannot be had here, as models: what their parsers take, refuse, and die of, as
//! far as it is known from their sources (GPAC of August 2026, rt-libflute 0.12.3). They share
//! nothing with the code that is tested.

mod gpac;
mod lct;
mod pieces;
mod rt_libflute;
mod sessions;
mod table;

/// What becomes of a packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Taken,
    /// It is of no use, and nothing is said.
    Ignored,
    /// It is refused.
    Refused(&'static str),
    /// The program dies.
    Fatal(&'static str),
}

/// A model.
pub trait Model {
    /// Takes a packet.
    fn hear(&mut self, packet: &[u8]) -> Verdict;

    /// Locations and bytes of the objects that are complete.
    fn complete(&self) -> Vec<(String, Vec<u8>)>;
}
