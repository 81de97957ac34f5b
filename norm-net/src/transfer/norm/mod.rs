//! Transfers by NORM (RFC 5740): the engines, and what only they need to be told.
//!
//! Sessions know engines by traits; here the engines of NORM are named.

use norm_core::endpoint::SymbolStore;
use norm_core::norm::{Receiver, Sender};

use crate::io::layer::Layer;

impl<S: SymbolStore> Layer for Receiver<S> {
    type Engine = Self;

    fn engine(&self) -> &Self {
        self
    }

    fn engine_mut(&mut self) -> &mut Self {
        self
    }
}

impl Layer for Sender {
    type Engine = Self;

    fn engine(&self) -> &Self {
        self
    }

    fn engine_mut(&mut self) -> &mut Self {
        self
    }
}
