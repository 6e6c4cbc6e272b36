//! One result: what has arrived of it, and how much was asked for.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Fetch, Keys, Metadata, RequestId, ResultId, Shape};

use crate::record::{Record, RecordRef};
use crate::server_info::ServerInfo;
use crate::summary::Summary;

use super::pages::Pages;

/// The result of a RUN, from when it is asked for until it has ended and its holder is gone.
pub(super) struct OpenResult {
    pub(super) id: ResultId,
    pub(super) run: RequestId,
    /// The last request for rows of it.
    asked: RequestId,
    query: String,
    pub(super) keys: Keys,
    /// Rows that arrived while something else was being waited for.
    rows: VecDeque<Record>,
    /// How much memory these take, about.
    kept_bytes: usize,
    /// Its holder may still read it. Otherwise its rest is skipped.
    wanted: bool,
    /// There once the result has ended well.
    pub(super) summary: Option<Summary>,
    available_after: Option<Duration>,
    phase: Phase,
    /// A row has arrived.
    has_rows: bool,
    /// Rows were thrown away unread.
    skipped: bool,
    pages: Pages,
}

/// How far a result has got, by the events that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// RUN is unanswered.
    Asked,
    Started,
    Ended,
    /// RUN, or a request for rows, failed.
    Failed,
    /// RUN, or a request for rows, was ignored: something before it had failed.
    Ignored,
}

impl OpenResult {
    /// `run` and `asked` were just sent.
    pub(super) fn new(id: ResultId, (run, asked): (RequestId, RequestId), query: &str, page: Fetch) -> Self {
        Self {
            id,
            run,
            asked,
            query: query.to_owned(),
            keys: Keys::default(),
            rows: VecDeque::new(),
            kept_bytes: 0,
            wanted: true,
            summary: None,
            available_after: None,
            phase: Phase::Asked,
            has_rows: false,
            skipped: false,
            pages: Pages::new(page),
        }
    }

    /// Whether its holder may still read it.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// RUN was answered.
    pub(super) fn is_started(&self) -> bool {
        self.phase >= Phase::Started
    }

    pub(super) fn has_ended(&self) -> bool {
        self.phase >= Phase::Ended
    }

    /// Whether it ended early.
    pub(super) fn has_failed(&self) -> bool {
        self.phase >= Phase::Failed
    }

    /// Whether it was this result that something failed for, and not one before it.
    pub(super) fn is_to_blame(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Nobody holds it any more: what has arrived of it goes, and the rest is skipped.
    pub(super) fn disown(&mut self) {
        self.wanted = false;
        self.rows = VecDeque::new();
        self.kept_bytes = 0;
    }

    pub(super) fn start(&mut self, run: Metadata<'_>, keys: Keys) {
        self.phase = Phase::Started;
        self.available_after = run.milliseconds("t_first");
        self.keys = keys;
    }

    /// A row for later.
    pub(super) fn keep(&mut self, row: RecordRef<'_>) {
        if self.wanted {
            self.has_rows = true;
            self.pages.arrived(row.encoded_len());
            self.kept_bytes += memory(row);
            self.rows.push_back(row.to_record());
        }
    }

    /// The rest is thrown away.
    pub(super) fn skip(&mut self) {
        self.skipped = true;
    }

    /// How much memory the rows that were kept take, about.
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

    /// A row went from the receive buffer to the caller that waited for it.
    pub(super) fn lent(&mut self, row: RecordRef<'_>) {
        self.has_rows = true;
        self.pages.arrived(row.encoded_len());
        self.pages.delivered();
    }

    /// The oldest row that was kept.
    pub(super) fn take_kept(&mut self) -> Option<Record> {
        let row = self.rows.pop_front()?;
        self.kept_bytes -= memory(row.as_ref());
        self.pages.delivered();
        Some(row)
    }

    /// There is another page.
    pub(super) fn page_ended(&mut self) {
        self.pages.ended(self.rows.len());
    }

    pub(super) fn end(&mut self, server: Arc<ServerInfo>, end: Metadata<'_>) {
        self.phase = Phase::Ended;
        let shape = match (self.keys.is_empty(), self.has_rows, self.skipped) {
            (true, ..) => Shape::NoColumns,
            (false, true, _) => Shape::Rows,
            (false, false, true) => Shape::Unseen,
            (false, false, false) => Shape::NoRows,
        };
        if self.wanted {
            self.summary = Some(Summary::read(
                mem::take(&mut self.query),
                server,
                self.available_after,
                end,
                shape,
            ));
        }
    }

    pub(super) fn fail(&mut self) {
        self.phase = Phase::Failed;
    }

    /// A request of it was ignored, which says nothing if it had failed by itself.
    pub(super) fn ignore(&mut self) {
        if self.phase < Phase::Failed {
            self.phase = Phase::Ignored;
        }
    }

    /// From here on everything that is left is asked for at once.
    pub(super) const fn want_all(&mut self) {
        self.pages.want_all();
    }

    /// Rows were asked for.
    pub(super) const fn ask(&mut self, request: RequestId) {
        self.asked = request;
    }

    /// This request, and all after it, were taken back before they left.
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

/// How much memory a row takes once it is kept: itself, its values with their places, and what an allocation costs.
fn memory(row: RecordRef<'_>) -> usize {
    const PLACE: usize = size_of::<u32>();
    const ALLOCATION: usize = 24;
    size_of::<Record>() + row.encoded_len() + row.len() * PLACE + ALLOCATION
}
