//! The finite fields of Reed-Solomon codes (RFC 5510 §8.1): GF(2^8) and GF(2^16), and sums of
//! products over whole symbols, fast.
//!
//! [`Field`] has the arithmetic of single elements by tables of logarithms, and
//! [`Field::mul_add_rows`], which is where encoding and decoding spend their time. Kernels for what
//! the processor can do are chosen at run time; all of them give the same bytes.
//!
//! Coding needs `unsafe` nowhere else: a kernel is entered through one call, where its processor
//! features were checked, and loads and stores whole vectors through references to arrays.

#[macro_use]
mod rows_kernel;

mod field;
mod gf256;
mod gf65536;
mod kernel;
mod rows;
mod tables;

pub use field::{Field, Gf256, Gf65536};
pub use kernel::Kernel;
pub use tables::Tables;
