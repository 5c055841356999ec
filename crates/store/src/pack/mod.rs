//! Packs: append-only files of contents, `packs/000001.pack` and on.
//!
//! A record is a header ([`record`]) and a payload: the content, compressed with zstd where that helps.
//! Records are never changed. The database says how much of a pack is proven; what is beyond came from
//! a process that ended before it could commit, and is cut off when the next writer opens.

mod reader;
mod record;
mod writer;

pub(crate) use reader::{RecordReader, open_record, read_small};
pub(crate) use record::HEADER;
pub use writer::{Content, ContentWriter};

use crate::{Digest, StoreError, dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A pack that has reached this length gets no further record.
const FULL: u64 = 64 << 20;

/// Contents up to this size are hashed and compressed in one piece; larger ones as a stream.
pub(crate) const SMALL: usize = 1 << 20;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// The pack's number.
    pub(crate) pack: u32,
    /// Where the record begins.
    pub(crate) start: u64,
    /// Octets of its payload.
    pub(crate) stored: u64,
}

impl Location {
    /// Where the record ends.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(record::HEADER as u64).saturating_add(self.stored)
    }
}

/// The packs of the one writing process, shared by its content writers.
pub(crate) struct Packs {
    dir: PathBuf,
    state: Mutex<State>,
    /// After so many more calls the disk fails with this error of the system, for tests.
    #[cfg(feature = "testing")]
    fault: Mutex<Option<(u32, i32)>>,
}

struct State {
    /// The number of the next pack to make.
    next: u32,
    /// Packs with room that nobody writes to, with their length.
    free: Vec<(u32, u64)>,
    /// How much of each pack written to by this process is on disk.
    synced: BTreeMap<u32, u64>,
    /// Packs that a content writer appends to.
    busy: BTreeSet<u32>,
    /// Packs that are not written to any more, and those removed by this process.
    retired: BTreeSet<u32>,
}

impl Packs {
    /// Takes over the packs in `dir`: cuts each to its proven length, removes those with none. `referred` says
    /// up to where messages refer to one, and is asked only before something is cut off.
    pub(crate) fn recover(
        dir: PathBuf,
        proven: &BTreeMap<u32, u64>,
        referred: impl Fn(u32) -> Result<u64, StoreError>,
    ) -> Result<Self, StoreError> {
        dir::make_dir(&dir)?;
        let mut next = proven.last_key_value().map_or(1, |(number, _)| number.saturating_add(1));
        let mut free = Vec::new();
        for item in fs::read_dir(&dir).map_err(StoreError::io("read", &dir))? {
            let path = item.map_err(StoreError::io("read", &dir))?.path();
            let Some(number) = number_of(&path) else { continue };
            let length = fs::metadata(&path).map_err(StoreError::io("read", &path))?.len();
            let mut proven = proven.get(&number).copied().unwrap_or(0);
            if length > proven {
                proven = proven.max(referred(number)?);
            }
            match proven {
                0 => fs::remove_file(&path).map_err(StoreError::io("remove", &path))?,
                proven => {
                    next = next.max(number.saturating_add(1));
                    if length > proven {
                        let file = dir::open_file(&path)?;
                        file.set_len(proven)
                            .and_then(|()| file.sync_all())
                            .map_err(StoreError::io("cut", &path))?;
                    }
                    // One that is too short is damaged: readers say so, writers leave it alone.
                    if proven < FULL && length >= proven {
                        free.push((number, proven));
                    }
                }
            }
        }
        free.sort_unstable();
        let (synced, busy, retired) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Ok(Self {
            dir,
            state: Mutex::new(State { next, free, synced, busy, retired }),
            #[cfg(feature = "testing")]
            fault: Mutex::new(None),
        })
    }

    /// Lets the disk fail after so many calls, and from then on.
    #[cfg(feature = "testing")]
    pub(crate) fn fail_after(&self, calls: u32, errno: i32) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some((calls, errno));
    }

    /// Asked before each call to the disk: whether it is to fail.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests")
    )]
    fn disk(&self) -> std::io::Result<()> {
        #[cfg(feature = "testing")]
        if let Some((calls, errno)) = &mut *self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            match calls.checked_sub(1) {
                Some(left) => *calls = left,
                None => return Err(std::io::Error::from_raw_os_error(*errno)),
            }
        }
        Ok(())
    }

    /// Whether a record is on disk as far as this process wrote it. Records found in the database are; those of
    /// a pack that is being given up are not for long.
    pub(crate) fn is_synced(&self, at: &Location) -> bool {
        let state = self.lock();
        !state.retired.contains(&at.pack)
            && state.synced.get(&at.pack).is_none_or(|length| at.end() <= *length)
    }

    /// Has nobody write to a pack any more; false when somebody does just now.
    pub(crate) fn retire(&self, number: u32) -> bool {
        let mut state = self.lock();
        if state.busy.contains(&number) {
            return false;
        }
        state.free.retain(|(free, _)| *free != number);
        state.retired.insert(number);
        true
    }

    /// Leaves a pack that was to be given up where it is. It is not written to all the same.
    pub(crate) fn keep(&self, number: u32) {
        self.lock().retired.remove(&number);
    }

    /// Whether a pack is given up.
    fn is_retired(&self, number: u32) -> bool {
        self.lock().retired.contains(&number)
    }

    /// The file of a pack.
    pub(crate) fn path(&self, number: u32) -> PathBuf {
        path_of(&self.dir, number)
    }

    /// A pack with room, its file and its length; the caller writes to it alone.
    fn take(&self) -> Result<(u32, File, u64), StoreError> {
        let mut state = self.lock();
        let (number, length) = match state.free.pop() {
            Some(free) => free,
            None => {
                let number = state.next;
                state.next = number.saturating_add(1);
                (number, 0)
            }
        };
        state.synced.insert(number, length);
        state.busy.insert(number);
        drop(state);
        let file = dir::open_file(&path_of(&self.dir, number))?;
        if length == 0 {
            dir::sync_dir(&self.dir)?;
        }
        Ok((number, file, length))
    }

    /// Notes that a pack is on disk up to `length`.
    fn synced(&self, number: u32, length: u64) {
        self.lock().synced.insert(number, length);
    }

    /// Gives back a pack whose file is `length` long.
    fn give_back(&self, number: u32, length: u64) {
        let mut state = self.lock();
        state.busy.remove(&number);
        if length < FULL {
            state.free.push((number, length));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of a pack.
pub(crate) fn path_of(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.pack"))
}

/// The number of the pack with this file name.
pub(crate) fn number_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_suffix(".pack")?.parse().ok()
}

fn digest_of(hasher: &blake3::Hasher) -> Digest {
    Digest(*hasher.finalize().as_bytes())
}
