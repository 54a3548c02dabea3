//! What is registered: read from the form, and checked against the population and what was registered before.

use super::CivilStatus;
use super::data::Form;
use super::dossier::{Act, Dossier, Subject};
use super::trouble::Trouble;
use crate::providers::citizen::Parents;
use crate::providers::population::{Commune, Date, MaritalStatus, Person, Sex};
use crate::providers::table::Table;

/// The act, and why it is refused if it is: well formed, but against the state of things.
type Read = (Act, Option<&'static str>);

/// A birth before the numbers begin cannot be registered.
const FIRST_YEAR: u16 = 1900;
/// Luật Hôn nhân và gia đình 2014 Art. 8.
const HUSBAND_AGE_MIN: u16 = 20;
const WIFE_AGE_MIN: u16 = 18;
const PARENT_AGE_MIN: u16 = 12;

impl CivilStatus {
    pub(super) fn act(
        &self,
        subject: Subject,
        form: &Form,
        today: Date,
        before: &Table<String, Dossier>,
    ) -> Result<Read, Trouble> {
        match subject {
            Subject::Birth => self.birth(form, today),
            Subject::Death => self.death(form, today, before),
            Subject::Marriage => self.marriage(form, today, before),
        }
    }

    fn birth(&self, form: &Form, today: Date) -> Result<Read, Trouble> {
        let name = form.required("nksHoTen")?.to_owned();
        let sex = form.sex("nksGioiTinh")?;
        let birth_date = form.date("nksNgaySinh")?;
        let mother = form.person(&self.population, "me")?;
        let father =
            form.text("chaSoDDCN").map(|_| form.person(&self.population, "cha")).transpose()?;
        if birth_date > today || birth_date.year() < FIRST_YEAR {
            return Err(Trouble::data("nksNgaySinh phải từ năm 1900 đến hôm nay"));
        }
        let old_enough =
            |parent: &Person| parent.birth_date.years_until(birth_date) >= PARENT_AGE_MIN;
        if mother.sex != Sex::Female || father.as_ref().is_some_and(|one| one.sex != Sex::Male) {
            return Err(Trouble::data("cha phải là nam, mẹ phải là nữ"));
        }
        if !old_enough(&mother) || father.as_ref().is_some_and(|father| !old_enough(father)) {
            return Err(Trouble::data("cha, mẹ chưa đủ tuổi vào ngày con sinh"));
        }
        let parents =
            Parents { father: father.map(|father| father.index), mother: Some(mother.index) };
        let known = self.newborns.matching(
            |child| {
                (child.parents, child.birth_date, child.name.as_str())
                    == (parents, birth_date, name.as_str())
            },
            1,
        );
        let refused = (!known.is_empty()).then_some("trẻ này đã được đăng ký khai sinh");
        Ok((Act::Birth { parents, name, sex, birth_date, child: None }, refused))
    }

    fn death(
        &self,
        form: &Form,
        today: Date,
        before: &Table<String, Dossier>,
    ) -> Result<Read, Trouble> {
        let person = form.person(&self.population, "nkt")?;
        let died_on = form.date("nktNgayChet")?;
        let cause = form.text("nktNguyenNhan").unwrap_or_default().to_owned();
        if died_on > today || died_on < person.birth_date {
            return Err(Trouble::data("nktNgayChet phải từ ngày sinh đến hôm nay"));
        }
        let again = before.values().any(|dossier| {
            dossier.refused.is_none()
                && matches!(&dossier.act, Act::Death { person: other, .. } if *other == person.index)
        });
        let refused = (!person.alive || again).then_some("người này đã được đăng ký khai tử");
        Ok((Act::Death { person: person.index, died_on, cause }, refused))
    }

    fn marriage(
        &self,
        form: &Form,
        today: Date,
        before: &Table<String, Dossier>,
    ) -> Result<Read, Trouble> {
        let husband = form.person(&self.population, "chong")?;
        let wife = form.person(&self.population, "vo")?;
        if husband.sex != Sex::Male || wife.sex != Sex::Female {
            return Err(Trouble::data("chồng phải là nam, vợ phải là nữ"));
        }
        let of_age = husband.birth_date.years_until(today) >= HUSBAND_AGE_MIN
            && wife.birth_date.years_until(today) >= WIFE_AGE_MIN;
        let bound = [&husband, &wife].into_iter().any(|person| {
            person.marital_status == MaritalStatus::Married
                || before.values().any(|dossier| is_spouse(dossier, person.index))
        });
        let refused = if !of_age {
            Some("chưa đủ tuổi kết hôn")
        } else if !husband.alive || !wife.alive {
            Some("một bên đã chết")
        } else if bound {
            Some("một bên đang có vợ hoặc có chồng")
        } else {
            None
        };
        Ok((Act::Marriage { husband: husband.index, wife: wife.index }, refused))
    }

    /// The next number in the books of the commune: after those of the population, which are as many as its people.
    pub(super) fn next_number(
        &self,
        subject: Subject,
        commune: Commune,
        before: &Table<String, Dossier>,
    ) -> u32 {
        let own = before
            .values()
            .filter(|dossier| dossier.commune == commune && dossier.module.subject == subject)
            .count();
        let people = self.population.people_of(commune).len();
        u32::try_from(people.saturating_add(own)).unwrap_or(u32::MAX).saturating_add(1)
    }
}

fn is_spouse(dossier: &Dossier, person: u32) -> bool {
    dossier.refused.is_none()
        && matches!(&dossier.act, Act::Marriage { husband, wife } if [*husband, *wife].contains(&person))
}
