//! Repair requests: the payload of NORM_NACK and NORM_CMD(REPAIR_ADV) (RFC 5740 §4.3.1).
//!
//! ```text
//! | form 8         | flags 8       |   length 16                  |  length counts the items
//! | fec_id 8       | reserved 8    |   object_transport_id 16     |  one item, and more
//! | fec_payload_id 32 or 64                                       |
//! ```
//! Requests follow one another to the end of the payload.

mod writer;

pub use writer::RepairWriter;

use super::reader::Reader;
use super::{FecId, ObjectId, ParseError, RawPayloadId, RepairFlags};

/// Bytes of form, flags and length.
const REQUEST_HEADER_LEN: usize = 4;
/// Bytes of an item before its payload id.
const ITEM_HEADER_LEN: usize = 4;

/// How the items of a request are to be read.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RepairForm {
    /// Each item by itself.
    Items = 1,
    /// Pairs of items: the first and the last of a range, both included.
    Ranges = 2,
    /// Each item by itself; its symbol id is the number of symbols needed in the block.
    Erasures = 3,
}

impl RepairForm {
    const fn from_wire(form: u8) -> Option<Self> {
        match form {
            1 => Some(Self::Items),
            2 => Some(Self::Ranges),
            3 => Some(Self::Erasures),
            _ => None,
        }
    }
}

/// Concatenated repair requests, every one checked to the last item.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairRequests<'a>(&'a [u8]);

impl<'a> RepairRequests<'a> {
    /// No requests.
    pub const EMPTY: Self = Self(&[]);

    /// Checks a payload.
    ///
    /// # Errors
    ///
    /// [`ParseError::RepairRequest`] when a form is unknown, a length does not fit its items, or a
    /// range has no end; [`ParseError::FecId`] when an item's length cannot be known.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes, ParseError::RepairRequest);
        while !reader.is_empty() {
            let (form, _, mut items) = read_request(&mut reader)?;
            let mut count = 0usize;
            while !items.is_empty() {
                read_item(&mut items)?;
                count += 1;
            }
            if form == RepairForm::Ranges && count % 2 == 1 {
                return Err(ParseError::RepairRequest);
            }
        }
        Ok(Self(bytes))
    }

    /// All of them, as on the wire.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// True when there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = RepairRequest<'a>> + Clone + 'a {
        let mut reader = Reader::new(self.0, ParseError::RepairRequest);
        core::iter::from_fn(move || {
            let (form, flags, items) = read_request(&mut reader).ok()?;
            Some(RepairRequest { form, flags, items: RepairItems(items.rest()) })
        })
    }
}

/// One repair request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RepairRequest<'a> {
    /// How to read the items.
    pub form: RepairForm,
    /// What is asked for.
    pub flags: RepairFlags,
    /// The items; may be none.
    pub items: RepairItems<'a>,
}

impl<'a> RepairRequest<'a> {
    /// First and last of each range; nothing when the form is not [`RepairForm::Ranges`].
    pub fn ranges(self) -> impl Iterator<Item = (RepairItem, RepairItem)> + Clone + 'a {
        let items = if self.form == RepairForm::Ranges { self.items } else { RepairItems(&[]) };
        let mut ends = items.iter();
        core::iter::from_fn(move || Some((ends.next()?, ends.next()?)))
    }
}

/// The items of one request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RepairItems<'a>(&'a [u8]);

impl<'a> RepairItems<'a> {
    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = RepairItem> + Clone + 'a {
        let mut reader = Reader::new(self.0, ParseError::RepairRequest);
        core::iter::from_fn(move || read_item(&mut reader).ok())
    }

    /// True when there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// A place in an object: a symbol, a block or the whole, as the request's flags say.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RepairItem {
    /// The scheme, which gives the payload id's layout.
    pub fec_id: FecId,
    /// The object.
    pub object: ObjectId,
    /// Block and symbol, in the layout of `fec_id`.
    pub payload_id: RawPayloadId,
}

fn read_request<'a>(
    reader: &mut Reader<'a>,
) -> Result<(RepairForm, RepairFlags, Reader<'a>), ParseError> {
    let [form, flags] = reader.array()?;
    let form = RepairForm::from_wire(form).ok_or(ParseError::RepairRequest)?;
    let len = usize::from(reader.u16()?);
    let items = Reader::new(reader.bytes(len)?, ParseError::RepairRequest);
    Ok((form, RepairFlags(flags), items))
}

fn read_item(reader: &mut Reader<'_>) -> Result<RepairItem, ParseError> {
    let [fec_id, _reserved] = reader.array()?;
    let (fec_id, object) = (FecId(fec_id), ObjectId(reader.u16()?));
    Ok(RepairItem { fec_id, object, payload_id: reader.payload_id(fec_id)? })
}

#[cfg(test)]
mod tests;
