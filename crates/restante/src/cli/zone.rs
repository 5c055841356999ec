//! The time where the person is.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Where the system says what its zone is.
const LOCAL: &str = "/etc/localtime";

/// The system's time zone.
pub(super) fn zone() -> TimeZone {
    // Nobody asks for its name; to find that, jiff goes through all zones there are, which takes longer than a search.
    let local = match std::env::var_os("TZ") {
        None => std::fs::read(LOCAL).ok(),
        Some(_) => None,
    };
    local.and_then(|rules| TimeZone::tzif("local", &rules).ok()).unwrap_or_else(TimeZone::system)
}

/// Now, there.
pub(super) fn now() -> Zoned {
    Timestamp::now().to_zoned(zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_zone_that_the_system_names() {
        for seconds in [0, 1_700_000_000, 1_720_000_000] {
            let time = Timestamp::from_second(seconds).unwrap();
            assert_eq!(time.to_zoned(zone()).offset(), time.to_zoned(TimeZone::system()).offset());
        }
    }
}
