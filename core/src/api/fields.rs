//! Reads the fields of a JSON object by name. Derived code would do that for what is stored, but
//! takes 25 kB in the library.

use std::mem;
use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::sys::timestamp::Timestamp;

/// An object whose fields are taken out one by one. A field of another type counts as absent.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(json).ok()?)
    }

    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Fields(fields)),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.0.get_mut(name)? {
            Value::String(text) => Some(mem::take(text)),
            _ => None,
        }
    }

    pub(crate) fn secret(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.text(name).map(Zeroizing::new)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    pub(crate) fn small(&self, name: &str) -> Option<u32> {
        u32::try_from(self.number(name)?).ok()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Fields> {
        match self.0.get_mut(name)? {
            Value::Object(fields) => Some(Fields(mem::take(fields))),
            _ => None,
        }
    }

    /// Returns the elements of an array. A field that is absent counts as an empty array.
    pub(crate) fn array(&mut self, name: &str) -> Vec<Value> {
        match self.0.get_mut(name) {
            Some(Value::Array(elements)) => mem::take(elements),
            _ => Vec::new(),
        }
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        let fields = self.object(name)?;
        let nanos = Duration::from_nanos(fields.number("nanos")?);
        Some(Duration::from_secs(fields.number("secs")?).saturating_add(nanos))
    }

    pub(crate) fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        let mut fields = self.object(name)?;
        let (steady, wall) = (fields.number("steady")?, fields.number("wall")?);
        Some(Timestamp { epoch: fields.text("epoch"), steady, wall })
    }
}
