//! A message on its way to a server.

use std::fmt;
use std::io::Read;

/// Octets read at once.
pub(super) const PIECE: usize = 64 * 1024;

/// A message to be added to a mailbox: read as it is written, and never whole in memory unless its owner holds it so.
pub struct Content {
    pub(super) source: Box<dyn Read + Send>,
    size: u64,
}

impl Content {
    /// A message of `size` octets, all of which `source` gives.
    pub fn new(size: u64, source: impl Read + Send + 'static) -> Self {
        Self { source: Box::new(source), size }
    }

    /// Octets of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("size", &self.size).finish_non_exhaustive()
    }
}
