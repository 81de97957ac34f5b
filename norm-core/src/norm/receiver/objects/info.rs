//! What is known of an object's NORM_INFO.

use bytes::Bytes;

/// NORM_INFO of an object, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InfoState {
    /// No packet of the object was heard.
    Unknown,
    /// There is none.
    Absent,
    /// There is one, and it is missing.
    Missing,
    /// It is here.
    Present(Bytes),
}

impl InfoState {
    /// Notes what a packet says: its INFO, or whether the object has any.
    pub(super) fn learn(&mut self, info: Option<&[u8]>, exists: bool) {
        match (info, &*self) {
            (Some(bytes), Self::Unknown | Self::Missing | Self::Absent) => {
                *self = Self::Present(Bytes::copy_from_slice(bytes));
            }
            (None, Self::Unknown) => {
                *self = if exists { Self::Missing } else { Self::Absent };
            }
            (Some(_), Self::Present(_)) | (None, _) => {}
        }
    }

    /// True when INFO is wanted: it exists, or nothing is known of the object.
    pub(super) fn is_needed(&self) -> bool {
        matches!(self, Self::Unknown | Self::Missing)
    }

    /// INFO, if it is here.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        if let Self::Present(bytes) = self { Some(bytes.clone()) } else { None }
    }
}
