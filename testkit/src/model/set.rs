//! Sets of numbers (`sequence-set`, RFC 9051, section 9).

/// A set as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set(Vec<(u32, u32)>);

impl Set {
    /// Reads a set; `*` is the largest number in use. `None` when it is malformed.
    pub(super) fn read(text: &str, largest: u32) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(largest),
            digits => digits.parse().ok().filter(|number| *number > 0),
        };
        let range = |text: &str| {
            let (first, last) = text.split_once(':').unwrap_or((text, text));
            let (first, last) = (number(first)?, number(last)?);
            Some((first.min(last), first.max(last)))
        };
        text.split(',').map(range).collect::<Option<_>>().map(Self)
    }

    /// Every number there can be.
    pub(super) fn all() -> Self {
        Self(vec![(1, u32::MAX)])
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}

/// Ascending numbers as a server writes them.
pub(super) fn written(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}:{last}") }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_the_largest_number_even_below_the_other_end() {
        let set = Set::read("2,9:*", 5).unwrap();
        assert_eq!((1..10).filter(|n| set.contains(*n)).collect::<Vec<_>>(), [2, 5, 6, 7, 8, 9]);
        assert_eq!(Set::read("0", 5), None);
        assert_eq!(Set::read("1:", 5), None);
    }

    #[test]
    fn numbers_are_written_in_ranges() {
        assert_eq!(written([1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
        assert_eq!(written([]), "");
    }
}
