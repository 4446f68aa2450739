//! emnify's wire format, and checks of what is sent. This code sends nothing: it turns values into
//! JSON, and responses into values.

pub(crate) mod application_token;
pub(crate) mod bodies;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod new_application_token;
pub(crate) mod paging;
pub(crate) mod rotation_marker;
pub(crate) mod validate;
