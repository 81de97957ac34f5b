//! Extended attributes of an entry.
//!
//! ```text
//! number of attributes, 16 bits; at least 1
//! each: name length (8 bits), value length (32 bits), name, value
//! ```
//!
//! Names are bytes without zeros, ascending, each once.

use crate::fileset::ContentError;
use crate::fileset::cursor::Cursor;

/// Extended attributes of an entry at most.
pub const MAX_XATTRS: u16 = 1024;
/// Bytes in the value of an extended attribute at most.
pub const MAX_XATTR_BYTES: u32 = 64 << 10;

/// An extended attribute.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Xattr<'a> {
    /// Its name, as `user.comment`: 1 to 255 bytes, none of them 0.
    pub name: &'a [u8],
    /// Its value, at most [`MAX_XATTR_BYTES`].
    pub value: &'a [u8],
}

impl<'a> Xattr<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, ContentError> {
        let name = usize::from(cursor.u8()?);
        let value = cursor.u32()?;
        if value > MAX_XATTR_BYTES {
            return Err(ContentError::TooLarge);
        }
        let xattr = Self { name: cursor.bytes(name)?, value: cursor.bytes(value as usize)? };
        if xattr.name.is_empty() || xattr.name.contains(&0) {
            return Err(ContentError::BadField);
        }
        Ok(xattr)
    }
}

/// The extended attributes of an entry, in their encoded form, which was checked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Xattrs<'a> {
    count: u16,
    encoded: &'a [u8],
}

impl<'a> Xattrs<'a> {
    /// None.
    pub const NONE: Self = Self { count: 0, encoded: &[] };

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The attributes, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = Xattr<'a>> + use<'a> {
        let mut cursor = Cursor::new(self.encoded);
        core::iter::from_fn(move || Xattr::read(&mut cursor).ok())
    }

    pub(super) fn encoded_len(&self) -> usize {
        2 + self.encoded.len()
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(self.encoded);
    }

    pub(super) fn read(body: &mut Cursor<'a>) -> Result<Self, ContentError> {
        let count = body.u16()?;
        if count == 0 {
            return Err(ContentError::BadField);
        }
        if count > MAX_XATTRS {
            return Err(ContentError::TooLarge);
        }
        let mut ahead = *body;
        let mut before: &[u8] = &[];
        for _ in 0..count {
            let name = Xattr::read(&mut ahead)?.name;
            if name <= before {
                return Err(ContentError::BadField);
            }
            before = name;
        }
        let encoded = body.bytes(body.remaining() - ahead.remaining())?;
        Ok(Self { count, encoded })
    }
}

/// Builds the extended attributes of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XattrList {
    count: u16,
    encoded: Vec<u8>,
    last: Vec<u8>,
}

impl XattrList {
    /// Adds an attribute, whose name comes after that of the one before.
    ///
    /// # Errors
    /// [`ContentError`], with nothing changed, when name, value or order are not allowed, or there
    /// are more than [`MAX_XATTRS`].
    pub fn push(&mut self, xattr: Xattr<'_>) -> Result<(), ContentError> {
        let Xattr { name, value } = xattr;
        let len = u8::try_from(name.len()).map_err(|_| ContentError::BadField)?;
        if name <= &self.last[..] || name.contains(&0) {
            return Err(ContentError::BadField);
        }
        if value.len() > MAX_XATTR_BYTES as usize || self.count >= MAX_XATTRS {
            return Err(ContentError::TooLarge);
        }
        self.encoded.push(len);
        self.encoded.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.encoded.extend_from_slice(name);
        self.encoded.extend_from_slice(value);
        self.last = name.to_vec();
        self.count += 1;
        Ok(())
    }

    /// The attributes, for an entry.
    pub fn as_xattrs(&self) -> Xattrs<'_> {
        Xattrs { count: self.count, encoded: &self.encoded }
    }
}
