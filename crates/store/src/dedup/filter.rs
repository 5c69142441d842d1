//! A blocked Bloom filter: one cache line a question.

use std::io::{Read, Write};

use xxhash_rust::xxh3::Xxh3;

/// Bits of the filter for one key. At twelve, about 1 of 200 keys that are not there seems to be.
const BITS_PER_KEY: u64 = 12;
const BLOCK_BITS: u64 = 512;
/// Bytes of one block.
pub(super) const BLOCK_BYTES: usize = 64;

/// One cache line; every key of the block sets one bit in each word.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Block([u64; 8]);

/// Says of a hash that it was certainly not, or probably, added.
pub(super) struct Filter {
    blocks: Vec<Block>,
}

impl Filter {
    /// An empty filter for as many as `keys`.
    pub fn with_capacity(keys: u64) -> Self {
        let blocks = (keys * BITS_PER_KEY).div_ceil(BLOCK_BITS).max(1);
        Self { blocks: vec![Block::default(); blocks as usize] }
    }

    /// Adds a hash. Sorted hashes fill the blocks one after the other.
    pub fn insert(&mut self, hash: u64) {
        let at = self.block_of(hash);
        let block = &mut self.blocks[at].0;
        let bits = spread(hash);
        for (place, word) in block.iter_mut().enumerate() {
            *word |= 1 << ((bits >> (6 * place)) & 63);
        }
    }

    /// Whether the hash may have been added.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let block = &self.blocks[self.block_of(hash)].0;
        let bits = spread(hash);
        let mut all = 1;
        // Without a branch, so that the processor asks for the blocks of many keys at once.
        for (place, word) in block.iter().enumerate() {
            all &= word >> ((bits >> (6 * place)) & 63);
        }
        all & 1 == 1
    }

    fn block_of(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    pub fn memory_bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }

    pub fn block_count(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Writes the blocks and answers their checksum.
    pub fn write(&self, to: &mut impl Write) -> std::io::Result<u64> {
        let mut hash = Xxh3::new();
        for block in &self.blocks {
            let mut bytes = [0; BLOCK_BYTES];
            for (bytes, word) in bytes.chunks_exact_mut(8).zip(block.0) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            hash.update(&bytes);
            to.write_all(&bytes)?;
        }
        Ok(hash.digest())
    }

    /// Reads as many blocks, and answers the checksum of what was read too.
    pub fn read(blocks: u64, from: &mut impl Read) -> std::io::Result<(Self, u64)> {
        const CHUNK_BLOCKS: usize = 4096;
        let mut hash = Xxh3::new();
        let mut filter = Self { blocks: Vec::with_capacity(blocks as usize) };
        let mut buffer = vec![0; CHUNK_BLOCKS * BLOCK_BYTES];
        let mut left = blocks as usize;
        while left > 0 {
            let bytes = &mut buffer[..left.min(CHUNK_BLOCKS) * BLOCK_BYTES];
            from.read_exact(bytes)?;
            hash.update(bytes);
            filter.blocks.extend(bytes.chunks_exact(BLOCK_BYTES).map(|bytes| {
                let mut block = Block::default();
                for (word, bytes) in block.0.iter_mut().zip(bytes.chunks_exact(8)) {
                    *word = u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
                }
                block
            }));
            left -= bytes.len() / BLOCK_BYTES;
        }
        Ok((filter, hash.digest()))
    }
}

/// Forty-eight bits that do not depend on the block's place alone.
#[inline]
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn hash(number: u64) -> u64 {
        xxh3_64(&number.to_le_bytes())
    }

    #[test]
    fn what_was_added_is_always_found_and_little_else() {
        let mut filter = Filter::with_capacity(100_000);
        (0..100_000).for_each(|number| filter.insert(hash(number)));

        let wrong = (100_000..300_000).filter(|&number| filter.may_hold(hash(number))).count();

        assert!((0..100_000).all(|number| filter.may_hold(hash(number))));
        assert!(wrong < 200_000 / 150, "{wrong} of 200,000 seemed to be there");
    }

    #[test]
    fn a_filter_reads_back_as_it_was_written() {
        let mut filter = Filter::with_capacity(1_000);
        (0..1_000).for_each(|number| filter.insert(hash(number)));

        let mut file = Vec::new();
        let written = filter.write(&mut file).unwrap();
        let (again, read) = Filter::read(filter.block_count(), &mut file.as_slice()).unwrap();

        assert_eq!(written, read);
        assert!((0..1_000).all(|number| again.may_hold(hash(number))));
    }
}
