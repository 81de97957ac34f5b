//! FLUTE (RFC 6726): files over ALC (RFC 5775) and LCT (RFC 5651), one way.
//!
//! - [`wire`]: headers, extensions and FEC object transmission information.

pub mod wire;
