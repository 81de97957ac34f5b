//! `norm-recv --fill`: files by HTTP, without a session.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use norm_http::{
    FillError, FillEvent, FillOptions, FillProgress, FillReport, HttpError, SourceReport, SourceUrl,
};
use norm_net::{Problem, Writes};

use super::{failure, options};
use crate::args::RecvArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{FillLine, FillResult, FillSetup, Settings, Summary, source_failed};
use crate::keys::Given;
use crate::output::Output;
use crate::progress::{Part, Standing};
use crate::report::{Destination, Report};
use crate::sandbox::{self, Allowed};
use crate::sender::POLL_INTERVAL;
use crate::{explain, text};

/// Notes on sources at most.
const MAX_NOTES: usize = 20;
/// Contents that are listed at most.
const MAX_LISTED: usize = 8;

/// Fetches what the command line names.
pub(super) fn run(
    args: &RecvArgs,
    given: &Given,
    destination: &Destination,
) -> Result<Code, Failure> {
    if !matches!(given, Given::Nothing { .. }) {
        return Err(Failure::usage(
            "--fill cannot be combined with a key yet, as what comes by HTTP is not sealed: remove \
             the key, and demand the content with --expect",
        ));
    }
    let session = options(args, &args.common.state()?);
    let writes = Writes::of_receiver(&session).map_err(|error| failure(&error))?;
    let mut allowed = Allowed { writes, ..Allowed::default() };
    destination.allow(&mut allowed);
    sandbox::confine(&allowed);
    let interrupt = Interrupt::install()?;
    fetch(args, &fill_options(args)?, &interrupt, destination)
}

fn fill_options(args: &RecvArgs) -> Result<FillOptions, Failure> {
    let files = &args.files;
    let mut options = FillOptions::new(args.fill.fill.clone(), &args.directory);
    options.expect = files.expect;
    options.overwrite = files.overwrite;
    options.backup_dir.clone_from(&files.backup_dir);
    options.preserve = files.preserve.value();
    options.allow_sparse = files.allow_sparse;
    options.resume = !files.no_resume;
    options.state = args.common.state()?;
    options.want_only(&files.only).map_err(|error| {
        Failure::usage(format!("--only {:?} cannot be used: {}", error.pattern, error.problem))
    })?;
    Ok(options)
}

fn fetch(
    args: &RecvArgs,
    options: &FillOptions,
    interrupt: &Interrupt,
    destination: &Destination,
) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let setup = FillSetup {
        sources: options.sources.iter().map(SourceUrl::to_string).collect(),
        directory: text::path(&options.directory).into_owned(),
        expect: options.expect,
    };
    let settings = Settings::new("norm-recv", None, setup);
    output.event(&FillLine::FillSettings(settings.clone()));
    let began = Instant::now();
    let filled = follow(options, interrupt, &mut output)?;
    output.clear();
    let result = match &filled {
        Ok(report) => FillResult::complete(report),
        Err(error) => FillResult::incomplete(given(error), began.elapsed().as_secs_f64()),
    };
    let verdict = match &filled {
        Ok(report) => Ok(words(report)),
        Err(error) => Err(interrupt.name(fill_failure(options, error))),
    };
    let code = verdict.as_ref().map_or_else(|failure| failure.code, |_| Code::Success);
    let summary = Summary::new(result, code);
    output.event(&FillLine::FillSummary(summary.clone()));
    let written = destination.write(&Report::new("norm-recv", settings, &summary));
    output.report_written(&written, verdict.is_err());
    if let Ok(report) = &filled {
        output.results(by_source(report));
    }
    output.results([verdict?]);
    written?;
    Ok(Code::Success)
}

/// Shows what happens until it is over.
fn follow(
    options: &FillOptions,
    interrupt: &Interrupt,
    output: &mut Output,
) -> Result<Result<FillReport, FillError>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    interrupt.stops(move || stopping.store(true, Ordering::Relaxed));
    let (sender, events) = mpsc::channel();
    let options = options.clone();
    let work = move || {
        norm_http::fill(&options, &stop, &mut |event| {
            // It is shown as long as this is running.
            let _ = sender.send(event);
        })
    };
    let thread = thread::Builder::new().name("norm-fill".to_owned()).spawn(work);
    let thread = thread.map_err(|error| Failure::local(format!("cannot start: {error}")))?;
    let mut notes = 0;
    loop {
        let event = events.recv_timeout(POLL_INTERVAL);
        output.watch(interrupt, Some("saving what can be resumed"));
        match event {
            Ok(event) => show(&event, output, &mut notes),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    thread.join().map_err(|_| {
        Failure::local("an internal error: please report what was printed before this")
    })
}

fn show(event: &FillEvent, output: &mut Output, notes: &mut usize) {
    match event {
        FillEvent::Found { url, content, files, bytes, is_proved } => {
            output.event(&FillLine::FillFound {
                source: url.to_string(),
                content: *content,
                files: *files,
                bytes: *bytes,
                proved: *is_proved,
            });
            output.say(&format!(
                "{url} has {}, {}; content hash {content}",
                text::count(*files, "file"),
                text::bytes(*bytes)
            ));
            if !is_proved {
                output.say(WARNING);
            }
        }
        &FillEvent::Resumed { bytes_done, bytes_total } => {
            output.event(&FillLine::FillResumed { bytes_done, bytes_total });
            let [done, total] = [bytes_done, bytes_total].map(text::bytes);
            output.say(&format!("resuming: {done} of {total} already here"));
        }
        FillEvent::SourceFailed { url, error, is_over } => {
            output.event(&source_failed(url, error, *is_over));
            *notes += 1;
            if *notes <= MAX_NOTES {
                let then = if *is_over { "; it is not asked any more" } else { "" };
                output.say(&format!("source {url}: {error}{then}"));
            }
        }
        FillEvent::Progress(progress) => {
            output.event(&line(progress));
            output.progress(&standing(progress));
        }
        FillEvent::Verifying => output.say("all data here; verifying"),
        FillEvent::FileComplete { path, bytes, hash, present } => {
            output.event(&FillLine::FillFileComplete {
                path: text::path(path).into_owned(),
                bytes: *bytes,
                hash: *hash,
                present: *present,
            });
        }
        _ => {}
    }
}

/// What people are told once of hashes that nothing proves.
const WARNING: &str = "warning: the hashes come over plain http, so any machine on the way can \
    have made them and the files; demand the content hash that norm-send prints, with --expect \
    HASH";

fn line(progress: &FillProgress) -> FillLine {
    FillLine::FillProgress {
        elapsed: progress.elapsed.as_secs_f64(),
        bytes_done: progress.bytes_done,
        bytes_total: progress.bytes_total,
        bytes_fetched: progress.bytes_fetched,
    }
}

fn standing(progress: &FillProgress) -> Standing {
    Standing {
        elapsed: progress.elapsed,
        done: progress.bytes_done,
        total: progress.bytes_total,
        details: vec![Part::fixed(format!("{} fetched", text::bytes(progress.bytes_fetched)))],
        ..Standing::default()
    }
}

/// A line for each source that has given something, or failed.
fn by_source(report: &FillReport) -> Vec<String> {
    let line = |source: &SourceReport| {
        let given = text::bytes(source.bytes);
        let more = match &source.problem {
            Some(_) if source.is_banned => "; banned: it sent wrong content".to_owned(),
            Some(problem) => {
                format!("; {} failed: {problem}", text::count(source.errors, "request"))
            }
            None => String::new(),
        };
        format!("{given} from {}{more}", source.url)
    };
    report.sources.iter().map(line).collect()
}

/// The last line of a run that is complete.
fn words(report: &FillReport) -> String {
    let what = format!("{}, {}", text::count(report.files, "file"), text::bytes(report.bytes));
    let hash = report.content.map(|content| format!("; content hash {content}"));
    let hash = hash.unwrap_or_default();
    if report.unchanged {
        return format!("{what}: here already, unchanged{hash}");
    }
    let refused = report.refused.as_ref().map(|refused| {
        format!(
            "; modes, times or owners of {} could not be set ({})",
            text::count(refused.entries, "file"),
            refused.error
        )
    });
    let span = text::span(report.elapsed);
    format!("{what} in {span}, verified{hash}{}", refused.unwrap_or_default())
}

/// What the sources have given of a run that is not complete.
fn given(error: &FillError) -> &[SourceReport] {
    if let FillError::Incomplete { sources, .. } = error { sources } else { &[] }
}

/// What ends a run, and the cure.
fn fill_failure(options: &FillOptions, error: &FillError) -> Failure {
    let code = match error {
        FillError::NoSource(_) => Code::NotHeard,
        FillError::Several { .. } | FillError::BackupInOutput(_) => Code::Usage,
        FillError::Unexpected { .. } | FillError::Lists(_) => Code::Verification,
        FillError::Incomplete { sources, .. } => {
            let all_banned = sources.iter().all(|source| source.is_banned);
            if all_banned { Code::Verification } else { Code::Partial }
        }
        FillError::Stopped => Code::Interrupted,
        _ => Code::LocalIo,
    };
    Failure::new(code, message(options, error))
}

fn message(options: &FillOptions, error: &FillError) -> String {
    match error {
        FillError::NoSource(sources) => {
            let each: Vec<String> =
                sources.iter().map(|(url, error)| no_list(options, url, error)).collect();
            format!("no list of files: {}", each.join("; "))
        }
        FillError::Several { url, contents } => {
            let listed: Vec<String> =
                contents.iter().take(MAX_LISTED).map(ToString::to_string).collect();
            format!(
                "{url} has {} sets: choose one with --expect HASH, of these: {}",
                contents.len(),
                listed.join(", ")
            )
        }
        FillError::Unexpected { found } => format!(
            "the source has other content than --expect demands: {found}; check the URL, or demand \
             that if it is what you want"
        ),
        FillError::Lists(url) => format!(
            "{url}: its list of hashes is not that of its files, so nothing of it can be verified: \
             add another --fill, or have norm-send --hash-only or --serve make it anew"
        ),
        FillError::Place(error) => explain::problem(&Problem::from(error.clone())),
        FillError::Directory(path, error) => {
            format!("cannot write to {}: {error}; use another directory", text::path(path))
        }
        FillError::BackupInOutput(path) => {
            format!("--backup-dir {} is in DIR: use another one", text::path(path))
        }
        FillError::Busy(path, error) if error.kind == io::ErrorKind::WouldBlock => format!(
            "another norm-recv is at work on the same files in {}: wait for it, or use another \
             directory",
            text::path(path)
        ),
        FillError::Busy(path, error) => {
            format!("cannot begin in DIR {}: {error}; use another directory", text::path(path))
        }
        FillError::Damaged(path) => format!(
            "what was written to {} is not what is read there: check the disk, and run this again",
            text::path(path)
        ),
        FillError::Incomplete { missing, kept, .. } => format!(
            "the sources do not have all of it: {} missing; {} kept: run this again with another \
             --fill, or when norm-send sends the files again",
            text::bytes(*missing),
            text::bytes(*kept)
        ),
        FillError::Stopped => "stopped; what is here is kept: run this again to go on".to_owned(),
        error => format!("{error}"),
    }
}

/// Why a source has no list of files, and what helps.
fn no_list(options: &FillOptions, url: &SourceUrl, error: &HttpError) -> String {
    let is_absent = matches!(error, HttpError::Status(404));
    let cure = match error {
        HttpError::Content("it has no set at the moment") => {
            " (norm-send --serve may be hashing still: try again)"
        }
        _ if is_absent && url.path() != "/" => {
            " (put the .norm file beside it that norm-send --hash-only writes)"
        }
        _ if is_absent => " (a web server needs the path of a file or folder)",
        HttpError::Status(403) => {
            " (norm-send --serve answers to its address and its host name alone: use one of them)"
        }
        HttpError::Status(429 | 503) => " (it is busy: try again in a minute)",
        _ => "",
    };
    let expected =
        if options.expect.is_some() && is_absent { ", or has other content" } else { "" };
    format!("{url}: {error}{expected}{cure}")
}
