//! Compiles `proto/` without protoc; nothing generated stands in the tree.

use prost::Message;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["lienthong/exchange/v1/exchange.proto"], ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // The same set feeds gRPC reflection.
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // What may be long, or is passed on as it came, shares the buffer it was read from; the ids of a delivery are
    // made for it, and a short `Vec` costs one allocation less than a shared buffer.
    let mut configuration = tonic_prost_build::configure().codec_path("crate::wire::Codec");
    for shared in [
        "Submission",
        "FileChunk",
        "Delivery.body",
        "HandDocument",
        "HandBodyFrame",
        "Report",
        "HandVerdict",
    ] {
        configuration = configuration.bytes(format!(".lienthong.exchange.v1.{shared}"));
    }
    configuration.compile_fds(descriptors)?;
    Ok(())
}
