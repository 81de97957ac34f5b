//! stub
use super::CodeError;
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// .
pub enum Field {
    /// .
    Gf256,
    /// .
    Gf65536,
}
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// .
pub enum Points {
    /// .
    Rizzo,
    /// .
    Rfc5510,
}
#[derive(Clone, Debug)]
/// .
pub struct ReedSolomon;
impl ReedSolomon {
    /// .
    pub fn new(_f: Field, _p: Points, _nd: u32, _np: u32) -> Result<Self, CodeError> {
        Ok(Self)
    }
    /// .
    pub fn encode(
        &self,
        _k: u32,
        _t: u16,
        _s: &[u8],
        _first: u32,
        _count: u32,
        _out: &mut Vec<u8>,
    ) -> Result<(), CodeError> {
        Err(CodeError::Empty)
    }
    /// .
    pub fn decode<'a>(
        &self,
        _k: u32,
        _t: u16,
        _b: &mut [u8],
        _held: impl Fn(u32) -> bool,
        _p: impl Iterator<Item = (u32, &'a [u8])>,
    ) -> Result<(), CodeError> {
        Err(CodeError::Empty)
    }
}
