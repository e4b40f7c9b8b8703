//! The id of a request.

use std::sync::Arc;

/// Longest id that is echoed, in bytes: an id is a counter or a UUID.
pub(super) const MAX_ID: usize = 256;

/// The id of a request as the client wrote it, to be echoed to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'b>(&'b str);

impl<'b> Id<'b> {
    /// The id that a JSON value is: a string or an integer, never null (MCP 2026-07-28 `basic/index`, "Requests").
    #[must_use]
    pub fn of(value: &'b str) -> Option<Self> {
        let digits = value.strip_prefix('-').unwrap_or(value);
        let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (value.len() <= MAX_ID && (value.starts_with('"') || is_integer)).then_some(Self(value))
    }

    /// As it stands in the message.
    #[must_use]
    pub fn get(self) -> &'b str {
        self.0
    }

    /// To be kept longer than its message, in the memory of `text` if that is the same.
    #[must_use]
    pub fn kept_with(self, text: &Arc<str>) -> KeptId {
        KeptId(if **text == *self.0 { text.clone() } else { self.0.into() })
    }
}

/// An [`Id`] that is kept longer than its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptId(Arc<str>);

impl KeptId {
    /// The id.
    #[must_use]
    pub fn id(&self) -> Id<'_> {
        Id(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_kept_is_the_same_to_the_byte_and_shares_the_memory_of_nothing_else() {
        for (id, text, shares) in [("7", "7", true), (r#""7""#, "7", false), ("7", "", false)] {
            let text: Arc<str> = text.into();
            let kept = Id::of(id).unwrap().kept_with(&text);
            assert_eq!((kept.id().get(), Arc::ptr_eq(&kept.0, &text)), (id, shares), "{id}");
        }
    }
}
