//! Whom a flow is about: invented people of the synthetic population, picked by a seed.

use crate::providers::population::{
    Commune, MaritalStatus, Parcel, Person, Population, Province, Sex,
};
use crate::random::Random;
use serde_json::{Value, json};

/// Communes of the province that are looked through before giving up.
const COMMUNES_MAX: u64 = 40;

/// A mother and a father who may have a child today, and the child's name.
pub(super) fn birth(
    population: &Population,
    province: &'static Province,
    seed: u64,
) -> Option<Value> {
    let mut random = Random::new(seed);
    let fits = |person: &Person| {
        let age = person.birth_date.years_until(population.on());
        person.alive
            && person.sex == Sex::Female
            && (20..40).contains(&age)
            && person.marital_status == MaritalStatus::Married
    };
    let mother = find(population, province, &mut random, fits)?;
    let father = mother.spouse.and_then(|spouse| population.person(spouse.index?));
    let father = father.filter(|father| father.alive);
    let is_girl = random.chance(0.5);
    let family = father.as_ref().map_or(mother.name.family, |father| father.name.family);
    let (middles, givens): (&[&str], &[&str]) = if is_girl {
        (&["Thị Bảo", "Ngọc", "Khánh", "Minh"], &["An", "Chi", "Hân", "Linh", "My", "Ngân"])
    } else {
        (&["Văn", "Gia", "Minh", "Đức"], &["Bảo", "Huy", "Khang", "Long", "Phúc", "Quân"])
    };
    let mut pick = |among: &[&'static str]| {
        let at = usize::try_from(random.below(among.len() as u64)).unwrap_or(0);
        among.get(at).copied().unwrap_or_default()
    };
    let child = format!("{family} {} {}", pick(middles), pick(givens));
    Some(json!({
        "mother": person(&mother),
        "father": father.as_ref().map(person),
        "child": { "name": child, "sex": if is_girl { "2" } else { "1" } },
        "commune": mother.permanent_address.commune.code(),
    }))
}

/// Somebody of age with something to ask of the province.
pub(super) fn citizen(
    population: &Population,
    province: &'static Province,
    seed: u64,
) -> Option<Value> {
    let mut random = Random::new(seed);
    let fits = |person: &Person| {
        person.alive
            && person.birth_date.years_until(population.on()) >= 18
            && person.phone.is_some()
    };
    let citizen = find(population, province, &mut random, fits)?;
    Some(json!({ "citizen": person(&citizen) }))
}

/// The owner of a parcel of the province, and the parcel.
pub(super) fn owner(
    population: &Population,
    province: &'static Province,
    seed: u64,
) -> Option<Value> {
    let mut random = Random::new(seed);
    let lies_here = |parcel: &Parcel| parcel.commune.province().code == province.code;
    let land = |person: &Person| population.parcels_of(person.index).into_iter().find(lies_here);
    let owner =
        find(population, province, &mut random, |person| person.alive && land(person).is_some())?;
    let parcel = land(&owner)?;
    Some(json!({
        "citizen": person(&owner),
        "parcel": {
            "commune": parcel.commune.code(), "sheet": parcel.sheet, "number": parcel.number,
        },
    }))
}

fn find(
    population: &Population,
    province: &'static Province,
    random: &mut Random,
    fits: impl Fn(&Person) -> bool,
) -> Option<Person> {
    for _ in 0..COMMUNES_MAX {
        let number = u16::try_from(1 + random.below(u64::from(province.communes()))).unwrap_or(1);
        let Some(commune) = Commune::new(province, number) else { continue };
        let people = population.people_of(commune);
        let count = u64::from(people.end.saturating_sub(people.start)).max(1);
        let start = u32::try_from(random.below(count)).unwrap_or(0);
        let all = (people.start.saturating_add(start)..people.end).chain(people.start..people.end);
        let found = all.take(TRIES_MAX).filter_map(|index| population.person(index)).find(&fits);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// People of one commune that are looked at.
const TRIES_MAX: usize = 4_000;

fn person(person: &Person) -> Value {
    json!({
        "number": person.number.to_string(),
        "name": person.name.full(),
        "birth_date": person.birth_date.slashed(),
        "born": person.birth_date.compact(),
        "address": person.permanent_address.full_text(),
        "phone": person.phone,
    })
}
