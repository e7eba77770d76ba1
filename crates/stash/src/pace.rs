//! How many calls run at once: fewer while the service is throttling, more again while it is not.

/// Additive increase, multiplicative decrease.
pub(crate) struct Pace {
    most: usize,
    width: usize,
    /// Answers since the width last changed.
    answers: usize,
}

impl Pace {
    /// At most `most` at once, and at first.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            width: most,
            answers: 0,
        }
    }

    /// So many may run now.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self) {
        self.answers += 1;
        if self.answers >= self.width {
            self.width = (self.width + 1).min(self.most);
            self.answers = 0;
        }
    }

    /// A call was refused for the moment.
    pub(crate) fn refused(&mut self) {
        self.width = (self.width / 2).max(1);
        self.answers = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_when_refused_and_grows_by_one_a_round() {
        let mut pace = Pace::new(8);
        assert_eq!(pace.width(), 8);
        pace.refused();
        pace.refused();
        assert_eq!(pace.width(), 2);
        pace.answered();
        assert_eq!(pace.width(), 2);
        pace.answered();
        assert_eq!(pace.width(), 3);
        for _ in 0..100 {
            pace.answered();
        }
        assert_eq!(pace.width(), 8);
        for _ in 0..9 {
            pace.refused();
        }
        assert_eq!(pace.width(), 1);
        assert_eq!(Pace::new(0).width(), 1);
    }
}
