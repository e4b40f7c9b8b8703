//! Several paged streams as one list, newest first, that can be left and resumed without losing or repeating an item.

use std::{borrow::Cow, cmp::Reverse};

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cut;
use super::failure::Failure;
use super::page::Position;

/// An item and when it is of; one without a time goes last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its JSON text.
    pub(super) json: Bytes,
    /// The time it is ordered by.
    pub(super) at: Option<Timestamp>,
}

impl Item {
    /// Read the time of an item at `key`.
    pub(super) fn new(json: Bytes, key: &str) -> Self {
        let text = cut::member(&json, key).and_then(|value| serde_json::from_str::<Cow<'_, str>>(value.get()).ok());
        let at = text.and_then(|text| text.parse().ok());
        Self { json, at }
    }

    fn id(&self) -> Option<String> {
        cut::member(&self.json, "id").map(|id| id.get().to_owned())
    }
}

/// Where a stream gets its pages.
pub(super) trait Source {
    /// The items at a position, or the first ones, and where the next ones are.
    fn page(
        &self,
        position: Option<&Position>,
    ) -> impl Future<Output = Result<(Vec<Item>, Option<Position>), Failure>> + Send;
}

/// Where a stream was left: the page, and how far into it. The default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    page: Option<Position>,
    #[serde(rename = "n")]
    taken: usize,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl Mark {
    /// The page it is in.
    pub(super) fn page(&self) -> Option<&Position> {
        self.page.as_ref()
    }

    /// The first item of its page that was not taken yet.
    ///
    /// The page may have changed since: items that came before the last one taken are passed over, and if that one
    /// itself is gone, so is everything newer than it.
    fn resume(&self, items: &[Item]) -> usize {
        let Some(last) = self.taken.checked_sub(1) else { return 0 };
        let is_last = |item: &Item| item.at == self.at && item.id() == self.id;
        if items.get(last).is_some_and(is_last) || self.id.is_none() {
            return self.taken.min(items.len());
        }
        match items.iter().rposition(is_last) {
            Some(index) => index + 1,
            None => items.iter().take_while(|item| item.at > self.at).count(),
        }
    }
}

/// A stream on its way.
struct Stream<S> {
    source: S,
    position: Option<Position>,
    mark: Option<Mark>,
    items: Vec<Item>,
    taken: usize,
    next: Next,
}

/// What comes after the page at hand.
enum Next {
    /// The page itself is still to be fetched.
    This,
    Page(Position),
    End,
}

impl<S: Source> Stream<S> {
    fn new(source: S, mark: Option<Mark>) -> Self {
        let next = if mark.is_some() { Next::This } else { Next::End };
        let position = mark.as_ref().and_then(|mark| mark.page.clone());
        Self { source, position, mark, items: Vec::new(), taken: 0, next }
    }

    fn head(&self) -> Option<&Item> {
        self.items.get(self.taken)
    }

    fn may_go_on(&self) -> bool {
        !matches!(self.next, Next::End)
    }

    /// Fetch pages until there is an item at hand or the stream is at its end.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.head().is_none() {
            match std::mem::replace(&mut self.next, Next::End) {
                Next::End => return Ok(()),
                Next::This => {}
                Next::Page(position) => self.position = Some(position),
            }
            let (mut items, next) = self.source.page(self.position.as_ref()).await?;
            items.sort_by_key(|item| Reverse(item.at));
            self.taken = self.mark.take().map_or(0, |mark| mark.resume(&items));
            self.items = items;
            self.next = next.map_or(Next::End, Next::Page);
        }
        Ok(())
    }

    /// Where it is left; `None` at its end.
    fn leave(self) -> Option<Mark> {
        if self.head().is_some() {
            let last = self.taken.checked_sub(1).map(|last| &self.items[last]);
            let (at, id) = (last.and_then(|item| item.at), last.and_then(Item::id));
            return Some(Mark { page: self.position, taken: self.taken, at, id });
        }
        match self.next {
            Next::This => self.mark,
            Next::Page(page) => Some(Mark { page: Some(page), ..Mark::default() }),
            Next::End => None,
        }
    }
}

/// The next items of all streams, at most `limit`, and where each stream was left, if any goes on.
///
/// Every source comes with the mark where it was left before, or `None` if it was at its end. Of items of the same
/// time, those of an earlier stream come first.
///
/// # Errors
/// The first failure of any stream.
pub(super) async fn merge<S: Source>(
    sources: impl IntoIterator<Item = (S, Option<Mark>)>,
    limit: usize,
) -> Result<(Vec<Item>, Option<Vec<Option<Mark>>>), Failure> {
    let mut streams: Vec<Stream<S>> = sources.into_iter().map(|(source, mark)| Stream::new(source, mark)).collect();
    let mut merged = Vec::new();
    while merged.len() < limit {
        try_join_all(streams.iter_mut().map(Stream::fill)).await?;
        if !drain(&mut streams, &mut merged, limit) {
            break;
        }
    }
    let left: Vec<Option<Mark>> = streams.into_iter().map(Stream::leave).collect();
    let goes_on = left.iter().any(Option::is_some);
    Ok((merged, goes_on.then_some(left)))
}

/// Take the newest items until the limit, or until a stream that may go on has none at hand (`true`).
fn drain<S: Source>(streams: &mut [Stream<S>], merged: &mut Vec<Item>, limit: usize) -> bool {
    while merged.len() < limit {
        let heads = streams.iter_mut().filter(|stream| stream.head().is_some());
        // Of equals, `min_by_key` keeps the first.
        let Some(newest) = heads.min_by_key(|stream| Reverse(stream.head().and_then(|item| item.at))) else {
            return false;
        };
        merged.push(newest.items[newest.taken].clone());
        newest.taken += 1;
        if newest.head().is_none() && newest.may_go_on() {
            return true;
        }
    }
    false
}
