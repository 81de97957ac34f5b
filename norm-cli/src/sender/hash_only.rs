//! `norm-send --hash-only`: hashes beside files, for web servers.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use norm_http::publish::{self, HashError, Hashed};
use norm_net::{LeftOut, Selection, SendError, StateFolders, Writes, means_contents};

use super::choice::selection;
use super::{Labels, failure, left_out, options, state, words};
use crate::args::SendArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::SenderEvent;
use crate::output::Output;
use crate::report::Destination;
use crate::sandbox::{self, Allowed, folder_of};
use crate::text;

/// Hashes each path, and writes that beside it.
pub(super) fn run(args: &SendArgs, destination: &Destination) -> Result<Code, Failure> {
    let places = args.paths.iter().map(|path| place(path)).collect::<Result<Vec<_>, _>>()?;
    let state = state(args)?;
    confine(args, &state, &places, destination);
    let interrupt = Interrupt::install()?;
    interrupt.stops(|| {});
    let mut output = Output::new(args.common.json);
    for (path, place) in args.paths.iter().zip(&places) {
        let chosen = selection(args)?.with(|selection| selection.paths = vec![path.clone()]);
        let labels = Labels::new(std::slice::from_ref(path), args.slow.policy);
        let hashed = hash(&chosen, &state, &interrupt, &labels, &mut output)?;
        publish::write_sidecar(&hashed.set, place).map_err(|error| not_written(place, &error))?;
        output.clear();
        let left_out: Vec<LeftOut> = hashed.left_out.into_iter().map(LeftOut::from).collect();
        for line in left_out::lines(&left_out) {
            output.say(&line);
        }
        let (content, bytes) = (hashed.set.content(), hashed.set.chunks().payload_size());
        let path = text::path(place).into_owned();
        output.results([format!("{path}: content hash {content}, {}", text::bytes(bytes))]);
        output.event(&SenderEvent::HashesWritten { path, content, bytes });
    }
    Ok(Code::Success)
}

/// Where the hashes of a path are written.
fn place(path: &Path) -> Result<PathBuf, Failure> {
    let beside = publish::sidecar_path(path).filter(|_| !means_contents(path));
    beside.ok_or_else(|| {
        Failure::usage(format!(
            "--hash-only {} needs a name, which the .norm file gets too: name the folder without \
             the slash at the end",
            text::path(path)
        ))
    })
}

fn confine(args: &SendArgs, state: &StateFolders, places: &[PathBuf], destination: &Destination) {
    let writes = Writes::of_sender(&options(args, state.clone()));
    let mut allowed = Allowed { writes, ..Allowed::default() };
    allowed.writes.folders.extend(places.iter().map(|place| folder_of(place)));
    destination.allow(&mut allowed);
    sandbox::confine(&allowed);
}

fn hash(
    chosen: &Selection,
    state: &StateFolders,
    interrupt: &Interrupt,
    labels: &Labels,
    output: &mut Output,
) -> Result<Hashed, Failure> {
    let began = Instant::now();
    let hashed = publish::hash(chosen, state, &mut |done, total| {
        output.progress(&words::hashing(began.elapsed(), done, total, labels));
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match hashed {
        Ok(Some(hashed)) => Ok(hashed),
        Ok(None) => {
            Err(interrupt.name(Failure::new(Code::Interrupted, "stopped: nothing written")))
        }
        Err(HashError::Scan(error)) => Err(failure(&SendError::Scan(error))),
        Err(HashError::Source(error)) => Err(Failure::local(format!(
            "cannot hash: {error}; run this again when the files are not being written"
        ))),
        Err(_) => Err(Failure::local("cannot hash")),
    }
}

fn not_written(place: &Path, error: &std::io::Error) -> Failure {
    let shown = text::path(place);
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::local(format!("{shown} exists and is no file of --hash-only: rename it"))
        }
        _ => Failure::local(format!("cannot write {shown}: {error}; make its folder writable")),
    }
}
