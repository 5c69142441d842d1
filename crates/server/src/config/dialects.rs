//! Settings of the older systems whose clients are answered too: a section for each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialects::registered::each_dialect;

macro_rules! sections {
    ($($about:literal $name:ident: $variant:ident,)*) => {
        /// Older systems whose clients are answered too. All are off until they are switched on.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct DialectsConfig {
            $(#[doc = $about] pub $name: crate::dialects::$name::settings::Settings,)*
        }

        /// Refuses what cannot work: the key, and why.
        pub(super) fn judge(config: &DialectsConfig) -> Result<(), (&'static str, String)> {
            $(crate::dialects::$name::settings::judge(&config.$name)?;)*
            Ok(())
        }
    };
}

each_dialect!(sections);
