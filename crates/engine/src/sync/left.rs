//! How much is still to be fetched, in octets: sizes are not asked for, so the mean of what came must tell.

/// Octets in one fetch while the link is being measured: three of them under way keep a link of 20 MB/s busy over 75 ms.
const PORTION: u64 = 512 * 1024;

/// What a fetch has before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    wanted: u64,
    messages: u64,
    octets: u64,
}

impl Left {
    pub(super) fn of(wanted: u64) -> Self {
        Self { wanted, messages: 0, octets: 0 }
    }

    /// So much came.
    pub(super) fn came(&mut self, messages: u64, octets: u64) {
        self.messages += messages;
        self.octets += octets;
    }

    /// Octets to come, of `under_way` messages fewer than are left. Nothing is known before the first message.
    pub(super) fn octets(&self, under_way: u64) -> u64 {
        let left = self.wanted.saturating_sub(self.messages).saturating_sub(under_way);
        let mean = self.octets.checked_div(self.messages).unwrap_or(0);
        left.saturating_mul(mean)
    }

    /// How many messages to fetch at once while the link is being measured, so that little is under way when
    /// compression turns out to pay; at most `most`.
    pub(super) fn portion(&self, most: u32) -> u32 {
        self.portion_of(PORTION, most)
    }

    /// How many messages come to so many octets; at least one and at most `most`.
    pub(super) fn portion_of(&self, octets: u64, most: u32) -> u32 {
        let mean = self.octets.checked_div(self.messages).unwrap_or(PORTION / 40).max(1);
        u32::try_from(octets / mean).unwrap_or(most).clamp(1, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_what_came_tells_what_is_left() {
        let mut left = Left::of(1000);
        assert_eq!(left.octets(0), 0);
        left.came(100, 1_300_000);
        assert_eq!(left.octets(0), 900 * 13_000);
        assert_eq!(left.octets(60), 840 * 13_000);
        assert_eq!((left.portion(200), left.portion(30)), (40, 30));
        left.came(1000, 1);
        assert_eq!(left.octets(0), 0);
    }
}
