//! Affinity's v1 paging: `page_size`, `page_token`, `next_page_token`.
//!
//! A token says where the last page ended and for which parameters it was given out. Positions are keys, not offsets, so
//! records that come or go between two pages neither repeat nor hide others. A full page always bears a token, even when
//! nothing follows: the documentation says that the next page may be empty.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeMap};

use super::{
    answer::{Answer, Fault, Result},
    params::Params,
};

/// Most items on a page of any list but interactions.
pub(super) const MAX_SIZE: usize = 500;

/// One request for a page; `K` is the key that the list is ordered by.
#[derive(Debug)]
pub(super) struct Page<K> {
    size: usize,
    fingerprint: u64,
    /// The key of the last item that the caller has seen.
    pub(super) after: Option<K>,
}

impl<K: Serialize + DeserializeOwned> Page<K> {
    /// Read the paging parameters; `max` is also the default size.
    pub(super) fn read(params: &Params, max: usize) -> Result<Self> {
        let size = match params.integer("page_size")? {
            None => max,
            Some(size) => usize::try_from(size)
                .ok()
                .filter(|size| (1..=max).contains(size))
                .ok_or_else(|| Fault::field("page_size", format_args!("expected {size} to be between 1 and {max}")))?,
        };
        let fingerprint = params.fingerprint();
        let after = match params.text("page_token")? {
            None => None,
            Some(token) => {
                let (issued_for, key) = open(&token).ok_or_else(invalid_token)?;
                if issued_for != fingerprint {
                    return Err(invalid_token());
                }
                Some(key)
            }
        };
        Ok(Self { size, fingerprint, after })
    }

    /// `{"<items_key>": […], "next_page_token": …}` from items that follow [`Self::after`] in the list's order.
    pub(super) fn answer<T: Serialize>(&self, items_key: &str, items: impl Iterator<Item = (K, T)>) -> Answer {
        let (mut last, mut page) = (None, Vec::new());
        for (key, item) in items.take(self.size) {
            page.push(item);
            last = Some(key);
        }
        let token = last.filter(|_| page.len() == self.size).map(|last| self.token(&last));
        Answer::json(&Envelope { items_key, items: &page, token })
    }

    fn token(&self, key: &K) -> String {
        let token = serde_json::to_vec(&(self.fingerprint, key)).expect("keys are numbers");
        URL_SAFE_NO_PAD.encode(token)
    }
}

struct Envelope<'e, T> {
    items_key: &'e str,
    items: &'e [T],
    token: Option<String>,
}

impl<T: Serialize> Serialize for Envelope<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.items_key, self.items)?;
        map.serialize_entry("next_page_token", &self.token)?;
        map.end()
    }
}

fn open<K: DeserializeOwned>(token: &str) -> Option<(u64, K)> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn invalid_token() -> Fault {
    Fault::unprocessable("Invalid page_token variable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        let mut params = Params::default();
        params.add_form(form.as_bytes()).unwrap();
        params
    }

    #[test]
    fn a_token_serves_only_the_parameters_it_was_given_out_for() {
        let first = Page::<u64>::read(&params("term=a&page_size=2"), 500).unwrap();
        let token = first.token(&7);
        let next = Page::<u64>::read(&params(&format!("page_size=2&term=a&page_token={token}")), 500).unwrap();
        assert_eq!(next.after, Some(7));
        for other in [format!("page_size=2&term=b&page_token={token}"), "page_token=rubbish".to_owned()] {
            let refused = Page::<u64>::read(&params(&other), 500).unwrap_err();
            assert_eq!(refused, Fault::unprocessable("Invalid page_token variable"), "{other}");
        }
    }

    #[test]
    fn a_page_size_out_of_range_is_refused() {
        for size in ["0", "-1", "501", "x"] {
            assert!(Page::<u64>::read(&params(&format!("page_size={size}")), 500).is_err(), "{size}");
        }
    }
}
