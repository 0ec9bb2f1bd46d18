use serde::Serialize;

/// How the protocol takes its fee from an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FeePolicy {
    /// A part of what the order gains over its limit price.
    #[serde(rename_all = "camelCase")]
    Surplus {
        /// The part of the surplus, 0 to 1.
        factor: f64,
        /// The most it may be of the volume, 0 to 1.
        max_volume_factor: f64,
    },
}
