//! The objects that Python receives. Each contains one of core's values and is immutable.

pub(crate) mod application_token;
pub(crate) mod audited_token;
pub(crate) mod auth_token;
pub(crate) mod event;
pub(crate) mod response;
pub(crate) mod rotation;
pub(crate) mod status;
pub(crate) mod trusted_device;
