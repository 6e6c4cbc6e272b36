//! How rows of a result are requested.

use bolt_proto::Fetch;

/// The most bytes of rows that a page should have: a page of long rows has fewer rows.
const PAGE_BYTES: usize = 16 << 20;

/// How rows are requested. The next page is due as soon as a tenth of the last one is delivered, so that a page costs
/// about the longer of a round trip and its consumer's time, not their sum. A caller that reads only the first rows
/// causes no further page.
#[derive(Debug)]
pub(super) struct Pages {
    page: Fetch,
    /// The number of rows that the last page was requested to have.
    asked: u64,
    /// Nine tenths of it: with so few rows undelivered, the next page is due.
    due_at: u64,
    /// How many requested rows have not been delivered.
    undelivered: u64,
    /// How many requested pages have an end that was not taken.
    unended: u32,
    /// The longest row since the last page was requested.
    longest: usize,
}

impl Pages {
    pub(super) const fn new(page: Fetch) -> Self {
        let asked = match page {
            Fetch::Rows(rows) => rows,
            Fetch::All => u64::MAX,
        };
        Self {
            page,
            asked,
            due_at: nine_tenths(asked),
            undelivered: asked,
            unended: 1,
            longest: 0,
        }
    }

    /// Requests everything that is left at once from now on.
    pub(super) const fn want_all(&mut self) {
        self.page = Fetch::All;
        self.undelivered = 0;
    }

    #[inline]
    pub(super) fn arrived(&mut self, bytes: usize) {
        self.longest = self.longest.max(bytes);
    }

    #[inline]
    pub(super) const fn delivered(&mut self) {
        self.undelivered = self.undelivered.saturating_sub(1);
    }

    /// The end of a page was taken: of its rows only those that were kept are left, whatever was requested.
    pub(super) const fn ended(&mut self, kept: usize) {
        self.unended = self.unended.saturating_sub(1);
        if self.unended == 0 {
            self.undelivered = kept as u64;
        }
    }

    /// The request for the last page was taken back: the page is due again.
    pub(super) const fn taken_back(&mut self) {
        self.unended = self.unended.saturating_sub(1);
        self.undelivered = self.undelivered.saturating_sub(self.asked);
    }

    #[inline]
    pub(super) const fn is_due(&self) -> bool {
        self.undelivered <= self.due_at
    }

    pub(super) fn next(&mut self) -> Fetch {
        let Fetch::Rows(page) = self.page else {
            return Fetch::All;
        };
        let fit = (PAGE_BYTES / self.longest.max(1)).max(1) as u64;
        let rows = page.min(fit);
        (self.asked, self.due_at) = (rows, nine_tenths(rows));
        self.unended = self.unended.saturating_add(1);
        self.undelivered = self.undelivered.saturating_add(rows);
        self.longest = 0;
        Fetch::Rows(rows)
    }
}

/// Rounds down, without a product that could overflow.
const fn nine_tenths(rows: u64) -> u64 {
    rows / 10 * 9 + rows % 10 * 9 / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_due_when_a_tenth_of_the_last_is_delivered() {
        let mut pages = Pages::new(Fetch::Rows(20));
        pages.delivered();
        assert!(!pages.is_due());
        pages.delivered();
        assert!(pages.is_due());
        assert_eq!(pages.next(), Fetch::Rows(20));
        assert!(!pages.is_due(), "38 are to come");
    }

    #[test]
    fn what_is_left_of_a_page_is_rounded_down() {
        let mut pages = Pages::new(Fetch::Rows(15));
        pages.delivered();
        assert!(!pages.is_due(), "fourteen are more than nine tenths");
        pages.delivered();
        assert!(pages.is_due());
    }

    #[test]
    fn a_page_of_one_row_is_followed_when_that_row_is_delivered() {
        let mut pages = Pages::new(Fetch::Rows(1));
        assert!(!pages.is_due());
        pages.delivered();
        assert!(pages.is_due());
    }

    #[test]
    fn a_page_of_long_rows_has_as_many_rows_as_fit() {
        let mut pages = Pages::new(Fetch::Rows(1000));
        pages.arrived(PAGE_BYTES / 4);
        assert_eq!(pages.next(), Fetch::Rows(4));
        pages.arrived(PAGE_BYTES * 4);
        assert_eq!(pages.next(), Fetch::Rows(1));
        pages.arrived(10);
        assert_eq!(pages.next(), Fetch::Rows(1000));
    }

    #[test]
    fn the_end_of_a_page_does_not_count_for_the_next_one() {
        let mut pages = Pages::new(Fetch::Rows(10));
        for _ in 0..7 {
            pages.delivered();
        }
        pages.next();
        for _ in 0..3 {
            pages.delivered();
        }
        pages.ended(0);
        assert!(!pages.is_due(), "ten are on their way");
    }

    #[test]
    fn an_end_that_is_taken_late_does_not_count_for_the_next_page() {
        let mut pages = Pages::new(Fetch::Rows(2));
        for _ in 0..2 {
            pages.delivered();
        }
        // The end was seen, so the next page is requested; only then is the end taken.
        pages.next();
        pages.ended(0);
        assert!(!pages.is_due(), "two are on their way");
    }

    #[test]
    fn a_page_that_ends_early_is_followed_at_once() {
        let mut pages = Pages::new(Fetch::Rows(1000));
        pages.delivered();
        assert!(!pages.is_due());
        pages.ended(0);
        assert!(pages.is_due());
    }
}
