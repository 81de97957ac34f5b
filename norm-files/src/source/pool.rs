//! Buffers that are used again: fresh memory costs as much as reading a file that is cached.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Free buffers kept at most; in use there are as many as the engine's cache has room for.
const MAX_FREE: usize = 16;

/// Free buffers.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// A buffer of `len` bytes, of any content.
    pub fn take(&self, len: usize) -> Lent {
        let mut bytes = self.free().pop().unwrap_or_default();
        if bytes.capacity() < len {
            // Fresh zeros cost nothing before they are touched; growing would copy what is there.
            bytes = vec![0; len];
        } else {
            bytes.resize(len, 0);
        }
        Lent { bytes, pool: self.clone() }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that goes back when its content is no longer in use.
#[derive(Debug)]
pub struct Lent {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Lent {
    pub fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Its content, to be shared.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.pool.free();
        if free.len() < MAX_FREE {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_the_last_part_of_its_content_is_gone() {
        let pool = Pool::default();
        let mut lent = pool.take(1000);
        lent.as_mut().fill(7);
        let whole = lent.freeze();
        let part = whole.slice(10..20);
        let place = whole.as_ptr();
        drop(whole);
        assert_ne!(pool.take(1000).as_ref().as_ptr(), place, "a part is in use");
        assert_eq!(&part[..], [7; 10]);
        drop(part);
        let again: Vec<Lent> = (0..3).map(|_| pool.take(900)).collect();
        assert!(again.iter().any(|lent| lent.as_ref().as_ptr() == place));
        assert!(again.iter().all(|lent| lent.as_ref().len() == 900));
    }

    #[test]
    fn no_more_than_a_few_are_kept() {
        let pool = Pool::default();
        let lent: Vec<Lent> = (0..50).map(|_| pool.take(10)).collect();
        drop(lent);
        assert_eq!(pool.free().len(), MAX_FREE);
    }
}
