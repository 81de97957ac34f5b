//! Builds the repair requests of one message within a byte limit.

use super::{ITEM_HEADER_LEN, REQUEST_HEADER_LEN, RepairForm, RepairItem, RepairRequests};
use crate::norm::wire::RepairFlags;

/// Collects repair requests up to a number of bytes. Reusable: `clear` keeps the memory.
///
/// Push in ascending order of object, block and symbol, as RFC 5740 §4.3.1 wants it. Neighbours of
/// the same form and flags share one request header.
#[derive(Clone, Debug)]
pub struct RepairWriter {
    bytes: Vec<u8>,
    limit: usize,
    last: Option<Open>,
}

/// The request at the end, to which more items may be added.
#[derive(Copy, Clone, Debug)]
struct Open {
    form: RepairForm,
    flags: RepairFlags,
    /// Where its items begin.
    items_at: usize,
}

impl RepairWriter {
    /// Room for `limit` bytes, 65 535 at most: the sender's segment size, as a rule.
    pub fn new(limit: usize) -> Self {
        // With this cap the 16-bit length of a request cannot overflow.
        let limit = limit.min(usize::from(u16::MAX));
        Self { bytes: Vec::new(), limit, last: None }
    }

    /// Asks for one item; false, and nothing written, when it does not fit or its payload id is
    /// not one of its scheme.
    ///
    /// With [`RepairForm::Ranges`] it is a range of one.
    pub fn push_item(&mut self, form: RepairForm, flags: RepairFlags, item: RepairItem) -> bool {
        match form {
            RepairForm::Items | RepairForm::Erasures => self.push(form, flags, &[item]),
            RepairForm::Ranges => self.push_range(flags, item, item),
        }
    }

    /// Asks for everything from `first` to `last`, both included; false, and nothing written, when
    /// it does not fit or a payload id is not one of its scheme.
    pub fn push_range(&mut self, flags: RepairFlags, first: RepairItem, last: RepairItem) -> bool {
        self.push(RepairForm::Ranges, flags, &[first, last])
    }

    /// What was written so far.
    pub fn as_requests(&self) -> RepairRequests<'_> {
        RepairRequests(&self.bytes)
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets everything but the limit.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.last = None;
    }

    /// Bytes left up to the limit.
    pub fn remaining(&self) -> usize {
        self.limit - self.bytes.len()
    }

    fn push(&mut self, form: RepairForm, flags: RepairFlags, items: &[RepairItem]) -> bool {
        let open = self.last.filter(|open| open.form == form && open.flags == flags);
        let header_len = if open.is_some() { 0 } else { REQUEST_HEADER_LEN };
        let items_len: usize =
            items.iter().map(|item| ITEM_HEADER_LEN + item.payload_id.len()).sum();
        let readable = items.iter().all(|item| item.payload_id.suits(item.fec_id));
        if !readable || header_len + items_len > self.remaining() {
            return false;
        }
        let open = open.unwrap_or_else(|| self.begin(form, flags));
        for item in items {
            self.bytes.extend_from_slice(&[item.fec_id.0, 0]);
            self.bytes.extend_from_slice(&item.object.0.to_be_bytes());
            self.bytes.extend_from_slice(item.payload_id.as_bytes());
        }
        let len = (self.bytes.len() - open.items_at) as u16;
        if let Some(field) = self.bytes.get_mut(open.items_at - 2..open.items_at) {
            field.copy_from_slice(&len.to_be_bytes());
        }
        true
    }

    fn begin(&mut self, form: RepairForm, flags: RepairFlags) -> Open {
        self.bytes.extend_from_slice(&[form as u8, flags.0, 0, 0]);
        let open = Open { form, flags, items_at: self.bytes.len() };
        self.last = Some(open);
        open
    }
}
