//! The part of the Redis protocol (RESP2) that a store needs: commands, and replies that are text,
//! an error, a number or bytes. Collections are refused, since they can announce any number of
//! elements and can be nested.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::store::backend::LONGEST_ENTRY;

/// The most bytes of a reply: the longest entry, one byte more to recognise a longer one, and what
/// frames it.
const LONGEST_REPLY: usize = LONGEST_ENTRY + 1024;

/// The size of the buffer for a part of a reply, in bytes.
const CHUNK: usize = 4096;

/// A command as it is sent. It may contain a password.
#[derive(Clone)]
pub(super) struct Command(Zeroizing<Vec<u8>>);

impl Command {
    /// Creates a command from its name and arguments.
    pub(super) fn new(words: &[&[u8]]) -> Self {
        let count = format!("*{}\r\n", words.len());
        let lengths: Vec<String> =
            words.iter().map(|word| format!("${}\r\n", word.len())).collect();
        let sizes = lengths.iter().zip(words).map(|(length, word)| length.len() + word.len() + 2);
        // Allocated once: growing would leave an unwiped copy.
        let size = count.len() + sizes.sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        bytes.extend_from_slice(count.as_bytes());
        for (length, word) in lengths.iter().zip(words) {
            for part in [length.as_bytes(), word, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        Command(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A reply.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Text(String),
    Error(String),
    Number(i64),
    Bytes(Vec<u8>),
    Nothing,
}

impl Reply {
    /// Reads one reply, whatever length it announces. The server sends nothing after it.
    pub(super) fn read(connection: &mut impl Read) -> io::Result<Self> {
        let (mut bytes, mut chunk) = (Vec::new(), [0; CHUNK]);
        loop {
            let length = connection.read(&mut chunk)?;
            if length == 0 {
                let problem = "the server closed the connection";
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, problem));
            }
            bytes.extend(chunk.iter().take(length));
            if let Some(reply) = Reply::parse(&bytes)? {
                return Ok(reply);
            }
            if bytes.len() > LONGEST_REPLY {
                return Err(too_long());
            }
        }
    }

    /// Returns the reply, or `None` if its end is still missing.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some((kind, rest)) = bytes.split_first().filter(|(kind, _)| b"+-:$".contains(kind))
        else {
            return Err(not_redis());
        };
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let (line, rest) = rest.split_at(end);
        let line = String::from_utf8_lossy(line).into_owned();
        let rest = rest.get(2..).unwrap_or_default();
        let reply = match kind {
            b'+' => Reply::Text(line),
            b'-' => Reply::Error(line),
            kind => match (kind, line.parse().map_err(|_| not_redis())?) {
                (b':', number) => Reply::Number(number),
                (_, -1) => Reply::Nothing,
                (_, length) => return bulk(rest, length),
            },
        };
        if rest.is_empty() { Ok(Some(reply)) } else { Err(not_redis()) }
    }
}

/// Returns the reply of that many bytes, or `None` if its end is still missing.
fn bulk(rest: &[u8], length: i64) -> io::Result<Option<Reply>> {
    let length = usize::try_from(length).map_err(|_| not_redis())?;
    if length > LONGEST_REPLY {
        return Err(too_long());
    }
    match rest.split_at_checked(length) {
        Some((bytes, b"\r\n")) => Ok(Some(Reply::Bytes(bytes.to_vec()))),
        Some((_, end)) if !b"\r\n".starts_with(end) => Err(not_redis()),
        _ => Ok(None),
    }
}

/// Returns the error for a reply that does not fit the command.
pub(super) fn not_redis() -> io::Error {
    io::Error::other("the server sent a reply that does not fit the command")
}

fn too_long() -> io::Error {
    io::Error::other(format!("the reply has more than {LONGEST_REPLY} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_words() {
        let command = Command::new(&[b"SET", b"", b"a\r\nb"]);
        assert_eq!(command.bytes(), b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
        assert_eq!(command.0.capacity(), command.0.len(), "it was allocated once");
    }

    #[test]
    fn a_reply_is_read_whatever_pieces_it_comes_in() {
        for (bytes, reply) in [
            (&b"+OK\r\n"[..], Reply::Text("OK".to_owned())),
            (b"-ERR no\r\n", Reply::Error("ERR no".to_owned())),
            (b":-7\r\n", Reply::Number(-7)),
            (b"$0\r\n\r\n", Reply::Bytes(Vec::new())),
            (b"$4\r\na\r\nb\r\n", Reply::Bytes(b"a\r\nb".to_vec())),
            (b"$-1\r\n", Reply::Nothing),
        ] {
            for length in 1..bytes.len() {
                assert_eq!(Reply::parse(&bytes[..length]).unwrap(), None);
            }
            assert_eq!(Reply::read(&mut &*bytes).unwrap(), reply);
            assert!(Reply::parse(&[bytes, b"+"].concat()).is_err(), "more than one reply");
        }
    }

    #[test]
    fn another_reply_or_none_is_refused() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1 400 Bad Request\r\n",
            b"*0\r\n",
            b"%9",
            b":\r\n",
            b":x\r\n",
            b"$x\r\n",
            b"$-2\r\n",
            b"$9223372036854775807\r\n",
            b"$1\r\nab\r\n",
            b"$1\r\na\rb",
        ] {
            assert!(Reply::read(&mut &*bytes).is_err(), "{bytes:?}");
        }
        for endless in [b'+', b'-', b':', b'$'] {
            let error = Reply::read(&mut [endless].chain(io::repeat(b'1'))).unwrap_err();
            assert!(error.to_string().contains("more than"), "{error}");
        }
    }
}
