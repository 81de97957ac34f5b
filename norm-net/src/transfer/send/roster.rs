//! The roster: which receivers a session is for. A list in a file, or of an application.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use norm_core::transfer::{self, RosterLine};
use norm_seal::{PublicKeys, RecipientKey};

use crate::io::rekey::RecipientList;

/// A receiver that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// What the receiver calls itself, to the letter: 1 to 64 bytes, without spaces or control
    /// characters.
    pub name: String,
    /// The address that it has to send from; `None`: any.
    pub address: Option<IpAddr>,
    /// Its public key. In a session for recipients what it says has to be proved by it; in all
    /// others nothing that receivers send proves which of them has said it.
    pub key: Option<RecipientKey>,
}

impl RosterEntry {
    /// A receiver with this name, at any address.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), address: None, key: None }
    }
}

/// The receivers that a session is for. Clones share the list.
///
/// All of them have to confirm for the session to be complete. What other receivers say does not
/// count: nothing is repaired for them, and they have no say in the rate. Receivers are told apart
/// by what they call themselves, by their address where one is given, and in a session for
/// recipients by their key where one is given. Without that there is no proof: in a session without
/// a key any machine can use another's name, and in a sealed one any member can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    entries: Arc<[RosterEntry]>,
}

impl Roster {
    /// Receivers at most.
    pub const MAX_RECEIVERS: usize = 65_536;
    /// Bytes of a name at most: as many as a report has room for.
    pub const MAX_NAME: usize = 64;
    /// Bytes of a text at most.
    pub const MAX_TEXT: usize = 16 << 20;

    /// A roster of these receivers; positions in errors count them from 1.
    ///
    /// # Errors
    /// The first receiver that cannot be taken, or none, or too many of them.
    pub fn new(entries: impl IntoIterator<Item = RosterEntry>) -> Result<Self, RosterError> {
        let mut list = List::default();
        for (at, entry) in (1..).zip(entries) {
            list.add(at, entry)?;
        }
        list.finish()
    }

    /// Reads the text of a file: a receiver in a line, which is its name, then its IP address if
    /// wanted, then its public key (`age1…`, or `ssh-ed25519 …` with a comment) if wanted. Empty
    /// lines, and what follows a `#` at the start of a word, do not count.
    ///
    /// # Errors
    /// The first line that is something else.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        if text.len() > Self::MAX_TEXT {
            return Err(RosterError { line: 0, problem: RosterProblem::TooLong });
        }
        let mut list = List::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in (1..).zip(text.lines()) {
            let entry = entry(line).map_err(|problem| RosterError { line: number, problem })?;
            if let Some(entry) = entry {
                list.add(number, entry)?;
            }
        }
        list.finish()
    }

    /// The receivers, in the order that they were given in.
    pub fn entries(&self) -> &[RosterEntry] {
        &self.entries
    }

    /// How many receivers are expected: 1 to 65,536.
    #[expect(clippy::len_without_is_empty, reason = "there is no roster without receivers")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What an engine has to know of it. `proves`: receivers prove what they say.
    pub(crate) fn expected(&self, proves: bool) -> transfer::Roster {
        let line = |entry: &RosterEntry| {
            let key = entry.key.filter(|_| proves).map(RecipientKey::receiver_key);
            (entry.name.clone(), RosterLine { address: entry.address, key })
        };
        self.entries.iter().map(line).collect()
    }

    /// The first receiver whose key is not among these.
    pub(crate) fn left_out(&self, recipients: &RecipientList) -> Option<&str> {
        let listed: BTreeSet<RecipientKey> = recipients.keys().iter().copied().collect();
        let is_out = |entry: &&RosterEntry| entry.key.is_some_and(|key| !listed.contains(&key));
        self.entries.iter().find(is_out).map(|entry| entry.name.as_str())
    }
}

/// Why a roster cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterError {
    /// The line, or the entry, counted from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong with it.
    pub problem: RosterProblem,
}

/// What is wrong with a line of a roster. Words are shortened to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RosterProblem {
    /// There is no receiver in it.
    Empty,
    /// There are more receivers than a roster can have.
    TooMany,
    /// The text is too long.
    TooLong,
    /// The name is empty, or has more than 64 bytes.
    NameLength,
    /// The name has spaces or control characters.
    NameText,
    /// The line begins with a key.
    KeyFirst,
    /// A word is neither an address nor a key.
    Word(String),
    /// No receiver can have the address.
    Address(IpAddr),
    /// A key has characters that are wrong or missing.
    DamagedKey,
    /// A key has a type that cannot be used.
    OtherKey(String),
    /// It is a private key.
    PrivateKey,
    /// The name is in an earlier line.
    SameName(usize),
    /// The key is in an earlier line.
    SameKey(usize),
}

impl fmt::Display for RosterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for RosterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no receiver in it: write a name in each line"),
            Self::TooMany => {
                let most = Roster::MAX_RECEIVERS;
                write!(f, "there are more than {most} receivers: send to parts of them")
            }
            Self::TooLong => {
                let most = Roster::MAX_TEXT >> 20;
                write!(f, "it has more than {most} MiB: remove what is no roster")
            }
            Self::NameLength => {
                let most = Roster::MAX_NAME;
                write!(f, "the name is not 1 to {most} bytes long: write it as the sender shows it")
            }
            Self::NameText => f.write_str(
                "the name has spaces or control characters: give the receiver another one",
            ),
            Self::KeyFirst => {
                f.write_str("it begins with a key: write the receiver's name before it")
            }
            Self::Word(word) => write!(
                f,
                "'{word}' is neither an IP address nor a key: write NAME, then an address without \
                 port and zone, then age1… or ssh-ed25519 …, and # before comments"
            ),
            Self::Address(ip) => {
                write!(f, "{ip} is no address of a receiver: write the one that it sends from")
            }
            Self::DamagedKey => {
                f.write_str("a character of the key is wrong or missing: copy it again")
            }
            Self::OtherKey(kind) => {
                write!(f, "keys of the type {kind} cannot be used: give age1… or ssh-ed25519 …")
            }
            Self::PrivateKey => {
                f.write_str("it has a private key: write the public one, and make a new pair")
            }
            Self::SameName(line) => write!(
                f,
                "the name is in line {line}, too: remove one, or give receivers different names"
            ),
            Self::SameKey(line) => {
                write!(f, "the key is in line {line}, too: each receiver has its own, or none")
            }
        }
    }
}

impl std::error::Error for RosterError {}

/// A roster under way.
#[derive(Default)]
struct List {
    entries: Vec<RosterEntry>,
    /// In which lines they are.
    names: BTreeMap<String, usize>,
    keys: BTreeMap<RecipientKey, usize>,
}

impl List {
    fn add(&mut self, line: usize, entry: RosterEntry) -> Result<(), RosterError> {
        match self.problem(line, &entry) {
            Some(problem) => Err(RosterError { line, problem }),
            None => {
                self.entries.push(entry);
                Ok(())
            }
        }
    }

    fn problem(&mut self, line: usize, entry: &RosterEntry) -> Option<RosterProblem> {
        let name = &entry.name;
        if self.entries.len() >= Roster::MAX_RECEIVERS {
            return Some(RosterProblem::TooMany);
        }
        if !(1..=Roster::MAX_NAME).contains(&name.len()) {
            return Some(RosterProblem::NameLength);
        }
        if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Some(RosterProblem::NameText);
        }
        if let Some(ip) = entry.address.filter(|ip| !is_of_a_receiver(*ip)) {
            return Some(RosterProblem::Address(ip));
        }
        match self.names.entry(name.clone()) {
            Entry::Occupied(first) => return Some(RosterProblem::SameName(*first.get())),
            Entry::Vacant(free) => free.insert(line),
        };
        match self.keys.entry(entry.key?) {
            Entry::Occupied(first) => Some(RosterProblem::SameKey(*first.get())),
            Entry::Vacant(free) => {
                free.insert(line);
                None
            }
        }
    }

    fn finish(self) -> Result<Roster, RosterError> {
        if self.entries.is_empty() {
            return Err(RosterError { line: 0, problem: RosterProblem::Empty });
        }
        Ok(Roster { entries: self.entries.into() })
    }
}

fn is_of_a_receiver(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::from([255; 4])
}

/// The receiver in a line, if there is one.
fn entry(line: &str) -> Result<Option<RosterEntry>, RosterProblem> {
    let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#')).peekable();
    let Some(name) = words.next() else { return Ok(None) };
    if is_private(line) {
        return Err(RosterProblem::PrivateKey);
    }
    if is_key(name) {
        return Err(RosterProblem::KeyFirst);
    }
    let mut entry = RosterEntry::new(name);
    if let Some(ip) = words.peek().and_then(|word| word.parse::<IpAddr>().ok()) {
        entry.address = Some(ip.to_canonical());
        words.next();
    }
    let Some(word) = words.next() else { return Ok(Some(entry)) };
    if !is_key(word) {
        return Err(RosterProblem::Word(shortened(word)));
    }
    let is_age = word.starts_with("age1");
    let text =
        if is_age { word.to_owned() } else { format!("{word} {}", words.next().unwrap_or("")) };
    let keys = PublicKeys::parse(&text).map_err(|_| RosterProblem::DamagedKey)?;
    let key = keys.recipients.first().copied();
    entry.key = Some(key.ok_or_else(|| RosterProblem::OtherKey(shortened(word)))?);
    // The comment of an ssh key has no sign before it.
    match words.next().filter(|_| is_age) {
        Some(word) => Err(RosterProblem::Word(shortened(word))),
        None => Ok(Some(entry)),
    }
}

/// True of a word that is a key of age, or begins one of ssh.
fn is_key(word: &str) -> bool {
    if word.starts_with("age1") {
        // A host may be called so; a key is longer.
        return word.len() > 40;
    }
    let types = ["ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    types.iter().any(|kind| word.starts_with(kind))
}

fn is_private(line: &str) -> bool {
    let upper = line.to_ascii_uppercase();
    upper.contains("AGE-SECRET-KEY-") || upper.trim_start().starts_with("-----BEGIN")
}

fn shortened(word: &str) -> String {
    word.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests;
