//! The file of `RateOptions::trace`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use norm_core::transfer::Outbound;

use super::error::SendError;

/// Writes what the engine records of its rate, a line each.
#[derive(Debug)]
pub(super) struct RateTraceFile {
    /// `None` after a write that failed: the transfer goes on without its trace.
    out: Option<BufWriter<File>>,
    line: String,
}

impl RateTraceFile {
    /// Creates the file, which must not exist, and lets the engine record. `None` when the engine
    /// has no trace.
    pub(super) fn start(
        path: &Path,
        engine: &mut impl Outbound,
    ) -> Result<Option<Self>, SendError> {
        let fail = |error| SendError::RateTrace { path: PathBuf::from(path), error };
        let mut file = BufWriter::new(File::create_new(path).map_err(fail)?);
        let Some(columns) = engine.start_rate_trace() else { return Ok(None) };
        writeln!(file, "{columns}").and_then(|()| file.flush()).map_err(fail)?;
        Ok(Some(Self { out: Some(file), line: String::new() }))
    }

    /// Writes what was recorded since the last call.
    pub(super) fn write(&mut self, engine: &mut impl Outbound) {
        let Self { out, line } = self;
        engine.take_rate_trace(&mut |record| {
            line.clear();
            // A string takes everything.
            let _ = writeln!(line, "{record}");
            out.take_if(|out| out.write_all(line.as_bytes()).is_err());
        });
    }
}
