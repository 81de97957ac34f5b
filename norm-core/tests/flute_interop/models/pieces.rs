//! What has come of an object, or of a table, and where its symbols stand.

use std::collections::BTreeMap;

use super::Verdict;

/// An object that is put together.
pub struct Pieces {
    /// What a table calls it.
    pub location: String,
    symbol: usize,
    bytes: Vec<u8>,
    here: Vec<bool>,
}

impl Pieces {
    /// Nothing of an object of this length, in symbols of this length, which is not 0.
    pub fn new(location: String, len: usize, symbol: usize) -> Self {
        let here = vec![false; len.div_ceil(symbol)];
        Self { location, symbol, bytes: vec![0; len], here }
    }

    /// Its length.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of a symbol.
    pub fn symbol(&self) -> usize {
        self.symbol
    }

    /// Puts what is at this symbol; false when there is no such symbol.
    pub fn put(&mut self, number: usize, payload: &[u8]) -> bool {
        let Some(here) = self.here.get_mut(number) else { return false };
        let at = number * self.symbol;
        let len = payload.len().min(self.bytes.len() - at);
        self.bytes[at..at + len].copy_from_slice(&payload[..len]);
        *here = true;
        true
    }

    /// True when all of it is here.
    pub fn is_complete(&self) -> bool {
        self.here.iter().all(|&here| here)
    }

    /// It as a text.
    pub fn text(&self) -> Result<String, Verdict> {
        String::from_utf8(self.bytes.clone()).map_err(|_| Verdict::Refused("no text"))
    }
}

/// Locations and bytes of those that are complete.
pub fn complete<'a>(objects: impl Iterator<Item = &'a Pieces>) -> Vec<(String, Vec<u8>)> {
    let complete = objects.filter(|object| object.is_complete());
    complete.map(|object| (object.location.clone(), object.bytes.clone())).collect()
}

/// The table that is coming under this instance, which begins when another one came before.
pub fn table_of<T>(
    table: &mut Option<(u64, T)>,
    instance: u64,
    begin: impl FnOnce() -> T,
) -> &mut T {
    if table.as_ref().is_some_and(|(known, _)| *known != instance) {
        *table = None;
    }
    &mut table.get_or_insert_with(|| (instance, begin())).1
}

/// Objects by their numbers.
pub type Objects<T> = BTreeMap<u64, T>;
