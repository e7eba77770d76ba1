//! Licence expressions (SPDX) and whether a set of licences satisfies one.

use anyhow::{Result, bail};

/// Whether `expression` can be satisfied by licences for which `allowed` says yes.
///
/// Shape: identifiers joined by `OR` and `AND`, parentheses, `X WITH exception` as one licence; the old `/` means `OR`.
/// Errors: the expression cannot be read.
pub(crate) fn satisfied(expression: &str, allowed: &impl Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        allowed,
    };
    match reader.alternatives() {
        Some(verdict) if reader.words.is_empty() => Ok(verdict),
        _ => bail!("the licence expression {expression:?} cannot be read"),
    }
}

/// What is left of the expression.
struct Reader<'a, Allowed> {
    words: &'a [&'a str],
    allowed: &'a Allowed,
}

impl<'a, Allowed: Fn(&str) -> bool> Reader<'a, Allowed> {
    fn alternatives(&mut self) -> Option<bool> {
        let mut verdict = self.conjunction()?;
        while self.takes("OR") {
            verdict |= self.conjunction()?;
        }
        Some(verdict)
    }

    fn conjunction(&mut self) -> Option<bool> {
        let mut verdict = self.one()?;
        while self.takes("AND") {
            verdict &= self.one()?;
        }
        Some(verdict)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let verdict = self.alternatives()?;
            return self.takes(")").then_some(verdict);
        }
        let licence = self.word()?;
        if self.takes("WITH") {
            let exception = self.word()?;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn takes(&mut self, wanted: &str) -> bool {
        match self.words {
            [first, rest @ ..] if *first == wanted => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        if ["OR", "AND", "WITH", "(", ")"].contains(first) {
            return None;
        }
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_isc(expression: &str) -> bool {
        satisfied(expression, &|licence| {
            ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence)
        })
        .unwrap()
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        assert!(with_mit_and_isc("MIT"));
        assert!(with_mit_and_isc("GPL-3.0 OR MIT"));
        assert!(with_mit_and_isc("GPL-3.0/MIT"));
        assert!(!with_mit_and_isc("GPL-3.0 OR MPL-2.0"));
    }

    #[test]
    fn every_part_of_a_conjunction_is_needed() {
        assert!(with_mit_and_isc("MIT AND ISC"));
        assert!(!with_mit_and_isc("MIT AND GPL-3.0"));
        assert!(with_mit_and_isc("ISC AND (GPL-3.0 OR MIT)"));
        assert!(!with_mit_and_isc("(MIT OR ISC) AND NCSA"));
        assert!(
            with_mit_and_isc("GPL-3.0 AND NCSA OR MIT"),
            "AND binds closer than OR"
        );
    }

    #[test]
    fn an_exception_is_part_of_the_licence() {
        assert!(with_mit_and_isc("Apache-2.0 WITH LLVM-exception"));
        assert!(!with_mit_and_isc("Apache-2.0"));
        assert!(!with_mit_and_isc("MIT WITH LLVM-exception"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_no_permission() {
        for expression in [
            "", "MIT OR", "(MIT", "MIT ISC", "AND MIT", "MIT WITH", "MIT)",
        ] {
            assert!(satisfied(expression, &|_| true).is_err(), "{expression:?}");
        }
    }
}
