//! One result: what has arrived of it, and how much was requested.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Fetch, Highlights, Keys, Metadata, RequestId, ResultId, Shape};

use crate::record::{Record, RecordRef};
use crate::server_info::ServerInfo;
use crate::summary::Summary;

use super::pages::Pages;

/// The result of a RUN, from its request until it has ended and its holder is gone.
pub(super) struct OpenResult {
    pub(super) id: ResultId,
    pub(super) run: RequestId,
    /// The last request for its rows.
    asked: RequestId,
    query: Arc<str>,
    pub(super) keys: Keys,
    /// The answer to RUN has no columns, not even an empty list.
    keys_left_out: bool,
    /// Rows that arrived while something else was being waited for.
    rows: VecDeque<Record>,
    /// The memory that these rows take, approximately.
    kept_bytes: usize,
    /// Its holder may still read it. Otherwise its rest is skipped.
    wanted: bool,
    /// Present after the result has ended successfully, unless no call can ask for it any more.
    pub(super) summary: Option<Summary>,
    forgoes_summary: bool,
    available_after: Option<Duration>,
    phase: Phase,
    /// A row has arrived.
    has_rows: bool,
    /// The server was asked to discard rows.
    discarded: bool,
    pages: Pages,
}

/// The progress of a result, by the events that were taken.
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
    /// Creates the result of the requests `run` and `asked`, which were just queued.
    pub(super) fn new(
        id: ResultId,
        (run, asked): (RequestId, RequestId),
        query: &Arc<str>,
        page: Fetch,
    ) -> Self {
        Self {
            id,
            run,
            asked,
            query: Arc::clone(query),
            keys: Keys::default(),
            keys_left_out: false,
            rows: VecDeque::new(),
            kept_bytes: 0,
            wanted: true,
            summary: None,
            forgoes_summary: false,
            available_after: None,
            phase: Phase::Asked,
            has_rows: false,
            discarded: false,
            pages: Pages::new(page),
        }
    }

    /// Returns whether its holder may still read it.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Returns whether RUN was answered.
    pub(super) fn is_started(&self) -> bool {
        self.phase >= Phase::Started
    }

    pub(super) fn has_ended(&self) -> bool {
        self.phase >= Phase::Ended
    }

    /// Returns whether it ended early.
    pub(super) fn has_failed(&self) -> bool {
        self.phase >= Phase::Failed
    }

    /// Returns whether this result itself failed, and not something before it.
    pub(super) fn failed_itself(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Notes that it has no holder any more: drops what has arrived; the rest is skipped.
    pub(super) fn mark_unwanted(&mut self) {
        self.wanted = false;
        self.rows = VecDeque::new();
        self.kept_bytes = 0;
    }

    pub(super) fn start(&mut self, available_after: Option<Duration>, keys: Option<Keys>) {
        self.phase = Phase::Started;
        self.available_after = available_after;
        self.keys_left_out = keys.is_none();
        self.keys = keys.unwrap_or_default();
    }

    /// Returns whether there may be rows, as far as the answer to RUN says.
    pub(super) fn may_have_rows(&self) -> bool {
        self.keys_left_out || !self.keys.is_empty()
    }

    /// Keeps a row for later.
    pub(super) fn keep(&mut self, row: RecordRef<'_>) {
        if self.wanted {
            self.has_rows = true;
            self.pages.arrived(row.encoded_len());
            self.kept_bytes += memory(row);
            self.rows.push_back(row.to_record());
        }
    }

    /// Drops a row that has arrived. The summary says that there was one.
    pub(super) const fn pass_over(&mut self) {
        self.has_rows = true;
    }

    /// Notes that the server was asked to discard the rest.
    pub(super) const fn discard(&mut self) {
        self.discarded = true;
    }

    /// Notes that its holder asks for the rows alone.
    pub(super) const fn forgo_summary(&mut self) {
        self.forgoes_summary = true;
    }

    /// Returns the memory that the kept rows take, approximately.
    pub(super) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Returns the oldest kept row without taking it.
    #[inline]
    pub(super) fn first_kept(&self) -> Option<&Record> {
        self.rows.front()
    }

    /// Takes all kept rows.
    pub(super) fn take_all_kept(&mut self) -> Vec<Record> {
        self.kept_bytes = 0;
        mem::take(&mut self.rows).into()
    }

    /// Notes that a row went from the receive buffer to the caller that waited for it.
    #[inline]
    pub(super) fn note_borrowed(&mut self, row: RecordRef<'_>) {
        self.has_rows = true;
        self.pages.arrived(row.encoded_len());
        self.pages.delivered();
    }

    /// Takes the oldest kept row.
    pub(super) fn take_kept(&mut self) -> Option<Record> {
        let row = self.rows.pop_front()?;
        self.kept_bytes -= memory(row.as_ref());
        self.pages.delivered();
        Some(row)
    }

    /// Notes the end of a page that another one follows.
    pub(super) fn page_ended(&mut self) {
        self.pages.ended(self.rows.len());
    }

    pub(super) fn end(&mut self, server: Arc<ServerInfo>, end: Metadata<'_>, found: &Highlights<'_>) {
        self.phase = Phase::Ended;
        let shape = match (self.keys.is_empty(), self.has_rows, self.discarded) {
            (true, ..) => Shape::NoColumns,
            (false, true, _) => Shape::Rows,
            (false, false, true) => Shape::Discarded,
            (false, false, false) => Shape::NoRows,
        };
        if self.wanted && !self.forgoes_summary {
            self.summary = Some(Summary::read(
                mem::take(&mut self.query),
                server,
                self.available_after,
                (end, found),
                shape,
            ));
        }
    }

    pub(super) fn fail(&mut self) {
        self.phase = Phase::Failed;
    }

    /// Notes that a request of it was ignored, which is not relevant if it had failed by itself.
    pub(super) fn ignore(&mut self) {
        if self.phase < Phase::Failed {
            self.phase = Phase::Ignored;
        }
    }

    /// Requests everything that is left at once from now on.
    pub(super) const fn want_all(&mut self) {
        self.pages.want_all();
    }

    /// Notes a request for rows.
    pub(super) const fn ask(&mut self, request: RequestId) {
        self.asked = request;
    }

    /// Notes that this request, and all after it, were taken back before they left.
    pub(super) fn take_back(&mut self, first: RequestId) {
        if self.asked >= first {
            self.pages.taken_back();
        }
    }

    /// Returns whether so few rows of the last page are undelivered that the next must be requested.
    #[inline]
    pub(super) const fn is_due(&self) -> bool {
        self.pages.is_due()
    }

    /// Returns the size of the next page, which is requested now.
    pub(super) fn next_page(&mut self) -> Fetch {
        self.pages.next()
    }
}

/// Returns the memory of a kept row, approximately: the row itself, its values with their positions, and the overhead
/// of an allocation.
fn memory(row: RecordRef<'_>) -> usize {
    const PLACE: usize = size_of::<u32>();
    const ALLOCATION: usize = 24;
    size_of::<Record>() + row.encoded_len() + row.len() * PLACE + ALLOCATION
}
