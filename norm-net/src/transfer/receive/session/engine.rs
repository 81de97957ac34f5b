//! The engines that sessions work with.

use norm_core::transfer::Inbound;

use crate::transfer::receive::store::BlockStore;

/// An engine that sessions can work with: the bytes of its symbols are kept in memory.
pub(crate) trait Engine: Inbound<Store = BlockStore> {}

impl<E: Inbound<Store = BlockStore>> Engine for E {}
