//! Profiles: what the receivers of a session understand, and what they need.

use core::fmt;

use crate::fec::FecId;
use crate::flute::fdt::{MAX_DOCUMENT, Namespace};
use crate::flute::wire::{FLUTE_VERSION_1, FLUTE_VERSION_2};

/// Which receivers a session is for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Receivers of this library: file sets, and tables of RaptorQ symbols.
    #[default]
    Own,
    /// RFC 6726 to the letter, with its namespace.
    Rfc6726,
    /// The crate `flute` 1.11.7, also from Python.
    FluteCrate,
    /// 3GPP MBMS (TS 26.346): FLUTE version 1.
    Mbms,
    /// DVB-MABR (TS 103 769): FLUTE version 1, one block an object.
    Mabr,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "own",
            Self::Rfc6726 => "rfc6726",
            Self::FluteCrate => "flute-crate",
            Self::Mbms => "mbms",
            Self::Mabr => "mabr",
        })
    }
}

/// How a session says that it ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Headers with the A flag, and no TOI.
    Bare,
    /// The A flag in packets of the table: for receivers that read one width of ids only.
    WithTable,
}

/// The hashes of a file that its receivers know, or may know without harm.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Hashes {
    /// `Content-MD5`.
    pub md5: bool,
    /// `Content-Digest`, with SHA-256.
    pub sha256: bool,
    /// `Content-BLAKE3`, our own.
    pub blake3: bool,
}

/// What a profile forces, forbids, and sets where the application does not.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// V of EXT_FDT.
    pub version: u8,
    pub namespace: Namespace,
    /// EXT_FTI in packets of objects; those of the table always have it.
    pub fti_in_band: bool,
    /// EXT_TIME in packets of the table.
    pub time: bool,
    /// A table of several packets is coded; else it has no code.
    pub coded_table: bool,
    /// The last table says that it is the last.
    pub complete: bool,
    pub transfer_length: bool,
    /// The hashes that the table may tell, if the application does.
    pub hashes: Hashes,
    /// Objects may be files in gzip, which the table tells (`Content-Encoding`).
    pub encoded: bool,
    /// The table may be in gzip (EXT_CENC).
    pub gzip_table: bool,
    /// The media type that each file is given.
    pub content_type: Option<&'static str>,
    pub schema_version: Option<&'static str>,
    /// Receivers want a packet of an object without content.
    pub empty_packets: bool,
    /// Objects may be parts of file sets.
    pub set_parts: bool,
    pub close: Close,
    /// An object is one block.
    pub one_block: bool,
    /// The schemes that receivers know.
    pub schemes: &'static [FecId],
    pub max_tsi: u64,
    /// TOIs that fit the widths which receivers read.
    pub max_toi: u64,
    /// Blocks of a coded object at most, whatever the scheme can number.
    pub max_coded_blocks: u64,
    /// Bytes of open blocks that receivers keep, where it is little.
    pub interleave: Option<u64>,
    /// Bytes after which a table is continued in another instance; receivers have to add them up.
    pub split: Option<usize>,
    /// Bytes of the table at most.
    pub max_table: usize,
}

const ALL: &[FecId] = &[
    FecId::NO_CODE,
    FecId::RAPTOR,
    FecId::REED_SOLOMON,
    FecId::REED_SOLOMON_8,
    FecId::RAPTORQ,
    FecId::SMALL_BLOCK,
];
/// What 3GPP and DVB know.
const SIMPLE: &[FecId] = &[FecId::NO_CODE, FecId::RAPTOR];
const ONLY_MD5: Hashes = Hashes { md5: true, sha256: false, blake3: false };
const HALF_WORD: u64 = 0xfffe;
const WORD: u64 = 0xffff_ffff;

const OWN: Rules = Rules {
    version: FLUTE_VERSION_2,
    namespace: Namespace::Ietf2005,
    fti_in_band: true,
    time: true,
    coded_table: true,
    complete: true,
    transfer_length: true,
    hashes: Hashes { md5: false, sha256: true, blake3: true },
    encoded: true,
    gzip_table: true,
    content_type: None,
    schema_version: None,
    empty_packets: false,
    set_parts: true,
    close: Close::Bare,
    one_block: false,
    schemes: ALL,
    max_tsi: WORD,
    max_toi: WORD,
    max_coded_blocks: u64::MAX,
    interleave: None,
    split: Some(48 << 10),
    max_table: usize::MAX,
};

const RFC_6726: Rules = Rules {
    namespace: Namespace::Rfc6726,
    coded_table: false,
    hashes: Hashes { md5: true, sha256: true, blake3: false },
    empty_packets: true,
    set_parts: false,
    split: None,
    max_table: MAX_DOCUMENT,
    ..OWN
};

const FLUTE_CRATE: Rules = Rules {
    namespace: Namespace::Ietf2005,
    complete: false,
    hashes: ONLY_MD5,
    max_coded_blocks: 255,
    interleave: Some(10 << 20),
    ..RFC_6726
};

const MBMS: Rules = Rules {
    version: FLUTE_VERSION_1,
    namespace: Namespace::Mbms,
    fti_in_band: false,
    time: false,
    complete: false,
    transfer_length: false,
    hashes: ONLY_MD5,
    encoded: false,
    gzip_table: false,
    content_type: Some("application/octet-stream"),
    schema_version: Some("2"),
    empty_packets: false,
    close: Close::WithTable,
    schemes: SIMPLE,
    max_tsi: 0xffff,
    max_toi: HALF_WORD,
    ..RFC_6726
};

const MABR: Rules = Rules {
    namespace: Namespace::Ietf2005,
    time: true,
    transfer_length: true,
    hashes: Hashes { md5: false, sha256: true, blake3: false },
    schema_version: None,
    one_block: true,
    max_tsi: WORD,
    max_toi: WORD,
    ..MBMS
};

impl Profile {
    /// True when its tables tell the MD5 of a file, where the application does.
    pub const fn tells_md5(self) -> bool {
        self.rules().hashes.md5
    }

    /// True when its tables tell the SHA-256 of a file, where the application does.
    pub const fn tells_sha256(self) -> bool {
        self.rules().hashes.sha256
    }

    pub(super) const fn rules(self) -> &'static Rules {
        match self {
            Self::Own => &OWN,
            Self::Rfc6726 => &RFC_6726,
            Self::FluteCrate => &FLUTE_CRATE,
            Self::Mbms => &MBMS,
            Self::Mabr => &MABR,
        }
    }
}
