//! Plans for bringing rows and a server together. No effects: the engine carries them out.

mod delta;
pub mod policy;
pub mod pull;
pub mod push;
pub mod recognise;
pub mod renamed;
mod selection;

pub use delta::{Delta, FlagChange};
pub use policy::Policy;
pub use selection::Selection;
