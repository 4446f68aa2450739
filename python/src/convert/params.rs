//! Converts the query and the headers of a request: a mapping, or pairs. Messages show the name of
//! an invalid entry, but not its value, which may be a secret.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMapping, PySequence, PyString};

use crate::convert::arguments::{NOT_UTF8, mistyped, text, wrong_type};
use crate::convert::errors::invalid_input;

const PARAMS: &str = "params";
const HEADERS: &str = "headers";

/// Converts `params` to names and values for the query.
pub(crate) fn query(value: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let mut query = Vec::new();
    for (name, value) in pairs(PARAMS, value)? {
        let name = entry_name(PARAMS, &name)?;
        if is_text(&value) || value.cast::<PySequence>().is_err() {
            query.extend(parameter(name, &value)?.map(|value| (name.to_owned(), value)));
            continue;
        }
        for value in value.try_iter()? {
            query.extend(parameter(name, &value?)?.map(|value| (name.to_owned(), value)));
        }
    }
    Ok(query)
}

/// Converts `headers` to names and values.
pub(crate) fn headers(value: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let pairs = pairs(HEADERS, value)?;
    let header = |(name, value): &(Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let name = entry_name(HEADERS, name)?;
        let Ok(text) = value.cast::<PyString>() else {
            let problem = format!("must be a str, not {}", type_name(value));
            return Err(invalid_entry(HEADERS, name, &problem, value));
        };
        Ok((name.to_owned(), entry_text(HEADERS, name, text)?))
    };
    pairs.iter().map(header).collect()
}

/// Converts the name of a parameter or a header.
fn entry_name<'a>(argument: &str, name: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    if name.is_instance_of::<PyString>() {
        return text(argument, name);
    }
    let problem = format!("a name must be a str, not {}", type_name(name));
    Err(invalid_input(name.py(), argument, &problem))
}

/// Converts a value that is a text.
fn entry_text(argument: &str, name: &str, value: &Bound<'_, PyString>) -> PyResult<String> {
    let text = value.to_str().map(str::to_owned);
    text.map_err(|_| invalid_entry(argument, name, NOT_UTF8, value))
}

/// Converts the value of a parameter. `None` is left out.
fn parameter(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let invalid = |problem: &str| invalid_entry(PARAMS, name, problem, value);
    if value.is_none() {
        return Ok(None);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return entry_text(PARAMS, name, text).map(Some);
    }
    // First, since every bool is also an int.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Some(value.is_true().to_string()));
    }
    if value.is_instance_of::<PyInt>() {
        let number: i128 =
            value.extract().map_err(|_| invalid("must be an int of at most 128 bits"))?;
        return Ok(Some(number.to_string()));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        let number = float.value();
        if !number.is_finite() {
            return Err(invalid("must be a finite number"));
        }
        // In Python's notation, also for a subclass.
        return Ok(Some(PyFloat::new(value.py(), number).repr()?.to_string()));
    }
    let given = type_name(value);
    let problem =
        format!("must be a str, int, float, bool, None or a sequence of these, not {given}");
    Err(invalid(&problem))
}

/// Returns the error for the value of an entry.
fn invalid_entry(argument: &str, name: &str, problem: &str, value: &Bound<'_, PyAny>) -> PyErr {
    /// How many characters of the name are shown.
    const SHOWN: usize = 60;
    let name: String = name.chars().take(SHOWN).collect();
    invalid_input(value.py(), argument, &format!("the value of {name:?} {problem}"))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "this type".to_owned(), |name| name.to_string())
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn pairs<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Vec<Pair<'py>>> {
    const EXPECTED: &str = "a mapping or pairs";
    if is_text(value) {
        return Err(wrong_type(name, EXPECTED, value));
    }
    let items = match value.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => value.clone(),
    };
    let items = items.try_iter().map_err(|error| mistyped(error, name, EXPECTED, value))?;
    items.map(|item| pair(name, &item?)).collect()
}

fn pair<'py>(name: &str, item: &Bound<'py, PyAny>) -> PyResult<Pair<'py>> {
    let not_a_pair =
        || invalid_input(item.py(), name, "each item must be a pair of a name and a value");
    match item.cast::<PySequence>() {
        Ok(pair) if !is_text(item) && pair.len()? == 2 => {
            Ok((pair.get_item(0)?, pair.get_item(1)?))
        }
        _ => Err(not_a_pair()),
    }
}

/// Whether a sequence is a single value: text or bytes.
fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
}
