//! The directory of agencies (danh mục cơ quan): search, one agency, locking.

use super::asked::{Asked, Named, limit};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{Agency, AgencyId, Directory, Standing};
use crate::pipeline::Platform;
use crate::pipeline::call::CallPorts;
use axum::Json;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AgenciesAsked {
    /// Words of a name or a code, with or without diacritics; the best hits first.
    #[param(example = "xa cao bo")]
    search: Option<String>,
    /// Rows wanted, 50 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// Without `search`: go on after this code.
    after: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AgenciesAnswer {
    pub version: u32,
    pub agencies: Vec<AgencyView>,
    /// How many the directory holds.
    pub total: usize,
    /// More follow: ask again with `after`.
    pub next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AgencyAnswer {
    pub version: u32,
    pub agency: AgencyView,
    pub periods: Vec<PeriodView>,
    /// Direct children.
    pub children: usize,
}

/// An agency (cơ quan, đơn vị).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AgencyView {
    /// Mã định danh, canonical (QĐ 20/2020).
    #[schema(example = "H60.04.22")]
    pub code: String,
    /// The thirteen characters of QCVN 102, where the code has them.
    #[schema(example = "000.22.04.H60")]
    pub code_qcvn: Option<String>,
    pub name_vi: String,
    pub name_en: String,
    /// `province`, `ministry`, `province_unit`, `commune`, …
    pub kind: &'static str,
    /// `alive`, `locked`, `not_yet` or `dissolved`.
    pub standing: &'static str,
    /// Of a dissolved one: who took over.
    pub successor: Option<String>,
    pub parent: Option<String>,
    /// The platform where its inbox is.
    pub platform: Option<String>,
    /// Invented, not a real agency.
    pub synthetic: bool,
    /// The member that registered it; empty for a row of a file.
    pub registered_by: String,
}

/// A stretch of time with one name and one scope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PeriodView {
    pub name_vi: String,
    pub name_en: String,
    pub from: Option<String>,
    /// The last day.
    pub to: Option<String>,
    pub merged_into: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LockAnswer {
    pub version: u32,
    pub code: String,
    pub locked: bool,
    /// The directory's version with this change.
    pub directory_version: u64,
}

/// Agencies by search, or all in the order of their codes.
#[utoipa::path(get, path = "/api/v1/agencies", tag = "directory", params(AgenciesAsked),
    responses((status = 200, body = AgenciesAnswer), (status = 400, body = ErrorAnswer)))]
pub(super) async fn agencies<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<AgenciesAsked>,
) -> Result<Json<AgenciesAnswer>, Fault> {
    let operated = &state.operated;
    let directory = operated.pipeline.directory();
    let limit = limit(asked.limit, 50, operated.pipeline.limits.list_items_max)?;
    let words = asked.search.as_deref().unwrap_or_default();
    let mut found = if words.trim().is_empty() {
        listed(&directory, asked.after.as_deref(), limit + 1)?
    } else {
        directory.search(words, limit)
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|id| directory.agency(*id).code);
    Ok(Json(AgenciesAnswer {
        version: VERSION,
        agencies: found.into_iter().map(|id| view(operated, &directory, id)).collect(),
        total: directory.len(),
        next: next.map(|code| code.as_str().to_owned()),
    }))
}

/// One agency, by its code in either form.
#[utoipa::path(get, path = "/api/v1/agencies/{code}", tag = "directory",
    params(("code" = String, Path, description = "Mã định danh, in either form", example = "000.22.04.H60")),
    responses((status = 200, body = AgencyAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn agency<P: CallPorts>(
    state: State<P>,
    Named(code): Named,
) -> Result<Json<AgencyAnswer>, Fault> {
    let operated = &state.operated;
    let directory = operated.pipeline.directory();
    let id = lookup(&directory, &code)?;
    let agency = directory.agency(id);
    Ok(Json(AgencyAnswer {
        version: VERSION,
        agency: view(operated, &directory, id),
        periods: periods(agency),
        children: directory.children(&agency.code).len(),
    }))
}

/// Locks an agency: new documents to it are refused, what waits for it stays. Only where the axis runs.
#[utoipa::path(post, path = "/api/v1/agencies/{code}/lock", tag = "directory",
    params(("code" = String, Path, description = "Mã định danh, in either form")),
    responses((status = 200, body = LockAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn lock<P: CallPorts>(
    state: State<P>,
    Named(code): Named,
) -> Result<Json<LockAnswer>, Fault> {
    set_locked(&state.operated, &code, true).await
}

/// Takes a lock off.
#[utoipa::path(post, path = "/api/v1/agencies/{code}/unlock", tag = "directory",
    params(("code" = String, Path, description = "Mã định danh, in either form")),
    responses((status = 200, body = LockAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn unlock<P: CallPorts>(
    state: State<P>,
    Named(code): Named,
) -> Result<Json<LockAnswer>, Fault> {
    set_locked(&state.operated, &code, false).await
}

async fn set_locked<P: CallPorts>(
    operated: &Operated<P>,
    code: &str,
    locked: bool,
) -> Result<Json<LockAnswer>, Fault> {
    let code = {
        let directory = operated.pipeline.directory();
        directory.agency(lookup(&directory, code)?).code
    };
    let root = root(operated).ok_or(Fault::new(Problem::AxisElsewhere))?;
    let directory_version = operated.pipeline.lock(root, &code, locked).await?;
    let code = code.as_str().to_owned();
    Ok(Json(LockAnswer { version: VERSION, code, locked, directory_version }))
}

/// The platform that numbers the directory's changes, if it runs here.
fn root<P: CallPorts>(operated: &Operated<P>) -> Option<&Platform> {
    let routes = operated.pipeline.routes();
    operated.pipeline.platforms().iter().find(|platform| routes.parent(platform.ix).is_none())
}

fn listed(
    directory: &Directory,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<AgencyId>, Fault> {
    let all = directory.in_order();
    let Some(after) = after.filter(|after| !after.is_empty()) else {
        return Ok(all.into_iter().take(limit).collect());
    };
    let last = lookup(directory, after)?;
    Ok(all.into_iter().skip_while(|id| *id != last).skip(1).take(limit).collect())
}

/// An agency by either form of its code; says which was probably meant when there is none.
pub(super) fn lookup(directory: &Directory, code: &str) -> Result<AgencyId, Fault> {
    directory.lookup_text(code).ok_or_else(|| {
        let nearest = directory.nearest(code).map(|id| directory.agency(id).code.wire());
        Fault::new(Problem::NoSuchAgency)
            .at("code")
            .detail(code)
            .nearest(nearest.into_iter().collect())
    })
}

fn view<P: CallPorts>(operated: &Operated<P>, directory: &Directory, id: AgencyId) -> AgencyView {
    let agency = directory.agency(id);
    let code_of = |id: AgencyId| directory.agency(id).code.as_str().to_owned();
    let (standing, successor) = match directory.standing_today(id) {
        Standing::Alive => ("alive", None),
        Standing::Locked => ("locked", None),
        Standing::NotYet => ("not_yet", None),
        Standing::Dissolved { into } => ("dissolved", into.map(code_of)),
    };
    let routes = operated.pipeline.routes();
    AgencyView {
        code: agency.code.as_str().to_owned(),
        code_qcvn: agency.code.qcvn(),
        name_vi: agency.name_vi.to_string(),
        name_en: agency.name_en.to_string(),
        kind: agency.kind.as_str(),
        standing,
        successor,
        parent: directory.parent(id).map(code_of),
        platform: routes.home(id).map(|home| routes.platform_name(home).to_owned()),
        synthetic: agency.synthetic,
        registered_by: agency.registered_by.to_string(),
    }
}

fn periods(agency: &Agency) -> Vec<PeriodView> {
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    let code = |code: AgencyCode| code.as_str().to_owned();
    agency
        .periods
        .iter()
        .map(|period| PeriodView {
            name_vi: period.name_vi.to_string(),
            name_en: period.name_en.to_string(),
            from: day(period.valid_from),
            to: day(period.valid_to),
            merged_into: period.merged_into.map(code),
        })
        .collect()
}
