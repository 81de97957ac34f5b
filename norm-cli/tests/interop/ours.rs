//! Our side as a peer. The one place to change when it learns to speak with NRL's.

use std::path::Path;

use crate::matrix::Kind;
use crate::peers::Task;
use crate::process::Peer;

/// Which of our programs takes part.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// `norm-send` and `norm-recv`, for files.
    Programs,
    /// A driver of the library, for what the programs do not offer: DATA and STREAM.
    Driver,
}

/// There is no such peer yet; says which.
pub struct NotYet(pub String);

impl Ours {
    /// Which one sends and receives objects of this kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::Programs,
            Kind::Data | Kind::Stream => Self::Driver,
        }
    }

    /// A sender of the task's source, that ends well when all receivers have confirmed.
    ///
    /// In its case's loss it takes no part: the NRL receiver drops in both directions.
    pub fn sender(self, task: &Task<'_>) -> Result<Peer, NotYet> {
        Err(NotYet(format!("{self:?} cannot send '{}' yet", task.case)))
    }

    /// A receiver that writes what the NRL receiver writes, under the same names, into `folder`.
    ///
    /// In its case's loss it takes no part: the NRL sender drops in both directions, or the
    /// namespace in which it runs.
    pub fn receiver(self, task: &Task<'_>, folder: &Path) -> Result<Peer, NotYet> {
        let (case, folder) = (task.case, folder.display());
        Err(NotYet(format!("{self:?} cannot receive '{case}' into {folder} yet")))
    }
}
