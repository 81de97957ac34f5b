//! Flow control.

pub(crate) mod answers;
pub(crate) mod credit;
pub(crate) mod lag;
pub(crate) mod window;
