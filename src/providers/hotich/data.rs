//! The `data` of `dangKyHoTich`: one XML element whose children hold a text each. The element names are assumed.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};

use super::trouble::{Code, Trouble};
use crate::providers::citizen::{agreeing, slashed};
use crate::providers::population::{Date, Person, Population, Sex};

/// Fields of one form; more are refused.
const FIELDS_MAX: usize = 100;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    pub(super) fn read(xml: &str) -> Result<Self, Trouble> {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let mut fields = BTreeMap::new();
        let (mut depth, mut closed, mut name, mut value) = (0, false, String::new(), String::new());
        loop {
            match reader.read_event().map_err(|error| bad(&error.to_string()))? {
                Event::Start(_) if closed || depth == 2 => return Err(bad("chỉ một cấp phần tử")),
                Event::Start(tag) => {
                    depth += 1;
                    if depth == 2 {
                        name = tag.local_name().as_ref().to_owned();
                        value.clear();
                    }
                }
                Event::End(_) => {
                    if depth == 2 {
                        let field = (std::mem::take(&mut name), value.trim().to_owned());
                        if fields.len() == FIELDS_MAX || fields.insert(field.0, field.1).is_some() {
                            return Err(bad("phần tử lặp lại hoặc quá nhiều"));
                        }
                    }
                    depth -= 1;
                    closed = depth == 0;
                }
                Event::Text(text) if depth == 2 => value.push_str(&text.into_inner()),
                Event::CData(text) if depth == 2 => value.push_str(&text.into_inner()),
                Event::GeneralRef(reference) if depth == 2 => value.push_str(&entity(&reference)?),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Decl(_) if depth == 0 && !closed => {}
                Event::Comment(_) => {}
                Event::Eof if closed => return Ok(Self { fields }),
                Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Decl(_)
                | Event::Empty(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::Eof => return Err(bad("nội dung không đúng chỗ")),
            }
        }
    }

    /// `None` when absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Code 200 when absent or empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, Trouble> {
        self.text(name)
            .ok_or_else(|| Trouble::new(Code::Uncomplete, format!("hồ sơ thiếu phần tử {name}")))
    }

    /// `dd/MM/yyyy`.
    pub(super) fn date(&self, name: &str) -> Result<Date, Trouble> {
        let text = self.required(name)?;
        slashed(text).map_err(|fault| Trouble::data(format!("{name}: {}", fault.message)))
    }

    pub(super) fn sex(&self, name: &str) -> Result<Sex, Trouble> {
        match self.required(name)? {
            "1" => Ok(Sex::Male),
            "2" => Ok(Sex::Female),
            _ => Err(Trouble::data(format!("{name} phải là 1 (nam) hoặc 2 (nữ)"))),
        }
    }

    /// The person of `<prefix>SoDDCN`, `<prefix>HoTen` and `<prefix>NgaySinh`, which must agree.
    pub(super) fn person(&self, population: &Population, prefix: &str) -> Result<Person, Trouble> {
        let number = self.required(&format!("{prefix}SoDDCN"))?;
        let name = self.required(&format!("{prefix}HoTen"))?;
        let birth_date = self.date(&format!("{prefix}NgaySinh"))?;
        agreeing(population, number, name, birth_date).ok_or_else(|| {
            Trouble::data(format!("{prefix}: số định danh, họ tên và ngày sinh không khớp"))
        })
    }
}

fn entity(reference: &BytesRef<'_>) -> Result<String, Trouble> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| bad("thực thể không được phép"))
}

fn bad(why: &str) -> Trouble {
    Trouble::data(format!("data không phải XML hợp lệ: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_one_element_of_texts() {
        let form = Form::read(
            "<?xml version=\"1.0\"?>\n<hoSo> <a> x &amp; &#272; </a><b><![CDATA[<y>]]></b><!-- c --><e/></hoSo>\n",
        )
        .unwrap();
        assert_eq!(
            (form.text("a"), form.text("b"), form.text("e")),
            (Some("x & Đ"), Some("<y>"), None)
        );
        assert_eq!(form.required("e").unwrap_err().code, Code::Uncomplete);
        assert_eq!(form.sex("a").unwrap_err().code, Code::Data);
        assert_eq!(form.date("a").unwrap_err().code, Code::Data);
    }

    #[test]
    fn anything_else_is_incorrect_data() {
        let many = format!(
            "<a>{}</a>",
            (0..=FIELDS_MAX).map(|at| format!("<b{at}/>")).collect::<String>()
        );
        let deep = "<a>".repeat(5_000);
        for xml in [
            "",
            "x",
            "<a>",
            "<a><b><c/></b></a>",
            "<a/><a/>",
            "<a/>x",
            "<a>x</a>",
            "<a><b/><b/></a>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a><b>&e;</b></a>",
            "<a><b>&e;</b></a>",
            "</a>",
            "<a></b>",
            many.as_str(),
            deep.as_str(),
        ] {
            assert_eq!(Form::read(xml).unwrap_err().code, Code::Data, "{xml}");
        }
    }
}
