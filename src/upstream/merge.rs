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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    /// A stream as an upstream would page it: the pages, each with items.
    #[derive(Clone, Debug)]
    struct Pages(Vec<Vec<Item>>);

    impl Source for &Pages {
        async fn page(&self, position: Option<&Position>) -> Result<(Vec<Item>, Option<Position>), Failure> {
            let number = match position {
                Some(Position::Token(token)) => token.parse().unwrap(),
                _ => 0,
            };
            let next = (number + 1 < self.0.len()).then(|| Position::Token((number + 1).to_string()));
            Ok((self.0.get(number).cloned().unwrap_or_default(), next))
        }
    }

    fn item(second: Option<i64>, id: &str) -> Item {
        let date = second.map_or("soon".into(), |second| Timestamp::from_second(second).unwrap().to_string());
        Item::new(Bytes::from(format!(r#"{{"date":"{date}","id":{id}}}"#)), "date")
    }

    /// One call after another, as far as the marks lead; the marks travel as JSON.
    fn all(streams: &[Pages], limits: &[usize]) -> Vec<Item> {
        let mut marks = vec![Some(Mark::default()); streams.len()];
        let mut everything = Vec::new();
        for limit in limits.iter().cycle() {
            let (items, left) = merge(streams.iter().zip(marks), *limit).now_or_never().unwrap().unwrap();
            assert!(items.len() <= *limit && (items.len() == *limit || left.is_none()), "a short page in the middle");
            everything.extend(items);
            match left {
                Some(left) => marks = serde_json::from_str(&serde_json::to_string(&left).unwrap()).unwrap(),
                None => break,
            }
        }
        everything
    }

    /// Items newest first, on pages of odd sizes, some of them empty.
    fn sorted_pages() -> impl Strategy<Value = Pages> {
        let items = vec((option::weighted(0.9, 0..6_i64), 0..4_u8), 0..12);
        (items, vec(0..4_usize, 1..8)).prop_map(|(mut items, sizes)| {
            items.sort_by_key(|(second, _)| Reverse(*second));
            let mut items = items.into_iter().map(|(second, id)| item(second, &id.to_string()));
            let mut pages: Vec<Vec<Item>> = sizes.iter().map(|size| items.by_ref().take(*size).collect()).collect();
            pages.push(items.collect());
            Pages(pages)
        })
    }

    proptest! {
        #[test]
        fn all_pages_together_are_the_whole_merge(
            streams in vec(sorted_pages(), 0..5),
            limits in vec(1..9_usize, 1..4),
        ) {
            let mut expected: Vec<Item> = streams.iter().flat_map(|stream| stream.0.concat()).collect();
            expected.sort_by_key(|item| Reverse(item.at));
            prop_assert_eq!(all(&streams, &limits), expected);
        }

        #[test]
        fn streams_in_no_order_lose_and_repeat_nothing(
            pages in vec(vec(option::of(0..9_i64), 0..4), 0..5),
            limits in vec(1..5_usize, 1..3),
        ) {
            let mut next_id = 0..;
            let mut number = |second| item(second, &next_id.next().unwrap_or(0_u32).to_string());
            let pages: Vec<Vec<Item>> = pages.into_iter().map(|page| page.into_iter().map(&mut number).collect()).collect();
            let ids = |items: &[Item]| {
                let mut ids: Vec<_> = items.iter().map(|item| item.id().unwrap()).collect();
                ids.sort();
                ids
            };
            let expected = ids(&pages.concat());
            prop_assert_eq!(ids(&all(&[Pages(pages)], &limits)), expected);
        }
    }

    #[test]
    fn times_are_compared_as_instants_and_what_is_none_goes_last() {
        let texts = [
            r#"{"date":"2026-01-01T00:00:00+02:00"}"#,
            r#"{"date":"2025-12-31T23:00:00Z"}"#,
            r#"{"date":7}"#,
            r#"{"date":"tomorrow"}"#,
            "[]",
        ];
        let items: Vec<Item> =
            texts.iter().map(|text| Item::new(Bytes::from_static(text.as_bytes()), "date")).collect();
        let merged = all(&[Pages(vec![items])], &[9]);
        let merged: Vec<&[u8]> = merged.iter().map(|item| &item.json[..]).collect();
        assert_eq!(merged, [texts[1], texts[0], texts[2], texts[3], texts[4]].map(str::as_bytes));
    }

    #[test]
    fn a_page_that_changed_meanwhile_is_resumed_after_the_last_item_taken() {
        let stream = |items: &[(i64, &str)]| Pages(vec![items.iter().map(|(at, id)| item(Some(*at), id)).collect()]);
        let before = stream(&[(9, "1"), (8, "2"), (7, "3"), (6, "4")]);
        let (_, left) = merge([(&before, Some(Mark::default()))], 2).now_or_never().unwrap().unwrap();
        let mark = left.unwrap().remove(0);
        for (what, now, expected) in [
            ("nothing", stream(&[(9, "1"), (8, "2"), (7, "3"), (6, "4")]), &["3", "4"][..]),
            ("one came", stream(&[(10, "0"), (9, "1"), (8, "2"), (7, "3")]), &["3"]),
            ("the first went", stream(&[(8, "2"), (7, "3"), (6, "4")]), &["3", "4"]),
            ("the last taken went", stream(&[(9, "1"), (7, "3"), (6, "4")]), &["3", "4"]),
            ("all went", stream(&[]), &[]),
        ] {
            let (items, _) = merge([(&now, mark.clone())], 9).now_or_never().unwrap().unwrap();
            let ids: Vec<String> = items.iter().filter_map(Item::id).collect();
            assert_eq!(ids, expected, "{what}");
        }
    }
}
