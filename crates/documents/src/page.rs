//! A text that grows while a document is written or read, and leaves no copy behind.

use seal::Plaintext;
use zeroize::Zeroizing;

/// Grows like a `Vec`, but what it leaves when it moves is wiped.
pub(crate) struct Page(Zeroizing<Vec<u8>>);

impl Page {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::new()))
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn letter(&mut self, letter: char) {
        self.text(letter.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let room = needed.max(self.0.capacity().saturating_mul(2)).max(64);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            // The old one is wiped as it is dropped.
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn finish(self) -> Plaintext {
        Plaintext::new(Box::from(self.0.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_in_order_however_long() {
        let mut page = Page::new();
        let mut wanted = String::new();
        for round in 0..1000 {
            let piece = "é".repeat(round % 7);
            page.text(&piece);
            page.letter('x');
            wanted.push_str(&piece);
            wanted.push('x');
        }
        assert_eq!(page.finish().expose(), wanted.as_bytes());
    }
}
