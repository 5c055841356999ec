//! A slow link: a TCP proxy with a one-way delay and a rate in each direction.
//!
//! It stands in for a network far away where the kernel's own simulator (`netem`) is not to be had. All connections
//! share the rate, as they share a line. It is a line with a short queue and no loss, and a connection is at full speed
//! at once: what TCP does on its way to full speed is not simulated.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Context, Result};

/// What a link can do.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// From here to there and back.
    pub round_trip: Duration,
    /// Octets a second, in each direction.
    pub rate: u64,
}

/// Octets sent at once: about a millisecond of 100 Mbit/s.
const PIECE: usize = 16 * 1024;
/// How far ahead of the line a sender may be: the queue of the router before it.
const QUEUE: Duration = Duration::from_millis(5);

/// A link at work, until it is dropped.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Link {
    /// Listens at `near` and leads every connection to `far`.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn start(near: SocketAddr, far: SocketAddr, quality: Quality) -> Result<Self> {
        let listener = std::net::TcpListener::bind(near).context(|| near.to_string())?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Its own thread: whoever measures must not hold it up.
        std::thread::Builder::new().name("link".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    done = serve(listener, far, quality) => {
                        if let Err(error) = done {
                            eprintln!("the link broke: {error}");
                        }
                    }
                }
            });
        })?;
        Ok(Self { address, _stop: stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: std::net::TcpListener, far: SocketAddr, quality: Quality) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (up, down) = (Line::new(quality), Line::new(quality));
    loop {
        let (near, _) = listener.accept().await?;
        let (up, down) = (up.clone(), down.clone());
        tokio::spawn(async move {
            // The handshake of TCP went by unseen: a real one takes this long.
            sleep(quality.round_trip).await;
            // A server that is not there shows as a connection that ends.
            let Ok(far) = TcpStream::connect(far).await else { return };
            let nodelay = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
            if nodelay.is_err() {
                return;
            }
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::join!(carry(near_in, far_out, up), carry(far_in, near_out, down));
        });
    }
}

/// One direction of the line: what is on it now.
#[derive(Clone, Debug)]
struct Line {
    quality: Quality,
    /// When it will have taken all that was given to it.
    free: Arc<Mutex<Instant>>,
}

impl Line {
    fn new(quality: Quality) -> Self {
        Self { quality, free: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Puts octets on the line: when they are at the other end, and when the sender may send on.
    fn put(&self, count: usize, now: Instant) -> (Instant, Instant) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = Duration::from_secs_f64(count as f64 / self.quality.rate as f64);
        *free = (*free).max(now) + takes;
        (*free + self.quality.round_trip / 2, *free - QUEUE)
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, line: Line) {
    let (send, mut arrive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let sender = async move {
        let mut buffer = vec![0; PIECE];
        // An error ends the connection as its end does.
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let (there, next) = line.put(count, Instant::now());
            if send.send((there, buffer[..count].to_vec())).is_err() {
                return;
            }
            sleep_until(next).await;
        }
    };
    let receiver = async move {
        while let Some((there, bytes)) = arrive.recv().await {
            sleep_until(there).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(sender, receiver);
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUALITY: Quality = Quality { round_trip: Duration::from_millis(40), rate: 12_500_000 };

    #[test]
    fn a_line_takes_its_time_for_what_is_put_on_it() {
        let line = Line::new(QUALITY);
        let begun = Instant::now();
        let (there, next) = line.put(1_250_000, begun);
        assert_eq!((there - begun).as_millis(), 100 + 20);
        assert_eq!((next - begun).as_millis(), 95);
        // Another connection waits behind it.
        let (there, _) = line.clone().put(1_250_000, begun);
        assert_eq!((there - begun).as_millis(), 200 + 20);
        // An idle line saves nothing up.
        let later = begun + Duration::from_secs(60);
        assert_eq!((line.put(1_250_000, later).0 - later).as_millis(), 120);
    }

    #[test]
    fn everything_arrives_in_order_and_late() {
        use std::io::{Read, Write};
        let echo = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let far = echo.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = echo.accept().unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(&all).unwrap();
        });
        let link = Link::start("127.0.0.1:0".parse().unwrap(), far, QUALITY).unwrap();
        let sent: Vec<u8> = (0..500_000_u32).map(|i| (i % 251) as u8).collect();
        let begun = std::time::Instant::now();
        let mut near = std::net::TcpStream::connect(link.address()).unwrap();
        near.write_all(&sent).unwrap();
        near.shutdown(std::net::Shutdown::Write).unwrap();
        let mut back = Vec::new();
        near.read_to_end(&mut back).unwrap();
        assert!(back == sent);
        // Never sooner than the line allows: a round trip to begin, one for the echo, 40 ms each way for the octets.
        assert!(begun.elapsed() >= Duration::from_millis(160), "{:?}", begun.elapsed());
        server.join().unwrap();
    }
}
