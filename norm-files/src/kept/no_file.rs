//! Files without a name, on systems where there are none.

use std::path::Path;

use bytes::Bytes;

/// False: there are no such files.
pub(super) fn can_be_in(_directory: &Path) -> bool {
    false
}

/// There is none.
#[derive(Debug)]
pub(super) enum UnnamedFile {}

impl UnnamedFile {
    pub(super) fn new(_directory: Option<&Path>) -> Option<Self> {
        None
    }

    pub(super) fn append(&mut self, _bytes: &[u8]) -> bool {
        match *self {}
    }

    pub(super) fn write_at(&self, _bytes: &[u8], _at: u64) -> bool {
        match *self {}
    }

    pub(super) fn read_at(&self, _bytes: &mut [u8], _at: u64) -> bool {
        match *self {}
    }

    pub(super) fn read(&mut self) -> Vec<u8> {
        match *self {}
    }

    pub(super) fn map(&mut self, _start: &[u8]) -> Option<Bytes> {
        match *self {}
    }
}
