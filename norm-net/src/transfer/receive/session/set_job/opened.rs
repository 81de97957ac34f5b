//! Objects that say that they are parts of a set.

use norm_core::endpoint::ObjectRef;
use norm_core::fileset::SetDescriptor;
use norm_files::sink::{SetError, SetState};

use super::super::notifier::SetRef;

/// An object that says that it is a part of a set.
#[derive(Copy, Clone, Debug)]
pub(in super::super) struct OpenedPart {
    pub(in super::super) object: ObjectRef,
    /// Its bytes.
    pub(in super::super) size: u64,
    /// Its place in the set.
    pub(in super::super) index: u32,
    /// The set, and what this part holds.
    pub(in super::super) descriptor: SetDescriptor,
}

impl OpenedPart {
    /// The set and its sender.
    pub(in super::super) fn name(&self) -> SetRef {
        SetRef { sender: self.object.sender, set: self.descriptor.set.set }
    }

    /// The set that it says it is a part of, of which nothing else is known.
    ///
    /// # Errors
    /// When it cannot be a part of a set.
    pub(in super::super) fn new_state(&self) -> Result<SetState, SetError> {
        SetState::new(self.object.key, self.index, &self.descriptor)
    }
}
