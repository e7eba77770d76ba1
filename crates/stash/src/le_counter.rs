//! Rows of a writer that counts the blocks of the cipher wrongly: repair of what it wrote.

use keep::{DataKey, Plaintext};
use seal::{Hash, ctr_hmac};
use zeroize::Zeroizing;

use crate::{Error, Proof, Record};

impl Record {
    /// Opens the value as rucredstash 0.9 sealed it: the first four bytes of a counter block count, in
    /// little-endian order, where every other program counts with the last bytes. HMAC and first block
    /// are as everybody's, so that nothing in the row tells it apart.
    ///
    /// Errors: as [`Record::open`].
    pub fn open_with_le_counter(&self, key: &DataKey) -> Result<Plaintext, Error> {
        // Proves the ciphertext. Only the first block of this is right.
        let opened = self.open(key)?;
        let Proof::Legacy { digest, .. } = &self.sealed.proof else {
            return Ok(opened);
        };
        let hash: Hash = digest
            .as_deref()
            .unwrap_or_default()
            .parse()
            .unwrap_or_default();
        let mut value = Zeroizing::new(Vec::with_capacity(self.sealed.contents.len()));
        for (number, block) in (0_u32..).zip(self.sealed.contents.chunks(BLOCK)) {
            let mut start = ctr_hmac::LEGACY_START;
            for (byte, counted) in start.iter_mut().zip(number.to_le_bytes()) {
                *byte = counted;
            }
            // Sealing and opening are the same in this mode.
            let block = Plaintext::new(Box::from(block));
            let opened = ctr_hmac::seal(key, start, hash, &block);
            let opened = opened.map_err(|_| self.wrong_key())?;
            value.extend_from_slice(&Zeroizing::new(opened.ciphertext));
        }
        Ok(Plaintext::new(Box::from(value.as_slice())))
    }

    fn wrong_key(&self) -> Error {
        Error::WrongKey {
            name: self.name.clone(),
            version: self.version.clone(),
            takes: "data key of 64 bytes",
        }
    }
}

const BLOCK: usize = 16;
