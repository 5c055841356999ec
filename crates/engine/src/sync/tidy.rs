//! What has rested here long enough is forgotten, and its space given back.

use super::{Keeper, now};
use crate::error::Error;
use restante_store::Waste;

/// What is gone from the server rests this long here, in seconds: thirty days.
const REST: i64 = 30 * 24 * 60 * 60;
/// Seconds between two times that one who stays does it.
const DAY: i64 = 24 * 60 * 60;

/// When it was done last, for one who stays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Daily {
    last: Option<i64>,
}

impl Daily {
    /// Whether a day has gone since this last said so; also when the clock was set back.
    pub(crate) fn is_due(&mut self, now: i64) -> bool {
        let due = self.last.is_none_or(|last| !(last..last.saturating_add(DAY)).contains(&now));
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Forgets what was removed thirty days ago, and gives its space back where that is much.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn tidy(keeper: &Keeper) -> Result<(), Error> {
    let before = now() - REST;
    keeper
        .with(move |store| {
            if store.expire_tombstones(before)? > 0 {
                store.compact(Waste::Most, || {})?;
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_day_is_enough() {
        let mut daily = Daily::default();
        let due: Vec<bool> = [100, 101, 100 + DAY - 1, 100 + DAY, 100 + DAY + 1, 50, 51]
            .into_iter()
            .map(|now| daily.is_due(now))
            .collect();
        assert_eq!(due, [true, false, false, true, false, true, false]);
    }
}
