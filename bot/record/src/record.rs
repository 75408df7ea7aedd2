//! The envelope: one record as it is written, read and lifted from older versions.
//!
//! Records are made by the ledger alone, when it appends or reads back; so whoever holds one knows that it is in the
//! journal. `Recorded` and `Due` are the proofs that an effect's record is durable.

use std::borrow::Cow;

use folkops_model::{Cause, Effect, OperationId, ServiceId};
use jiff::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
    /// A newer program wrote it, which knows more kinds.
    #[error(
        "record {sequence} is a `{kind}`, which this program does not know; start the newer program that wrote it"
    )]
    Unknown {
        /// Which record.
        sequence: u64,
        /// Of which kind.
        kind: String,
    },
    /// It does not have a record's form.
    #[error(
        "a record cannot be read: {0}; restore the journal from a backup, its checksum held but its content is not ours"
    )]
    Malformed(#[from] serde_json::Error),
}

impl Record {
    /// The bytes of several records that are appended together: a JSON array.
    pub(crate) fn encode(records: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&records.iter().map(Written::of).collect::<Vec<_>>())
    }

    /// Reads what `encode` wrote, lifting older versions.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let records: Vec<Stored<'_>> = serde_json::from_slice(bytes)?;
        records.into_iter().map(Stored::lift).collect()
    }
}

/// A record as it is written; the body brings `kind` and `body`.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    sequence: u64,
    epoch: u64,
    time: Timestamp,
    service: &'a ServiceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a OperationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a Cause>,
    #[serde(flatten)]
    body: &'a Body,
}

impl<'a> Written<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            version: VERSION,
            sequence: record.sequence,
            epoch: record.epoch,
            time: record.time,
            service: &record.service,
            operation: record.operation.as_ref(),
            cause: record.cause.as_ref(),
            body: &record.body,
        }
    }
}

/// A record as it was written, its body not read yet: how to read that depends on kind and version.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    version: u32,
    sequence: u64,
    epoch: u64,
    time: Timestamp,
    service: ServiceId,
    #[serde(default)]
    operation: Option<OperationId>,
    #[serde(default)]
    cause: Option<Cause>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Stored<'_> {
    fn lift(self) -> Result<Record, DecodeError> {
        let (sequence, kind, version) = (self.sequence, self.kind, self.version);
        if version > VERSION {
            return Err(DecodeError::Future { sequence, kind: kind.into_owned(), version });
        }
        let tagged = Tagged { kind: Some(&kind), body: Some(self.body) };
        let body = Body::deserialize(MapAccessDeserializer::new(tagged)).map_err(|error| {
            // The only place where serde tells of a kind that it does not know is its message.
            match error.to_string().starts_with(&format!("unknown variant `{kind}`")) {
                true => DecodeError::Unknown { sequence, kind: kind.clone().into_owned() },
                false => DecodeError::Malformed(error),
            }
        })?;
        let (epoch, time, service) = (self.epoch, self.time, self.service);
        Ok(Record { sequence, epoch, time, service, operation: self.operation, cause: self.cause, body })
    }
}

/// Kind and body side by side, as `Body` wants them, without a copy of either.
struct Tagged<'a, 'de> {
    kind: Option<&'a str>,
    body: Option<&'de RawValue>,
}

impl<'de> MapAccess<'de> for Tagged<'_, 'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let key = match (self.kind, self.body) {
            (Some(_), _) => "kind",
            (None, Some(_)) => "body",
            (None, None) => return Ok(None),
        };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        match (self.kind.take(), self.body) {
            (Some(kind), _) => seed.deserialize(kind.into_deserializer()),
            (None, body) => {
                self.body = None;
                seed.deserialize(body.unwrap_or(RawValue::NULL))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One array of one record a line, as bytes that some version of this program has written. A line is never
    /// changed or removed once a release has written such records: a new shape gets a new version and new lines.
    const GOLDEN: &str = include_str!("../golden/v1.jsonl");

    fn lines() -> impl Iterator<Item = String> {
        GOLDEN.lines().map(|line| format!("[{line}]"))
    }

    #[test]
    fn golden_records_are_read_and_written_to_the_same_bytes() {
        for line in lines() {
            let records = Record::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
            let written = String::from_utf8(Record::encode(&records).unwrap()).unwrap();
            assert_eq!(written, line, "what records look like has changed, but not their version");
        }
    }

    #[test]
    fn every_kind_of_record_has_a_golden_line() {
        for kind in variants::<Body>("kind") {
            assert!(GOLDEN.contains(&format!(r#""kind":"{kind}","body""#)), "no line for the kind `{kind}`");
        }
    }

    #[test]
    fn everything_that_can_be_intended_owed_or_come_about_has_a_golden_line() {
        let intents = variants::<folkops_model::Intent>("intent").into_iter().map(|name| ("intent", name));
        let effects = variants::<Effect>("do").into_iter().map(|name| ("do", name));
        let outcomes = variants::<folkops_model::Outcome>("ended").into_iter().map(|name| ("ended", name));
        for (tag, name) in intents.chain(effects).chain(outcomes) {
            assert!(GOLDEN.contains(&format!(r#""{tag}":"{name}""#)), "no line with {tag} `{name}`");
        }
    }

    #[test]
    fn records_that_are_appended_together_are_read_together_and_in_order() {
        let records: Vec<Record> =
            lines().flat_map(|line| Record::decode(line.as_bytes()).unwrap()).collect();
        let bytes = Record::encode(&records).unwrap();
        assert_eq!(Record::decode(&bytes).unwrap(), records);
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let line = r#"[{"body":{"request":"r1","attempt":2},"service":"s","time":"2026-03-01T12:00:00Z","epoch":1,"sequence":4,"version":1,"kind":"request-failed"}]"#;
        let records = Record::decode(line.as_bytes()).unwrap();
        assert!(matches!(&records[0].body, Body::RequestFailed { attempt: 2, .. }));
    }

    #[test]
    fn a_record_of_a_future_version_stops_the_start_and_says_what_to_start() {
        let line = lines().next().unwrap().replace(r#""version":1"#, r#""version":2"#);
        let error = Record::decode(line.as_bytes()).unwrap_err();
        let wanted = "record 1 is a `epoch-began` of version 2, and this program knows up to 1; start the newer program that wrote it";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn a_record_of_an_unknown_kind_stops_the_start_and_says_what_to_start() {
        let line = lines().next().unwrap().replace("epoch-began", "epoch-\\u0062orn");
        let error = Record::decode(line.as_bytes()).unwrap_err();
        let wanted = "record 1 is a `epoch-born`, which this program does not know; start the newer program that wrote it";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn bytes_that_are_no_record_are_not_taken_for_a_newer_one() {
        for bad in [
            r#"[{"kind":"request-ended"}]"#,
            "[",
            "",
            "{}",
            &lines().nth(14).unwrap().replace("talk", "song"),
        ] {
            let error = Record::decode(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, DecodeError::Malformed(_)), "{bad}: {error}");
        }
    }

    /// The names of an enum's variants, as the reader's own refusal of an unknown one lists them.
    fn variants<T: serde::de::DeserializeOwned>(tag: &str) -> Vec<String> {
        let unknown = format!(r#"{{"{tag}":"?","body":{{}}}}"#);
        let refusal = serde_json::from_str::<T>(&unknown).err().unwrap().to_string();
        let (_, listed) = refusal.split_once("expected one of").unwrap();
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}
