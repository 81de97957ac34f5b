//! `norm-objects recv`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use norm_net::ReceiveError;
use norm_net::objects::{
    Feedback, ObjectEvent, ObjectReceiveOptions, ObjectReceiver, StreamItem, StreamReader,
};

use super::options::RecvArgs;
use super::{heed, protect, tell};
use crate::exit::{Code, Failure};
use crate::keys::{Given, Side};
use crate::sandbox::{self, Allowed};
use crate::text;

/// Time between two checks of streams and of the time limit.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) fn run(args: &RecvArgs) -> Result<Code, Failure> {
    let given = Given::read(&args.session.keys, Side::Receiver)?;
    args.dir.as_deref().map_or(Ok(()), prepare)?;
    let mut allowed = Allowed::default();
    allowed.writes.folders.extend(args.dir.clone());
    sandbox::confine(&allowed);
    let session = &args.session.network;
    let seal = protect(&given, &args.session)?;
    let options = ObjectReceiveOptions::new(session.group).with(|o| {
        o.interface = session.interface();
        o.ttl = session.ttl;
        o.node = session.node_id;
        o.feedback = if args.unicast { Feedback::Unicast } else { Feedback::Multicast };
        o.stream_buffer = 64 << 20;
        o.seal = seal;
    });
    let receiver = ObjectReceiver::open(&options).map_err(|error| network(&error))?;
    tell(args.session.json, "ready");
    let received = receive(args, &receiver);
    if received.is_ok() {
        tell(args.session.json, "done");
        if args.hold {
            // Whatever it says, it ends.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
        }
    }
    receiver.close().map_err(|error| network(&error))?;
    tell(args.session.json, "end");
    received.map(|()| Code::Success)
}

fn receive(args: &RecvArgs, receiver: &ObjectReceiver) -> Result<(), Failure> {
    let end = args.secs.map(|secs| Instant::now() + Duration::from_secs(secs));
    let (ended, streams): (Sender<io::Result<bool>>, Receiver<_>) = channel();
    let (mut opened, mut complete, mut unheard) = (0, 0, None);
    while complete < args.count {
        match receiver.events().recv_timeout(POLL_INTERVAL) {
            Ok(ObjectEvent::Data { bytes, .. }) => {
                write_data(args.dir.as_deref(), opened, &bytes).map_err(|error| local(&error))?;
                opened += 1;
                complete += 1;
            }
            Ok(ObjectEvent::Stream { reader, .. }) => {
                let (dir, ended) = (args.dir.clone(), ended.clone());
                // The receiving end goes away only at the end of the program.
                thread::spawn(move || {
                    let _ = ended.send(write_stream(dir.as_deref(), opened, reader));
                });
                opened += 1;
            }
            Ok(ObjectEvent::Hint(hint)) => {
                let failure = heed(&hint, args.session.json);
                unheard = unheard.or(failure);
            }
            _ => {}
        }
        while let Ok(result) = streams.try_recv() {
            if !result.map_err(|error| local(&error))? {
                let why = "part of a stream is lost and cannot be repaired: have it sent again";
                return Err(Failure::new(Code::Partial, why));
            }
            complete += 1;
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            let unheard = unheard.filter(|_| opened == 0);
            return Err(unheard.unwrap_or_else(|| too_late(args, opened, complete)));
        }
    }
    Ok(())
}

/// What is missing at the end of the time.
fn too_late(args: &RecvArgs, opened: usize, complete: usize) -> Failure {
    if opened == 0 {
        let message = format!(
            "no sender heard on {} in time: check that it is running with this group, and \
             --interface on both sides",
            args.session.network.group
        );
        return Failure::new(Code::NotHeard, message);
    }
    let message = format!("only {complete} of {} objects complete in time", args.count);
    Failure::new(Code::Partial, message)
}

/// Makes the directory, and refuses one that has objects of an earlier run.
fn prepare(dir: &Path) -> Result<(), Failure> {
    let refused = |error: io::Error| {
        let dir = text::path(dir);
        Failure::local(format!("cannot use --dir {dir}: {error}: name another directory"))
    };
    fs::create_dir_all(dir).map_err(refused)?;
    for entry in fs::read_dir(dir).map_err(refused)? {
        let name = entry.map_err(refused)?.file_name();
        let taken = [&b"data-"[..], b"stream-"];
        if taken.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix)) {
            let (dir, name) = (text::path(dir), text::path(Path::new(&name)));
            return Err(Failure::local(format!(
                "--dir {dir} has {name} of an earlier run: remove it, or name another directory"
            )));
        }
    }
    Ok(())
}

fn write_data(dir: Option<&Path>, number: usize, bytes: &[u8]) -> io::Result<()> {
    let Some(dir) = dir else {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        return out.flush();
    };
    let part = dir.join(format!(".data-{number}.part"));
    fs::write(&part, bytes)?;
    fs::rename(part, dir.join(format!("data-{number}")))
}

/// Writes a stream to its end; false when part of it was lost. A directory then keeps nothing of
/// it.
fn write_stream(dir: Option<&Path>, number: usize, mut reader: StreamReader) -> io::Result<bool> {
    let Some(dir) = dir else {
        let mut out = io::stdout().lock();
        let mut buf = [0; 16 << 10];
        loop {
            let len = match reader.read(&mut buf) {
                Ok(0) => return Ok(true),
                Ok(len) => len,
                Err(_) => return Ok(false),
            };
            out.write_all(buf.get(..len).unwrap_or_default())?;
            out.flush()?;
        }
    };
    let part = dir.join(format!(".stream-{number}.part"));
    let lengths = copy(&part, reader)?;
    let Some(lengths) = lengths else {
        fs::remove_file(part)?;
        return Ok(false);
    };
    let name: PathBuf = dir.join(format!("stream-{number}"));
    fs::write(name.with_extension("lengths"), lengths)?;
    fs::rename(part, name)?;
    Ok(true)
}

/// Copies a stream into a file and returns the lengths of its messages, or `None` when part of it
/// was lost.
fn copy(path: &Path, reader: StreamReader) -> io::Result<Option<String>> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut lengths, mut length) = (String::new(), 0);
    let mut end_message = |length: &mut usize| {
        if *length > 0 {
            lengths += &format!("{length}\n");
        }
        *length = 0;
    };
    for item in reader {
        match item {
            StreamItem::Bytes { bytes, begins_message, ends_message } => {
                if begins_message {
                    end_message(&mut length);
                }
                file.write_all(&bytes)?;
                length += bytes.len();
                if ends_message {
                    end_message(&mut length);
                }
            }
            StreamItem::End => {
                end_message(&mut length);
                file.flush()?;
                return Ok(Some(lengths));
            }
            StreamItem::Gap { .. } | StreamItem::Cut => return Ok(None),
        }
    }
    Ok(None)
}

fn local(error: &io::Error) -> Failure {
    Failure::local(format!("cannot write a received object: {error}"))
}

fn network(error: &ReceiveError) -> Failure {
    let code = if matches!(error, ReceiveError::Io(_)) { Code::LocalIo } else { Code::Network };
    Failure::new(code, error.to_string())
}
