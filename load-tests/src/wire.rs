//! The native wire format, built from `proto/` for this crate alone.

#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    clippy::pedantic,
    clippy::too_many_lines,
    unused_qualifications,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("lienthong.exchange.v1");
}
