//! A line on a terminal that tells how far long work is; nothing where nobody watches.

use std::io::{self, IsTerminal as _, Write as _};

/// One line on stderr, written over and over. Goes away when dropped.
pub(crate) struct Progress {
    watched: bool,
    total: Option<u64>,
}

impl Progress {
    /// For work on about `total` things.
    pub(crate) fn of(total: Option<u64>) -> Self {
        Self {
            watched: io::stderr().is_terminal(),
            total: total.filter(|total| *total > 0),
        }
    }

    /// Tells that `done` of them are done.
    pub(crate) fn tell(&self, done: u64, what: &str) {
        if self.watched {
            self.write(&format!("\r\x1b[K{}", line(done, self.total, what)));
        }
    }

    #[expect(clippy::unused_self, reason = "only a watched line is written")]
    fn write(&self, text: &str) {
        let mut terminal = io::stderr().lock();
        // A terminal that went away is no reason to stop.
        let _gone = terminal
            .write_all(text.as_bytes())
            .and_then(|()| terminal.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.watched {
            self.write("\r\x1b[K");
        }
    }
}

fn line(done: u64, total: Option<u64>, what: &str) -> String {
    let Some(total) = total else {
        return format!("{done} {what}");
    };
    // The total is an old count.
    let tenths = (done.saturating_mul(WIDTH) / total).min(WIDTH);
    let filled = usize::try_from(tenths).unwrap_or(0);
    let bar: String = (0..WIDTH as usize)
        .map(|column| if column < filled { '#' } else { '.' })
        .collect();
    format!("[{bar}] {done} of about {total} {what}")
}

const WIDTH: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(line(5, None, "items"), "5 items");
        assert_eq!(
            line(5, Some(10), "items"),
            "[##########..........] 5 of about 10 items"
        );
        assert_eq!(
            line(30, Some(10), "items"),
            "[####################] 30 of about 10 items"
        );
    }
}
