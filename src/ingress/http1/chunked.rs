//! Chunked framing (RFC 9112 7.1), read and written: a state machine over a buffer, so that it knows nothing
//! of streams and clocks.
//!
//! Invariant: stricter than the RFC, as a reader that forgives sees another end of the body than the next
//! one: lines end in CRLF, a size is 1 to 16 hexadecimal digits with nothing around them, and the last byte
//! of the body is the last byte taken from the buffer.

use super::body::{BodyFault, Taken};
use crate::ingress::head::is_field_line;
use bytes::{Buf, BytesMut};

/// A body in chunks, while it is read.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    state: State,
    bytes_max: u64,
    /// Of the body itself, announced so far.
    bytes: u64,
    /// Framing beyond what chunks may cost, see `EXCESS_BYTES_MAX`.
    excess: u64,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailer,
    Done,
}

/// Why chunks cannot be read. Where the next message begins is unknown then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    #[error("a chunk's size is not 1 to {SIZE_DIGITS_MAX} hexadecimal digits")]
    Size,
    #[error("a line in the chunked body does not end in CRLF")]
    LineEnd,
    #[error("a chunk extension holds a control character")]
    Extension,
    #[error("a chunk's first line is longer than {LINE_BYTES_MAX} bytes")]
    LongLine,
    #[error("the chunks are more framing than body")]
    Wasteful,
    #[error("what follows the last chunk is no header field")]
    Trailer,
    #[error("the fields after the last chunk are longer than {TRAILER_BYTES_MAX} bytes")]
    LongTrailer,
}

/// 64 bits.
const SIZE_DIGITS_MAX: usize = 16;
/// Size, extensions and line end of one chunk. Signatures of chunks, the longest known use, take 100 bytes.
const LINE_BYTES_MAX: usize = 1024;
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// A chunk may cost 16 bytes and what it carries twice over; all chunks together this much more. Without it
/// a small body could make us read its extensions for as long as it likes (CVE-2023-39326).
const EXCESS_BYTES_MAX: u64 = 16 * 1024;
const CHUNK_COST_FREE: u64 = 16;

impl Chunks {
    pub(super) const fn new(bytes_max: u64) -> Self {
        Self { state: State::Size, bytes_max, bytes: 0, excess: 0, trailer_bytes: 0 }
    }

    /// See `Body::left`: zero means done.
    pub(super) const fn left(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            State::Size | State::DataEnd | State::Trailer => 1,
            State::Done => 0,
        }
    }

    /// How many bytes of the body are surely still to come.
    pub(super) const fn known(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            State::Size | State::DataEnd | State::Trailer | State::Done => 0,
        }
    }

    /// Takes from the buffer what can be had. After an error the buffer is in no known place.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Taken, BodyFault> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = line(buffer, LINE_BYTES_MAX, ChunkFault::LongLine)? else {
                        return Ok(Taken::Nothing);
                    };
                    self.begin(&line)?;
                }
                State::Data { .. } if buffer.is_empty() => return Ok(Taken::Nothing),
                State::Data { left } => {
                    let there = buffer.len();
                    let count = usize::try_from(left).map_or(there, |left| left.min(there));
                    let left = left - count as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
                    return Ok(Taken::Piece(buffer.split_to(count).freeze()));
                }
                State::DataEnd => {
                    let there = buffer.get(..buffer.len().min(2)).unwrap_or_default();
                    if !b"\r\n".starts_with(there) {
                        return Err(ChunkFault::LineEnd.into());
                    }
                    if there.len() < 2 {
                        return Ok(Taken::Nothing);
                    }
                    buffer.advance(2);
                    self.state = State::Size;
                }
                State::Trailer => {
                    let max = TRAILER_BYTES_MAX - self.trailer_bytes;
                    let Some(line) = line(buffer, max, ChunkFault::LongTrailer)? else {
                        return Ok(Taken::Nothing);
                    };
                    self.trailer_bytes += line.len() + 2;
                    if line.is_empty() {
                        self.state = State::Done;
                    } else if !is_field_line(&line) {
                        return Err(ChunkFault::Trailer.into());
                    }
                }
                State::Done => return Ok(Taken::End),
            }
        }
    }

    fn begin(&mut self, line: &[u8]) -> Result<(), BodyFault> {
        let size = size(line)?;
        let cost = line.len() as u64 + 2;
        let free = size.saturating_mul(2).saturating_add(CHUNK_COST_FREE);
        self.excess = self.excess.saturating_add(cost).saturating_sub(free);
        if self.excess > EXCESS_BYTES_MAX {
            return Err(ChunkFault::Wasteful.into());
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.bytes_max {
            return Err(BodyFault::TooLarge { max: self.bytes_max });
        }
        self.state = if size == 0 { State::Trailer } else { State::Data { left: size } };
        Ok(())
    }
}

/// The next line, taken without its end; `None` until it is there. `bytes_max` is with its end.
fn line(
    buffer: &mut BytesMut,
    bytes_max: usize,
    long: ChunkFault,
) -> Result<Option<BytesMut>, ChunkFault> {
    let seen = buffer.get(..buffer.len().min(bytes_max)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', seen) else {
        return if buffer.len() >= bytes_max { Err(long) } else { Ok(None) };
    };
    let mut line = buffer.split_to(end + 1);
    if !line.ends_with(b"\r\n") {
        return Err(ChunkFault::LineEnd);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

fn size(line: &[u8]) -> Result<u64, ChunkFault> {
    let count = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (digits, rest) = line.split_at_checked(count).ok_or(ChunkFault::Size)?;
    let is_size =
        (1..=SIZE_DIGITS_MAX).contains(&count) && matches!(rest.first(), None | Some(b';'));
    if !is_size {
        return Err(ChunkFault::Size);
    }
    if rest.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return Err(ChunkFault::Extension);
    }
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    u64::from_str_radix(digits, 16).map_err(|_overflow| ChunkFault::Size)
}

/// What goes before a piece of that length. Never for an empty piece: that would be the last chunk.
pub(super) fn opening(length: usize) -> String {
    format!("{length:x}\r\n")
}

/// What goes after each piece.
pub(super) const CLOSING: &[u8] = b"\r\n";
/// The last chunk, without trailers.
pub(super) const LAST: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES_MAX: u64 = 1 << 20;

    /// The body and how many bytes were taken for it; `None` when it is not whole.
    fn read(sent: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, BodyFault> {
        let (mut chunks, mut buffer) = (Chunks::new(BYTES_MAX), BytesMut::new());
        let (mut body, mut fed) = (Vec::new(), 0);
        loop {
            match chunks.take(&mut buffer)? {
                Taken::Piece(piece) => {
                    assert!(!piece.is_empty() && chunks.left() > 0);
                    body.extend(piece);
                }
                Taken::End => {
                    assert_eq!(chunks.left(), 0);
                    return Ok(Some((body, fed - buffer.len())));
                }
                Taken::Nothing if fed == sent.len() => return Ok(None),
                Taken::Nothing => {
                    let next = sent.len().min(fed + step);
                    buffer.extend_from_slice(&sent[fed..next]);
                    fed = next;
                }
            }
        }
    }

    #[test]
    fn chunks_are_joined_and_what_goes_with_them_is_left_out() {
        for (sent, body) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("1\r\n\n\r\n00A\r\n\r\n0\r\n\r\n012\r\n0\r\n\r\n", "\n\r\n0\r\n\r\n012"),
            ("3;a=b;c=\"d\t;e\"\r\nabc\r\n0;last\r\n\r\n", "abc"),
            ("3\r\nabc\r\n0\r\nChecksum: x\r\nEmpty:\r\n\r\n", "abc"),
            ("0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"),
        ] {
            let sent_with_next = format!("{sent}GET / HTTP/1.1\r\n\r\n");
            for step in 1..sent_with_next.len() {
                let read = read(sent_with_next.as_bytes(), step);
                assert_eq!(read, Ok(Some((body.as_bytes().to_vec(), sent.len()))), "{sent:?}");
            }
            for end in 0..sent.len() {
                assert_eq!(read(&sent.as_bytes()[..end], 1), Ok(None), "{sent:?} {end}");
            }
        }
    }

    const REFUSED: &[(&str, ChunkFault)] = &[
        ("\r\n", ChunkFault::Size),
        ("g\r\n", ChunkFault::Size),
        ("-5\r\nhello\r\n", ChunkFault::Size),
        ("+5\r\nhello\r\n", ChunkFault::Size),
        ("0x10\r\n", ChunkFault::Size),
        (" 5\r\nhello\r\n", ChunkFault::Size),
        ("5 \r\nhello\r\n", ChunkFault::Size),
        ("5\t\r\nhello\r\n", ChunkFault::Size),
        ("5 ;a\r\nhello\r\n", ChunkFault::Size),
        ("5 5\r\nhello\r\n", ChunkFault::Size),
        ("5_0\r\n", ChunkFault::Size),
        ("5,\r\n", ChunkFault::Size),
        ("\u{ff15}\r\n", ChunkFault::Size),
        (";a\r\n", ChunkFault::Size),
        ("00000000000000005\r\nhello\r\n", ChunkFault::Size),
        ("10000000000000000\r\n", ChunkFault::Size),
        ("5\0\r\nhello\r\n", ChunkFault::Size),
        ("5\r\r\nhello\r\n", ChunkFault::Size),
        ("5\rhello\r\n", ChunkFault::Size),
        ("5;a\r\r\nhello\r\n", ChunkFault::Extension),
        ("5;a\0\r\nhello\r\n", ChunkFault::Extension),
        ("5;a\x0b\r\nhello\r\n", ChunkFault::Extension),
        ("5\nhello\r\n", ChunkFault::LineEnd),
        ("5;a=\"\n\"\r\nhello\r\n", ChunkFault::LineEnd),
        ("5\r\nhello\n", ChunkFault::LineEnd),
        ("5\r\nhello0\r\n", ChunkFault::LineEnd),
        ("5\r\nhello\rX", ChunkFault::LineEnd),
        ("5\r\nhello \r\n", ChunkFault::LineEnd),
        ("5\r\nhello\r\n\r\n", ChunkFault::Size),
        ("0\r\n\n", ChunkFault::LineEnd),
        ("0\r\nA: b\n\r\n", ChunkFault::LineEnd),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", ChunkFault::Trailer),
        ("0\r\n A: b\r\n\r\n", ChunkFault::Trailer),
        ("0\r\nA: b\r\n c\r\n\r\n", ChunkFault::Trailer),
        ("0\r\nA : b\r\n\r\n", ChunkFault::Trailer),
        ("0\r\nA: b\rc\r\n\r\n", ChunkFault::Trailer),
    ];

    #[test]
    fn nothing_is_smuggled_between_chunks() {
        for (sent, fault) in REFUSED {
            for step in [1, 2, 3, 4, 5, 64] {
                let read = read(sent.as_bytes(), step);
                assert_eq!(read, Err(BodyFault::Chunks(*fault)), "{sent:?} by {step}");
            }
        }
    }

    #[test]
    fn what_goes_with_chunks_is_bounded() {
        let line = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(length - 4));
        let trailer = |length: usize| format!("0\r\nA:{}\r\n\r\n", "b".repeat(length - 6));
        for (fits, over, fault) in [
            (line(LINE_BYTES_MAX), line(LINE_BYTES_MAX + 1), ChunkFault::LongLine),
            (trailer(TRAILER_BYTES_MAX), trailer(TRAILER_BYTES_MAX + 1), ChunkFault::LongTrailer),
        ] {
            for step in [1, 100_000] {
                assert!(matches!(read(fits.as_bytes(), step), Ok(Some(_))));
                assert_eq!(read(over.as_bytes(), step), Err(BodyFault::Chunks(fault)));
            }
        }
        // However long it goes on, what is no line end is not kept for longer.
        for (endless, fault) in [
            ("1;".to_owned() + &"a".repeat(LINE_BYTES_MAX), ChunkFault::LongLine),
            ("0\r\n".to_owned() + &"A: b\r\n".repeat(TRAILER_BYTES_MAX), ChunkFault::LongTrailer),
            (format!("1;{}\r\nx\r\n", "a".repeat(500)).repeat(100), ChunkFault::Wasteful),
        ] {
            assert_eq!(read(endless.as_bytes(), 7), Err(BodyFault::Chunks(fault)));
        }
        // Small chunks alone are no waste.
        let small = "1\r\nx\r\n".repeat(100_000) + "0\r\n\r\n";
        let Ok(Some((body, _))) = read(small.as_bytes(), 1000) else { panic!() };
        assert_eq!(body.len(), 100_000);
    }

    #[test]
    fn a_chunk_is_too_large_before_its_first_byte_came() {
        let too_large = Err(BodyFault::TooLarge { max: BYTES_MAX });
        for sent in ["100001\r\n", "ffffffffffffffff\r\n", "1\r\nx\r\nffffffffffffffff\r\n"] {
            assert_eq!(read(sent.as_bytes(), 1), too_large);
        }
        let exact = [b"100000\r\n", &vec![b'x'; 1 << 20][..], b"\r\n0\r\n\r\n"].concat();
        assert!(matches!(read(&exact, 4096), Ok(Some(_))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8), step in 1_usize..50) {
            let mut sent = Vec::new();
            for piece in &pieces {
                sent.extend([opening(piece.len()).as_bytes(), piece, CLOSING].concat());
            }
            sent.extend(LAST);
            prop_assert_eq!(read(&sent, step), Ok(Some((pieces.concat(), sent.len()))));
        }

        #[test]
        fn however_it_is_cut_the_verdict_is_the_same(sent in "([0-9a-f]{1,2}|[;\r\n: x]|\r\n){0,40}", step in 1_usize..9) {
            prop_assert_eq!(read(sent.as_bytes(), step), read(sent.as_bytes(), usize::MAX / 2));
        }

        #[test]
        fn garbage_never_panics(sent in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _whole = read(&sent, 100);
        }
    }
}
