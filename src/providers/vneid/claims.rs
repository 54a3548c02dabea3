//! What a client learns of a citizen, by scope. The Vietnamese names are those of domain.md 4.10 and, where that is
//! silent, of the population database (assumed).

use serde_json::{Map, Value, json};

use super::super::seed;
use crate::providers::population::{IdentityNumber, Person, Sex};

pub(super) const SCOPES: [&str; 5] = ["openid", "profile", "email", "phone", "address"];
pub(super) const CLAIMS: [&str; 24] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "SoDinhDanh",
    "HoVaTen",
    "NgaySinh",
    "GioiTinh",
    "DanToc",
    "QueQuan",
    "QuocTich",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "gender",
    "birthdate",
    "email",
    "phone_number",
    "address",
];

/// The scopes among those asked for that are known, in their order here. `None` without `openid`.
pub(super) fn known_scopes(asked: &str) -> Option<String> {
    let has = |scope: &&&str| asked.split(' ').any(|one| one == **scope);
    let known: Vec<&str> = SCOPES.iter().filter(has).copied().collect();
    known.contains(&"openid").then(|| known.join(" "))
}

/// Stable, and not the identity number itself.
pub(super) fn subject(number: IdentityNumber) -> String {
    seed::hex(0, &["vneid", "sub", &number.to_string()])
}

pub(super) fn claims(person: &Person, scope: &str) -> Value {
    let mut claims = Map::new();
    for scope in scope.split(' ') {
        let part = match scope {
            "openid" => identity(person),
            "profile" => profile(person),
            "email" => json!({"email": person.email, "email_verified": false}),
            "phone" => json!({"phone_number": person.phone, "phone_number_verified": false}),
            "address" => {
                let place = &person.permanent_address;
                json!({"address": {
                    "formatted": place.full_text(),
                    "locality": place.commune.full_name(),
                    "region": place.province().full_name(),
                    "country": "VN",
                }})
            }
            _ => json!({}),
        };
        if let Value::Object(part) = part {
            // A citizen without a phone has no such claim.
            claims.extend(part.into_iter().filter(|(_, value)| !value.is_null()));
        }
    }
    Value::Object(claims)
}

fn identity(person: &Person) -> Value {
    json!({
        "sub": subject(person.number),
        "SoDinhDanh": person.number.to_string(),
        "HoVaTen": person.name.full(),
        "NgaySinh": person.birth_date.slashed(),
        "GioiTinh": person.sex.label(),
    })
}

fn profile(person: &Person) -> Value {
    let date = person.birth_date;
    let gender = match person.sex {
        Sex::Male => "male",
        Sex::Female => "female",
    };
    json!({
        "name": person.name.full(),
        "family_name": person.name.family,
        "middle_name": person.name.middle,
        "given_name": person.name.given,
        "gender": gender,
        "birthdate": format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        "DanToc": person.ethnic_group.name,
        "QueQuan": person.home_town.full_text(),
        "QuocTich": person.nationality,
    })
}
