//! The registers beside the population agree with it: business, land, civil status, convictions,
//! insurance, civil service.

use super::*;

fn country() -> Population {
    Population::new(20_250_701, 60_000, Date::new(2026, 3, 15).unwrap()).unwrap()
}

fn is_adult_on(population: &Population, index: u32, on: Date) -> bool {
    population.birth_date(index).unwrap().years_until(on) >= 18
}

#[test]
fn an_enterprise_belongs_to_people_and_is_found_by_its_code() {
    let population = country();
    assert_eq!(population.enterprises(), 625);
    for index in 0..population.enterprises() {
        let enterprise = population.enterprise(index).unwrap();
        assert_eq!(TaxCode::parse(&enterprise.code.to_string()), Some(enterprise.code));
        assert!(population.find_by_tax_code(&enterprise.code.to_string()).is_none());
        let shares: u32 = enterprise.members.iter().map(|member| member.percent).sum();
        let amounts: u64 = enterprise.members.iter().map(|member| member.amount).sum();
        assert_eq!((shares, amounts), (100, enterprise.capital));
        assert!(enterprise.founded_on <= enterprise.last_amended_on);
        assert!(enterprise.last_amended_on <= population.on());
        assert_eq!(enterprise.activities.iter().filter(|one| one.is_main).count(), 1);
        for member in &enterprise.members {
            let person = population.person(member.index).unwrap();
            assert_eq!((member.number, member.name), (person.number, person.name));
            assert!(member.percent >= 1 && person.alive);
            assert!(is_adult_on(&population, member.index, enterprise.founded_on));
            assert_eq!(population.enterprise_of(member.index).as_ref(), Some(&enterprise));
        }
        let single = enterprise.members.len() == 1;
        let for_one =
            matches!(enterprise.kind, EnterpriseKind::Private | EnterpriseKind::LimitedOne);
        assert_eq!(single, for_one);
        assert_eq!(population.find_enterprise(enterprise.code), Some(enterprise));
    }
    assert!(population.enterprise(625).is_none());
}

#[test]
fn a_parcel_is_found_by_place_by_certificate_and_by_owner() {
    let population = country();
    let adults = (0..population.len())
        .filter(|index| is_adult_on(&population, *index, population.on()))
        .count();
    let per_adult = f64::from(population.parcels()) / f64::from(u32::try_from(adults).unwrap());
    assert!((0.28..0.42).contains(&per_adult), "{per_adult}");
    for index in (0..population.parcels()).step_by(3) {
        let parcel = population.parcel(index).unwrap();
        let found = population.find_parcel(parcel.commune, parcel.sheet, parcel.number);
        assert_eq!(found.as_ref(), Some(&parcel));
        let serial = CertificateSerial::parse(&parcel.certificate.to_string()).unwrap();
        assert_eq!(population.find_parcel_by_certificate(serial).as_ref(), Some(&parcel));
        assert!((1..=2).contains(&parcel.owners.len()));
        for owner in &parcel.owners {
            let owner = owner.index.unwrap();
            assert!(population.parcels_of(owner).contains(&parcel));
            assert!(population.people_of(parcel.commune).contains(&owner));
            assert!(is_adult_on(&population, owner, parcel.certified_on));
        }
        if let [one, other] = parcel.owners.as_slice() {
            let marriage = population.marriage_record(one.index.unwrap()).unwrap();
            assert_eq!(marriage.wife, *other);
            assert!(marriage.registration.on <= parcel.certified_on);
        }
    }
    assert!(population.parcel(population.parcels()).is_none());
}

#[test]
fn a_parcel_that_does_not_exist_is_not_found() {
    let population = country();
    let commune = population.parcel(0).unwrap().commune;
    for (sheet, number) in [(0, 1), (1, 0), (201, 1), (1, 501), (u32::MAX, u32::MAX)] {
        assert_eq!(population.find_parcel(commune, sheet, number), None);
    }
    let all = (1..=200).flat_map(|sheet| (1..=500).map(move |number| (sheet, number)));
    let known = all.filter(|(s, n)| population.find_parcel(commune, *s, *n).is_some()).count();
    assert_eq!(known, population.people_of(commune).len() / 4);
}

#[test]
fn the_life_of_a_person_is_in_order() {
    let population = country();
    let (mut deaths, mut marriages) = (0, 0);
    for index in 0..population.len() / 3 {
        let person = population.person(index).unwrap();
        let birth = population.birth_record(index).unwrap();
        assert_eq!((birth.number, birth.born_on), (person.number, person.birth_date));
        assert!(birth.born_on <= birth.registration.on && birth.registration.on <= population.on());
        assert_eq!(birth.registration.commune, person.birth_place.commune);
        assert_eq!((birth.father, birth.mother), (person.father, person.mother));
        let death = population.death_record(index);
        if let Some(death) = &death {
            deaths += 1;
            assert!(death.died_on < population.on() && death.died_on <= death.registration.on);
            assert!(person.birth_date.years_until(death.died_on) >= 54);
            assert!(
                population.health_card(index).is_none() && population.employment(index).is_none()
            );
        }
        if let Some(marriage) = population.marriage_record(index) {
            marriages += 1;
            let on = marriage.registration.on;
            let [his, hers] = [marriage.husband, marriage.wife].map(|one| one.index.unwrap());
            assert!([his, hers].contains(&index) && on <= population.on());
            assert!(population.birth_date(his).unwrap().plus_years(20) <= on);
            assert!(population.birth_date(hers).unwrap().plus_years(18) <= on);
            assert!(death.is_none_or(|death| on < death.died_on));
        }
        let marriage_of = |one: Option<Relative>| population.marriage_record(one?.index?);
        if let Some(parents) =
            marriage_of(person.father).filter(|_| marriage_of(person.mother).is_some())
        {
            assert!(parents.registration.on < person.birth_date);
        }
    }
    assert!(deaths > 50 && marriages > 5_000, "{deaths} {marriages}");
}

#[test]
fn convictions_are_rare_and_of_adults() {
    let population = country();
    let mut convicted = 0;
    for index in 0..population.len() {
        for case in population.criminal_record(index).iter().flatten() {
            assert!(
                is_adult_on(&population, index, case.judged_on) && case.judged_on < population.on()
            );
            assert!(case.cleared_on.is_none_or(|on| case.judged_on < on && on < population.on()));
        }
        convicted +=
            usize::from(population.criminal_record(index).is_some_and(|list| !list.is_empty()));
    }
    assert!((500..=950).contains(&convicted), "{convicted}");
}

#[test]
fn civil_servants_are_two_in_a_hundred_adults() {
    let population = country();
    let (mut adults, mut servants) = (0, 0);
    for index in 0..population.len() {
        adults += usize::from(is_adult_on(&population, index, population.on()));
        let Some(servant) = population.employment(index) else { continue };
        servants += 1;
        let (root, _) = servant.agency_code.split_once('.').unwrap();
        let home = population.person(index).unwrap().permanent_address;
        assert_eq!(root, home.province().agency_code);
        assert!(is_adult_on(&population, index, servant.since) && servant.since <= population.on());
        assert!((210..=908).contains(&servant.coefficient));
    }
    assert!((15..=25).contains(&(servants * 1000 / adults)), "{servants} of {adults}");
}

#[test]
fn a_health_card_leads_to_its_bearer() {
    let population = country();
    for index in 0..2_000 {
        let Some(card) = population.health_card(index) else {
            assert!(!population.person(index).unwrap().alive);
            continue;
        };
        let card = card.to_string();
        assert_eq!(card.len(), 15);
        assert_eq!(population.find_by_health_card(&card), Some(index));
        assert!(card.ends_with(&population.insurance_number(index).unwrap().to_string()));
        assert_eq!(population.find_by_health_card(&format!("XX{}", &card[2..])), None);
    }
}
