//! The names of kinds in logs and in JSON, the same as in Python.

/// Implements `Display` and `Serialize` for an enum: both write the name of the variant.
macro_rules! names {
    ($kind:ty { $($variant:ident => $name:literal,)* }) => {
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self {
                    $(<$kind>::$variant => $name,)*
                })
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    };
}

pub(crate) use names;
