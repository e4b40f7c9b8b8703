//! One request per value of an argument that the caller left out, merged into one list.

use serde_json::{Map, Value};

use super::cursor::{Paged, foreign};
use super::cut;
use super::errand::Errand;
use super::failure::Failure;
use super::merge::{self, Item, Mark, Source};
use super::page::{self, Position};
use crate::catalog::arguments::Checked;
use crate::catalog::tool::{FanOut, Items, Paging};
use crate::outcome::List;

/// Fetch and merge the streams of all values.
///
/// # Errors
/// The cursor belongs to another call, or one of the requests failed.
pub(super) async fn list(
    errand: &Errand<'_>,
    fan_out: &FanOut,
    items: &Items,
    arguments: &mut Checked,
) -> Result<List, Failure> {
    let (paged, marks) = Paged::open::<Vec<Option<Mark>>>(&errand.tool.name, arguments)?;
    let marks = marks.unwrap_or_else(|| vec![Some(Mark::default()); fan_out.values.len()]);
    let suits = |mark: &Mark| mark.page().is_none_or(|page| page.suits(&errand.rest.paging));
    if marks.len() != fan_out.values.len() || !marks.iter().flatten().all(suits) {
        return Err(foreign());
    }
    let streams = fan_out.values.iter().map(|value| {
        let mut values = paged.values.clone();
        values.insert(fan_out.argument.clone(), value.clone());
        Live { errand, items, key: &fan_out.newest_first, values }
    });
    let limit = limit(&errand.rest.paging, paged.values);
    let (merged, left) = merge::merge(streams.zip(marks), limit).await?;
    let next_cursor = left.map(|marks| paged.cursor(marks)).transpose()?;
    let items: Vec<&[u8]> = merged.iter().map(|item| &item.json[..]).collect();
    let items = [b"[", &items.join(&b","[..])[..], b"]"].concat().into();
    Ok(List { items, next_cursor })
}

/// Items a call; without paging there is nothing to resume, so all of them.
fn limit(paging: &Paging, values: &Map<String, Value>) -> usize {
    let default = match paging {
        Paging::Token { default, .. } => *default,
        Paging::None | Paging::Keyset { .. } => u64::MAX,
    };
    usize::try_from(page::limit(values).unwrap_or(default)).unwrap_or(usize::MAX)
}

/// The stream of one value, from the upstream.
struct Live<'a> {
    errand: &'a Errand<'a>,
    items: &'a Items,
    key: &'a str,
    values: Map<String, Value>,
}

impl Source for Live<'_> {
    async fn page(&self, position: Option<&Position>) -> Result<(Vec<Item>, Option<Position>), Failure> {
        let page = page::fetch(self.errand, self.items, &self.values, position).await?;
        let items = cut::items(&page.items)?.into_iter().map(|json| Item::new(json, self.key)).collect();
        Ok((items, page.next))
    }
}
