//! Noticing that the machine slept, or that its clock was set.

/// Waits for the clock to jump. Costs nothing while it does not.
///
/// A connection whose machine slept is usually dead, and neither side says so: the timers of a program stand
/// still while it sleeps. The kernel tells when the clock is set, which it also does at resume.
#[derive(Debug)]
pub struct Clock {
    jumps: Jumps,
}

impl Clock {
    /// Starts to watch the clock.
    ///
    /// # Errors
    /// When the system has no timer left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { jumps: Jumps::new()? })
    }

    /// Waits until the clock jumped.
    pub async fn jumped(&mut self) {
        self.jumps.next().await;
    }
}

#[cfg(target_os = "linux")]
use linux::Jumps;
#[cfg(not(target_os = "linux"))]
use other::Jumps;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::io;
    use std::os::fd::OwnedFd;
    use tokio::io::unix::AsyncFd;

    /// Seconds since 1970 of a day that does not come.
    const NEVER: i64 = 1 << 40;

    #[derive(Debug)]
    pub(super) struct Jumps {
        timer: AsyncFd<OwnedFd>,
    }

    impl Jumps {
        #[expect(deprecated, reason = "sound for an OwnedFd, and its successor wants unsafe code")]
        pub(super) fn new() -> io::Result<Self> {
            let timer =
                timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            arm(&timer)?;
            Ok(Self { timer: AsyncFd::new(timer)? })
        }

        pub(super) async fn next(&mut self) {
            loop {
                let Ok(mut ready) = self.timer.readable().await else { return std::future::pending().await };
                // A clock that was set cancels the timer (ECANCELED); it is armed anew.
                let told = rustix::io::read(ready.get_inner(), &mut [0; 8][..]);
                ready.clear_ready();
                if told != Err(rustix::io::Errno::AGAIN) {
                    // Without it the next jump is not told; the connection's own deadlines remain.
                    let _ = arm(self.timer.get_ref());
                    return;
                }
            }
        }
    }

    fn arm(timer: &OwnedFd) -> rustix::io::Result<()> {
        let never = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: NEVER, tv_nsec: 0 },
        };
        let how = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(timer, how, &never).map(|_| ())
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;
    use std::time::{Duration, Instant, SystemTime};

    const LOOK: Duration = Duration::from_secs(30);

    #[derive(Debug)]
    pub(super) struct Jumps;

    impl Jumps {
        #[allow(clippy::unnecessary_wraps, reason = "as on Linux")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// The two clocks drift apart while the machine sleeps.
        pub(super) async fn next(&mut self) {
            loop {
                let (wall, own) = (SystemTime::now(), Instant::now());
                tokio::time::sleep(LOOK).await;
                let passed = wall.elapsed().unwrap_or_default();
                if passed.abs_diff(own.elapsed()) > LOOK {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_clock_that_runs_on_says_nothing() {
        let mut clock = Clock::new().unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(20), clock.jumped()).await.is_err());
    }
}
