//! The wire format of protobuf: fields one after the other, read where they lie.
//!
//! Messages are walked and not built. What nobody asks for is stepped over, however deep it is
//! nested, so that a small body cannot become a large tree.

use outlay_engine::pace::Pace;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wire<'a> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Bytes: a text, a message or bytes.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32(u32),
}

impl<'a> Wire<'a> {
    /// The bytes of a text, a message or bytes.
    pub fn bytes(self, name: &'static str) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(format!("`{name}` is of another wire type than it should be")),
        }
    }

    /// Eight bytes as a number.
    pub fn fixed64(self, name: &'static str) -> Result<u64, String> {
        match self {
            Self::Fixed64(number) => Ok(number),
            _ => Err(format!("`{name}` is of another wire type than it should be")),
        }
    }

    /// A number of variable length.
    pub fn varint(self, name: &'static str) -> Result<u64, String> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(format!("`{name}` is of another wire type than it should be")),
        }
    }
}

/// The fields of a message, in the order in which they were written.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    pace: Pace,
}

impl<'a> Fields<'a> {
    /// The fields of the message in `bytes`.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, pace: Pace::default() }
    }

    fn read(&mut self) -> Result<(u32, Wire<'a>), String> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or("a field has a number that no field has")?;
        let value = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(format!("there is no wire type {other}")),
        };
        Ok((number, value))
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.rest.split_first().ok_or_else(cut)?;
            self.rest = rest;
            if shift == 63 && *first > 1 {
                break;
            }
            number |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number is longer than numbers are".into())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], String> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*taken)
    }
}

fn cut() -> String {
    "it ends within a field".into()
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.pace.step();
        let read = self.read();
        if read.is_err() {
            // Where one field ends within another, nothing tells where the next begins.
            self.rest = &[];
        }
        Some(read)
    }
}

/// A message that is being written.
#[derive(Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Writes a number; zero is not written, as it is what absence means.
    #[must_use]
    pub fn number(mut self, field: u8, number: u64) -> Self {
        if number > 0 {
            self.0.push(field << 3);
            self.varint(number);
        }
        self
    }

    /// Writes a text or a message; an empty one is not written.
    #[must_use]
    pub fn bytes(mut self, field: u8, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.0.push(field << 3 | 2);
            self.varint(bytes.len() as u64);
            self.0.extend_from_slice(bytes);
        }
        self
    }

    /// What was written.
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let inner = Message::default().number(1, 300).done();
        let bytes = Message::default().number(1, u64::MAX).number(2, 0).bytes(3, &inner).done();

        let fields: Vec<_> = Fields::of(&bytes).collect::<Result<_, _>>().unwrap();

        assert_eq!(fields, [(1, Wire::Varint(u64::MAX)), (3, Wire::Bytes(&[8, 0xac, 2]))]);
    }

    #[test]
    fn what_is_cut_or_overlong_is_refused_once_and_ends_there() {
        let refused: [&[u8]; 7] = [
            &[8],
            &[8, 0x80],
            &[9, 1, 2, 3],
            &[10, 5, 1],
            &[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[11],
        ];
        for bytes in refused {
            let told: Vec<_> = Fields::of(bytes).collect();
            assert_eq!(told.len(), 1, "{bytes:?}");
            assert!(told[0].is_err(), "{bytes:?}");
        }
        assert!(Fields::of(&[0, 0]).next().unwrap().is_err(), "no field is 0");
    }
}
