//! The LCT header, read by offsets.

/// A header as it stands.
pub struct Lct {
    pub version: u8,
    /// Words of congestion control besides the first.
    pub c: u8,
    pub psi: u8,
    /// The flags of the widths.
    pub s: u8,
    pub o: u8,
    pub h: u8,
    pub codepoint: u8,
    /// Bytes of TSI and TOI.
    pub tsi: Vec<u8>,
    pub toi: Vec<u8>,
    /// Types and contents of the extensions, without type and length.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// What follows the header.
    pub payload: Vec<u8>,
}

/// Reads it; the error says what does not fit.
pub fn read(packet: &[u8]) -> Result<Lct, &'static str> {
    let &[first, flags, words, codepoint, ..] = packet else { return Err("too short") };
    let (c, s, o, h) = (first >> 2 & 3, flags >> 7, flags >> 5 & 3, flags >> 4 & 1);
    let header = packet.get(4..usize::from(words) * 4).ok_or("header beyond the packet")?;
    let take =
        |from: usize, len: usize| header.get(from..from + len).ok_or("ids beyond the header");
    let cci = 4 * (usize::from(c) + 1);
    let (tsi_len, toi_len) = (usize::from(4 * s + 2 * h), usize::from(4 * o + 2 * h));
    let (tsi, toi) = (take(cci, tsi_len)?.to_vec(), take(cci + tsi_len, toi_len)?.to_vec());
    let mut rest = header.get(cci + tsi_len + toi_len..).ok_or("ids beyond the header")?;
    let mut extensions = Vec::new();
    while let &[het, hel, ..] = rest {
        let (skip, len) = if het >= 128 { (1, 4) } else { (2, usize::from(hel) * 4) };
        let body = rest.get(skip..len).ok_or("extension beyond the header")?;
        extensions.push((het, body.to_vec()));
        rest = &rest[len..];
    }
    let (version, psi) = (first >> 4, first & 3);
    let payload = packet[usize::from(words) * 4..].to_vec();
    Ok(Lct { version, c, psi, s, o, h, codepoint, tsi, toi, extensions, payload })
}

impl Lct {
    pub fn extension(&self, het: u8) -> Option<&[u8]> {
        self.extensions.iter().find(|(one, _)| *one == het).map(|(_, body)| &body[..])
    }
}

/// A big-endian number.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Transfer length, symbol length and longest block, of the layout of no code.
pub fn no_code_fti(body: &[u8]) -> Option<(usize, usize, usize)> {
    let (length, symbol, block) = (body.get(..6)?, body.get(8..10)?, body.get(10..14)?);
    Some((number(length) as usize, number(symbol) as usize, number(block) as usize))
}
