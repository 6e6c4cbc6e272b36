//! One result: what has arrived of it, and how much was asked for.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bolt_proto::{Fetch, Keys, Metadata, Record, RecordRef, RequestId, ResultId, Shape};

use crate::server_info::ServerInfo;
use crate::summary::Summary;

/// The most bytes of rows that a page should have: a page of long rows has fewer of them.
const PAGE_BYTES: usize = 16 << 20;

/// Who reads a result.
#[derive(Debug)]
pub(crate) enum Holder {
    /// Somebody who borrows the exchange, and says so when he goes.
    Records,
    /// Somebody who has a token.
    Cursor(Weak<()>),
    /// Its rest is skipped.
    Nobody,
}

/// The result of a RUN, from when it is asked for until nobody wants it any more.
#[derive(Debug)]
pub(super) struct OpenResult {
    pub(super) id: ResultId,
    pub(super) run: RequestId,
    /// The last request for rows of it.
    asked: RequestId,
    pub(super) query: String,
    pub(super) keys: Keys,
    /// Rows that arrived while something else was being waited for.
    rows: VecDeque<Record>,
    /// How many bytes these take, about.
    kept_bytes: usize,
    pub(super) holder: Holder,
    /// There once the result has ended well.
    pub(super) summary: Option<Summary>,
    available_after: Option<Duration>,
    started: bool,
    ended: bool,
    failed: bool,
    /// A row has arrived.
    has_rows: bool,
    /// Rows were thrown away unread.
    skipped: bool,
    pages: Pages,
}

impl OpenResult {
    /// `run` and `asked` were just sent.
    pub(super) fn new(
        id: ResultId,
        (run, asked): (RequestId, RequestId),
        query: &str,
        page: Fetch,
        holder: Holder,
    ) -> Self {
        Self {
            id,
            run,
            asked,
            query: query.to_owned(),
            keys: Keys::default(),
            rows: VecDeque::new(),
            kept_bytes: 0,
            holder,
            summary: None,
            available_after: None,
            started: false,
            ended: false,
            failed: false,
            has_rows: false,
            skipped: false,
            pages: Pages::new(page),
        }
    }

    /// Whether anybody will read the rest.
    pub(super) fn is_wanted(&self) -> bool {
        match &self.holder {
            Holder::Records => true,
            Holder::Cursor(interest) => interest.strong_count() > 0,
            Holder::Nobody => false,
        }
    }

    /// RUN was answered.
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    pub(super) fn start(&mut self, run: Metadata<'_>) {
        self.started = true;
        self.available_after = run.milliseconds("t_first");
    }

    /// A row for later.
    pub(super) fn keep(&mut self, row: RecordRef<'_>) {
        if self.is_wanted() {
            self.has_rows = true;
            self.pages.arrived(row.encoded_len());
            self.kept_bytes += row.encoded_len();
            self.rows.push_back(row.to_owned());
        }
    }

    /// The rest is thrown away.
    pub(super) fn skip(&mut self) {
        self.skipped = true;
    }

    /// How many bytes the rows that were kept take, about.
    pub(super) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// The oldest row that was kept, which stays.
    pub(super) fn first_kept(&self) -> Option<&Record> {
        self.rows.front()
    }

    /// All rows that were kept.
    pub(super) fn take_all_kept(&mut self) -> Vec<Record> {
        self.kept_bytes = 0;
        mem::take(&mut self.rows).into()
    }

    /// A row went from the receive buffer to whoever waited for it.
    pub(super) fn lent(&mut self, row: RecordRef<'_>) {
        self.has_rows = true;
        self.pages.arrived(row.encoded_len());
        self.pages.delivered();
    }

    /// The oldest row that was kept.
    pub(super) fn take_kept(&mut self) -> Option<Record> {
        let row = self.rows.pop_front()?;
        self.kept_bytes -= row.as_ref().encoded_len();
        self.pages.delivered();
        Some(row)
    }

    /// There is another page.
    pub(super) fn page_ended(&mut self) {
        self.pages.ended(self.rows.len());
    }

    pub(super) fn end(&mut self, server: Arc<ServerInfo>, end: Metadata<'_>) {
        self.ended = true;
        let shape = match (self.keys.is_empty(), self.has_rows, self.skipped) {
            (true, ..) => Shape::NoColumns,
            (false, true, _) => Shape::Rows,
            (false, false, true) => Shape::Unseen,
            (false, false, false) => Shape::NoRows,
        };
        self.summary = Some(Summary::read(
            &self.query,
            server,
            self.available_after,
            end,
            shape,
        ));
    }

    pub(super) fn fail(&mut self) {
        self.ended = true;
        self.failed = true;
    }

    /// From here on everything that is left is asked for at once.
    pub(super) const fn want_all(&mut self) {
        self.pages.page = Fetch::All;
        self.pages.undelivered = 0;
    }

    /// Rows were asked for.
    pub(super) const fn ask(&mut self, request: RequestId) {
        self.asked = request;
    }

    /// This request, and all behind it, were taken back before they left.
    pub(super) fn take_back(&mut self, first: RequestId) {
        if self.asked >= first {
            self.pages.taken_back();
        }
    }

    /// Whether so few rows of the last page are left to be delivered that it is time to ask for the next.
    pub(super) const fn is_due(&self) -> bool {
        self.pages.is_due()
    }

    /// The size of the next page, which is now asked for.
    pub(super) fn next_page(&mut self) -> Fetch {
        self.pages.next()
    }
}

/// How rows are asked for: the next page as soon as a tenth of the last one is delivered, so that a page costs about the
/// longer of a round trip and its consumer's time, and not their sum; but not for those who only look at the first rows.
#[derive(Debug)]
struct Pages {
    page: Fetch,
    /// How many rows the last page was asked to have.
    asked: u64,
    /// How many of those asked for have not been delivered.
    undelivered: u64,
    /// How many pages were asked for whose end was not taken.
    unended: u32,
    /// The longest row since the last page was asked for.
    longest: usize,
}

impl Pages {
    const fn new(page: Fetch) -> Self {
        let asked = match page {
            Fetch::Rows(rows) => rows,
            Fetch::All => u64::MAX,
        };
        Self {
            page,
            asked,
            undelivered: asked,
            unended: 1,
            longest: 0,
        }
    }

    fn arrived(&mut self, bytes: usize) {
        self.longest = self.longest.max(bytes);
    }

    const fn delivered(&mut self) {
        self.undelivered = self.undelivered.saturating_sub(1);
    }

    /// The end of a page was taken: there are no more of its rows than those that were kept, whatever was asked for.
    const fn ended(&mut self, kept: usize) {
        self.unended = self.unended.saturating_sub(1);
        if self.unended == 0 {
            self.undelivered = kept as u64;
        }
    }

    /// The last page will not come: it is due again.
    const fn taken_back(&mut self) {
        self.unended = self.unended.saturating_sub(1);
        self.undelivered = self.undelivered.saturating_sub(self.asked);
    }

    const fn is_due(&self) -> bool {
        // Nine tenths, without a product that could overflow.
        self.undelivered <= self.asked / 10 * 9 + self.asked % 10 * 9 / 10
    }

    fn next(&mut self) -> Fetch {
        let Fetch::Rows(page) = self.page else {
            return Fetch::All;
        };
        let fit = (PAGE_BYTES / self.longest.max(1)).max(1) as u64;
        let rows = page.min(fit);
        self.asked = rows;
        self.unended = self.unended.saturating_add(1);
        self.undelivered = self.undelivered.saturating_add(rows);
        self.longest = 0;
        Fetch::Rows(rows)
    }
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
    fn a_page_of_one_row_is_followed_when_it_is_delivered() {
        let mut pages = Pages::new(Fetch::Rows(1));
        assert!(!pages.is_due());
        pages.delivered();
        assert!(pages.is_due());
    }

    #[test]
    fn a_page_of_long_rows_has_as_many_as_fit() {
        let mut pages = Pages::new(Fetch::Rows(1000));
        pages.arrived(PAGE_BYTES / 4);
        assert_eq!(pages.next(), Fetch::Rows(4));
        pages.arrived(PAGE_BYTES * 4);
        assert_eq!(pages.next(), Fetch::Rows(1));
        pages.arrived(10);
        assert_eq!(pages.next(), Fetch::Rows(1000));
    }

    #[test]
    fn the_end_of_a_page_says_nothing_about_the_next_one() {
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
    fn an_end_that_is_taken_late_says_nothing_about_the_next_page_either() {
        let mut pages = Pages::new(Fetch::Rows(2));
        for _ in 0..2 {
            pages.delivered();
        }
        // The end was seen, so the next page is asked for; only then is it taken.
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
