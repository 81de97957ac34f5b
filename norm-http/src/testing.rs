//! What several tests need: sets, requests over a plain socket, and web servers with faults.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use norm_files::complete::CompleteSet;
use norm_files::source::{Extents, Reader, Selection, scan};

use crate::client::SourceUrl;
use crate::protocol::range::{Wanted, wanted};
use crate::protocol::sidecar::Sidecar;
use crate::server::{Server, ServerOptions, Sets};

pub(crate) const MIB: usize = 1 << 20;

/// Bytes that differ from place to place.
pub(crate) fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 251 + seed * 7 + n / 65_521) as u8).collect()
}

/// A folder `set` of several files in this directory.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    let set = dir.join("set");
    fs::create_dir_all(set.join("a b")).unwrap();
    fs::write(set.join("large"), content(20 * MIB + 77, 1)).unwrap();
    fs::write(set.join("a b/100%"), content(MIB + 1, 2)).unwrap();
    fs::write(set.join("short"), b"short").unwrap();
    fs::write(set.join("empty"), b"").unwrap();
    set
}

pub(crate) fn complete(path: &Path) -> CompleteSet {
    let found = scan(Selection::new([path.to_owned()])).unwrap();
    let extents = Extents::cut(found.payload_size, MIB as u64).unwrap();
    let mut reader = Reader::new(extents, found);
    reader.hash_first(&mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    reader.complete().unwrap()
}

/// Writes `NAME.norm` beside a file or folder.
pub(crate) fn write_sidecar(path: &Path) -> CompleteSet {
    let set = complete(path);
    let mut bytes = Vec::new();
    Sidecar::write(&set, &mut bytes).unwrap();
    let mut name = path.file_name().unwrap().to_owned();
    name.push(".norm");
    fs::write(path.with_file_name(name), bytes).unwrap();
    set
}

/// A service of these sets.
pub(crate) fn serve(sets: impl IntoIterator<Item = CompleteSet>) -> Server {
    let all = Sets::default();
    sets.into_iter().for_each(|set| all.add(set));
    Server::start(&ServerOptions::new("127.0.0.1:0".parse().unwrap()), all).unwrap()
}

pub(crate) fn url(address: SocketAddr, path: &str) -> SourceUrl {
    SourceUrl::parse(&format!("http://{address}{path}")).unwrap()
}

/// An answer: its head with status line, and its body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned())
    }
}

/// One request, as it stands; lines are separated by `|`.
pub(crate) fn request(address: SocketAddr, lines: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let text = lines.replace('|', "\r\n") + "\r\nConnection: close\r\n\r\n";
    stream.write_all(text.as_bytes()).unwrap();
    let mut all = Vec::new();
    // What is cut short is looked at by the test.
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    Answer { head, body: all.split_off(end) }
}

/// A request to a web server.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
}

/// A web server: each request is answered by `answer` with what is written to the connection, which
/// stays open. It lasts as long as the test.
pub(crate) fn web_server(
    answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let (answer, counted) = (Arc::new(answer), Arc::clone(&count));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answer, count) = (Arc::clone(&answer), Arc::clone(&counted));
            thread::spawn(move || answer_all(&stream, &*answer, &count));
        }
    });
    (address, count)
}

fn answer_all(stream: &TcpStream, answer: &dyn Fn(&Asked) -> Vec<u8>, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let path = lines[0].split(' ').nth(1).unwrap().to_owned();
        let range = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("range").then(|| value.to_owned())
        });
        count.fetch_add(1, Ordering::Relaxed);
        let bytes = answer(&Asked { path, range });
        if bytes.is_empty() || (&mut &*stream).write_all(&bytes).is_err() {
            return;
        }
    }
}

/// What a web server answers that has the files of a directory.
pub(crate) fn static_answer(dir: &Path, asked: &Asked) -> Vec<u8> {
    let path = decoded(asked.path.split('?').next().unwrap());
    let Ok(bytes) = fs::read(dir.join(path.trim_start_matches('/'))) else {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    };
    match wanted(asked.range.as_deref(), bytes.len() as u64) {
        Wanted::All => answer("200 OK", "", &bytes),
        Wanted::Part(part) => {
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, bytes.len());
            let body = &bytes[part.start as usize..part.end as usize];
            answer("206 Partial Content", &format!("Content-Range: {range}\r\n"), body)
        }
        Wanted::Unsatisfiable => answer("416 Range Not Satisfiable", "", b""),
    }
}

/// An answer with these lines of header, each with its end.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        match more.first_chunk::<2>().filter(|_| first == b'%') {
            Some(digits) => {
                let digits = std::str::from_utf8(digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &more[2..];
            }
            None => {
                bytes.push(first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
