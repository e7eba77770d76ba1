//! Names that fit a pattern, as Python's `fnmatch` or credstash sees it.
//!
//! Time is bounded by the length of the name times the length of the pattern, however many `*` it has.

/// A pattern, read once for many names. Every text is a pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// Any text, also none.
    Any,
    /// Any one character.
    One,
    Letter(char),
    Set(Set),
}

/// `[...]`: single characters and ranges, of which one must be met, or none.
#[derive(Clone, Debug, PartialEq)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Pattern {
    /// A pattern of Python's `fnmatch.fnmatchcase`.
    ///
    /// Shape: `*` any text, `?` one character, `[seq]` one of these, `[!seq]` one of all others; in a sequence `a-z`
    /// is a range, and `]` at its start, `-` at its ends are themselves. A `[` that is never closed is itself.
    /// Source: CPython 3.11 `fnmatch.translate`; vectors `documents/pattern.json`.
    pub fn fnmatch(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            pieces.push(match letter {
                '*' => Piece::Any,
                '?' => Piece::One,
                '[' => match end_of_set(rest) {
                    None => Piece::Letter('['),
                    Some(end) => {
                        let (inside, after) = rest.split_at(end);
                        rest = after.strip_prefix(']').unwrap_or(after);
                        Piece::Set(Set::read(inside))
                    }
                },
                letter => Piece::Letter(letter),
            });
        }
        Self::of(pieces)
    }

    /// A pattern of `credstash get`: `*` is any text, everything else is itself.
    ///
    /// credstash 1.17.1 itself takes the rest for a regular expression, which nobody could mean.
    pub fn wildcard(pattern: &str) -> Self {
        let piece = |letter| match letter {
            '*' => Piece::Any,
            letter => Piece::Letter(letter),
        };
        Self::of(pattern.chars().map(piece).collect())
    }

    fn of(mut pieces: Vec<Piece>) -> Self {
        pieces.dedup_by(|one, other| *one == Piece::Any && *other == Piece::Any);
        Self { pieces }
    }

    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        let mut letters = name.chars();
        let mut pieces = self.pieces.as_slice();
        // Where to go on when the pieces after the last `*` do not fit: one letter later. No earlier `*` needs another
        // try, since the first place where its pieces fit leaves most to the later ones.
        let mut retry: Option<(std::str::Chars<'_>, &[Piece])> = None;
        loop {
            if let [Piece::Any, after @ ..] = pieces {
                pieces = after;
                retry = Some((letters.clone(), after));
                continue;
            }
            let mut ahead = letters.clone();
            match (ahead.next(), pieces) {
                (None, []) => return true,
                (Some(letter), [piece, after @ ..]) if piece.fits(letter) => {
                    (letters, pieces) = (ahead, after);
                }
                (None, _) => return false,
                (Some(_), _) => {
                    let Some((from, after)) = &mut retry else {
                        return false;
                    };
                    if from.next().is_none() {
                        return false;
                    }
                    (letters, pieces) = (from.clone(), after);
                }
            }
        }
    }
}

impl Piece {
    fn fits(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(wanted) => *wanted == letter,
            Self::Set(set) => set.fits(letter),
        }
    }
}

impl Set {
    fn fits(&self, letter: char) -> bool {
        let met = |(from, to): &(char, char)| (*from..=*to).contains(&letter);
        self.ranges.iter().any(met) != self.negated
    }

    /// What stands between the brackets.
    ///
    /// A `-` makes a range of the characters beside it unless it is first or last or one of them belongs to a range
    /// before. A range that ends before it begins is none and takes its two ends with it; as Python sees it, a `!`
    /// then stands at the start.
    fn read(inside: &str) -> Self {
        let letters: Vec<char> = inside.chars().collect();
        let mut set = Self {
            negated: false,
            ranges: Vec::new(),
        };
        let mut rest = letters.as_slice();
        loop {
            match rest {
                [] => return set,
                ['!', after @ ..] if !set.negated && set.ranges.is_empty() => {
                    set.negated = true;
                    rest = after;
                }
                [from, '-', to, after @ ..] => {
                    if from <= to {
                        set.ranges.push((*from, *to));
                    }
                    rest = after;
                }
                [letter, after @ ..] => {
                    set.ranges.push((*letter, *letter));
                    rest = after;
                }
            }
        }
    }
}

/// Where the set that begins here is closed: not by a `]` at its very start.
fn end_of_set(rest: &str) -> Option<usize> {
    let start = usize::from(rest.starts_with('!'));
    let first = rest.get(start..)?;
    let skipped = start + usize::from(first.starts_with(']'));
    Some(skipped + rest.get(skipped..)?.find(']')?)
}
