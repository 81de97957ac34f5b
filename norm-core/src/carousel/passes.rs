//! How often everything is sent.

/// How often everything is sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Once, with this many percent of coded symbols on top.
    Once {
        /// Percent of the source symbols of each block, rounded up; less where the scheme has less.
        overhead: u32,
    },
    /// A carousel of this many passes.
    Times(u32),
    /// A carousel that goes on until the session is aborted.
    Forever,
}

impl Passes {
    /// Passes of each object; `None`: no end.
    pub(crate) fn limit(self) -> Option<u64> {
        match self {
            Self::Once { .. } => Some(1),
            Self::Times(times) => Some(times.into()),
            Self::Forever => None,
        }
    }
}
