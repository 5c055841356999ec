//! From an address to settings: whom to ask, what the answers are worth, and which one is best.
//!
//! [`Search`] is the whole of it without the asking: it names what to ask, takes what came back, knows
//! when nothing better can come, and puts the result together.

mod ask;
mod explain;
mod provider;
mod rank;
mod search;
mod typo;

pub use ask::{Ask, Post, What};
pub use search::{AskId, Document, Reply, Search, SearchOptions};

use crate::diagnosis::Finding;
use crate::settings::autoconfig::Link;
use crate::settings::{Candidate, Source};
use serde::{Serialize, Serializer};

/// What came of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceResult {
    /// Settings, or a way to more questions.
    Found,
    /// A clean "there is none".
    Absent,
    /// No answer, or none that can be used.
    Failed,
    /// Settings that name another server than the best candidate does.
    Disagrees,
}

/// One question and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// On whose behalf it was asked.
    pub source: Source,
    /// The address of a document, the kind and name of a DNS record, or a host and port.
    pub asked: String,
    /// What came of it.
    pub result: TraceResult,
    /// Milliseconds.
    pub ms: u64,
    /// What was said.
    pub detail: String,
}

/// What a search found out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Discovery {
    /// Settings that may be right, the best first. In JSON each has its `rank`, from 1.
    #[serde(serialize_with = "ranked")]
    pub candidates: Vec<Candidate>,
    /// Every question, in the order of the answers.
    pub trace: Vec<TraceLine>,
    /// What is wrong; the first is the one to act on. Empty when there is a usable candidate and nothing
    /// odd was seen.
    pub findings: Vec<Finding>,
    /// Pages the best candidate's provider wants people to see.
    pub help: Vec<Link>,
    /// Where each value of the best candidate comes from, and who says otherwise.
    pub values: Vec<Value>,
    /// What was wrong with documents and records, and how they were read nevertheless.
    pub oddities: Vec<Oddity>,
}

/// One value of the best candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Value {
    /// `imap.host`, `smtp.port`, …
    pub name: String,
    /// As the best candidate has it.
    pub value: String,
    /// The document or the DNS name it was read from.
    pub url: String,
    /// Every source that says the same, the best first.
    pub sources: Vec<Source>,
    /// What others say.
    pub others: Vec<Word>,
}

/// What another source says about a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Which.
    pub source: Source,
    /// Its value.
    pub value: String,
}

/// Something wrong with what a source published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// Which source.
    pub source: Source,
    /// The document's address or the DNS name.
    pub url: String,
    /// What is wrong, and how it was read: one sentence.
    pub text: String,
}

impl Discovery {
    /// The best candidate that has protected IMAP.
    #[must_use]
    pub fn best(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.imap().is_some())
    }
}

fn ranked<S: Serializer>(candidates: &[Candidate], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Ranked<'a> {
        rank: usize,
        #[serde(flatten)]
        candidate: &'a Candidate,
    }
    serializer.collect_seq(candidates.iter().zip(1..).map(|(candidate, rank)| Ranked { rank, candidate }))
}
