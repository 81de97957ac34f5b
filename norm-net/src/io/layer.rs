//! Layers: endpoints that stand between an engine and its sockets.
//!
//! A layer sees every datagram before its engine does, and after: it may drop, change, seal or open
//! them. Driver and application do not notice: the driver runs the outermost layer, the application
//! speaks to the engine in the middle.

use norm_core::endpoint::Endpoint;
use norm_seal::Gate;

use super::seal::OsRuns;

/// An endpoint around an engine; an engine without a layer is its own.
///
/// Events pass through layers unchanged, and so do jobs: results may be handed to the engine
/// directly.
pub trait Layer: Endpoint {
    /// The engine in the middle.
    type Engine: Endpoint<Event = Self::Event>;

    /// The engine.
    fn engine(&self) -> &Self::Engine;

    /// The engine, to be changed.
    fn engine_mut(&mut self) -> &mut Self::Engine;

    /// The gate, if one of the layers is one.
    fn gate(&mut self) -> Option<&mut Gate<OsRuns>> {
        None
    }
}

/// An engine, which is its own layer.
pub trait Bare: Endpoint {}

impl<E: Bare> Layer for E {
    type Engine = E;

    fn engine(&self) -> &E {
        self
    }

    fn engine_mut(&mut self) -> &mut E {
        self
    }
}
