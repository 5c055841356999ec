//! A connection that breaks at a chosen write.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// When it breaks: at the n-th write, which begins at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Never,
    /// Nothing of the n-th write goes out.
    Before(u32),
    /// The n-th write goes out, and nothing comes back.
    After(u32),
}

/// A byte stream that counts writes and breaks for good.
#[derive(Debug)]
pub(crate) struct Pipe<P> {
    inner: P,
    at: Break,
    writes: u32,
}

impl<P> Pipe<P> {
    pub(crate) fn new(inner: P, at: Break) -> Self {
        Self { inner, at, writes: 0 }
    }

    fn check(&self) -> Result<()> {
        let broken = match self.at {
            Break::Never => false,
            Break::Before(nth) | Break::After(nth) => self.writes >= nth,
        };
        if broken { Err(Error::new(ErrorKind::ConnectionReset, "the test broke it")) } else { Ok(()) }
    }
}

impl<P: AsyncRead + Unpin> AsyncRead for Pipe<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<P: AsyncWrite + Unpin> AsyncWrite for Pipe<P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.check()?;
        if let Break::Before(nth) = self.at
            && self.writes + 1 == nth
        {
            self.writes = nth;
            self.check()?;
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(_)) = written {
            self.writes += 1;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
