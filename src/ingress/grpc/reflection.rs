//! gRPC reflection: the native services described to tools such as grpcurl, in both versions that are in use.

use crate::wire::DESCRIPTORS;
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::LazyLock;
use tonic::body::Body;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH;
use tonic_reflection::server::{Builder, Error};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

type Service = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

static V1: LazyLock<Option<Service>> = LazyLock::new(|| built(v1()));
static V1_ALPHA: LazyLock<Option<Service>> = LazyLock::new(|| built(v1_alpha()));

/// Answers one call; `None` when the service is not one of reflection.
pub(super) async fn call(
    service: &str,
    request: Request<Incoming>,
) -> Option<Result<Response<Body>, Infallible>> {
    let service = match service {
        "grpc.reflection.v1.ServerReflection" => V1.clone()?,
        "grpc.reflection.v1alpha.ServerReflection" => V1_ALPHA.clone()?,
        _ => return None,
    };
    Some(service.oneshot(request).await)
}

fn v1() -> Result<Service, Error> {
    let builder = Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    Ok(Service::new(builder.register_encoded_file_descriptor_set(HEALTH).build_v1()?))
}

fn v1_alpha() -> Result<Service, Error> {
    let builder = Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    Ok(Service::new(builder.register_encoded_file_descriptor_set(HEALTH).build_v1alpha()?))
}

fn built(service: Result<Service, Error>) -> Option<Service> {
    if let Err(error) = &service {
        tracing::error!(%error, "gRPC reflection is not served");
    }
    service.ok()
}
