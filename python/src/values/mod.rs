//! The objects that Python gets: each holds one of core's values and does not change.

pub(crate) mod application_token;
pub(crate) mod audited_token;
pub(crate) mod auth_token;
pub(crate) mod event;
pub(crate) mod response;
pub(crate) mod rotation;
pub(crate) mod status;
pub(crate) mod trusted_device;
