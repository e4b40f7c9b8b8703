//! Errors as one line of text.

use std::error::Error;

/// An error and what caused it, outermost first.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_cause_is_told_outermost_first() {
        #[derive(Debug, thiserror::Error)]
        #[error("no answer")]
        struct Outer(#[source] io::Error);

        assert_eq!(causes(&Outer(io::Error::other("reset"))), "no answer: reset");
        assert_eq!(causes(&io::Error::other("alone")), "alone");
    }
}
