//! The query and the headers of a call, as programs in Python write them: a mapping, or pairs. No
//! message repeats a value, which may be a secret.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMapping, PySequence, PyString};

use crate::convert::arguments::{mistyped, text, wrong_type};
use crate::convert::errors::invalid_input;

const PARAMS: &str = "params";
const HEADERS: &str = "headers";

/// Names and values for the query.
pub(crate) fn query(value: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let mut query = Vec::new();
    for (name, value) in pairs(PARAMS, value)? {
        let name = text(PARAMS, &name)?;
        if is_text(&value) || value.cast::<PySequence>().is_err() {
            query.extend(parameter(&value)?.map(|value| (name.to_owned(), value)));
            continue;
        }
        for value in value.try_iter()? {
            query.extend(parameter(&value?)?.map(|value| (name.to_owned(), value)));
        }
    }
    Ok(query)
}

/// Names and values of headers.
pub(crate) fn headers(value: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let pairs = pairs(HEADERS, value)?;
    let header = |(name, value): &(Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((text(HEADERS, name)?.to_owned(), text(HEADERS, value)?.to_owned()))
    };
    pairs.iter().map(header).collect()
}

/// A value as the query has it; `None` is left out.
fn parameter(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    const EXPECTED: &str = "a value must be a str, an int, a float, a bool, None or a sequence of \
                            these";
    let py = value.py();
    if value.is_none() {
        return Ok(None);
    }
    if value.is_instance_of::<PyString>() {
        return text(PARAMS, value).map(|text| Some(text.to_owned()));
    }
    // Every bool is an int too, so that it is asked first.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Some(value.is_true().to_string()));
    }
    if value.is_instance_of::<PyInt>() {
        let number: i128 = value
            .extract()
            .map_err(|_| invalid_input(py, PARAMS, "has an int with more than 128 bits"))?;
        return Ok(Some(number.to_string()));
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        let number = value.value();
        if !number.is_finite() {
            return Err(invalid_input(py, PARAMS, "has a float that is no finite number"));
        }
        // As Python writes it, whatever class it is of.
        return Ok(Some(PyFloat::new(py, number).repr()?.to_string()));
    }
    Err(invalid_input(py, PARAMS, EXPECTED))
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
    let no_pair = || invalid_input(item.py(), name, "has an item that is no pair");
    match item.cast::<PySequence>() {
        Ok(pair) if !is_text(item) && pair.len()? == 2 => {
            Ok((pair.get_item(0)?, pair.get_item(1)?))
        }
        _ => Err(no_pair()),
    }
}

/// Whether it is one thing, although it has parts.
fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
}
