//! The envelope: one record as it is written, read and lifted from older versions.
//!
//! Records are made by the ledger alone, when it appends or reads back; so whoever holds one knows that it is in the
//! journal. `Recorded` and `Due` are the proofs that an effect's record is durable.

use folkops_model::{Cause, Effect, OperationId, ServiceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kinds::{Body, Reply};

/// The version of every kind's body that this program writes.
const VERSION: u32 = 1;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the journal, from 1, without gaps.
    pub sequence: u64,
    /// Under which leadership it was written.
    pub epoch: u64,
    /// When, UTC.
    pub time: Timestamp,
    /// In which service.
    pub service: ServiceId,
    /// As part of which operation.
    pub operation: Option<OperationId>,
    /// Why, where nobody said it.
    pub cause: Option<Cause>,
    /// What.
    pub body: Body,
}

/// Bytes that are no record this program can use.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer program wrote it.
    #[error(
        "record {sequence} is a `{kind}` of version {version}, and this program knows up to {VERSION}; start the newer program that wrote it"
    )]
    Future {
        /// Which record.
        sequence: u64,
        /// Of which kind.
        kind: String,
        /// Of which version.
        version: u32,
    },
    /// It does not have a record's form.
    #[error(
        "a record cannot be read: {0}; restore the journal from a backup, its checksum held but its content is not ours"
    )]
    Malformed(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: String,
    version: u32,
    sequence: u64,
    epoch: u64,
    time: Timestamp,
    service: ServiceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<OperationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    body: Value,
}

#[derive(Serialize, Deserialize)]
struct Tagged {
    kind: String,
    body: Value,
}

impl Record {
    /// The bytes of several records that are appended together: a JSON array.
    pub(crate) fn encode(records: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        let wires: Vec<Wire> = records.iter().map(Self::to_wire).collect::<Result<_, _>>()?;
        serde_json::to_vec(&wires)
    }

    /// Reads what `encode` wrote, lifting older versions.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let wires: Vec<Wire> = serde_json::from_slice(bytes)?;
        wires.into_iter().map(Self::from_wire).collect()
    }

    fn to_wire(&self) -> Result<Wire, serde_json::Error> {
        let tagged: Tagged = serde_json::from_value(serde_json::to_value(&self.body)?)?;
        Ok(Wire {
            kind: tagged.kind,
            version: VERSION,
            sequence: self.sequence,
            epoch: self.epoch,
            time: self.time,
            service: self.service.clone(),
            operation: self.operation.clone(),
            cause: self.cause.clone(),
            body: tagged.body,
        })
    }

    fn from_wire(wire: Wire) -> Result<Self, DecodeError> {
        if wire.version > VERSION {
            return Err(DecodeError::Future {
                sequence: wire.sequence,
                kind: wire.kind,
                version: wire.version,
            });
        }
        let body = serde_json::to_value(Tagged { kind: wire.kind, body: wire.body })?;
        Ok(Self {
            sequence: wire.sequence,
            epoch: wire.epoch,
            time: wire.time,
            service: wire.service,
            operation: wire.operation,
            cause: wire.cause,
            body: serde_json::from_value(body)?,
        })
    }
}

/// Proof that some records are durable. Nothing acts without one.
#[derive(Debug)]
#[must_use = "what was recorded must be acted on"]
pub struct Recorded {
    records: Vec<Record>,
}

/// An effect whose record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    operation: OperationId,
    index: u32,
    effect: Effect,
    sequence: u64,
}

impl Recorded {
    /// INVARIANT: called by the ledger alone, after the store said that these records are durable.
    pub(crate) fn durable(records: Vec<Record>) -> Self {
        Self { records }
    }

    /// The records, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The place of the last one.
    pub fn sequence(&self) -> u64 {
        self.records.last().map_or(0, |record| record.sequence)
    }

    /// The effects that are owed now.
    pub fn due(&self) -> Vec<Due> {
        self.records.iter().filter_map(Due::of).collect()
    }

    /// The replies that are owed now.
    pub fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.records.iter().filter_map(|record| match &record.body {
            Body::ReplyOwed(reply) => Some(reply),
            _ => None,
        })
    }
}

impl Due {
    fn of(record: &Record) -> Option<Self> {
        let Body::EffectOwed { index, effect } = &record.body else { return None };
        let operation = record.operation.clone()?;
        Some(Self { operation, index: *index, effect: effect.clone(), sequence: record.sequence })
    }

    /// INVARIANT: called by the ledger alone, for effects read back from durable records at start.
    pub(crate) fn recovered(operation: OperationId, index: u32, effect: Effect, sequence: u64) -> Self {
        Self { operation, index, effect, sequence }
    }

    /// Whose effect it is.
    pub fn operation(&self) -> &OperationId {
        &self.operation
    }
    /// Its place within the operation; with it, the idempotency key.
    pub fn index(&self) -> u32 {
        self.index
    }
    /// What is to be done.
    pub fn effect(&self) -> &Effect {
        &self.effect
    }
    /// The place in the journal of the record that owes it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}
