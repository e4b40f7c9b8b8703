//! Numbers as text, for what is written with every call: `write!` costs three times as much.

/// The decimal digits of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    /// As many as the greatest number has, filled from the end.
    digits: [u8; 20],
    first: usize,
}

impl Decimal {
    /// The digits of `number`.
    pub(crate) fn of(number: u64) -> Self {
        let mut digits = [0; 20];
        let (mut first, mut left) = (digits.len(), number);
        loop {
            first -= 1;
            digits[first] = b'0' + (left % 10).to_le_bytes()[0];
            left /= 10;
            if left == 0 {
                return Self { digits, first };
            }
        }
    }

    /// The digits, at least one.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.digits[self.first..]).expect("digits are text")
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_everywhere(number in any::<u64>(), shift in 0..64) {
            let number = number >> shift;
            let written = Decimal::of(number);
            prop_assert_eq!(written.as_str(), number.to_string());
        }
    }

    #[test]
    fn so_are_the_least_and_the_greatest() {
        assert_eq!([0, u64::MAX].map(|number| Decimal::of(number).as_str().to_owned()), ["0", "18446744073709551615"]);
    }
}
