//! The native wire format: types generated from `proto/`, and nothing else.

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

/// The encoded `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
