//! `grpc.health.v1`: may this platform be given work? Asked of the pipeline each time, so it never lags behind.

use super::Native;
use crate::clock::Clock;
use crate::pipeline::{Pipeline, Ports};
use crate::wire::v1::directory_server::SERVICE_NAME as DIRECTORY;
use crate::wire::v1::exchange_server::SERVICE_NAME as EXCHANGE;
use crate::wire::v1::link_server::SERVICE_NAME as LINK;
use crate::wire::v1::tracking_server::SERVICE_NAME as TRACKING;
use futures_util::stream::{self, BoxStream};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a watcher's answer is looked at again; a drain is told at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[tonic::async_trait]
impl<P: Ports> Health for Native<P> {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if is_served(&request.get_ref().service) {
            Ok(Response::new(answer(state(&self.pipeline))))
        } else {
            Err(Status::not_found("no such service"))
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let is_served = is_served(&request.get_ref().service);
        let told = (Arc::clone(&self.pipeline), None);
        let changes = stream::unfold(told, move |(pipeline, told)| async move {
            let next = if is_served {
                changed(&pipeline, told).await?
            } else if told.is_none() {
                ServingStatus::ServiceUnknown
            } else {
                pipeline.draining().await;
                return None;
            };
            Some((Ok(answer(next)), (pipeline, Some(next))))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

/// The next state that differs from the one told; `None` when nothing will change any more.
async fn changed<P: Ports>(
    pipeline: &Pipeline<P>,
    told: Option<ServingStatus>,
) -> Option<ServingStatus> {
    loop {
        let now = state(pipeline);
        if told != Some(now) {
            return Some(now);
        }
        if now == ServingStatus::NotServing {
            return None;
        }
        let clock = pipeline.ports().clock();
        tokio::select! {
            biased;
            () = pipeline.draining() => {}
            () = clock.sleep_until(clock.now().plus(LOOK_EVERY)) => {}
        }
    }
}

fn state<P: Ports>(pipeline: &Pipeline<P>) -> ServingStatus {
    if pipeline.is_open() && !pipeline.gauges().is_draining {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

/// The empty name is the platform as a whole.
fn is_served(service: &str) -> bool {
    ["", EXCHANGE, LINK, DIRECTORY, TRACKING].contains(&service)
}

fn answer(state: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: state.into() }
}
