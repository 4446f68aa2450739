//! The objects that Python receives. Each is immutable.

pub(crate) mod auth_token;
pub(crate) mod created_token;
pub(crate) mod manual_clock;
pub(crate) mod plain;
pub(crate) mod response;
pub(crate) mod trusted_device;
