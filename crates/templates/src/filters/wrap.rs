//! Lines of a width, as Python's `textwrap` breaks them.

/// What may be broken, and where.
pub(super) struct Rules {
    /// Letters of a line; above zero.
    pub(super) width: usize,
    /// Whether a word that is longer than a line is cut.
    pub(super) break_long_words: bool,
    /// Whether a line may end after a hyphen within a word.
    pub(super) break_on_hyphens: bool,
}

/// The lines of one paragraph, white space dropped where they break.
pub(super) fn wrap(text: &str, rules: &Rules) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut left: Vec<&[char]> = if rules.break_on_hyphens {
        chunks(&letters)
    } else {
        letters
            .chunk_by(|a, b| is_space(*a) == is_space(*b))
            .collect()
    };
    left.reverse();
    let mut lines: Vec<String> = Vec::new();
    while let Some(next) = left.last() {
        if is_blank(next) && !lines.is_empty() {
            left.pop();
        }
        let mut line: Vec<&[char]> = Vec::new();
        let mut length = 0;
        while let Some(next) = left.pop_if(|next| length + next.len() <= rules.width) {
            length += next.len();
            line.push(next);
        }
        if let Some(long) = left.pop_if(|next| next.len() > rules.width) {
            let room = rules.width - length;
            if rules.break_long_words {
                let (head, tail) = long.split_at(cut(long, room, rules));
                line.push(head);
                left.push(tail);
            } else if line.is_empty() {
                line.push(long);
            } else {
                left.push(long);
            }
        }
        line.pop_if(|last| is_blank(last));
        if !line.is_empty() {
            lines.push(line.concat().into_iter().collect());
        }
    }
    lines
}

/// Where a word that fits no line is cut: at its last hyphen, if it has one after something else.
fn cut(word: &[char], room: usize, rules: &Rules) -> usize {
    let head = word.get(..room).unwrap_or(word);
    head.iter()
        .rposition(|letter| *letter == '-')
        .filter(|at| {
            rules.break_on_hyphens && *at > 0 && head.iter().take(*at).any(|letter| *letter != '-')
        })
        .map_or(head.len(), |at| at + 1)
}

/// Words, white space, and the parts of words with hyphens.
fn chunks(letters: &[char]) -> Vec<&[char]> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < letters.len() {
        let end = chunk_end(letters, start);
        found.extend(letters.get(start..end));
        start = end;
    }
    found
}

fn chunk_end(letters: &[char], start: usize) -> usize {
    let at = |place: usize| letters.get(place).copied();
    let run = |from: usize, test: fn(char) -> bool| {
        letters
            .iter()
            .skip(from)
            .take_while(|letter| test(**letter))
            .count()
    };
    let is = |place: Option<usize>, test: fn(char) -> bool| place.and_then(at).is_some_and(test);
    let spaces = run(start, is_space);
    if spaces > 0 {
        return start + spaces;
    }
    let dash = |from: usize| {
        let dashes = run(from, |letter| letter == '-');
        (dashes >= 2 && is(from.checked_sub(1), is_word_part) && is(Some(from + dashes), is_word))
            .then_some(from + dashes)
    };
    if let Some(end) = dash(start) {
        return end;
    }
    let mut end = start + 1;
    loop {
        match at(end) {
            None => return end,
            Some(letter) if is_space(letter) => return end,
            Some('-') => {
                let before = |back: usize| end.checked_sub(back).filter(|place| *place >= start);
                let two_letters = is(before(1), is_letter) && is(before(2), is_letter);
                let letter_between = is(before(1), is_word_part)
                    && before(2).and_then(at) == Some('-')
                    && is(before(3), is_letter);
                let after = if at(end + 2) == Some('-') {
                    end + 3
                } else {
                    end + 2
                };
                let letters_after = is(Some(end + 1), is_letter) && is(Some(after), is_letter);
                if (two_letters || letter_between) && letters_after {
                    return end + 1;
                }
                if dash(end).is_some() {
                    return end;
                }
            }
            Some(_) => {}
        }
        end += 1;
    }
}

/// `textwrap` knows no other white space.
fn is_space(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

fn is_blank(chunk: &[char]) -> bool {
    chunk.iter().all(|letter| crate::python::is_space(*letter))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn is_letter(letter: char) -> bool {
    is_word(letter) && !letter.is_numeric()
}

fn is_word_part(letter: char) -> bool {
    is_word(letter) || matches!(letter, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
}
